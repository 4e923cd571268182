"""What /proc tells of a process's threads."""
from __future__ import annotations

import pytest

from effvit_ros.core import process_usage


def threads(folder, states):
    """Write what /proc holds of threads: (state, nanoseconds that it has run) of each."""
    for number, (state, ran_ns) in enumerate(states, 1):
        place = folder / '7' / 'task' / str(number)
        place.mkdir(parents=True, exist_ok=True)
        (place / 'stat').write_text(f'{number} (a) b) {state} 1 2 3\n')
        (place / 'schedstat').write_text(f'{ran_ns} 12345 9\n')


@pytest.mark.parametrize('before, after, starved', [
    pytest.param([('R', 10)], [('R', 10)], 1, id='wants to run and never does'),
    pytest.param([('R', 10)], [('R', 11)], 0, id='runs'),
    pytest.param([('S', 10)], [('S', 10)], 0, id='sleeps'),
    pytest.param([('D', 10)], [('D', 10)], 0, id='waits for a device'),
    pytest.param([('R', 10)], [('S', 10)], 0, id='goes to sleep'),
    pytest.param([('R', 10), ('R', 20), ('S', 5)], [('R', 10), ('R', 20), ('S', 5)], 2,
                 id='two of three'),
])
def test_starved_threads_are_those_that_want_to_run_and_never_do(
        before, after, starved, tmp_path, monkeypatch):
    threads(tmp_path, before)
    monkeypatch.setattr(process_usage, 'PROC', tmp_path)
    monkeypatch.setattr(process_usage.time, 'sleep', lambda _: threads(tmp_path, after))
    assert process_usage.starved_threads(7) == starved


def test_a_process_that_is_gone_has_no_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(process_usage, 'PROC', tmp_path)
    assert process_usage.starved_threads(7, seconds=0) == 0
