"""The node, end to end over DDS: camera process, node process, and this one as the third."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Optional, Tuple, Union

from effvit_ros.core.energy import measured_energy
from effvit_ros.core.process_usage import process_usage
from effvit_ros.harness.stream import streaming
from effvit_ros.harness.tally import StreamFigures

#: How many pictures the camera repeats.
PICTURES = 16


class NodeFigures(NamedTuple):
    """
    The node behind a camera of ``rate_hz``, labels and overlay subscribed.

    By the node's own diagnostics, ``inference_p50_ms`` is what the runtime took of a frame and
    ``overhead_p50_ms`` the rest of the time from its arrival to its last result.
    ``*_cpu``: CPU time by wall time, 1.0 is one thread. ``joules_per_frame``: what the whole
    machine draws by the segmented frames, None where no sensor tells.
    """

    width: int
    height: int
    rate_hz: float
    stream: StreamFigures
    inference_p50_ms: float
    overhead_p50_ms: float
    segmenter_cpu: float
    camera_cpu: float
    joules_per_frame: Optional[float]


def bench_node(pictures: Union[str, Path], size: Tuple[int, int], rate_hz: float,
               segmenter: Mapping[str, Any], n_classes: int, seconds: float,
               folder: Union[str, Path]) -> NodeFigures:
    """
    Measure ``seconds`` of a stream.

    :param pictures: folder of pictures, read and resized before the camera starts, so that its
        work takes no CPU time from the node.
    :param size: (width, height) of the stream.
    :param segmenter: parameters of the segmenter node.
    """
    width, height = size
    camera = {'source': 'folder', 'path': str(pictures), 'prerecord': PICTURES,
              'labels_path': 'none', 'width': width, 'height': height, 'rate_hz': float(rate_hz)}
    with streaming(camera, segmenter, n_classes, folder, keep_pictures=False) as watch:
        watch.until_ready()
        processes = watch.segmenter, watch.camera
        began, used = time.monotonic(), [process_usage(p.pid).cpu_s for p in processes]
        with measured_energy() as energy:
            window = watch.listen(seconds)
        wall = time.monotonic() - began
        shares = [(process_usage(p.pid).cpu_s - before) / wall
                  for p, before in zip(processes, used)]
        known = watch.collector.listener.diagnostics
        inference, overhead = known.get('inference_p50_ms'), known.get('overhead_p50_ms')
        if not (inference and overhead):
            raise watch.segmenter.failure('the diagnostics hold no latency: measure longer')
        figures = watch.collector.tally.figures(*window)
        segmenter_cpu, camera_cpu = shares
        return NodeFigures(
            width, height, rate_hz, figures, float(inference), float(overhead), segmenter_cpu,
            camera_cpu, energy.per(figures.frames_segmented, seconds))
