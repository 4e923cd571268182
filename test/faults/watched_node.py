"""A segmenter under watch: what it is shown, what it answers, what it tells, what it uses."""
from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, HERE, NodeProcess, Probe, ROOT
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from tiny_bundle import tiny_labels

from effvit_ros.core.process_usage import process_usage
from effvit_ros.ros.common.codec import image_message, picture_from

SEGMENTER = 'quick_segmenter'
#: Where the stand-ins for the segmenter lie.
STAND_INS = {'PYTHONPATH': os.pathsep.join(map(str, (ROOT, HERE, Path(__file__).parent)))}
NODE = '/segmenter'
OK, WARN, ERROR, STALE = b'\x00', b'\x01', b'\x02', b'\x03'
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
#: Seconds that anything may take: slow machines must pass.
PATIENCE_S = 60.0


def noise(height=64, width=64, seed=0):
    """Return an RGB picture, (height, width, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def picture(pixels, encoding='rgb8'):
    """Return ``pixels`` as an Image without a stamp."""
    return image_message(np.ascontiguousarray(pixels), encoding, Image().header)


class WatchedNode:
    """A segmenter process on a domain of its own, with the tiny bundle's labels as truth."""

    def __init__(self, folder, module=SEGMENTER, environment=None, **parameters):
        """Start it; ``parameters`` are the node's."""
        self.domain = fresh_domain()
        self.process = NodeProcess(
            module, self.domain, folder / 'log', {**STAND_INS, **(environment or {})},
            **parameters)
        self.probe = Probe(self.domain)
        self.labels, _ = self.probe.collect(Image, f'{NODE}/labels')
        self._diagnostics, _ = self.probe.collect(DiagnosticArray, '/diagnostics')
        self._publishers = {}
        self._serial = itertools.count(1)

    @property
    def pid(self):
        """Return the segmenter's process id."""
        return self.process.process.pid

    def usage(self):
        """Return the segmenter's memory, files and threads."""
        return process_usage(self.pid)

    def alive(self):
        """Return whether the process runs."""
        return self.process.process.poll() is None

    def ready(self):
        """Wait until it is active and answers pictures."""
        self.process.wait_for_log('segmenting /image', PATIENCE_S)
        self.recover()
        return self

    def show(self, message, topic='image'):
        """Publish ``message`` under a new stamp and return it."""
        message.header.frame_id = 'camera'
        message.header.stamp.sec = 1_700_000_000 + next(self._serial)
        self.publisher(type(message), topic).publish(message)
        return message

    def publisher(self, message_type, topic='image'):
        """Return the test's own publisher of ``topic``, connected to the segmenter."""
        if topic not in self._publishers:
            made = self.probe.node.create_publisher(message_type, topic, RELIABLE)
            self.probe.until(made.get_subscription_count, PATIENCE_S, f'a subscriber of {topic}')
            self._publishers[topic] = made
        return self._publishers[topic]

    def answer(self, message, topic='image'):
        """Show ``message`` once and return the label map, (H, W) uint8, that belongs to it."""
        self.show(message, topic)
        try:
            answer = self.probe.until(lambda: self._answer_to(message), PATIENCE_S, 'an answer')
        except AssertionError as error:
            raise AssertionError(f'{error}; {self.status()[1]}\n{self.process.log}') from None
        return picture_from(answer).pixels

    def answers(self):
        """Show a good picture once and check that its label map is the model's."""
        pixels = noise(seed=next(self._serial))
        assert np.array_equal(self.answer(picture(pixels)), tiny_labels(pixels))

    def recover(self, message=None, topic='image'):
        """
        Show a good picture until it is answered; for times of change.

        From then on every one is: the subscription has taken the publisher's reliability.
        """
        message = message or picture(noise())
        self.publisher(type(message), topic)
        self.until_status(
            lambda _, values: values.get('image_input') == '1 publisher, reliable',
            'a reliable subscription')

        def answered():
            self.show(message, topic)
            self.probe.spin(0.2)
            return self._answer_to(message)
        self.probe.until(answered, PATIENCE_S, 'the first answer')

    def status(self):
        """Wait for the next /diagnostics; returns (status, name -> value)."""
        del self._diagnostics[:]
        status = self.probe.until(self._newest_status, PATIENCE_S, 'a message on /diagnostics')
        return status, {value.key: value.value for value in status.values}

    def until_status(self, fits, what):
        """Wait until ``fits(status, values)`` and return both."""
        def look():
            found = self.status()
            return fits(*found) and found
        return self.probe.until(look, PATIENCE_S, what)

    def until_level(self, level, text=''):
        """Wait until /diagnostics has this level and a message with ``text`` in it."""
        return self.until_status(
            lambda status, _: status.level == level and text in status.message,
            f'level {level} with {text!r}')

    def count(self, name):
        """Return a count on /diagnostics, 0 where it is not there."""
        return int(self.status()[1].get(name, 0))

    def close(self):
        """End it; it must end cleanly and without a traceback in its log."""
        self.probe.close()
        assert self.alive(), f'it ended by itself:\n{self.process.log}'
        code = self.process.end(timeout=PATIENCE_S)
        assert code == 0, self.process.log
        assert 'Traceback' not in self.process.log, self.process.log

    def _answer_to(self, message):
        return next((label for label in self.labels if label.header == message.header), None)

    def _newest_status(self):
        for message in reversed(self._diagnostics):
            for status in message.status:
                if status.name == 'segmenter: segmentation':
                    return status
        return None
