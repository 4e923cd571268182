"""Every node starts and stops cleanly, whenever the signal comes."""
from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from live_ros import fresh_domain, NodeProcess, PATIENCE_S, Probe
from sensor_msgs.msg import Image

from effvit_ros.ros.common.dds import dds_environment

SEGMENTER = 'effvit_ros.ros.segmenter.main'
SIGNALS = [
    pytest.param((signal.SIGINT,), id='SIGINT'),
    pytest.param((signal.SIGTERM,), id='SIGTERM'),
    # What `ros2 launch` causes: the terminal's and its own.
    pytest.param((signal.SIGINT, signal.SIGINT), id='SIGINT twice'),
    pytest.param((signal.SIGINT, signal.SIGTERM), id='SIGINT and SIGTERM'),
]


@pytest.fixture
def start(tmp_path):
    """Start a segmenter; it is killed after the test if it still lives."""
    processes = []

    def start(domain, **parameters):
        process = NodeProcess(SEGMENTER, domain, tmp_path / f'{len(processes)}.log', **parameters)
        processes.append(process)
        return process
    yield start
    for process in processes:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


def assert_clean(process, code, expected=0):
    assert code == expected, process.log
    for trace in ('Traceback', 'Exception', 'terminate called', 'core dumped', 'error:'):
        assert trace not in process.log, process.log


def end_while_starting(start, tiny_bundle, signals, *delays):
    """Start a segmenter for each delay, all at once; end each so long after its first moment."""
    processes = [start(fresh_domain(), model=tiny_bundle) for _ in delays]

    def end(process, delay):
        process.wait_for_handlers()
        time.sleep(delay)
        return process.end(*signals)
    with ThreadPoolExecutor(len(delays)) as pool:
        codes = list(pool.map(end, processes, delays))
    for process, code in zip(processes, codes):
        assert_clean(process, code)


def end_without_a_camera(start, tiny_bundle, signals):
    process = start(fresh_domain(), model=tiny_bundle)
    process.wait_for_log('segmenting /image')
    assert_clean(process, process.end(*signals))


def end_while_segmenting(start, tiny_bundle, signals):
    domain = fresh_domain()
    process, probe = start(domain, model=tiny_bundle), Probe(domain)
    try:
        labels, _ = probe.collect(Image, '/segmenter/labels')
        probe.film(np.zeros((480, 640, 3), np.uint8), rate_hz=100.0)
        probe.until(lambda: len(labels) > 5, timeout=60)
        assert_clean(process, process.end(*signals))
    finally:
        probe.close()


@pytest.mark.parametrize('signals', SIGNALS[1:3])
def test_while_segmenting(start, tiny_bundle, signals):
    end_while_segmenting(start, tiny_bundle, signals)


@pytest.mark.parametrize('signals', SIGNALS[1:3])
def test_without_a_camera(start, tiny_bundle, signals):
    end_without_a_camera(start, tiny_bundle, signals)


@pytest.mark.parametrize('signals, delay', [
    (SIGNALS[0].values[0], 0.0), (SIGNALS[2].values[0], 0.4), (SIGNALS[2].values[0], 0.7)])
def test_while_starting(start, tiny_bundle, signals, delay):
    end_while_starting(start, tiny_bundle, signals, delay)


def test_no_shared_memory_stays_behind(start, tiny_bundle):
    process = start(fresh_domain(), model=tiny_bundle, environment=dds_environment())
    process.wait_for_log('segmenting /image')
    maps = Path(f'/proc/{process.process.pid}/maps').read_text()
    segments = {Path(line.split()[-1]) for line in maps.splitlines()
                if '/dev/shm/fast' in line and '_port' not in line}
    assert any(path.stat().st_size > 64 << 20 for path in segments)
    assert_clean(process, process.end())
    assert [path for path in segments if path.exists()] == []


def test_unconfigured(start):
    domain = fresh_domain()
    process = start(domain, autostart=False)
    probe = Probe(domain)
    try:
        assert probe.state('/segmenter') == 'unconfigured'
    finally:
        probe.close()
    assert_clean(process, process.end(signal.SIGTERM))


@pytest.mark.parametrize('parameters, line', [
    ({'threads': 'many'}, "error: parameter threads is 'many': give 0 to 256"),
    ({'overlay_alpha': 2.0}, "error: parameter overlay_alpha is '2.0': give 0.0 to 1.0"),
    ({'runtime': 'magic'}, "error: parameter runtime is 'magic': give auto | "),
])
def test_a_bad_parameter_is_one_line_and_exit_code_2(start, parameters, line):
    process = start(fresh_domain(), **parameters)
    assert process.process.wait(PATIENCE_S) == 2
    assert process.log.startswith(line)
    assert process.log.count('\n') == 1


@pytest.mark.slow
@pytest.mark.parametrize('repeat', range(4))
@pytest.mark.parametrize('signals', SIGNALS)
def test_while_segmenting_many_times(start, tiny_bundle, signals, repeat):
    end_while_segmenting(start, tiny_bundle, signals)


@pytest.mark.slow
@pytest.mark.parametrize('signals', SIGNALS)
def test_while_starting_many_times(start, tiny_bundle, signals):
    # Four at once: the moments differ more than the delays do.
    for delays in np.array_split(np.linspace(0, 1.5, 8), 2):
        end_while_starting(start, tiny_bundle, signals, *delays)
