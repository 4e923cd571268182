"""A thousand broken frames of every kind among good ones: every good one is answered."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from broken_frames import COMPRESSED, damaged_jpeg, damaged_message, frames, RAW
from sensor_msgs.msg import Image
from tiny_bundle import tiny_labels
from watched_node import ERROR, noise, OK, PATIENCE_S, picture, WARN

from effvit_ros.ros.common.codec import jpeg_message

#: Broken frames between two good ones.
RUN = 20
#: Seconds from one to the next, or most would displace each other unseen.
PACE_S = 0.008
GOOD = {
    'raw': picture(noise()),
    'compressed': jpeg_message(np.full((48, 64, 3), (0, 0, 250), np.uint8), 95, Image().header)}


def good_raw(node):
    node.answers()


def good_jpeg(node):
    assert np.unique(node.answer(GOOD['compressed'], 'image/compressed')).tolist() == [1]


@pytest.mark.slow
@pytest.mark.parametrize('makers, topic, good, count, transport', [
    pytest.param(RAW, 'image', good_raw, 1000, 'raw', id='raw'),
    pytest.param(COMPRESSED, 'image/compressed', good_jpeg, 1000, 'compressed',
                 id='compressed'),
])
def test_every_good_frame_is_answered_and_every_broken_one_counted(
        watch, makers, topic, good, count, transport):
    node = watch(image_transport=transport)
    node.process.wait_for_log('segmenting', PATIENCE_S)
    node.recover(GOOD[transport], topic)
    source = frames(makers, count, seed=len(makers))
    good_ones = 0
    while True:
        some = list(itertools.islice(source, RUN))
        if not some:
            break
        for message in some:
            node.show(message, topic)
            node.probe.spin(PACE_S)
        good(node)
        good_ones += 1
    # All frames that came were counted once, as an error unless a newer one displaced them.
    status, values = node.status()
    number = {k: int(v) for k, v in values.items() if k.startswith(('frames', 'errors'))}
    assert status.level in (WARN, ERROR) and 'cannot be segmented' in status.message
    assert number['frames_received'] == (
        number['frames_segmented'] + number['errors'] + number['frames_dropped']
        + number['frames_unwatched'])
    assert number['errors'] > count / 4 and number['frames_segmented'] >= good_ones
    assert number.get('errors_inference', 0) == 0, values['last_error']
    if transport == 'raw':
        assert all(number[f'errors_{kind}'] > 0 for kind in ('encoding', 'size', 'data'))
    # One line every few seconds, whatever was in the frames.
    assert node.process.log.count('a frame was skipped') < count / 10
    assert not [line for line in node.process.log.splitlines() if line.startswith('[FATAL]')]
    good(node)
    node.until_level(OK)


@pytest.mark.slow
@pytest.mark.parametrize('make, topic, transport', [
    pytest.param(damaged_message, 'image', 'raw', id='messages'),
    pytest.param(damaged_jpeg, 'image/compressed', 'compressed', id='JPEG'),
])
def test_random_damage_is_survived(watch, make, topic, transport):
    node = watch(image_transport=transport)
    node.process.wait_for_log('segmenting', PATIENCE_S)
    node.recover(GOOD[transport], topic)
    good = good_jpeg if transport == 'compressed' else good_raw
    publisher = node.publisher(type(GOOD[transport]), topic)
    rng = np.random.default_rng(1)
    for index in range(500):
        publisher.publish(make(rng))
        node.probe.spin(PACE_S)
        if index % RUN == 0:
            good(node)
    good(node)


def test_one_broken_frame_is_told_with_the_field_and_its_value(watch):
    node = watch().ready()
    message = picture(noise())
    message.step = 10
    node.show(message)
    status, values = node.until_status(
        lambda _, values: values.get('errors_data') == '1', 'an error of the data')
    assert 'step is 10, but a row of 64x64 rgb8 takes 192 bytes' in status.message
    pixels = noise(seed=5)
    assert np.array_equal(node.answer(picture(pixels)), tiny_labels(pixels))
