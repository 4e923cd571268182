"""The argument parsers of all commands, taken from the commands themselves."""
from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
#: Commands without a launcher, run by ``python -m``: module -> where its ``main`` is.
MODULES = {'effvit_ros.bench': 'effvit_ros.bench.command',
           'effvit_ros.soak': 'effvit_ros.soak.command',
           'effvit_ros.gpu_check': 'effvit_ros.gpu_check.command',
           'effvit_ros.map_demo': 'effvit_ros.map_demo'}
ENTRY_POINTS = {name: (module, function) for name, module, function in re.findall(
    r"'(\w+) = (effvit_ros[\w.]*):(\w+)'", (ROOT / 'setup.py').read_text(encoding='utf-8'))}


class Seen(Exception):
    """Carries the parser that a command would have parsed with."""


def commands():
    """Yield (name, module, function) of every command."""
    for name, (module, function) in ENTRY_POINTS.items():
        yield name, module, function
    for name, module in MODULES.items():
        yield name, module, 'main'


def parser_of(module, function):
    """Return the parser that a command parses with, or None."""
    def seen(self, *_, **__):
        raise Seen(self)
    main = getattr(importlib.import_module(module), function)
    with mock.patch.multiple(argparse.ArgumentParser, parse_args=seen, parse_known_args=seen,
                             parse_intermixed_args=seen):
        try:
            main([])
        except Seen as error:
            return error.args[0]
    return None


def with_subparsers(parser):
    """Return a parser and, below it, those of its sub-commands."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found += with_subparsers(below)
    return found
