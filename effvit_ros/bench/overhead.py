"""CPU time and memory of the node, compared with a process that only runs the runtime."""
from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Tuple, TYPE_CHECKING, Union

from effvit_ros.bench.bare_process import SETTLE_S
from effvit_ros.bench.online import PICTURES
from effvit_ros.core.errors import UserError
from effvit_ros.core.process_usage import process_usage
from effvit_ros.harness.listener import Listener
from effvit_ros.harness.stream import both_nodes

if TYPE_CHECKING:
    from effvit_ros.harness.processes import NodeProcess


class Cost(NamedTuple):
    """What a process costs: CPU time of a frame and resident memory at the end."""

    cpu_ms: float
    rss_mb: float


class Overhead(NamedTuple):
    """The node and the bare runtime, both at the same rate, on the same pictures."""

    width: int
    height: int
    rate_hz: float
    bare: Cost
    node: Cost


def bench_overhead(pictures: Union[str, Path], size: Tuple[int, int], rate_hz: float,
                   segmenter: Mapping[str, Any], seconds: float,
                   folder: Union[str, Path]) -> Overhead:
    """
    Return the :class:`Overhead` with labels subscribed.

    They take turns, bare, node, node, bare, so that whatever else the machine does meets both;
    each turn takes half of ``seconds``.

    :param pictures: folder of pictures, which both repeat.
    :param size: (width, height) of the node's stream.
    :param rate_hz: low enough that every frame is segmented.
    :param segmenter: parameters of the segmenter node; the bare runtime is the same.
    """
    def bare() -> Cost:
        return _bare(pictures, rate_hz, segmenter, seconds / 2)

    def node() -> Cost:
        return _node(pictures, size, rate_hz, segmenter, seconds / 2, folder)

    first, *middle, last = bare(), node(), node(), bare()
    width, height = size
    return Overhead(width, height, rate_hz, _mean(first, last), _mean(*middle))


def _bare(pictures: Union[str, Path], rate_hz: float, segmenter: Mapping[str, Any],
          seconds: float) -> Cost:
    command = [sys.executable, '-m', 'effvit_ros.bench.bare_process', segmenter['model'],
               segmenter['runtime'], str(segmenter['threads']), str(rate_hz), str(seconds),
               str(pictures)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = (result.stderr.strip() or 'no word').splitlines()[-1]
        raise UserError(f'the bare runtime failed: {reason}')
    cost = json.loads(result.stdout.splitlines()[-1])
    return Cost(1e3 * cost['cpu_s'] / cost['frames'], cost['rss_mb'])


def _node(pictures: Union[str, Path], size: Tuple[int, int], rate_hz: float,
          segmenter: Mapping[str, Any], seconds: float, folder: Union[str, Path]) -> Cost:
    width, height = size
    camera = {'source': 'folder', 'path': str(pictures), 'prerecord': PICTURES,
              'labels_path': 'none', 'width': width, 'height': height, 'rate_hz': float(rate_hz)}
    with both_nodes(camera, segmenter, folder) as nodes:
        listener = Listener('listener', nodes)
        try:
            return _follow(listener, nodes[1], seconds)
        finally:
            listener.close()


def _follow(listener: Listener, segmenter: NodeProcess, seconds: float) -> Cost:
    """Return the segmenter's :class:`Cost` over ``seconds``."""
    def spin(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            listener.spin(0.05)

    listener.until_ready()
    spin(SETTLE_S)
    before, seen = process_usage(segmenter.pid), listener.label_maps
    spin(seconds)
    after, frames = process_usage(segmenter.pid), listener.label_maps - seen
    if not frames:
        raise segmenter.failure('no label map came while it was measured')
    return Cost(1e3 * (after.cpu_s - before.cpu_s) / frames, after.rss_mb)


def _mean(first: Cost, second: Cost) -> Cost:
    return Cost((first.cpu_ms + second.cpu_ms) / 2, (first.rss_mb + second.rss_mb) / 2)
