"""One playing of a bag to the running segmenter: what went in, what came out, at what cost."""
from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple, Optional, Tuple

import psutil
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from effvit_ros.bags.stamps import stamp_ns
from effvit_ros.core import topics
from effvit_ros.core.errors import UserError
from effvit_ros.harness.processes import NodeProcess, running
from effvit_ros.ros.common.participant import taking_part
from effvit_ros.ros.health.health import segmenter_status

#: Seconds for loading the model until the first label map.
READY_S = 120.0
#: Seconds that the last label maps may take.
_GRACE_S = 1.5
#: Seconds between two looks at the node's memory.
_SAMPLE_S = 0.2
_ERROR = 2  # diagnostic_msgs/DiagnosticStatus.ERROR


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
    def dropped(self):
        """Return how many frames gave no label map."""
        return self.frames_in - self.segmented

    @property
    def drop_share(self):
        """Return the share of frames that gave no label map."""
        return self.dropped / self.frames_in if self.frames_in else 1.0


class Listener(Node):
    """Notes when label maps arrive and what the segmenter says on /diagnostics."""

    def __init__(self):
        """Subscribe."""
        super().__init__('live_evaluation')
        self.arrivals = []
        self.diagnostics = {}
        queue = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(Image, '/' + topics.of_segmenter(topics.LABELS),
                                 self._on_labels, queue, raw=True)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, 10)

    def _on_labels(self, raw):
        self.arrivals.append((stamp_ns(raw), time.monotonic_ns()))

    def _on_diagnostics(self, message):
        self.diagnostics = segmenter_status(message) or self.diagnostics


class Arena:
    """A running segmenter with a listener; :meth:`play` sends a bag through it."""

    def __init__(self, segmenter, listener, bag, topic, folder):
        """Play the pictures of ``topic`` of the bag at this path; logs go to ``folder``."""
        self._segmenter = segmenter
        self._listener = listener
        self._bag = bag
        self._topic = topic
        self._folder = Path(folder)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(listener)

    @property
    def diagnostics(self):
        """Return name -> value of the segmenter's newest diagnostics."""
        return self._listener.diagnostics

    def close(self):
        """Leave the network."""
        self._executor.shutdown()
        self._listener.destroy_node()

    def play(self, rate, duration: Optional[float] = None) -> Trial:
        """
        Play the bag once, or over and over for ``duration`` seconds.

        :raises NodeFailed: the segmenter ended, reports an error or never subscribed.
        :raises UserError: the bag can't be played.
        """
        self._listener.arrivals.clear()
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
        return _trial(rate, _sent(sent_file), list(self._listener.arrivals), usage)

    def _command(self, rate, duration, sent_file):
        command = [sys.executable, '-m', 'effvit_ros.evaluation.play_bag', str(self._bag),
                   '--topics', self._topic, '--rate', str(rate), '--log', str(sent_file),
                   '--wait-for', self._topic,
                   '--rename', f'{self._topic}:={_input_topic(self._topic)}']
        if duration is not None:
            command += ['--loop', '--duration', str(duration)]
        return command

    def _follow(self, player, usage):
        """Listen while the player plays; returns the node's usage from the first result on."""
        deadline = time.monotonic() + READY_S
        while player.poll() is None:
            self._executor.spin_once(timeout_sec=0.05)
            self._segmenter.check()
            if self._listener.arrivals:
                usage.sample()
            elif time.monotonic() > deadline:
                raise self._segmenter.failure(f'no label map came in {READY_S:.0f} s')
            elif self.diagnostics.get('level') == _ERROR:
                raise self._segmenter.failure(
                    f"the segmenter says: {self.diagnostics['message']}")
        usage.end()
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.05)
        return usage


class _Usage:
    """CPU time and memory of a process from the first sample to the end."""

    def __init__(self, pid):
        self._process = psutil.Process(pid)
        self._first = self._last = None
        self._due = 0.0
        self.memory_mb = 0.0

    def sample(self):
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SAMPLE_S
            self.end()

    def end(self):
        cpu = self._process.cpu_times()
        self._last = time.monotonic(), cpu.user + cpu.system
        self._first = self._first or self._last
        self.memory_mb = max(self.memory_mb, self._process.memory_info().rss / 2**20)

    @property
    def cpu_percent(self):
        seconds = self._last[0] - self._first[0]
        return 100 * (self._last[1] - self._first[1]) / seconds if seconds else 0.0


@contextlib.contextmanager
def arena(settings, bag, topic, folder, environment):
    """
    Start the segmenter in a process of its own and yield an :class:`Arena`.

    :param settings: :class:`~effvit_ros.evaluation.scoring.Settings`; the model's are looked at.
    :param folder: where the logs of node and player are left.
    :param environment: of the node; this process must have the same domain and DDS profile.
    """
    parameters = {
        'model': settings.bundle, 'runtime': settings.runtime, 'threads': settings.threads,
        'use_sim_time': True, 'bit_depth': settings.bit_depth,
        'image_transport': 'compressed' if _input_topic(topic) != '/image' else 'raw'}
    with running(lambda: NodeProcess('segmenter', 'effvit_ros.ros.segmenter.main', parameters,
                                     folder, environment)) as (segmenter,), taking_part():
        made = Arena(segmenter, Listener(), bag, topic, folder)
        try:
            yield made
        finally:
            made.close()


def _input_topic(topic):
    """Return the node's input topic that the bag's topic is to be played on."""
    return '/image/compressed' if topic.endswith('/compressed') else '/image'


def _sent(file):
    """Return (stamp, monotonic time) of each picture that was sent, nanoseconds."""
    lines = file.read_text().splitlines()
    return [tuple(int(number) for number in line.split(',')[1:]) for line in lines]


def _trial(rate, sent, arrivals, usage):
    ages = ages_ms(sent, arrivals)
    seconds = (sent[-1][1] - sent[0][1]) * 1e-9 if len(sent) > 1 else 0.0
    in_hz = (len(sent) - 1) / seconds if seconds else 0.0
    share = len(ages) / len(sent) if sent else 0.0
    return Trial(rate, seconds, len(sent), len(ages), in_hz, in_hz * share, tuple(ages),
                 usage.cpu_percent, usage.memory_mb)


def ages_ms(sent, arrivals):
    """
    Return the age in milliseconds of each result whose picture was sent.

    Both are lists of (stamp, time) in nanoseconds. Where a stamp was sent more than once, a
    result belongs to the last sending before it.
    """
    times = {}
    for stamp, moment in sent:
        times.setdefault(stamp, []).append(moment)
    ages = []
    for stamp, arrival in arrivals:
        before = [moment for moment in times.get(stamp, ()) if moment <= arrival]
        if before:
            ages.append((arrival - before[-1]) * 1e-6)
    return ages
