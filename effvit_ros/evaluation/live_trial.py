"""One playing of a bag to the running segmenter: what went in, what came out, at what cost."""
from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from effvit_ros.core.errors import UserError
from effvit_ros.core.message_stamps import stamp_ns
from effvit_ros.core.process_usage import process_usage
from effvit_ros.evaluation.scoring import Settings
from effvit_ros.harness.listener import Listener
from effvit_ros.harness.processes import NodeProcess, running
from effvit_ros.ros.common.participant import participating

#: Stamp of a picture and when it was sent or its labels arrived, nanoseconds.
Moment = Tuple[int, int]
#: Seconds that the last label maps may take.
_GRACE_S = 1.5
#: Seconds between two looks at the node's memory.
_SAMPLE_S = 0.2


class Trial(NamedTuple):
    """
    What a robot got in one playing.

    ``rate`` is what was asked for (times as fast as recorded), ``in_hz`` what was really sent.
    ``ages_ms``: arrival of each label map minus the sending of its picture. ``cpu_percent`` is
    the node's (100 is one core), ``memory_mb`` its highest resident size.
    """

    rate: float
    seconds: float
    frames_in: int
    segmented: int
    in_hz: float
    segmented_hz: float
    ages_ms: Tuple[float, ...]
    cpu_percent: float
    memory_mb: float

    @property
    def dropped(self) -> int:
        """Return how many frames gave no label map."""
        return self.frames_in - self.segmented

    @property
    def drop_share(self) -> float:
        """Return the share of frames that gave no label map."""
        return self.dropped / self.frames_in if self.frames_in else 1.0


class Playback:
    """A running segmenter with a listener; :meth:`play` sends a bag through it."""

    def __init__(self, segmenter: NodeProcess, bag: str, topic: str,
                 folder: Union[str, Path]) -> None:
        """Play the pictures of ``topic`` of the bag at this path; logs go to ``folder``."""
        self._segmenter = segmenter
        self._bag = bag
        self._topic = topic
        self._folder = Path(folder)
        #: (stamp, arrival), nanoseconds, of the label maps of this playing.
        self._arrivals: List[Moment] = []
        self._listener = Listener(
            'live_evaluation', [segmenter],
            lambda raw: self._arrivals.append((stamp_ns(raw), time.monotonic_ns())), depth=50)

    @property
    def diagnostics(self) -> Mapping[str, str]:
        """Return name -> value of the segmenter's newest diagnostics."""
        return self._listener.diagnostics

    def close(self) -> None:
        """Leave the network."""
        self._listener.close()

    def play(self, rate: float, duration: Optional[float] = None) -> Trial:
        """
        Play the bag once, or over and over for ``duration`` seconds.

        :raises NodeFailed: the segmenter ended, reports an error or never subscribed.
        :raises UserError: the bag can't be played.
        """
        self._arrivals.clear()
        sent_file, log_file = self._folder / 'sent.csv', self._folder / 'player.log'
        with open(log_file, 'wb') as log:
            player = subprocess.Popen(
                self._command(rate, duration, sent_file), stdout=log, stderr=subprocess.STDOUT)
        try:
            usage = self._follow(player, _Usage(self._segmenter.pid))
        finally:
            if player.poll() is None:
                player.kill()
            player.wait()
        if player.returncode not in (0, 1):
            lines = log_file.read_text(errors='replace').strip().splitlines()
            raise UserError(f'{self._bag}: cannot be played: {lines[-1] if lines else "no word"}')
        return _trial(rate, _sent(sent_file), list(self._arrivals), usage)

    def _command(self, rate: float, duration: Optional[float], sent_file: Path) -> List[str]:
        command = [sys.executable, '-m', 'effvit_ros.evaluation.play_bag', str(self._bag),
                   '--topics', self._topic, '--rate', str(rate), '--log', str(sent_file),
                   '--wait-for', self._topic,
                   '--rename', f'{self._topic}:={_input_topic(self._topic)}']
        if duration is not None:
            command += ['--loop', '--duration', str(duration)]
        return command

    def _follow(self, player: subprocess.Popen, usage: _Usage) -> _Usage:
        """Listen while the player plays; returns the node's usage from the first result on."""
        def ended() -> bool:
            return player.poll() is not None

        self._listener.until_ready(stopped=ended)
        while not ended():
            usage.sample()
            self._listener.spin(0.05)
        usage.end()
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            self._listener.spin(0.05)
        return usage


class _Usage:
    """CPU time and memory of a process from the first sample to the end."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._first: Optional[Tuple[float, float]] = None
        self._last = (0.0, 0.0)
        self._due = 0.0
        self.memory_mb = 0.0

    def sample(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SAMPLE_S
            self.end()

    def end(self) -> None:
        used = process_usage(self._pid)
        self._last = time.monotonic(), used.cpu_s
        self._first = self._first or self._last
        self.memory_mb = max(self.memory_mb, used.rss_mb)

    @property
    def cpu_percent(self) -> float:
        if self._first is None:
            return 0.0
        seconds = self._last[0] - self._first[0]
        return 100 * (self._last[1] - self._first[1]) / seconds if seconds else 0.0


@contextlib.contextmanager
def playback(settings: Settings, bag: str, topic: str, folder: Path,
             environment: Mapping[str, str]) -> Iterator[Playback]:
    """
    Start the segmenter in a process of its own and yield a :class:`Playback`.

    :param settings: :class:`~effvit_ros.evaluation.scoring.Settings`; the model's are looked at.
    :param folder: where the logs of node and player are left.
    :param environment: of the node; this process must have the same domain and DDS profile.
    """
    parameters = {
        'model': settings.bundle, 'runtime': settings.runtime, 'threads': settings.threads,
        'use_sim_time': True, 'bit_depth': settings.bit_depth,
        'image_transport': 'compressed' if _input_topic(topic) != '/image' else 'raw'}
    with running(lambda: NodeProcess('segmenter', 'effvit_ros.ros.segmenter.main', parameters,
                                     folder, environment)) as (segmenter,), participating():
        made = Playback(segmenter, bag, topic, folder)
        try:
            yield made
        finally:
            made.close()


def _input_topic(topic: str) -> str:
    """Return the node's input topic that the bag's topic is to be played on."""
    return '/image/compressed' if topic.endswith('/compressed') else '/image'


def _sent(file: Path) -> List[Moment]:
    """Return (stamp, monotonic time) of each picture that was sent, nanoseconds."""
    lines = file.read_text().splitlines()
    rows = (line.split(',') for line in lines)
    return [(int(stamp), int(moment)) for _, stamp, moment in rows]


def _trial(rate: float, sent: Sequence[Moment], arrivals: Sequence[Moment],
           usage: _Usage) -> Trial:
    ages = ages_ms(sent, arrivals)
    seconds = (sent[-1][1] - sent[0][1]) * 1e-9 if len(sent) > 1 else 0.0
    in_hz = (len(sent) - 1) / seconds if seconds else 0.0
    share = len(ages) / len(sent) if sent else 0.0
    return Trial(rate, seconds, len(sent), len(ages), in_hz, in_hz * share, tuple(ages),
                 usage.cpu_percent, usage.memory_mb)


def ages_ms(sent: Sequence[Moment], arrivals: Sequence[Moment]) -> List[float]:
    """
    Return the age in milliseconds of each result whose picture was sent.

    Both are lists of (stamp, time) in nanoseconds. Where a stamp was sent more than once, a
    result belongs to the last sending before it.
    """
    times: Dict[int, List[int]] = {}
    for stamp, moment in sent:
        times.setdefault(stamp, []).append(moment)
    ages = []
    for stamp, arrival in arrivals:
        before = [moment for moment in times.get(stamp, ()) if moment <= arrival]
        if before:
            ages.append((arrival - before[-1]) * 1e-6)
    return ages
