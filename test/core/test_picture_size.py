"""Pictures of more pixels than are read, told by their headers."""
from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import colours_from_bytes, LabelError, labels_from_bytes
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.picture_size import size_in_header, too_large, VARIABLE
from effvit_ros.core.pixels import decode_compressed, PictureError

GREY = np.arange(15, dtype=np.uint8).reshape(3, 5)


def file_of(form, **options):
    content = io.BytesIO()
    Image.fromarray(GREY).save(content, form, **options)
    return content.getvalue()


def png_of(width, height, length=2 << 20):
    """Return a PNG that tells of this size, in about so many bytes, with next to nothing in it."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack(
            '>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0,
                                                             0, 0))
            + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'junk', bytes(length))
            + chunk(b'IEND', b''))


@pytest.mark.parametrize('content', [
    pytest.param(file_of('PNG'), id='PNG'),
    pytest.param(file_of('JPEG'), id='JPEG'),
    pytest.param(file_of('BMP'), id='BMP'),
    pytest.param(file_of('TIFF'), id='TIFF'),
    pytest.param(file_of('TIFF', compression='tiff_lzw'), id='compressed TIFF'),
    pytest.param(b'MM\0*' + struct.pack('>IHHHIHHHHIII', 8, 2, 256, 3, 1, 5, 0, 257, 4, 1, 3, 0),
                 id='big-endian TIFF'),
    pytest.param(b'BM' + bytes(12) + struct.pack('<IHHHH', 12, 5, 3, 1, 8), id='BMP of OS/2'),
    pytest.param(b'BM' + bytes(12) + struct.pack('<Iii', 40, 5, -3), id='BMP from the top'),
])
def test_headers_tell_width_and_height(content):
    assert size_in_header(content) == (5, 3)


@pytest.mark.parametrize('content', [
    b'', b'BM', b'\x89PNG\r\n', b'II*\0', b'MM\0*\xff\xff\xff\xff', b'\xff\xd8',
    b'II*\0\x08\0\0\0\xff\xff', file_of('WEBP')])
def test_others_tell_nothing(content):
    assert size_in_header(content) is None
    assert too_large(content) == ''


@pytest.mark.parametrize('width, height, refused', [
    pytest.param(14_204, 10_652, False, id='150 megapixels'),
    pytest.param(20_150, 14_118, False, id='284 megapixels, the largest aerial camera'),
    pytest.param(17_321, 17_321, True, id='just above 300 million'),
    pytest.param(2**31 - 1, 2**31 - 1, True, id='as much as a PNG can tell of'),
])
def test_more_than_300_million_pixels_are_refused_unread(width, height, refused, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert bool(too_large(png_of(width, height))) is refused


@pytest.mark.parametrize('read, error', [
    (decode_compressed, PictureError), (lambda content: labels_from_bytes(content, 'x.png'),
                                        LabelError),
    (lambda content: colours_from_bytes(content, 'x.png'), LabelError)],
    ids=['a picture', 'labels', 'coloured labels'])
def test_every_reader_says_the_same(read, error, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(error, match='40000x30000 pixels are more than the 300 million that are '
                                    f'read .the environment variable {VARIABLE}'):
        read(png_of(40_000, 30_000))


def test_a_file_is_named_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / 'x.png').write_bytes(png_of(40_000, 30_000))
    with pytest.raises(UserError, match='x.png: not a readable picture: .* 40000x30000 pixels'):
        read_picture(tmp_path / 'x.png')


@pytest.mark.parametrize('width, height, kind, length, refused', [
    pytest.param(10_000, 10_000, 0, 90_000, True, id='grey'),
    pytest.param(10_000, 10_000, 0, 100_000, False, id='grey that fits'),
    pytest.param(10_000, 10_000, 2, 280_000, True, id='colours'),
    pytest.param(2_000_000, 100, 6, 700_000, True, id='wide, with alpha'),
])
def test_a_png_of_more_than_its_bytes_inflate_to_is_refused_unread(
        width, height, kind, length, refused):
    content = bytearray(png_of(width, height, length))
    content[25] = kind
    assert too_large(bytes(content)) == (
        'it tells of more pixels than they can hold' if refused else '')


def test_a_png_of_nothing_at_all_is_read():
    content = cv2.imencode('.png', np.zeros((3000, 4000), np.uint8),
                           [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    assert decode_compressed(content).pixels.shape == (3000, 4000, 3)


def test_the_variable_sets_another_limit(monkeypatch):
    monkeypatch.setenv(VARIABLE, '15')
    assert decode_compressed(file_of('PNG')).pixels.shape == (3, 5, 3)
    monkeypatch.setenv(VARIABLE, '14')
    with pytest.raises(PictureError, match='5x3 pixels'):
        decode_compressed(file_of('PNG'))


def test_a_large_palette_map_is_read_where_pillow_alone_refuses(monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 2)
    monkeypatch.delenv(VARIABLE, raising=False)
    content = cv2.imencode('.bmp', GREY)[1].tobytes()
    assert labels_from_bytes(content, 'x.bmp').tolist() == GREY.tolist()
