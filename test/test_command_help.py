"""What the commands say of themselves: every option in a sentence, with its default."""
from __future__ import annotations

import argparse

import pytest
from command_parsers import commands, parser_of, with_subparsers


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
def test_every_option_is_a_sentence_that_names_its_default(name, module, function):
    if module.startswith('effvit_ros.ros') or 'telemetry' in module:
        pytest.importorskip('rclpy', reason='ROS 2 is not installed: make setup')
    parser = parser_of(module, function)
    assert [line for below in (with_subparsers(parser) if parser else ())
            for line in unclear(below)] == []


def test_every_option_of_effvit_compress_is_a_sentence_that_names_its_default():
    cli = pytest.importorskip('effvit_compression.cli', reason='make setup-train')
    assert [f'{parser.prog} {line}' for parser in with_subparsers(cli.build_parser())
            for line in unclear(parser)] == []
