"""JPEGs that lack their end, which OpenCV before 5 fills with whatever lay in memory."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from effvit_ros.core.jpeg import is_cut_off
from effvit_ros.core.pixels import decode_compressed, PictureError

PIXELS = cv2.resize(np.arange(96, dtype=np.uint8).reshape(4, 8, 3) * 2, (64, 48))
BASELINE = cv2.imencode('.jpg', PIXELS)[1].tobytes()
PROGRESSIVE = cv2.imencode('.jpg', PIXELS, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
# A whole JPEG as the thumbnail of another one, in the segment where EXIF keeps it.
THUMBNAIL = b'\xff\xe1' + (len(BASELINE) + 2).to_bytes(2, 'big') + BASELINE
WITH_THUMBNAIL = BASELINE[:2] + THUMBNAIL + BASELINE[2:]


@pytest.mark.parametrize('whole', [BASELINE, PROGRESSIVE, WITH_THUMBNAIL],
                         ids=['baseline', 'progressive', 'with a thumbnail'])
@pytest.mark.parametrize('missing', [1, 2, 30, 400])
def test_without_its_end_it_is_refused(whole, missing):
    cut = whole[:-missing]
    assert is_cut_off(cut)
    with pytest.raises(PictureError, match=f'{len(cut)} bytes cannot be decoded: its end'):
        decode_compressed(cut)


@pytest.mark.parametrize('whole', [
    pytest.param(BASELINE, id='baseline'),
    pytest.param(PROGRESSIVE, id='progressive'),
    pytest.param(WITH_THUMBNAIL, id='with a thumbnail'),
    pytest.param(BASELINE + bytes(5), id='padded'),
    pytest.param(BASELINE + bytes(9000), id='padded to the size of a buffer'),
    pytest.param(BASELINE[:2] + b'\xff' + BASELINE[2:], id='a marker with a fill byte'),
])
def test_a_whole_one_is_read(whole):
    assert not is_cut_off(whole)
    difference = decode_compressed(whole).pixels.astype(int) - PIXELS
    assert np.abs(difference).mean() < 8


def test_nothing_but_headers_is_no_picture():
    scan = BASELINE.index(b'\xff\xda')
    assert is_cut_off(BASELINE[:2]) and is_cut_off(BASELINE[:scan]) and is_cut_off(b'')
    assert is_cut_off(BASELINE[:2] + THUMBNAIL)


@pytest.mark.parametrize('side', [20_000, 30_000, 65_000])
@pytest.mark.parametrize('whole', [BASELINE, PROGRESSIVE, WITH_THUMBNAIL],
                         ids=['baseline', 'progressive', 'with a thumbnail'])
def test_one_that_tells_of_more_pixels_than_its_bytes_hold_is_refused_unread(whole, side):
    bomb = bytearray(whole)
    size = whole.rindex((48).to_bytes(2, 'big') + (64).to_bytes(2, 'big'))
    bomb[size:size + 4] = side.to_bytes(2, 'big') * 2
    with pytest.raises(PictureError, match='tells of more pixels than they can hold'):
        decode_compressed(bytes(bomb))


@pytest.mark.parametrize('progressive', [0, 1], ids=['baseline', 'progressive'])
@pytest.mark.parametrize('shape', [(3000, 4000), (3000, 4000, 3)], ids=['grey', 'colour'])
def test_a_picture_of_nothing_at_all_is_read(shape, progressive):
    # The fewest bytes for the most pixels: 255 pixels a byte where it is grey and progressive.
    content = cv2.imencode('.jpg', np.zeros(shape, np.uint8), [
        cv2.IMWRITE_JPEG_QUALITY, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive,
        cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1].tobytes()
    assert decode_compressed(content).pixels.shape == (3000, 4000, 3)
