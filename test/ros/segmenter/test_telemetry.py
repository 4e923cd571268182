"""What goes over a slow link: alerts, small overlays, few of them; a real process over DDS."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32MultiArray, Header

from effvit_ros.ros.common.codec import image_message, picture_from

NODE = '/segmenter'
RULES = 'red>0.4<0.2x3'
#: Deeper than the node's: two alerts may come before the first is read.
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Stream:
    """Shows pictures one by one; each is segmented before the next one comes."""

    def __init__(self, probe):
        self._probe = probe
        self._publisher = probe.node.create_publisher(Image, 'image', 1)
        self._serial = itertools.count(1700000000)
        self.watch()

    def watch(self):
        """Subscribe to the areas, which tell when a picture is done."""
        self._areas, self._subscription = self._probe.collect(
            Float32MultiArray, f'{NODE}/class_areas')
        self.wait_for_node()

    def unwatch(self):
        """Unsubscribe from the areas."""
        self._probe.node.destroy_subscription(self._subscription)

    def wait_for_node(self):
        """Wait until the node hears the pictures and knows who listens to the areas."""
        del self._areas[:]
        self._probe.until(
            lambda: self.send(0, next(self._serial)) and self._probe.spin(0.1) or self._areas, 60)

    def send(self, red, sec, size=(64, 64)):
        """Publish a picture whose left part, a share of ``red``, is red; returns its header."""
        pixels = np.zeros((*size, 3), np.uint8)
        pixels[:, :round(size[1] * red), 0] = 255
        header = Header(frame_id='belly_camera')
        header.stamp.sec = sec
        self._publisher.publish(image_message(pixels, 'rgb8', header))
        return header

    def show(self, red, sec=None, size=(64, 64)):
        """Publish such a picture and wait for its areas; returns its header."""
        sec = next(self._serial) if sec is None else sec
        label = f'stamp={sec}.000000000'
        del self._areas[:]
        header = self.send(red, sec, size)
        self._probe.until(
            lambda: any(a.layout.dim[0].label == label for a in self._areas), 30,
            f'the areas of {label}')
        return header


@pytest.fixture(scope='module')
def segmenter(start_segmenter):
    return start_segmenter(alerts=RULES, image_reliability='reliable')


@pytest.fixture(scope='module')
def stream(probe, segmenter):
    return Stream(probe)


@pytest.fixture
def alerts(probe, subscribe, stream):
    """Return the alerts of this test: nothing is raised when it starts."""
    messages = subscribe(DiagnosticArray, 'alerts', LATCHED)
    cleared = [stream.show(red) for red in (0.5, 0.5, 0.5, 0, 0, 0)][-1]
    probe.until(lambda: messages and messages[-1].header == cleared)
    del messages[:]
    return messages


def told(message):
    return [(s.name, s.level[0], s.message, s.values[0].value) for s in message.status]


def test_an_alert_is_raised_once_and_cleared_once_under_the_pictures_header(
        probe, stream, alerts):
    headers = [stream.show(red) for red in (0.5, 0.1, 0.5, 0.5, 0.75, 0.5, 0.3, 0.3, 0.3)]
    probe.spin(0.2)
    assert [told(m) for m in alerts] == [[('red', 1, 'raised', '0.7500')]]
    assert alerts[0].header == headers[4]
    headers = [stream.show(red) for red in (0.1, 0.1, 0.5, 0.1, 0, 0.125, 0, 0)]
    probe.until(lambda: len(alerts) > 1)
    probe.spin(0.2)
    assert [told(m) for m in alerts[1:]] == [[('red', 0, 'cleared', '0.1250')]]
    assert alerts[1].header == headers[5]


def test_a_late_subscriber_knows_the_present_state(probe, stream, alerts, subscribe):
    for _ in range(4):
        raised = stream.show(red=0.5)
    late = subscribe(DiagnosticArray, 'alerts', LATCHED)
    probe.until(lambda: late)
    assert told(late[0]) == [('red', 1, 'raised', '0.5000')]
    assert late[0].header.stamp.sec == raised.stamp.sec - 1


def test_a_clock_that_jumps_back_makes_the_state_unknown(probe, stream, alerts):
    for _ in range(3):
        stream.show(red=0.5)
    stream.show(red=0.5, sec=1600000000)
    probe.until(lambda: len(alerts) > 1)
    assert told(alerts[1]) == [('red', 3, 'unknown', '0.5000')]
    stream.show(red=0.5, sec=1600000001)
    stream.show(red=0.5, sec=1600000002)
    probe.until(lambda: len(alerts) > 2)
    assert told(alerts[2]) == [('red', 1, 'raised', '0.5000')]


def test_deactivating_makes_the_state_unknown(probe, stream, alerts):
    for _ in range(3):
        raised = stream.show(red=0.5)
    assert probe.transition(NODE, 'deactivate')
    probe.until(lambda: len(alerts) > 1)
    assert (told(alerts[1]), alerts[1].header) == ([('red', 3, 'unknown', '0.5000')], raised)
    assert probe.transition(NODE, 'activate')
    stream.wait_for_node()


def test_rules_change_at_run_time(probe, stream, alerts):
    assert probe.set_parameter(NODE, 'alerts', 'green+red > 0.1 x 1').successful
    stream.show(red=0.25)
    probe.until(lambda: alerts)
    assert told(alerts[0]) == [('green+red', 1, 'raised', '0.2500')]
    assert probe.set_parameter(NODE, 'alerts', 'none').successful
    stream.show(red=0.25)
    probe.until(lambda: len(alerts) > 1)
    assert told(alerts[1]) == [('green+red', 3, 'unknown', '0.2500')]
    assert probe.set_parameter(NODE, 'alerts', RULES).successful


@pytest.mark.parametrize('value, reason', [
    ('red>2', "alerts: rule 'red>2': give shares between 0 and 1"),
    ('red', "alerts: rule 'red' can't be read: give CLASS>SHARE"),
    ('rod>0.1', "the model has no class 'rod', but background, red, green"),
    (5, ''),
])
def test_rules_that_cannot_be_used_are_refused(probe, segmenter, value, reason):
    result = probe.set_parameter(NODE, 'alerts', value)
    assert not result.successful
    assert reason in result.reason
    assert probe.get_parameter(NODE, 'alerts') == RULES


def test_a_model_that_lacks_a_class_of_the_rules_is_not_configured(probe, stream, segmenter):
    for name in ('deactivate', 'cleanup'):
        assert probe.transition(NODE, name)
    assert probe.set_parameter(NODE, 'alerts', 'rod>0.1').successful
    assert not probe.transition(NODE, 'configure')
    segmenter.wait_for_log("the model has no class 'rod', but background, red, green")
    assert probe.set_parameter(NODE, 'alerts', RULES).successful
    for name in ('configure', 'activate'):
        assert probe.transition(NODE, name)
    stream.wait_for_node()


def test_while_nobody_subscribes_the_state_is_unknown(probe, stream, subscribe):
    messages, subscription = probe.collect(DiagnosticArray, f'{NODE}/alerts', LATCHED)
    raised = [stream.show(red=0.5) for _ in range(3)][-1]
    probe.until(lambda: messages and messages[-1].header == raised)
    probe.node.destroy_subscription(subscription)
    stream.unwatch()
    reports = probe.collect(DiagnosticArray, '/diagnostics')[0]

    def unwatched():
        stream.send(red=0.5, sec=raised.stamp.sec)
        probe.spin(0.1)
        return {v.value for r in reports for v in r.status[0].values
                if v.key == 'frames_unwatched'}
    before = probe.until(unwatched)
    probe.until(lambda: unwatched() != before, 60)
    late = subscribe(DiagnosticArray, 'alerts', LATCHED)
    probe.until(lambda: late)
    assert (told(late[0]), late[0].header) == ([('red', 3, 'unknown', '0.5000')], raised)
    stream.watch()


def test_overlays_are_thinned_out_and_labels_are_not(probe, stream, subscribe):
    labels, overlays = subscribe(Image, 'labels'), subscribe(Image, 'overlay')
    probe.until(lambda: stream.show(red=0.5) and labels and overlays)
    assert probe.set_parameter(NODE, 'overlay_max_rate', 0.001).successful
    # After the long pause two are due at once.
    due = [stream.show(red=0.5) for _ in range(2)][-1]
    probe.until(lambda: overlays[-1].header == due)
    del labels[:], overlays[:]
    for _ in range(5):
        stream.show(red=0.5)
    probe.until(lambda: len(labels) == 5)
    probe.spin(0.2)
    assert overlays == []
    assert probe.set_parameter(NODE, 'overlay_max_rate', 0.0).successful
    stream.show(red=0.5)
    probe.until(lambda: overlays)


def test_the_jpeg_has_the_width_that_is_asked_for_and_the_overlay_the_pictures(
        probe, stream, subscribe):
    overlays, jpegs = subscribe(Image, 'overlay'), subscribe(CompressedImage, 'overlay/compressed')
    assert probe.set_parameter(NODE, 'jpeg_max_width', 96).successful
    assert probe.set_parameter(NODE, 'overlay_legend', False).successful
    probe.until(lambda: stream.show(red=0.5) and overlays and jpegs)
    header = stream.show(red=0.5, size=(120, 192))
    probe.until(lambda: overlays[-1].header == jpegs[-1].header == header)
    small = picture_from(jpegs[-1]).pixels
    assert small.shape == (60, 96, 3)
    assert np.abs(small[30, 10].astype(int) - (0, 0, 255)).max() < 10
    assert small[30, 80].max() < 10
    assert picture_from(overlays[-1]).pixels.shape == (120, 192, 3)
    stream.show(red=0.5, size=(64, 64))
    probe.until(lambda: picture_from(jpegs[-1]).pixels.shape == (64, 64, 3))
    assert probe.set_parameter(NODE, 'jpeg_max_width', 0).successful
