"""The demo where ROS is missing: camera and segmenter as processes, frames through pipes."""
from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections import deque
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple, TYPE_CHECKING, Union

import cv2
import numpy as np

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.energy import measured_energy
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.harness.outcome import progress_line, Snapshot, Stream
from effvit_ros.harness.tally import Tally
from effvit_ros.report.progress import Status
from effvit_ros.ros.camera.sources import open_source

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event

    from rich.console import Console

    from effvit_ros.core.bundle import Bundle
    from effvit_ros.demo.page import LivePage

#: Seconds until the first label map, and without one after which the stream counts as dead.
READY_S, SILENCE_S = 90.0, 10.0
#: Label maps that come before counting starts: the first are slow.
_WARM_UP = 3
#: Seconds that a process may take to end by itself.
_PATIENCE_S = 3.0


class _Result(NamedTuple):
    """A label map with its frame; ``published`` are the stamps that came since the last one."""

    stamp_ns: int
    published: Tuple[int, ...]
    labels: np.ndarray
    truth: Optional[np.ndarray]
    picture: Optional[np.ndarray]


#: A frame in a pipe: stamp, picture, truth.
_Frame = Tuple[int, np.ndarray, Optional[np.ndarray]]


class _Failed(NamedTuple):
    """What a process could not do, in one line."""

    reason: str


def watch_stream(camera: Mapping[str, Any], segmenter: Mapping[str, Any], bundle: Bundle,
                 seconds: float, n_moments: int, console: Console, truth: bool = True,
                 page: Optional[LivePage] = None) -> Stream:
    """
    Start both processes, count ``seconds`` of their stream, score it, and end them.

    :param camera: as the camera node's parameters.
    :param segmenter: ``model``, ``runtime``, ``threads``.
    :param n_moments: how many moments to keep, spread evenly.
    :param truth: False where the truth's ids mean other classes: it is left alone.
    :param page: :class:`~effvit_ros.demo.page.LivePage` to show it on, or None.
    :raises UserError: a process ended or can't do its work, or no label map came.
    """
    spawn = multiprocessing.get_context('spawn')
    frames_out, frames_in = spawn.Pipe(duplex=False)
    results_out, results_in = spawn.Pipe(duplex=False)
    wants_picture = spawn.Event()
    processes = [
        spawn.Process(target=_film, args=(camera, frames_in), name='camera', daemon=True),
        spawn.Process(target=_segment, args=(segmenter, frames_out, results_in, wants_picture),
                      name='segmenter', daemon=True)]
    for process in processes:
        process.start()
    # Only the processes hold them now: the end of one is the end of its pipe.
    for connection in (frames_out, frames_in, results_in):
        connection.close()
    try:
        with Status(console) as status:
            watch = _Watch(results_out, wants_picture, bundle, truth, page)
            return watch.watch(seconds, n_moments, status)
    finally:
        results_out.close()
        for process in reversed(processes):
            process.terminate()
            process.join(_PATIENCE_S)
            process.kill()


class _Watch:
    """Takes in what the segmenter sends."""

    def __init__(self, results: Connection, wants_picture: Event, bundle: Bundle, truth: bool,
                 page: Optional[LivePage]) -> None:
        self._truth, self._page = truth, page
        self._results, self._wants_picture = results, wants_picture
        self._overlay = Overlay(bundle.names, bundle.palette)
        self._tally = Tally()
        self._confusion = ConfusionMatrix(len(bundle.classes))

    def watch(self, seconds: float, n_moments: int, status: Status) -> Stream:
        status.say('camera and segmenter: starting')
        runtime, description = self._next(READY_S)
        for _ in range(_WARM_UP):
            result = self._take(READY_S)
        start = time.time_ns()
        end = start + int(seconds * 1e9)
        due = deque(start + (end - start) * (2 * i + 1) // (2 * n_moments)
                    for i in range(n_moments))
        moments: List[Snapshot] = []
        with measured_energy() as energy:
            while result.stamp_ns < end and time.time_ns() < end + int(SILENCE_S * 1e9):
                if due and time.time_ns() >= due[0] or self._page and self._page.wants_picture():
                    self._wants_picture.set()
                result = self._take(SILENCE_S)
                if not start <= result.stamp_ns < end:
                    continue
                if result.truth is not None:
                    self._confusion.update(result.truth, result.labels)
                now = min(time.time_ns(), end)
                line = progress_line(self._tally.figures(max(start, now - 2 * 10**9), now),
                                     self._confusion.miou, (now - start) * 1e-9, seconds)
                status.say(line)
                if result.picture is not None:
                    moment = self._snapshot(result, result.picture, start)
                    if due and time.time_ns() >= due[0]:
                        due.popleft()
                        moments.append(moment)
                    if self._page:
                        self._page.show(result.stamp_ns, moment.overlay, result.labels)
                        self._page.tell(line, description)
        figures = self._tally.figures(start, end)
        if not figures.frames_segmented:
            raise UserError('none of the frames was segmented: give a longer --duration')
        return Stream(figures, self._confusion, moments, result.labels.shape[::-1], runtime,
                      description, energy)

    def _take(self, patience_s: float) -> _Result:
        result = self._next(patience_s)
        if not self._truth:
            result = result._replace(truth=None)
        for stamp in result.published:
            self._tally.publish(stamp)
        self._tally.segment(result.stamp_ns, time.time_ns())
        return result

    def _next(self, patience_s: float) -> Any:
        if not self._results.poll(patience_s):
            raise UserError(f'no label map for {patience_s:.0f} s')
        try:
            result = self._results.recv()
        except EOFError:
            raise UserError('the segmenter ended; too little memory?') from None
        if isinstance(result, _Failed):
            raise UserError(result.reason)
        return result

    def _snapshot(self, result: _Result, picture: np.ndarray, start: int) -> Snapshot:
        overlay = self._overlay.draw(picture, result.labels).copy()
        return Snapshot((result.stamp_ns - start) * 1e-9, picture, result.truth,
                        result.labels, overlay)


def _film(camera: Mapping[str, Any], frames: Connection) -> None:
    """Send (stamp, picture, truth) at the source's rate, the camera's process."""
    with _alone(frames):
        parameters = dict(camera)
        kind, rate_hz = parameters.pop('source'), parameters.get('rate_hz')
        source = open_source(kind, say=lambda line: None, **parameters)
        period = 1 / (rate_hz or source.rate_hz or 10.0)
        due = time.monotonic()
        while True:
            frame = source.read()
            if frame is None:
                raise UserError(f'{source.description}: it ended')
            if not source.live:
                due = max(due + period, time.monotonic() - period)
                time.sleep(max(0.0, due - time.monotonic()))
            age_s = time.monotonic() - frame.captured_s if frame.captured_s else 0.0
            frames.send((time.time_ns() - int(age_s * 1e9), frame.image, frame.labels))


def _segment(options: Mapping[str, Any], frames: Connection, results: Connection,
             wants_picture: Event) -> None:
    """Segment the newest frame again and again, the segmenter's process."""
    with _alone(results):
        cv2.setNumThreads(1)
        with Segmenter(load_bundle(options['model']), options['runtime'],
                       options['threads']) as segmenter:
            results.send((segmenter.runtime.name, segmenter.runtime.description))
            newest = _Newest(frames)
            while True:
                (stamp, picture, truth), published = newest.take()
                labels = segmenter.segment(picture, 'bgr').labels
                asked = wants_picture.is_set()
                if asked:
                    wants_picture.clear()
                results.send(_Result(stamp, published, labels, truth,
                                     picture if asked else None))


class _Newest:
    """Reads all frames on a thread of its own and keeps the newest."""

    def __init__(self, frames: Connection) -> None:
        self._frames = frames
        self._changed = threading.Condition()
        self._frame: Union[_Frame, _Failed, None] = None
        self._stamps: List[int] = []
        threading.Thread(target=self._read, daemon=True).start()

    def take(self) -> Tuple[_Frame, Tuple[int, ...]]:
        """Return the newest frame, waiting for one, and the stamps since the last call."""
        with self._changed:
            while self._frame is None:
                self._changed.wait()
            frame, self._frame = self._frame, None
            stamps, self._stamps = tuple(self._stamps), []
        if isinstance(frame, _Failed):
            raise UserError(frame.reason)
        return frame, stamps

    def _read(self) -> None:
        while not isinstance(self._frame, _Failed):
            try:
                frame = self._frames.recv()
            except EOFError:
                frame = _Failed('the camera ended')
            with self._changed:
                self._frame = frame
                if not isinstance(frame, _Failed):
                    self._stamps.append(frame[0])
                self._changed.notify()


@contextlib.contextmanager
def _alone(pipe: Connection) -> Iterator[None]:
    """Leave Ctrl-C to the parent, and tell whoever reads the pipe what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    except BrokenPipeError:
        pass  # the reader has ended
    except UserError as error:
        with contextlib.suppress(BrokenPipeError):
            pipe.send(_Failed(str(error)))
