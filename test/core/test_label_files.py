"""Masks in files: ids exactly as stored, in every depth; anything of two readings is refused."""
from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.label_files import (
    hides_a_class,
    LabelError,
    labels_from_bytes,
    labels_from_file,
)
from effvit_ros.core.labelled_pictures import read_labels, read_picture

IDS = np.array([[0, 1, 13], [255, 7, 2]], np.uint8)
FEW = np.array([[0, 1, 1, 0, 1, 0, 0, 1]] * 2, np.uint8)
COLOURS = lpcv_classes().palette
GREYS = np.repeat(np.arange(256)[:, None], 3, axis=1)


def png(array):
    return cv2.imencode('.png', array)[1].tobytes()


def jpeg(array):
    return cv2.imencode('.jpg', array)[1].tobytes()


def saved(picture, kind='PNG', **options):
    """Return a Pillow picture's file as bytes."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def narrow_png(ids, bits):
    """Return a grey PNG of 1, 2 or 4 bits a sample."""
    rows = b''.join(b'\0' + np.packbits(
        (row[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8)).tobytes()
        for row in ids)

    def chunk(name, data):
        crc = struct.pack('>I', zlib.crc32(name + data))
        return struct.pack('>I', len(data)) + name + data + crc
    header = struct.pack('>IIBBBBB', ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows))
            + chunk(b'IEND', b''))


def with_palette(positions, colours):
    """Return a palette picture of these positions."""
    picture = Image.fromarray(positions, 'L').convert('P')
    picture.putdata(positions.ravel().tolist())
    picture.putpalette(np.asarray(colours).ravel().tolist())
    return picture


def reordered(ids, colours):
    """Return the picture that a program makes which sorts palettes by how often they occur."""
    values, counts = np.unique(ids, return_counts=True)
    order = values[np.argsort(-counts, kind='stable')]
    position = np.zeros(256, np.uint8)
    position[order] = range(len(order))
    return with_palette(position[ids], np.asarray(colours)[order])


@pytest.mark.parametrize('content, expected', [
    pytest.param(png(IDS), IDS, id='8 bits'),
    pytest.param(png(IDS.astype(np.uint16)), IDS, id='16 bits'),
    pytest.param(png(np.uint16([[0, 65535]])), [[0, 255]], id='16 bits, -1 is ignored'),
    pytest.param(saved(Image.fromarray(FEW * 255).convert('1')), FEW, id='1 bit'),
    pytest.param(narrow_png(FEW, 1), FEW, id='1 bit by hand'),
    pytest.param(narrow_png(np.uint8([[0, 1, 2, 3]]), 2), [[0, 1, 2, 3]], id='2 bits'),
    pytest.param(narrow_png(np.uint8([[0, 5, 13, 15]]), 4), [[0, 5, 13, 15]], id='4 bits'),
    pytest.param(saved(Image.fromarray(FEW * 255).convert('1'), 'TIFF'), FEW, id='1-bit TIFF'),
    pytest.param(saved(Image.fromarray(FEW * 255).convert('1'), 'BMP'), FEW, id='1-bit BMP'),
    pytest.param(saved(Image.fromarray(IDS), 'TIFF'), IDS, id='8-bit TIFF'),
    pytest.param(saved(Image.fromarray(IDS), 'BMP'), IDS, id='8-bit BMP'),
    pytest.param(saved(with_palette(IDS, [[200, 10, 10]] * 256)), IDS, id='any palette'),
    pytest.param(saved(with_palette(IDS, [[200, 10, 10]] * 256), 'TIFF'), IDS,
                 id='TIFF with a palette'),
    pytest.param(saved(with_palette(IDS, GREYS)), IDS, id='grey palette in order'),
    pytest.param(saved(with_palette(IDS % 14, COLOURS)), IDS % 14, id='palette of LPCV in order'),
])
def test_ids_are_what_is_stored(content, expected, tmp_path):
    np.testing.assert_array_equal(labels_from_bytes(content, 'mask'), expected)
    (tmp_path / 'mask').write_bytes(content)
    labels = labels_from_file(tmp_path / 'mask')
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize('content, words', [
    (jpeg(IDS), 'a JPEG'), (cv2.imencode('.webp', IDS)[1].tobytes(), 'a WebP'),
    (saved(Image.fromarray(IDS), 'TIFF', compression='jpeg'), 'TIFF with JPEG inside'),
    (png(np.dstack([IDS] * 3)), '3 channels'), (png(np.uint16([[300]])), 'holds id 300'),
    (b'', 'cannot be decoded'), (png(IDS)[:40], 'cannot be decoded'),
    (saved(with_palette(IDS % 14, COLOURS))[:60], 'cannot be decoded'),
    (saved(reordered(np.uint8([[0, 7, 7, 7, 13]]), GREYS)), 'grey 7 at position 0'),
    (saved(reordered(np.uint8([[0, 7, 7, 7, 13]]), COLOURS)), 'LPCV class 7 at position 0'),
    (saved(with_palette(FEW, [[0, 0, 0], [255, 255, 255]])), 'grey 255 at position 1'),
], ids=['JPEG', 'WebP', 'JPEG in TIFF', 'colours', 'id of two bytes', 'empty', 'cut',
        'cut palette', 'grey palette reordered', 'palette of LPCV reordered',
        'black and white palette'])
def test_what_is_no_label_map_or_has_two_readings_is_refused(content, words):
    with pytest.raises(LabelError, match=words) as error:
        labels_from_bytes(content, 'mask')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('ids, hidden', [
    ([0, 255], True), ([0], False), ([255], False), ([0, 1, 255], False), ([7, 255], False),
])
def test_black_and_white_masks_hide_a_class(ids, hidden):
    assert hides_a_class(np.bincount(ids, minlength=256)) is hidden


def turned(path, orientation, size=(8, 8), kind='JPEG'):
    """Write a picture that says it is stored turned; return its path."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB' if kind == 'JPEG' else 'L', size).save(path, kind, exif=exif)
    return path


@pytest.mark.parametrize('orientation, size, mask_orientation, mask_size, words', [
    pytest.param(1, (8, 6), 1, (8, 6), None, id='upright'),
    pytest.param(3, (8, 6), 1, (8, 6), 'does not tell whether it is turned', id='180 degrees'),
    pytest.param(3, (8, 6), 3, (8, 6), None, id='both tell'),
    pytest.param(6, (8, 6), 1, (6, 8), None, id='the size tells'),
    pytest.param(6, (8, 6), 1, (8, 6), '8x6 pixels, its picture has 6x8', id='mask not turned'),
    pytest.param(6, (8, 8), 1, (8, 8), 'EXIF orientation 6', id='a square does not tell'),
])
def test_a_picture_that_is_stored_turned_and_its_mask(
        orientation, size, mask_orientation, mask_size, words, tmp_path):
    picture = turned(tmp_path / 'a.jpg', orientation, size)
    mask = turned(tmp_path / 'a.png', mask_orientation, mask_size, 'PNG')
    if words is None:
        assert read_labels(mask, read_picture(picture), picture).shape == mask_size[::-1]
        return
    with pytest.raises(LabelError, match=words):
        read_labels(mask, read_picture(picture), picture)
