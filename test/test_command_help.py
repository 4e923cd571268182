"""What the commands say of themselves: every option in a sentence, with its default."""
from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ('effvit_ros.bench.command', 'effvit_ros.soak.command', 'effvit_ros.gpu_check.command',
           'effvit_ros.map_demo')


class Seen(Exception):
    """Carries the parser that a command would have parsed with."""


def commands():
    """Yield (name, main) of every command that has options of its own."""
    for name, module, function in re.findall(
            r"'(\w+) = (effvit_ros[\w.]*):(\w+)'", (ROOT / 'setup.py').read_text()):
        yield name, module, function
    for module in MODULES:
        yield module, module, 'main'


def parsers(monkeypatch, module, function):
    """Return the command's parser and those of its sub-commands."""
    def seen(self, *_, **__):
        raise Seen(self)
    for method in ('parse_args', 'parse_known_args', 'parse_intermixed_args'):
        monkeypatch.setattr(argparse.ArgumentParser, method, seen)
    main = getattr(importlib.import_module(module), function)
    try:
        main([])
    except Seen as error:
        return with_subparsers(error.args[0])
    return []


def with_subparsers(parser):
    """Return a parser and, below it, those of its sub-commands."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found += with_subparsers(below)
    return found


def unclear(parser):
    """Return the options whose help is no sentence, or lacks a default that there is."""
    found = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction,
                               argparse._VersionAction, argparse._StoreFalseAction)):
            continue
        text = action.help or ''
        if not text.endswith('.'):
            found.append(f'{action.dest}: {text!r} is no sentence')
        elif action.default not in (None, '', False, [], ()) and 'default' not in text:
            found.append(f'{action.dest}: {text!r} does not name its default')
    return found


@pytest.mark.parametrize('name, module, function', [
    pytest.param(*command, id=command[0]) for command in commands()])
def test_every_option_is_a_sentence_that_names_its_default(monkeypatch, name, module, function):
    if module.startswith('effvit_ros.ros') or 'telemetry' in module:
        pytest.importorskip('rclpy', reason='ROS 2 is not installed: make setup')
    assert [line for parser in parsers(monkeypatch, module, function)
            for line in unclear(parser)] == []


def test_every_option_of_effvit_compress_is_a_sentence_that_names_its_default():
    cli = pytest.importorskip('effvit_compression.cli', reason='make setup-train')
    assert [f'{parser.prog} {line}' for parser in with_subparsers(cli.build_parser())
            for line in unclear(parser)] == []
