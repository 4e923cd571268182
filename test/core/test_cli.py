"""Argument types: what they take and what they say."""
from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from effvit_ros.core import cli


@pytest.mark.parametrize('kind, text, value', [
    (cli.positive, '0.5', 0.5),
    (cli.seconds, '0', 0.0),
    (cli.count, '0', 0),
    (cli.count_from_one, '1', 1),
    (cli.size, '640x480', (640, 480)),
    (cli.size, '640X480', (640, 480)),
    (cli.sizes, '1x2,3x4', [(1, 2), (3, 4)]),
])
def test_taken(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize('kind, text', [
    (cli.positive, '0'), (cli.positive, 'nan'), (cli.positive, 'inf'),
    (cli.positive, 'fast'), (cli.seconds, '-1'), (cli.count, '1.5'),
    (cli.count, '-1'), (cli.count_from_one, '0'), (cli.size, '640'),
    (cli.size, '640x'), (cli.size, '0x480'), (cli.size, '1x2x3'),
    (cli.sizes, '640x480,'),
])
def test_refused_with_what_to_give(kind, text):
    with pytest.raises(ArgumentTypeError, match=': give '):
        kind(text)
