"""Every encoding with padding and both endiannesses, and what can't be read."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.pixels import decode, decode_compressed, ENCODINGS, PictureError

PLAIN = {'bgr8': (3, 'bgr'), 'rgb8': (3, 'rgb'), 'bgra8': (4, 'bgra'), 'rgba8': (4, 'rgba'),
         'mono8': (1, 'mono'), '8UC1': (1, 'mono'), '8UC3': (3, 'bgr'), '8UC4': (4, 'bgra')}
SIXTEEN = {'mono16': 1, 'bgr16': 3, 'rgb16': 3, 'bgra16': 4, 'rgba16': 4,
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
    high = np.linspace(0, 255, 3 * 4 * channels).astype(np.uint16).reshape(3, 4 * channels)
    wide = (high << 8 | 0x42).astype('>u2' if big else '<u2')
    picture = decode(padded(wide.view(np.uint8), 6), 3, 4, encoding, 8 * channels + 6, big)
    np.testing.assert_array_equal(picture.pixels.reshape(3, -1), high)


@pytest.mark.parametrize('big', [False, True], ids=['little', 'big'])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_the_values_tell_how_many_bits_a_camera_fills(bits, big):
    levels = np.array([[0, 100, 200, 255]], np.uint16)
    data = (levels << (bits - 8)).astype('>u2' if big else '<u2').tobytes()
    told, depth = decode(data, 1, 4, 'mono16', 8, big), BitDepth()
    assert told.pixels.tolist() == levels.tolist()
    assert decode(data, 1, 4, 'mono16', 8, big, depth).pixels.tolist() == levels.tolist()
    assert (depth.bits, depth.guess) == (bits, bits if bits < 16 else None)


def test_a_streams_depth_only_grows():
    depth, shown = BitDepth(), []
    for value in (1023, 4095, 1023):
        frame = np.full((1, 2), value, '<u2').tobytes()
        shown.append(int(decode(frame, 1, 2, 'mono16', 4, depth=depth).pixels[0, 0]))
    assert shown == [255, 255, 63] and depth.guess == 12


@pytest.mark.parametrize('bits, value, expected', [
    pytest.param(12, 4095, 255, id='brightest'), pytest.param(12, 16, 1, id='dark'),
    pytest.param(12, 5000, 255, id='beyond'), pytest.param(16, 4095, 15, id='sixteen'),
])
def test_a_depth_that_is_given_holds(bits, value, expected):
    depth = BitDepth(bits)
    frame = np.full((1, 2), value, '<u2').tobytes()
    assert decode(frame, 1, 2, 'mono16', 4, depth=depth).pixels.tolist() == [[expected] * 2]
    assert depth.guess is None


def test_ten_bits_of_a_mosaic_are_not_black():
    mosaic = np.tile(np.uint16([[800, 480], [480, 160]]), (4, 5))
    picture = decode(mosaic.astype('<u2').tobytes(), 8, 10, 'bayer_rggb16', 20)
    assert picture.pixels[3, 4].tolist() == [40, 120, 200]


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


@pytest.mark.parametrize('height, allocated', [
    pytest.param(10, 16, id='16'), pytest.param(234, 240, id='8'), pytest.param(36, 64, id='32'),
    pytest.param(1080, 1088, id='full-hd'),
])
@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
def test_planes_that_a_decoder_padded_are_understood(encoding, height, allocated):
    random = np.random.default_rng(0)
    luma = random.integers(16, 235, (height, 8), np.uint8)
    chroma = random.integers(16, 240, (height // 2, 8), np.uint8)
    exact = decode(np.vstack([luma, chroma]).tobytes(), height, 8, encoding, 8)
    padded_planes = np.zeros((allocated * 3 // 2, 12), np.uint8)
    padded_planes[:height, :8] = luma
    padded_planes[allocated:allocated + height // 2, :8] = chroma
    picture = decode(padded_planes.tobytes(), height, 8, encoding, 12)
    np.testing.assert_array_equal(picture.pixels, exact.pixels)


def test_the_last_row_may_lack_its_padding():
    assert decode(bytes(8 + 6), 2, 2, 'rgb8', 8).pixels.shape == (2, 2, 3)


def test_step_zero_means_packed():
    assert decode(bytes(12), 2, 2, 'rgb8', 0).pixels.shape == (2, 2, 3)


@pytest.mark.parametrize('size, height, width, encoding, step, message', [
    pytest.param(12, 0, 2, 'rgb8', 6, 'is 2x0: it has no pixels', id='no-rows'),
    pytest.param(12, 2, 0, 'rgb8', 6, 'is 0x2', id='no-columns'),
    pytest.param(12, 2, 2, 'rgb9', 6, "encoding 'rgb9' is not supported", id='unknown'),
    pytest.param(16, 2, 2, '32FC1', 8, "encoding '32FC1' holds distances", id='depth-metres'),
    pytest.param(8, 2, 2, '16UC1', 4, "encoding '16UC1' holds distances", id='depth-millimetres'),
    pytest.param(12, 2, 2, 'mono8', 2, 'data holds 12 bytes, but 2x2 mono8', id='colour-as-grey'),
    pytest.param(8, 2, 2, 'mono8', 2, 'has only 4: size, encoding or step', id='16-bits-as-8'),
    pytest.param(9, 2, 2, 'nv12', 2, 'but 2x2 nv12 with step 2', id='nv12-surplus'),
    pytest.param(12, 2, 2, '', 6, "encoding ''", id='empty-encoding'),
    pytest.param(12, 2, 2, 'a\nb', 6, r"encoding 'a\\nb'", id='line-break-in-encoding'),
    pytest.param(11, 2, 2, 'rgb8', 6, 'data holds 11 bytes', id='short-data'),
    pytest.param(0, 2, 2, 'rgb8', 6, 'data holds 0 bytes', id='no-data'),
    pytest.param(12, 2, 2, 'rgb8', 5, 'step is 5', id='short-step'),
    pytest.param(6, 1, 3, 'yuyv', 6, '3x1 yuyv needs even sides', id='odd-yuv422'),
    pytest.param(9, 3, 3, 'bayer_rggb8', 3, 'needs even sides', id='odd-bayer'),
    pytest.param(9, 2, 3, 'nv12', 3, 'needs even sides', id='odd-nv12'),
    pytest.param(4, 2, 2, 'nv12', 2, 'but 2x2 nv12 .* takes 6', id='nv12-without-chroma'),
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


def mosaic_of(picture, pattern='rggb'):
    """Return what a sensor with this pattern sees of a BGR picture, (H, W) uint8."""
    mosaic = np.empty(picture.shape[:2], picture.dtype)
    for place, colour in enumerate(pattern):
        row, column = divmod(place, 2)
        mosaic[row::2, column::2] = picture[row::2, column::2, 'bgr'.index(colour)]
    return mosaic


BGR = np.full((8, 10, 3), (40, 120, 200), np.uint8)
GREY = np.full((8, 10), 90, np.uint8)


@pytest.mark.parametrize('content, form, expected', [
    pytest.param(BGR, 'png', [40, 120, 200], id='no-encoding'),
    pytest.param(BGR, 'bgr8; png compressed bgr8', [40, 120, 200], id='bgr'),
    pytest.param(BGR, 'rgb8; png compressed bgr8', [40, 120, 200], id='rgb-stored-right'),
    pytest.param(BGR, 'rgb8; png compressed ', [40, 120, 200], id='colours-not-told'),
    pytest.param(BGR, 'rgb8; png compressed rgb8', [200, 120, 40], id='rgb-stored-as-bgr'),
    pytest.param(GREY, 'mono8; png compressed ', [90, 90, 90], id='grey'),
    pytest.param(GREY, 'mono8; png compressed mono8', [90, 90, 90], id='grey-told-twice'),
    pytest.param(mosaic_of(BGR), 'bayer_rggb8; png compressed ', [40, 120, 200], id='mosaic'),
    pytest.param(mosaic_of(BGR, 'gbrg'), 'bayer_gbrg8; png compressed bayer_gbrg8',
                 [40, 120, 200], id='mosaic-told-twice'),
    pytest.param(mosaic_of(BGR), 'bayer_rggb8; png compressed mono8', None, id='grey-of-mosaic'),
    pytest.param(mosaic_of(BGR).astype(np.uint16) << 4, 'bayer_rggb16; png compressed ',
                 [40, 120, 200], id='mosaic-of-12-bits'),
    pytest.param(GREY.astype(np.uint16) << 2, 'mono16; png compressed ', [90, 90, 90],
                 id='grey-of-10-bits'),
    pytest.param(BGR.astype(np.uint16) << 8, 'rgb16; png compressed bgr16', [40, 120, 200],
                 id='16-bits'),
])
def test_the_format_tells_what_a_compressed_picture_holds(content, form, expected):
    picture = decode_compressed(cv2.imencode('.png', content)[1].tobytes(), form)
    if expected is None:
        assert (picture.bgr()[..., 0] == picture.bgr()[..., 2]).all()
    else:
        assert np.abs(picture.bgr()[3, 4].astype(int) - expected).max() <= 1


@pytest.mark.parametrize('form', [
    '16UC1; compressedDepth png', '32FC1; compressedDepth png', '16UC1; png compressed '])
def test_compressed_distances_are_no_picture(form):
    content = cv2.imencode('.png', GREY.astype(np.uint16))[1].tobytes()
    with pytest.raises(PictureError, match='holds distances'):
        decode_compressed(content, form)
