"""Argument types: what they take and what they say."""
from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from effvit_ros.core import arguments


@pytest.mark.parametrize('kind, text, value', [
    (arguments.positive, '0.5', 0.5),
    (arguments.seconds, '0', 0.0),
    (arguments.count, '0', 0),
    (arguments.count_from_one, '1', 1),
    (arguments.size, '640x480', (640, 480)),
    (arguments.size, '640X480', (640, 480)),
    (arguments.sizes, '1x2,3x4', [(1, 2), (3, 4)]),
])
def test_taken(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize('kind, text', [
    (arguments.positive, '0'), (arguments.positive, 'nan'), (arguments.positive, 'inf'),
    (arguments.positive, 'fast'), (arguments.seconds, '-1'), (arguments.count, '1.5'),
    (arguments.count, '-1'), (arguments.count_from_one, '0'), (arguments.size, '640'),
    (arguments.size, '640x'), (arguments.size, '0x480'), (arguments.size, '1x2x3'),
    (arguments.sizes, '640x480,'),
])
def test_refused_with_what_to_give(kind, text):
    with pytest.raises(ArgumentTypeError, match=': give '):
        kind(text)
