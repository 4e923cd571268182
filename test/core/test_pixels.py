"""Every encoding with padding and both endiannesses, and what can't be read."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effvit_ros.core.pixels import decode, decode_compressed, ENCODINGS, PictureError

PLAIN = {'bgr8': (3, 'bgr'), 'rgb8': (3, 'rgb'), 'bgra8': (4, 'bgra'), 'rgba8': (4, 'rgba'),
         'mono8': (1, 'mono'), '8UC1': (1, 'mono'), '8UC3': (3, 'bgr'), '8UC4': (4, 'bgra')}
SIXTEEN = {'mono16': 1, '16UC1': 1, 'bgr16': 3, 'rgb16': 3, 'bgra16': 4, 'rgba16': 4,
           '16UC3': 3, '16UC4': 4}


def padded(rows, padding):
    """Return (height, bytes) rows as one buffer with ``padding`` bytes of 0xEE after each."""
    height = rows.shape[0]
    flat = rows.reshape(height, -1)
    return np.hstack([flat, np.full((height, padding), 0xEE, np.uint8)]).tobytes()


sizes = st.integers(1, 9)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), sizes, sizes, st.integers(0, 5), st.randoms())
def test_plain_encodings_come_back_as_they_are(encoding, height, width, padding, random):
    channels, order = PLAIN[encoding]
    pixels = np.frombuffer(random.getrandbits(
        8 * height * width * channels).to_bytes(height * width * channels, 'little'), np.uint8)
    pixels = pixels.reshape(height, width, channels)
    picture = decode(padded(pixels, padding), height, width, encoding, width * channels + padding)
    assert picture.order == order
    np.testing.assert_array_equal(picture.pixels.reshape(pixels.shape), pixels)


def test_plain_encodings_are_not_copied():
    data = bytearray(4 * 4 * 3)
    picture = decode(data, 4, 4, 'rgb8', 12)
    data[0] = 7
    assert picture.pixels[0, 0, 0] == 7


@pytest.mark.parametrize('encoding', sorted(SIXTEEN))
@pytest.mark.parametrize('big', [False, True], ids=['little', 'big'])
def test_sixteen_bits_keep_the_high_byte(encoding, big):
    channels = SIXTEEN[encoding]
    high = np.arange(3 * 4 * channels, dtype=np.uint16).reshape(3, 4 * channels) * 5
    wide = (high << 8 | 0x42).astype('>u2' if big else '<u2')
    picture = decode(padded(wide.view(np.uint8), 6), 3, 4, encoding, 8 * channels + 6, big)
    np.testing.assert_array_equal(picture.pixels.reshape(3, -1), high)


BAYER_ROWS = {'rggb': ('rg', 'gb'), 'bggr': ('bg', 'gr'), 'gbrg': ('gb', 'rg'),
              'grbg': ('gr', 'bg')}


@pytest.mark.parametrize('pattern', sorted(BAYER_ROWS))
@pytest.mark.parametrize('bits', [8, 16])
def test_bayer_patterns_find_their_colours(pattern, bits):
    color = {'r': 200, 'g': 120, 'b': 40}
    tile = [[color[c] for c in row] for row in BAYER_ROWS[pattern]]
    mosaic = np.tile(np.uint8(tile), (4, 5))
    raw = mosaic if bits == 8 else (mosaic.astype('<u2') << 8).view(np.uint8)
    picture = decode(padded(raw, 0), 8, 10, f'bayer_{pattern}{bits}', 10 * bits // 8)
    assert picture.order == 'bgr'
    assert picture.pixels[3, 4].tolist() == [40, 120, 200]


YUV_PIXEL = (90, 110, 190)  # Y, U, V of one flat colour


def flat_colour():
    """Return that colour as BGR by OpenCV's planar conversion."""
    y, u, v = YUV_PIXEL
    planes = np.concatenate([np.full(16, y), np.full(4, u), np.full(4, v)]).astype(np.uint8)
    return cv2.cvtColor(planes.reshape(6, 4), cv2.COLOR_YUV2BGR_I420)[0, 0]


@pytest.mark.parametrize('encoding, order', [
    ('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')])
def test_yuv422_orders(encoding, order):
    y, u, v = YUV_PIXEL
    four = {'uyvy': [u, y, v, y], 'yuyv': [y, u, y, v]}[order]
    rows = np.tile(np.uint8(four), (4, 2))
    picture = decode(padded(rows, 3), 4, 4, encoding, 11)
    assert np.abs(picture.pixels.astype(int) - flat_colour()).max() <= 1


@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
def test_semi_planar_orders(encoding):
    y, u, v = YUV_PIXEL
    chroma = [u, v] if encoding == 'nv12' else [v, u]
    rows = np.vstack([np.full((4, 4), y), np.tile(chroma, (2, 2))]).astype(np.uint8)
    picture = decode(padded(rows, 2), 4, 4, encoding, 6)
    assert np.abs(picture.pixels.astype(int) - flat_colour()).max() <= 1


def test_the_last_row_may_lack_its_padding():
    assert decode(bytes(8 + 6), 2, 2, 'rgb8', 8).pixels.shape == (2, 2, 3)


def test_step_zero_means_packed():
    assert decode(bytes(12), 2, 2, 'rgb8', 0).pixels.shape == (2, 2, 3)


@pytest.mark.parametrize('size, height, width, encoding, step, message', [
    pytest.param(12, 0, 2, 'rgb8', 6, 'is 2x0: it has no pixels', id='no-rows'),
    pytest.param(12, 2, 0, 'rgb8', 6, 'is 0x2', id='no-columns'),
    pytest.param(12, 2, 2, 'rgb9', 6, "encoding 'rgb9' is not supported", id='unknown'),
    pytest.param(12, 2, 2, '32FC1', 8, "encoding '32FC1'", id='depth'),
    pytest.param(12, 2, 2, '', 6, "encoding ''", id='empty-encoding'),
    pytest.param(12, 2, 2, 'a\nb', 6, r"encoding 'a\\nb'", id='line-break-in-encoding'),
    pytest.param(11, 2, 2, 'rgb8', 6, 'data holds 11 bytes', id='short-data'),
    pytest.param(0, 2, 2, 'rgb8', 6, 'data holds 0 bytes', id='no-data'),
    pytest.param(12, 2, 2, 'rgb8', 5, 'step is 5', id='short-step'),
    pytest.param(6, 1, 3, 'yuyv', 6, 'needs even sides', id='odd-yuv422'),
    pytest.param(9, 3, 3, 'bayer_rggb8', 3, 'needs even sides', id='odd-bayer'),
    pytest.param(9, 2, 3, 'nv12', 3, 'needs even sides', id='odd-nv12'),
    pytest.param(4, 2, 2, 'nv12', 2, 'data holds 4 bytes', id='nv12-without-chroma'),
])
def test_what_cannot_be_read_gets_one_line(size, height, width, encoding, step, message):
    with pytest.raises(PictureError, match=message) as error:
        decode(bytes(size), height, width, encoding, step)
    assert '\n' not in str(error.value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64), st.integers(0, 6), st.integers(0, 6),
       st.sampled_from(ENCODINGS + ('junk',)), st.integers(0, 30), st.booleans())
def test_any_frame_is_a_picture_or_a_picture_error(data, height, width, encoding, step, big):
    try:
        picture = decode(data, height, width, encoding, step, big)
    except PictureError:
        return
    assert picture.pixels.shape[:2] == (height, width)
    assert picture.bgr().shape == (height, width, 3)


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_compressed_pictures_are_read_as_bgr(extension):
    bgr = np.full((16, 16, 3), (10, 100, 200), np.uint8)
    picture = decode_compressed(cv2.imencode(extension, bgr)[1].tobytes())
    assert np.abs(picture.pixels.astype(int) - bgr).max() <= 2


@pytest.mark.parametrize('data', [b'', b'junk', b'\xff\xd8\xff\xe0broken'],
                         ids=['empty', 'junk', 'header-only'])
def test_broken_compressed_pictures(data):
    with pytest.raises(PictureError, match='cannot be decoded'):
        decode_compressed(data)
