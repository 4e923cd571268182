"""Run camera and segmenter, and watch their stream for a while."""
from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Tuple, TYPE_CHECKING, Union

from effvit_ros.core.energy import measured_energy
from effvit_ros.harness.collector import Collector
from effvit_ros.harness.outcome import progress_line, Stream
from effvit_ros.harness.processes import NodeProcess, running
from effvit_ros.report.progress import Status
from effvit_ros.ros.common.participant import participating

if TYPE_CHECKING:
    from rich.console import Console

#: Seconds without a label map after which the stream counts as dead.
SILENCE_S = 10.0
#: Seconds that label maps of the last frames may take to arrive.
_GRACE_S = 1.0
#: Label maps that come before counting starts: the first are slow.
_WARM_UP = 3


def watch_stream(camera: Mapping[str, Any], segmenter: Mapping[str, Any], n_classes: int,
                 seconds: float, n_moments: int, folder: Union[str, Path], console: Console,
                 truth: bool = True) -> Stream:
    """
    Start both nodes, count ``seconds`` of their stream, score it, and end them.

    :param n_moments: how many moments to keep, spread evenly.
    :param console: :class:`rich.console.Console` for the progress.
    :param truth: as for :class:`~effvit_ros.harness.collector.Collector`.
    :raises NodeFailed: a node ended, or no label map came.
    """
    with streaming(camera, segmenter, n_classes, folder, truth=truth) as watch, \
            Status(console) as progress:
        watch.until_ready(progress)
        with measured_energy() as energy:
            window = watch.listen(seconds, n_moments, progress)
        collector = watch.collector
        if collector.frame_size is None:
            raise watch.camera.failure('no camera_info came from the camera')
        known = collector.listener.diagnostics
        return Stream(collector.tally.figures(*window), collector.confusion, collector.moments,
                      collector.frame_size, known.get('runtime', ''),
                      known.get('runtime_description', ''), energy)


@contextlib.contextmanager
def both_nodes(camera: Mapping[str, Any], segmenter: Mapping[str, Any],
               folder: Union[str, Path]) -> Iterator[List[NodeProcess]]:
    """
    Run camera and segmenter as processes, with rclpy ready in this one.

    Their environment (domain, DDS profile) is this process's own. Yields two
    :class:`~effvit_ros.harness.processes.NodeProcess`, the camera's first.

    :param camera: parameters of the camera node.
    :param segmenter: parameters of the segmenter node.
    :param folder: where the nodes' logs go.
    """
    environment = dict(os.environ)
    with running(
            lambda: NodeProcess('camera', 'effvit_ros.ros.camera.main', camera, folder,
                                environment),
            lambda: NodeProcess('segmenter', 'effvit_ros.ros.segmenter.main', segmenter, folder,
                                environment)) as nodes, participating():
        yield nodes


@contextlib.contextmanager
def streaming(camera: Mapping[str, Any], segmenter: Mapping[str, Any], n_classes: int,
              folder: Union[str, Path], keep_pictures: bool = True,
              truth: bool = True) -> Iterator[Watch]:
    """
    Run :func:`both_nodes` and yield the :class:`Watch` over them.

    :param keep_pictures: like ``truth`` as for :class:`~effvit_ros.harness.collector.Collector`.
    """
    with both_nodes(camera, segmenter, folder) as nodes:
        watch = Watch(Collector(nodes, n_classes, keep_pictures, truth), *nodes)
        try:
            yield watch
        finally:
            watch.close()


class Watch:
    """The collector at work between the messages."""

    def __init__(self, collector: Collector, camera: NodeProcess, segmenter: NodeProcess) -> None:
        """Watch these two :class:`~effvit_ros.harness.processes.NodeProcess`."""
        self.collector = collector
        self.camera, self.segmenter = camera, segmenter

    def until_ready(self, progress: Optional[Status] = None) -> None:
        """
        Wait until label maps come.

        :raises NodeFailed: a node ended or reports an error, or it takes too long.
        """
        tally, listener = self.collector.tally, self.collector.listener

        def tell() -> None:
            if progress is not None:
                camera = 'up' if tally.frames_published else 'starting'
                progress.say(f"camera: {camera}, "
                             f"segmenter: {listener.diagnostics.get('message', 'starting')}")
        listener.until_ready(
            _WARM_UP, tell,
            missing=lambda: None if tally.frames_published else (self.camera, 'frame'))

    def listen(self, seconds: float, n_moments: int = 0,
               progress: Optional[Status] = None) -> Tuple[int, int]:
        """
        Take in ``seconds`` of the stream and what comes late.

        :returns: (start, end) of the window, nanoseconds of the system's clock.
        :raises NodeFailed: a node ended, or label maps stay away.
        """
        collector, tally = self.collector, self.collector.tally
        start = time.time_ns()
        end = start + int(seconds * 1e9)
        collector.begin(start, end, n_moments)
        heard, heard_at = tally.frames_segmented, time.monotonic()
        while time.time_ns() < end + int(_GRACE_S * 1e9):
            self._take_in()
            if tally.frames_segmented > heard:
                heard, heard_at = tally.frames_segmented, time.monotonic()
            elif time.monotonic() - heard_at > SILENCE_S:
                raise self.segmenter.failure(f'no label map for {SILENCE_S:.0f} s')
            now = min(time.time_ns(), end)
            if progress is not None:
                progress.say(progress_line(
                    tally.figures(max(start, now - 2 * 10**9), now), collector.confusion.miou,
                    (now - start) * 1e-9, seconds))
        while collector.score_next():
            pass
        if not tally.figures(start, end).frames_segmented:
            raise self.segmenter.failure('none of the frames was segmented')
        return start, end

    def close(self) -> None:
        """Leave the network; what was collected stays."""
        self.collector.listener.close()

    def _take_in(self) -> None:
        """Handle one message, then use the quiet for one score."""
        self.collector.listener.spin(0.02)
        self.collector.score_next()
