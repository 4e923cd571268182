"""What a log says of long work."""
from __future__ import annotations

import io

import pytest

pytest.importorskip('rich', reason="needs the extra 'demo'")

from rich.console import Console  # noqa: E402

from effvit_ros.report import progress  # noqa: E402


@pytest.fixture
def log():
    return Console(file=io.StringIO(), force_terminal=False, width=200)


def lines(console):
    return [line.split(',')[0] for line in console.file.getvalue().splitlines()]


def test_a_line_for_each_look_when_it_is_time_and_one_at_the_end(log, monkeypatch):
    monkeypatch.setattr(progress, 'LINE_PERIOD_S', 0.0)
    with progress.Bars(2, 'frames', 'bags', log) as bars:
        for done in (0, 5, 9):
            bars.advance('a', done, 9)
        bars.finish('a', 'done')
    assert lines(log) == ['a: 5 of 9 frames', 'a: 9 of 9 frames', 'a: done (1 of 2 bags)']


def test_a_short_work_is_one_line(log):
    with progress.Bars(unit='frames', console=log) as bars:
        for done in range(10):
            bars.advance('a', done, 9)
    assert lines(log) == ['a: 9 of 9 frames']


def test_steps_that_are_resumed_count_from_where_they_were(capsys, monkeypatch):
    monkeypatch.setattr(progress, 'LINE_PERIOD_S', 0.0)
    with progress.steps('distill', 800, done=500) as advance:
        for count in (20, 20, 260):
            advance(count)
    told = [line.split(',')[0] for line in capsys.readouterr().err.splitlines()]
    assert told == ['distill: 520 of 800', 'distill: 540 of 800', 'distill: 800 of 800']


def test_a_status_comes_now_and_then_or_when_it_must(log):
    with progress.Status(log) as status:
        status.say('one')
        status.say('two')
        status.say('three', now=True)
    assert lines(log) == ['one', 'three']
