"""The camera node as a real process, over DDS."""
from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2')

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: E402

from effvit_ros.flight import Flight  # noqa: E402
from effvit_ros.harness.processes import (  # noqa: E402
    free_domain_id,
    node_environment,
    NodeProcess,
    running,
)
from effvit_ros.ros.common.codec import picture_from  # noqa: E402

TOPICS = {'image': Image, 'truth': Image, 'image/compressed': CompressedImage,
          'camera_info': CameraInfo}


@contextlib.contextmanager
def camera(folder, **parameters):
    """Run a camera in a domain of its own and yield its process and domain."""
    domain_id = free_domain_id()
    with running(lambda: NodeProcess('camera', 'effvit_ros.ros.camera.main', parameters, folder,
                                     node_environment(domain_id))) as processes:
        yield processes[0], domain_id


def listen(domain_id, topics, enough, timeout=40.0):
    """Return topic -> messages, taken in until ``enough(messages)`` is true."""
    os.environ.update(node_environment(domain_id))
    context = rclpy.Context()
    context.init(args=[], domain_id=domain_id)
    node = rclpy.create_node('listener', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    messages = {topic: [] for topic in topics}
    for topic in topics:
        node.create_subscription(TOPICS[topic], topic, messages[topic].append, 30)
    deadline = time.monotonic() + timeout
    try:
        while not enough(messages):
            assert time.monotonic() < deadline, {t: len(m) for t, m in messages.items()}
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()
        del node, executor
        gc.collect()  # else the participant's shared memory stays behind
    return messages


def stamp(message):
    """Return the message's stamp in nanoseconds."""
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Return a folder of three pictures of three sizes, with labels beside it."""
    folder = tmp_path_factory.mktemp('pictures')
    for kind in ('images', 'labels'):
        (folder / kind).mkdir()
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate([(48, 64), (60, 80), (30, 50)]):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        labels = rng.integers(0, 14, (height, width), np.uint8)
        assert cv2.imwrite(str(folder / 'images' / f'{number}.png'), image)
        assert cv2.imwrite(str(folder / 'labels' / f'{number}.png'), labels)
    return folder / 'images'


def test_a_folder_goes_out_byte_for_byte_with_one_header_a_frame(tmp_path, pictures):
    with camera(tmp_path, source='folder', path=str(pictures), frame_id='nadir',
                rate_hz=50.0) as (process, domain_id):
        got = listen(domain_id, TOPICS, lambda m: all(len(m[t]) >= 6 for t in TOPICS))
        process.signal(signal.SIGINT)
        assert process.wait(5) and process.exit_code == 0
    by_stamp = {topic: {stamp(m): m for m in messages} for topic, messages in got.items()}
    whole = set.intersection(*(set(m) for m in by_stamp.values()))
    assert len(whole) >= 3
    expected = [cv2.imread(str(f)) for f in sorted(pictures.iterdir())]
    for when in sorted(whole)[:3]:
        image, truth, jpeg, info = (by_stamp[t][when] for t in TOPICS)
        assert {m.header.frame_id for m in (image, truth, jpeg, info)} == {'nadir'}
        assert (image.encoding, truth.encoding) == ('bgr8', 'mono8')
        number = [e.shape[0] for e in expected].index(image.height)
        np.testing.assert_array_equal(picture_from(image).pixels, expected[number])
        labels = cv2.imread(str(pictures.parent / 'labels' / f'{number}.png'), 0)
        np.testing.assert_array_equal(picture_from(truth).pixels, labels)
        assert picture_from(jpeg).pixels.shape == expected[number].shape
        assert (info.width, info.height) == (image.width, image.height)
    assert abs(time.time() - max(whole) * 1e-9) < 60, 'stamps are of the wall clock'


def test_the_rate_does_not_drift(tmp_path, pictures):
    with camera(tmp_path, source='folder', path=str(pictures), rate_hz=25.0) as (_, domain_id):
        got = listen(domain_id, ['camera_info'], lambda m: len(m['camera_info']) >= 50)
    # Late frames and left-out ones keep the beat; a period that begins after its predecessor's
    # work does not. The length of the mean phasor is 1 in perfect step and 0 without any.
    seconds = np.array([stamp(m) for m in got['camera_info']]) * 1e-9
    assert abs(np.exp(2j * np.pi * seconds * 25.0).mean()) > 0.85


@pytest.mark.slow
def test_the_flight_goes_out_with_its_exact_truth(tmp_path):
    with camera(tmp_path, source='flight', seed=2, width=64, height=48,
                rate_hz=10.0) as (_, domain_id):
        flight = Flight(seed=2, width=64, height=48, rate_hz=10.0)
        got = listen(domain_id, ['image', 'truth', 'camera_info'], lambda m: len(m['truth']) >= 3)
    truth = got['truth'][-1]
    image = next(picture_from(m).pixels for m in got['image'] if stamp(m) == stamp(truth))
    frames = (flight.frame(index) for index in range(1000))
    frame = next(f for f in frames if (f.image == image).all())
    np.testing.assert_array_equal(picture_from(truth).pixels, frame.labels)
    assert got['camera_info'][0].k[0] > 0, 'the flight knows its focal length'


def run_camera(*arguments):
    """Run the command to its end and return its result."""
    command = [sys.executable, '-m', 'effvit_ros.ros.camera.main', '--ros-args']
    for argument in arguments:
        command += ['-p', argument]
    return subprocess.run(command, capture_output=True, text=True, timeout=30,
                          env=node_environment(free_domain_id()))


def test_a_source_that_ends_ends_the_node_which_says_so(pictures):
    result = run_camera('source:=folder', f'path:={pictures}', 'loop:=false', 'rate_hz:=50.0')
    assert result.returncode == 0
    assert '3 frames published' in result.stderr + result.stdout


@pytest.mark.parametrize('arguments, message', [
    pytest.param(['source:=folder', 'path:=/nowhere'], '/nowhere: no such folder', id='folder'),
    pytest.param(['source:=webcam'], "source is 'webcam': give flight | folder", id='source'),
    pytest.param(['camera_info_path:=/nowhere.yaml', 'source:=video', 'path:=/none.mp4'],
                 '/none.mp4: no such video file', id='video'),
])
def test_what_cannot_be_opened_is_one_line_and_exit_code_2(arguments, message):
    result = run_camera(*arguments)
    assert result.returncode == 2
    assert message in result.stderr and 'Traceback' not in result.stderr
    assert result.stderr.count('error:') == 1


def test_broken_pictures_are_said_in_the_log(tmp_path, pictures):
    broken = tmp_path / 'broken'
    broken.mkdir()
    (broken / 'a.jpg').write_bytes(b'not a picture')
    (broken / 'b.png').write_bytes((pictures / '0.png').read_bytes())
    result = run_camera('source:=folder', f'path:={broken}', 'loop:=false', 'rate_hz:=50.0')
    log = result.stderr + result.stdout
    assert result.returncode == 0
    assert 'a.jpg: not a readable picture: ' in log and ', skipped' in log
    assert '1 frames published' in log
