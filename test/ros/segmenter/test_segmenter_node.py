"""The segmenter as its users meet it: a real process over real DDS."""
from __future__ import annotations

import contextlib
import itertools
import time

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32MultiArray, String
from tiny_bundle import tiny_labels, write_tiny_bundle

from effvit_ros.ros.common.codec import image_message, jpeg_message, picture_from

NODE = '/segmenter'
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Camera:
    """Publishes pictures one by one and finds the results that belong to them."""

    def __init__(self, probe, message_type=Image, topic='image', qos=RELIABLE):
        self._probe = probe
        self._publisher = probe.node.create_publisher(message_type, topic, qos)
        self._serial = itertools.count(1)

    def stamp(self, message):
        message.header.frame_id = 'camera_optical_frame'
        message.header.stamp.sec = 1700000000 + next(self._serial)
        message.header.stamp.nanosec = 123456789
        return message

    def show(self, message):
        """Publish it under a new stamp."""
        self._publisher.publish(self.stamp(message))
        return message

    @contextlib.contextmanager
    def showing(self, message):
        """Publish it ten times a second while the probe spins: no camera falls silent here."""
        timer = self._probe.node.create_timer(0.1, lambda: self.show(message))
        try:
            yield
        finally:
            self._probe.node.destroy_timer(timer)

    def result(self, message, results):
        """Publish until a result with the frame's header comes, and return that result."""
        for _ in range(20):
            self.show(message)
            for _ in range(20):
                self._probe.spin(0.02)
                for result in results:
                    if result.header == message.header:
                        return result
        raise AssertionError(f'no result; {len(results)} others')

    def close(self):
        self._probe.node.destroy_publisher(self._publisher)


def picture(pixels, encoding='rgb8'):
    return image_message(np.ascontiguousarray(pixels), encoding, Image().header)


def noise(height=64, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def blocks(height, width):
    """Return a red, green, black and yellow picture that survives any resizing."""
    small = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 0], [255, 255, 0]]], np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


@pytest.fixture(scope='module')
def segmenter(start_segmenter):
    return start_segmenter(no_image_timeout=1.0)


@pytest.fixture(scope='module')
def diagnostics(probe, segmenter):
    return probe.collect(DiagnosticArray, '/diagnostics')[0]


@pytest.fixture
def camera(probe, segmenter):
    camera = Camera(probe)
    yield camera
    camera.close()


@pytest.fixture
def labels(subscribe):
    return subscribe(Image, 'labels')


@pytest.fixture
def report(probe, diagnostics):
    """Return a function that waits for the next /diagnostics and gives status and values."""
    def report():
        del diagnostics[:]
        status = probe.until(lambda: diagnostics and diagnostics[-1].status[0])
        return status, {v.key: v.value for v in status.values}
    return report


def test_it_comes_up_active_by_itself(probe, segmenter):
    assert probe.state(NODE) == 'active'


def test_labels_are_the_models_under_the_sources_header(camera, labels):
    pixels = noise()
    source = picture(pixels)
    result = camera.result(source, labels)
    assert (result.encoding, result.height, result.width, result.step) == ('mono8', 64, 64, 64)
    assert result.header == source.header
    assert np.array_equal(picture_from(result).pixels, tiny_labels(pixels))


@pytest.mark.parametrize('height, width', [(32, 48), (480, 640), (101, 333)])
def test_labels_have_the_pictures_size_and_no_invented_ids(camera, labels, height, width):
    result = picture_from(camera.result(picture(blocks(height, width)), labels)).pixels
    assert result.shape == (height, width)
    expected = tiny_labels(blocks(height, width))
    # Resizing may move an edge by a pixel of the model's 64x64.
    assert (result != expected).mean() < 0.05
    assert set(np.unique(result)) == {0, 1, 2}


@pytest.mark.parametrize('encoding, convert', [
    ('bgr8', cv2.COLOR_RGB2BGR), ('bgra8', cv2.COLOR_RGB2BGRA), ('rgba8', cv2.COLOR_RGB2RGBA)])
def test_encodings(camera, labels, encoding, convert):
    pixels = noise(seed=1)
    source = picture(cv2.cvtColor(pixels, convert), encoding)
    found = picture_from(camera.result(source, labels)).pixels
    assert np.array_equal(found, tiny_labels(pixels))


def test_a_padded_picture(camera, labels):
    pixels = noise(seed=2)
    padded = np.zeros((64, 64 * 3 + 7), np.uint8)
    padded[:, :64 * 3] = pixels.reshape(64, -1)
    source = picture(padded, 'rgb8')
    source.width = 64
    found = picture_from(camera.result(source, labels)).pixels
    assert np.array_equal(found, tiny_labels(pixels))


def test_overlay_and_its_jpeg_show_the_classes_over_the_picture(probe, camera, subscribe):
    overlays, jpegs = subscribe(Image, 'overlay'), subscribe(CompressedImage,
                                                             'overlay/compressed')
    probe.set_parameter(NODE, 'overlay_legend', False)
    source = picture(np.full((64, 64, 3), (0, 200, 0), np.uint8))
    overlay = camera.result(source, overlays)
    assert (overlay.encoding, overlay.header) == ('bgr8', source.header)
    # Half the picture's (0, 200, 0), half the class's (0, 255, 0).
    assert np.unique(picture_from(overlay).pixels.reshape(-1, 3), axis=0).tolist() in (
        [[0, 227, 0]], [[0, 228, 0]])
    jpeg = camera.result(source, jpegs)
    assert 'jpeg' in jpeg.format
    assert np.abs(picture_from(jpeg).pixels.astype(int) - (0, 228, 0)).max() < 6
    assert probe.set_parameter(NODE, 'overlay_alpha', 1.0).successful
    assert picture_from(camera.result(source, overlays)).pixels[0, 0].tolist() == [0, 255, 0]
    probe.set_parameter(NODE, 'overlay_alpha', 0.5)


def test_class_areas_name_the_classes_and_the_frame(probe, camera, subscribe):
    areas = subscribe(Float32MultiArray, 'class_areas')
    source = picture(np.concatenate([
        np.full((16, 64, 3), (255, 0, 0), np.uint8), np.zeros((48, 64, 3), np.uint8)]))
    probe.until(lambda: camera.show(source) and probe.spin(0.05) or areas)
    frame, classes = areas[-1].layout.dim
    assert frame.label.startswith('stamp=17') and frame.label.endswith('.123456789')
    assert classes.label == 'background,red,green'
    assert list(areas[-1].data) == [0.75, 0.25, 0.0]


def test_a_late_listener_still_gets_the_legend(probe, subscribe):
    legends = subscribe(String, 'label_info', LATCHED)
    probe.until(lambda: legends)
    assert "1: {name: 'red', rgb: [255, 0, 0]}" in legends[0].data


def test_camera_info_is_passed_on_under_the_labels_header(probe, camera, labels, subscribe):
    infos = subscribe(CameraInfo, 'camera_info')
    publisher = probe.node.create_publisher(CameraInfo, 'camera_info', 10)
    sent = CameraInfo(width=64, height=64, distortion_model='plumb_bob', d=[0.1, 0.2])
    probe.until(lambda: publisher.get_subscription_count())

    def passed_on():
        # As a camera does, with every picture: the first one may precede the connection.
        publisher.publish(sent)
        probe.spin(0.2)
        result = camera.result(picture(noise()), labels)
        probe.spin(0.2)
        return next((i for i in infos if i.header == result.header), None)

    info = probe.until(passed_on)
    assert (info.width, info.height, list(info.d)) == (64, 64, [0.1, 0.2])
    probe.node.destroy_publisher(publisher)


def test_camera_info_alone_is_passed_on_without_a_result(probe, camera, subscribe):
    infos = subscribe(CameraInfo, 'camera_info')
    publisher = probe.node.create_publisher(CameraInfo, 'camera_info', 10)

    def passed_on():
        publisher.publish(CameraInfo(width=64, height=64))
        probe.spin(0.2)
        shown = camera.show(picture(noise()))
        probe.spin(0.2)
        return next((i for i in infos if i.header == shown.header), None)

    info = probe.until(passed_on)
    assert (info.width, info.height) == (64, 64)
    probe.node.destroy_publisher(publisher)


def broken(**changes):
    message = picture(noise())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize('message, kind', [
    pytest.param(broken(encoding='yuv999'), 'encoding', id='unknown encoding'),
    pytest.param(broken(height=65), 'data', id='fewer bytes than the size needs'),
    pytest.param(broken(step=10), 'data', id='step shorter than a row'),
    pytest.param(broken(height=0), 'size', id='no rows'),
])
def test_an_unreadable_frame_is_counted_reported_and_survived(
        probe, camera, labels, report, message, kind):
    camera.result(picture(noise()), labels)
    before = int(report()[1].get(f'errors_{kind}', 0))

    def counted():
        status, values = report()
        return int(values.get(f'errors_{kind}', 0)) > before and status
    with camera.showing(message):
        status = probe.until(counted)
    assert status.level in (b'\x01', b'\x02')
    assert 'cannot be segmented' in status.message
    camera.result(picture(noise()), labels)
    assert probe.state(NODE) == 'active'


def test_nothing_is_segmented_while_nobody_subscribes(probe, camera, report):
    before = report()[1]

    def unwatched():
        camera.show(picture(noise()))
        after = report()[1]
        return int(after['frames_unwatched']) > int(before['frames_unwatched']) and after
    assert probe.until(unwatched)['frames_segmented'] == before['frames_segmented']


def test_no_frame_for_a_while_is_stale_and_logged(probe, segmenter, report):
    probe.spin(1.5)
    status, values = probe.until(lambda: (lambda r: r if r[0].level == b'\x03' else None)(
        report()))
    assert status.message.startswith('no frame for') and '/image' in status.message
    segmenter.wait_for_log('no frame for')


def test_diagnostics_name_what_runs(report):
    status, values = report()
    assert status.name == 'segmenter: segmentation'
    assert (values['model'], values['state']) == ('tiny', 'active')
    assert values['runtime'] in ('openvino', 'onnxruntime')
    assert values['runtime'] == status.hardware_id


@pytest.mark.parametrize('qos, word', [(RELIABLE, 'reliable'), (BEST_EFFORT, 'best_effort'),
                                       (RELIABLE, 'reliable')])
def test_the_subscription_takes_the_publishers_reliability(probe, segmenter, report, qos, word):
    camera = Camera(probe, qos=qos)
    try:
        assert probe.until(lambda: report()[1]['image_input'] == f'1 publisher, {word}')
    finally:
        camera.close()


@pytest.mark.parametrize('name, value, reason', [
    ('overlay_alpha', 1.5, '1.5'),
    ('jpeg_quality', 0, '0'),
    ('model', '/elsewhere', 'model takes effect on configure: deactivate and clean up'),
    ('image_transport', 'compressed', 'image_transport takes effect on activate: deactivate'),
    ('image_reliability', 'magic', "image_reliability is 'magic': give auto | reliable"),
    ('autostart', False, 'autostart takes effect when the node starts'),
])
def test_what_cannot_be_set_now_is_refused_with_a_reason(probe, segmenter, name, value, reason):
    before = probe.get_parameter(NODE, name)
    result = probe.set_parameter(NODE, name, value)
    assert not result.successful
    assert reason in result.reason
    assert probe.get_parameter(NODE, name) == before


def reload(probe, model):
    for name in ('deactivate', 'cleanup'):
        assert probe.transition(NODE, name)
    assert probe.set_parameter(NODE, 'model', str(model)).successful
    for name in ('configure', 'activate'):
        assert probe.transition(NODE, name)


def test_frames_that_come_faster_than_they_are_segmented_are_dropped_and_counted(
        probe, camera, labels, report, tmp_path, tiny_bundle):
    # A larger model, for tens of milliseconds a frame, on any machine more than the pause below.
    reload(probe, write_tiny_bundle(tmp_path / 'large', 1024, 1024))
    camera.result(picture(noise()), labels)
    before = int(report()[1]['frames_dropped'])

    def overrun():
        for _ in range(100):
            newest = camera.show(picture(noise()))
            time.sleep(0.003)
        # The last one shown is not among the dropped.
        probe.until(lambda: labels[-1].header == newest.header)
        return int(report()[1]['frames_dropped']) > before
    probe.until(overrun)
    reload(probe, tiny_bundle)


def test_a_subscriber_that_does_not_fit_is_told_of(probe, segmenter):
    _, subscription = probe.collect(Image, NODE + '/labels', LATCHED)
    try:
        segmenter.wait_for_log('requesting incompatible QoS')
        assert 'Last incompatible policy: DURABILITY' in segmenter.log
    finally:
        probe.node.destroy_subscription(subscription)


def test_a_publisher_that_cannot_be_heard_is_told_of(probe, segmenter, report):
    probe.transition(NODE, 'deactivate')
    probe.set_parameter(NODE, 'image_reliability', 'reliable')
    probe.transition(NODE, 'activate')
    deaf = Camera(probe, qos=BEST_EFFORT)
    try:
        status = probe.until(lambda: (lambda s: s.level == b'\x01' and s)(report()[0]))
        assert 'incompatible RELIABILITY' in status.message
        assert 'image_reliability' in status.message
        segmenter.wait_for_log('incompatible RELIABILITY')
    finally:
        deaf.close()
        probe.transition(NODE, 'deactivate')
        probe.set_parameter(NODE, 'image_reliability', 'auto')
        probe.transition(NODE, 'activate')


def test_max_rate_changes_at_once(probe, camera, labels, report):
    camera.result(picture(noise()), labels)
    assert probe.set_parameter(NODE, 'max_rate', 2).successful
    before = int(report()[1]['frames_over_rate'])
    for _ in range(20):
        camera.show(picture(noise()))
        probe.spin(0.02)
    assert int(report()[1]['frames_over_rate']) > before
    assert probe.set_parameter(NODE, 'max_rate', 0.0).successful


def test_transitions_while_frames_stream(probe, camera, labels):
    frame = picture(noise())
    stream = probe.node.create_timer(0.005, lambda: camera.show(frame))
    for _ in range(8):
        assert probe.transition(NODE, 'deactivate')
        assert probe.transition(NODE, 'activate')
    del labels[:]
    probe.until(lambda: len(labels) > 3)
    probe.node.destroy_timer(stream)


def test_a_manual_deactivate_stays_and_the_transport_can_change_meanwhile(
        probe, camera, labels, report):
    assert probe.transition(NODE, 'deactivate')
    camera.show(picture(noise()))
    del labels[:]
    probe.spin(1.0)
    assert (labels, probe.state(NODE)) == ([], 'inactive')
    assert report()[0].message == 'inactive'
    assert probe.set_parameter(NODE, 'image_transport', 'compressed').successful
    assert probe.transition(NODE, 'activate')
    compressed = Camera(probe, CompressedImage, 'image/compressed')
    source = jpeg_message(np.full((48, 64, 3), (0, 0, 250), np.uint8), 95, Image().header)
    result = picture_from(compressed.result(source, labels)).pixels
    assert result.shape == (48, 64)
    assert np.unique(result).tolist() == [1]
    cut = CompressedImage(format='jpeg', data=source.data[:100])
    compressed.show(cut)
    compressed.result(source, labels)
    assert int(report()[1]['errors_data']) > 0
    compressed.close()
    assert probe.transition(NODE, 'deactivate')
    assert probe.set_parameter(NODE, 'image_transport', 'raw').successful
    assert probe.transition(NODE, 'activate')


def test_a_model_that_cannot_be_loaded_leaves_the_node_unconfigured_and_mendable(
        probe, report, labels, segmenter, tiny_bundle):
    assert probe.transition(NODE, 'deactivate')
    assert probe.transition(NODE, 'cleanup')
    assert 'model' not in report()[1]
    assert probe.set_parameter(NODE, 'model', '/no/such/folder').successful
    assert not probe.transition(NODE, 'configure')
    status, values = report()
    assert (probe.state(NODE), status.level, values['state']) == (
        'unconfigured', b'\x02', 'unconfigured')
    assert status.message.startswith("model '/no/such/folder': no such folder")
    segmenter.wait_for_log("model '/no/such/folder'")
    assert probe.set_parameter(NODE, 'model', str(tiny_bundle)).successful
    assert probe.transition(NODE, 'configure')
    assert probe.transition(NODE, 'activate')
    camera = Camera(probe)
    camera.result(picture(noise()), labels)
    with camera.showing(picture(noise())):
        assert report()[0].level == b'\x00'
    camera.close()
