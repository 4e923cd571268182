"""Run camera and segmenter, and watch their stream for a while."""
from __future__ import annotations

import os
import time
from typing import List, NamedTuple, Tuple

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.demo.collector import Collector, Moment
from effvit_ros.demo.processes import NodeFailed, NodeProcess, running
from effvit_ros.demo.progress import Progress
from effvit_ros.demo.tally import StreamFigures

CAMERA = 'effvit_ros.ros.camera_node'
SEGMENTER = 'effvit_ros.ros.segmenter_node'

#: Seconds until the first label map: building the scene and compiling the graph take a few.
READY_S = 90.0
#: Seconds without a label map after which the stream counts as dead.
SILENCE_S = 10.0
#: Seconds that label maps of the last frames may take to arrive.
_GRACE_S = 1.0
#: Label maps that come before counting starts: the first are slow.
_WARM_UP = 3
_ERROR = 2  # diagnostic_msgs/DiagnosticStatus.ERROR


class Stream(NamedTuple):
    """What a watched stream gave."""

    figures: StreamFigures
    confusion: ConfusionMatrix
    moments: List[Moment]
    frame_size: Tuple[int, int]
    runtime: str
    runtime_description: str


def watch_stream(camera, segmenter, n_classes, seconds, n_moments, folder, console) -> Stream:
    """
    Start both nodes, count ``seconds`` of their stream, and end them.

    The environment (domain, DDS profile) is this process's own.

    :param camera: parameters of the camera node.
    :param segmenter: parameters of the segmenter node.
    :param n_moments: how many moments to keep, spread evenly.
    :param folder: where the nodes' logs go.
    :param console: :class:`rich.console.Console` for the progress.
    :raises NodeFailed: a node ended, or no label map came.
    """
    environment = dict(os.environ)
    with running(
            lambda: NodeProcess('camera', CAMERA, camera, folder, environment),
            lambda: NodeProcess('segmenter', SEGMENTER, segmenter, folder, environment)) as nodes:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        try:
            watch = _Watch(Collector(n_classes), nodes)
            with Progress(console) as progress:
                watch.until_ready(progress)
                return watch.count(seconds, n_moments, progress)
        finally:
            rclpy.try_shutdown()


class _Watch:
    def __init__(self, collector, nodes):
        self._collector = collector
        self._nodes = nodes
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(collector)

    def until_ready(self, progress):
        """Wait until label maps come."""
        camera, segmenter = self._nodes
        tally, diagnostics = self._collector.tally, {}
        deadline = time.monotonic() + READY_S
        while tally.frames_segmented < _WARM_UP:
            self._take_in()
            diagnostics = self._collector.diagnostics
            if diagnostics.get('level') == _ERROR:
                raise segmenter.failure(f"the segmenter says: {diagnostics['message']}")
            if time.monotonic() > deadline:
                who, what = ((segmenter, 'label map') if tally.frames_published
                             else (camera, 'frame'))
                raise who.failure(f'no {what} came from the {who.name} in {READY_S:.0f} s')
            flying = 'camera is up' if tally.frames_published else 'camera is starting'
            progress.say(f"{flying}, segmenter: {diagnostics.get('message', 'starting')}")

    def count(self, seconds, n_moments, progress):
        """Count the stream and return its :class:`Stream`."""
        collector, tally = self._collector, self._collector.tally
        start = time.time_ns()
        end = start + int(seconds * 1e9)
        collector.begin(start, end, n_moments)
        heard, heard_at = tally.frames_segmented, time.monotonic()
        while time.time_ns() < end + int(_GRACE_S * 1e9):
            self._take_in()
            if tally.frames_segmented > heard:
                heard, heard_at = tally.frames_segmented, time.monotonic()
            elif time.monotonic() - heard_at > SILENCE_S:
                raise self._nodes[1].failure(f'no label map for {SILENCE_S:.0f} s')
            now = min(time.time_ns(), end)
            progress.show(tally.figures(max(start, now - 2 * 10**9), now),
                          collector.confusion.miou, (now - start) * 1e-9, seconds)
        while collector.score_next():
            pass
        figures = tally.figures(start, end)
        if not figures.frames_segmented:
            raise NodeFailed(f'none of {figures.frames_published} frames was segmented')
        return Stream(figures, collector.confusion, collector.moments, collector.frame_size,
                      collector.diagnostics.get('runtime', ''),
                      collector.diagnostics.get('runtime_description', ''))

    def _take_in(self):
        """Handle one message, then use the quiet for one score."""
        for node in self._nodes:
            node.check()
        self._executor.spin_once(timeout_sec=0.02)
        self._collector.score_next()
