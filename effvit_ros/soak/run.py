"""The run itself: start the nodes, look at them once a second, end them."""
from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Sequence, TYPE_CHECKING

from effvit_ros.core.energy import EnergyMeter
from effvit_ros.core.process_usage import process_usage
from effvit_ros.harness.processes import NodeFailed
from effvit_ros.harness.stream import both_nodes
from effvit_ros.soak.hearing import Hearing
from effvit_ros.soak.record import Sample

if TYPE_CHECKING:
    from pathlib import Path

    from effvit_ros.harness.processes import NodeProcess
    from effvit_ros.soak.record import Record

#: Seconds between two samples.
_PERIOD_S = 1.0
_WRITES_ERRORS = ('[ERROR]', '[FATAL]', 'Traceback (most recent call last)')


def soak(camera: Mapping[str, Any], segmenter: Mapping[str, Any], seconds: float, folder: Path,
         record: Record, stopped: Callable[[], bool], tell: Callable[..., None]) -> bool:
    """
    Fill ``record`` for ``seconds``, or until ``stopped()``.

    A node that ends early ends the run, as an error in the record. Returns whether the whole
    time was watched.

    :param camera: parameters of the camera node.
    :param segmenter: parameters of the segmenter node.
    :param folder: where the nodes' logs go.
    :param record: :class:`~effvit_ros.soak.record.Record` to fill.
    :param tell: called once a second, after each sample, and with a text while waiting.
    :raises NodeFailed: no label map came at all.
    """
    with both_nodes(camera, segmenter, folder) as nodes:
        hearing = Hearing(record, nodes)
        listener = hearing.listener
        try:
            finished = listener.until_ready(
                stopped=stopped, tell=lambda: tell('waiting for the first label map')
            ) and _watch(hearing, nodes, seconds, record, stopped, tell)
        finally:
            listener.close()
    _note_ends(nodes, record)
    return finished


def _watch(hearing: Hearing, nodes: Sequence[NodeProcess], seconds: float, record: Record,
           stopped: Callable[[], bool], tell: Callable[..., None]) -> bool:
    camera, segmenter = nodes
    began, meter = time.monotonic(), EnergyMeter()
    record.power_source = meter.source
    hearing.begin(began)
    due = began
    while not stopped() and due <= began + seconds:
        try:
            hearing.listener.spin(max(0.0, min(0.1, due - time.monotonic())))
            now = time.monotonic()
            if now < due:
                continue
            due += _PERIOD_S * max(1, int((now - due) / _PERIOD_S) + 1)
            record.samples.append(Sample(
                now - began, process_usage(segmenter.pid), process_usage(camera.pid)))
            record.joules = meter.joules()
        except (NodeFailed, OSError) as error:
            record.note_error('ended', str(error))
            return False
        tell()
    return not stopped()


def _note_ends(nodes: Sequence[NodeProcess], record: Record) -> None:
    """Add what the nodes counted, logged and how they ended to the errors."""
    failed = int(record.diagnostics.get('errors', 0))
    if failed:
        record.note_error('frames', record.diagnostics.get('last_error', ''), failed)
    for node in nodes:
        lines = [line for line in node.log.read_text(errors='replace').splitlines()
                 if any(mark in line for mark in _WRITES_ERRORS)]
        if lines:
            record.note_error('log', lines[-1], len(lines))
        if node.exit_code != 0 and 'ended' not in record.errors:
            record.note_error('ended', f'the {node.name} ended with exit code {node.exit_code}')
