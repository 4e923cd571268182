"""Image messages to pictures and back."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from effvit_ros.core.pixels import ENCODINGS, PictureError
from effvit_ros.ros.common.codec import image_message, jpeg_message, picture_from, png_message

HEADER = Header(frame_id='camera')
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345678901
SIDES = st.integers(1, 9)


@given(SIDES.flatmap(lambda h: SIDES.flatmap(lambda w: arrays(np.uint8, (h, w, 3)))))
def test_colour_pictures_come_back_as_they_went(pixels):
    message = image_message(pixels, 'bgr8', HEADER)
    assert (message.height, message.width, message.step) == (
        pixels.shape[0], pixels.shape[1], 3 * pixels.shape[1])
    picture = picture_from(message)
    assert picture.order == 'bgr'
    assert np.array_equal(picture.pixels, pixels)


@given(SIDES.flatmap(lambda h: SIDES.flatmap(lambda w: arrays(np.uint8, (h, w)))))
def test_label_maps_come_back_as_they_went(labels):
    message = image_message(labels, 'mono8', HEADER)
    assert message.step == labels.shape[1]
    assert np.array_equal(picture_from(message).pixels, labels)


def test_the_header_is_the_sources():
    message = image_message(np.zeros((2, 2), np.uint8), 'mono8', HEADER)
    assert message.header == HEADER


def test_plain_pictures_are_read_without_a_copy():
    message = image_message(np.zeros((4, 4, 3), np.uint8), 'bgr8', HEADER)
    assert np.shares_memory(picture_from(message).pixels, np.frombuffer(message.data, np.uint8))


def test_padding_at_the_end_of_rows_is_skipped():
    padded = np.arange(4 * 10, dtype=np.uint8).reshape(4, 10)
    message = Image(height=4, width=3, encoding='rgb8', step=10)
    message.data.frombytes(padded)
    picture = picture_from(message)
    assert picture.order == 'rgb'
    assert np.array_equal(picture.pixels, padded[:, :9].reshape(4, 3, 3))


@pytest.mark.parametrize('is_bigendian, dtype', [(0, '<u2'), (1, '>u2')])
def test_the_high_byte_of_sixteen_bits_is_kept_whatever_the_byte_order(is_bigendian, dtype):
    deep = np.array([[0x0102, 0xFEDC]], dtype)
    message = Image(height=1, width=2, encoding='mono16', step=4, is_bigendian=is_bigendian)
    message.data.frombytes(deep.view(np.uint8))
    assert picture_from(message).pixels.tolist() == [[0x01, 0xFE]]


@settings(max_examples=300)
@given(
    encoding=st.one_of(st.sampled_from(ENCODINGS), st.text(max_size=8)),
    height=st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
    width=st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
    step=st.one_of(st.integers(0, 64), st.integers(0, 2**32 - 1)),
    is_bigendian=st.integers(0, 255), data=st.binary(max_size=600))
def test_whatever_a_message_claims_it_is_a_picture_or_a_picture_error(
        encoding, height, width, step, is_bigendian, data):
    message = Image(height=height, width=width, encoding=encoding, step=step,
                    is_bigendian=is_bigendian)
    message.data.frombytes(data)
    try:
        picture = picture_from(message)
    except PictureError as error:
        assert error.kind in ('size', 'encoding', 'data')
        assert '\n' not in str(error)
    else:
        assert picture.bgr().shape == (height, width, 3)
        assert picture.pixels.dtype == np.uint8


@given(st.binary(max_size=400))
def test_whatever_a_compressed_message_holds_it_is_a_picture_or_a_picture_error(data):
    message = CompressedImage(format='jpeg')
    message.data.frombytes(data)
    with pytest.raises(PictureError, match=f'{len(data)} bytes'):
        picture_from(message)


@pytest.mark.parametrize('part', [0.0, 0.1, 0.5, 0.99])
def test_a_jpeg_that_is_cut_off_cannot_be_read(part):
    whole = jpeg_message(np.full((64, 64, 3), 200, np.uint8), 90, HEADER)
    cut = CompressedImage(format=whole.format, data=whole.data[:int(len(whole.data) * part)])
    with pytest.raises(PictureError):
        picture_from(cut)


@pytest.mark.parametrize('extension', ['.jpg', '.png', '.bmp'])
def test_compressed_pictures_are_read_whatever_their_format_field_says(extension):
    flat = np.full((6, 8, 3), (10, 100, 200), np.uint8)
    message = CompressedImage(format='')
    message.data.frombytes(cv2.imencode(extension, flat)[1])
    picture = picture_from(message)
    assert picture.order == 'bgr'
    assert np.abs(picture.pixels.astype(int) - flat).max() <= 3


def test_jpeg_quality_is_a_matter_of_size():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = [len(jpeg_message(noise, quality, HEADER).data) for quality in (1, 50, 100)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2] / 3


def working_cv_bridge():
    """Return a CvBridge, or skip where there is none or it is of the broken builds."""
    cv_bridge = pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    bridge = cv_bridge.CvBridge()
    try:
        bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(np.zeros((2, 2, 3), np.uint8), 'bgr8'))
    except Exception as error:
        pytest.skip(f'cv_bridge is installed, but broken: {error}')
    return bridge


@pytest.mark.parametrize('encoding', [
    'bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8',
    'bayer_grbg8', 'yuv422', 'yuv422_yuy2'])
def test_cv_bridge_reads_the_same(encoding):
    bridge = working_cv_bridge()
    channels = {'mono8': 1, 'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4}.get(
        encoding, 2 if encoding.startswith('yuv') else 1)
    noise = np.random.default_rng(1).integers(0, 256, (16, 16 * channels), np.uint8)
    message = Image(height=16, width=16, encoding=encoding, step=16 * channels)
    message.data.frombytes(noise)
    assert np.array_equal(picture_from(message).bgr(), bridge.imgmsg_to_cv2(message, 'bgr8'))


def test_labels_as_a_png_are_the_same_labels():
    labels = np.random.default_rng(0).integers(0, 14, (48, 64), np.uint8)
    message = png_message(labels, Header(frame_id='camera'))
    assert message.format.startswith('mono8; png') and message.header.frame_id == 'camera'
    read = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read, labels)
