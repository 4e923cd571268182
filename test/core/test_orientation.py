"""EXIF's eight orientations, in every format that has them, and masks that they leave unclear."""
from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from effvit_ros.core.orientation import leaves_masks_unclear, orientation_of
from effvit_ros.core.pixels import decode_compressed


def stored(kind, orientation, pixels):
    """Return the bytes of a picture that says how it is turned."""
    exif = Image.Exif()
    exif[0x010F] = 'a maker'
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, exif=exif, quality=100)
    return file.getvalue()


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'WEBP'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_pictures_come_upright_as_viewers_show_them(kind, orientation):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = 255
    pixels[8:, :8] = 120
    content = stored(kind, orientation, pixels)
    assert orientation_of(content) == orientation
    shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert('RGB'))
    picture = decode_compressed(content)
    assert picture.orientation == orientation and picture.pixels.shape == shown.shape
    assert np.abs(picture.pixels[..., ::-1].astype(int) - shown).max() <= 8


@pytest.mark.parametrize('content', [
    b'', b'\xff\xd8', b'\xff\xd8\xff\xe1\x00\x10Exif\0\0II*\0\xff\xff\xff\xff',
    b'\xff\xd8\xff\xe1Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0', b'junk',
], ids=['nothing', 'no EXIF', 'foreign place', 'not 1 to 8', 'no picture'])
def test_what_tells_no_orientation_is_upright(content):
    assert orientation_of(content) == 1


@pytest.mark.parametrize('orientation, shape, unclear', [
    (1, (10, 20), False), (3, (10, 20), True), (2, (10, 20), True),
    (6, (10, 20), False), (6, (20, 20), True),
], ids=['upright', 'upside down', 'mirrored', 'quarter: the size tells', 'quarter of a square'])
def test_a_mask_without_exif_is_unclear_where_its_size_does_not_tell(orientation, shape, unclear):
    assert leaves_masks_unclear(orientation, shape) is unclear
