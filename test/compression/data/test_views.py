"""Views from higher up, weather, pasted things: what moves, what stays, what is known of it."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_compression.data.augment import Augmentation, Crop, random_crop
from effvit_compression.data.mosaic import cell_side, mosaic
from effvit_compression.data.paste import paste, pasted
from effvit_compression.data.weather import compressed, degraded, hazy, moved, shaded

STILL = Augmentation(scale=(1, 1), aspect=1, tilt=0, quarter_turns=False, flip=False, colour=0,
                     degrade=0)
#: Every change of place at once.
WILD = Augmentation(scale=(0.5, 2), tilt=40, perspective=0.3, colour=0, degrade=0)


def rng(seed=0):
    """Return a generator."""
    return np.random.default_rng(seed)


def halves(height=64, width=96, left=7, right=0, answers=True):
    """Return a picture whose left half is white and of one class; the answer says the same."""
    label = np.full((height, width), right, np.uint8)
    label[:, :width // 2] = left
    image = np.repeat(((label == left) * np.uint8(255))[..., None], 3, axis=2)
    answer = np.eye(14, dtype=np.float32)[label[::2, ::2]] if answers else None
    return Crop(image, label, answer)


@pytest.mark.parametrize('seed', range(6))
def test_picture_label_and_answer_move_together(seed):
    image, label, answer = random_crop(halves(), 64, 64, WILD, rng(seed))
    assert ((image[..., 0] > 127) == (label == 7)).mean() > 0.97
    coarse = label[2::4, 2::4]
    assert answer.shape == (16, 16, 14)
    assert (answer.argmax(-1) == coarse).mean() > 0.9
    assert answer.sum(-1) == pytest.approx(1, abs=1e-4)


def test_the_answer_of_a_whole_still_picture_is_its_answer():
    slope = np.linspace(0, 1, 16, dtype=np.float32)  # half a pixel is an eighth of a cell
    picture = halves(64, 64)._replace(answer=np.add.outer(slope, slope)[..., None])
    crop = random_crop(picture, 64, 64, STILL, rng())
    assert crop.answer.reshape(16, 16) == pytest.approx(picture.answer[..., 0], abs=0.02)


@pytest.mark.parametrize('zoom, side', [
    pytest.param(0.5, 256, id='half of 512'),
    pytest.param(0.201, 104, id='whole cells of 4'),
    pytest.param(0.01, 32, id='not below 32'),
])
def test_side_of_a_picture_in_a_mosaic(zoom, side):
    assert cell_side(zoom, 512) == side


def test_a_mosaic_is_full_of_whole_pictures_the_first_in_the_middle():
    first, others = halves(left=10), halves()
    image, label, answer = mosaic(first, lambda: others, 256, 64, STILL, rng())
    assert image.shape == (256, 256, 3) and answer.shape == (64, 64, 14)
    # 32 of the 64 columns of each cell are white; the first alone has class 10.
    assert (image[..., 0] == 255).mean() == pytest.approx(0.5, abs=0.01)
    ys, xs = np.nonzero(label == 10)
    assert ys.size == 64 * 32
    assert abs(ys.mean() - 128) < 64 and abs(xs.mean() - 128) < 64
    assert (answer.argmax(-1) == label[2::4, 2::4]).mean() > 0.95


def test_pasting_puts_all_of_one_class_on_another_crop():
    ground = Crop(np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8),
                  np.full((8, 8, 14), 1 / 14, np.float32))
    label = np.full((32, 32), 12, np.uint8)
    label[8:24, 8:24] = 10
    other = Crop(np.full((32, 32, 3), 200, np.uint8), label)
    image, ids, answer = pasted(ground, other, [10, 13], rng())
    assert (ids == 10).sum() == 16 * 16 and set(np.unique(ids)) == {0, 10}
    assert image[16, 16, 0] == 200 and image[2, 2, 0] == 0
    assert answer[4, 4, 10] == pytest.approx(1) and answer[0, 0, 10] == pytest.approx(1 / 14)


@pytest.mark.parametrize('classes, chance', [
    pytest.param([13], 1.0, id='no such thing in the other crop'),
    pytest.param([7], 0.0, id='never'),
])
def test_nothing_is_pasted(classes, chance):
    crops = [halves(), halves()]
    assert all(a is b for a, b in zip(paste(crops, classes, chance, rng()), crops))


@pytest.mark.parametrize('change', [
    pytest.param(lambda image: hazy(image, rng()), id='haze'),
    pytest.param(lambda image: shaded(image, rng()), id='shadow'),
    pytest.param(lambda image: moved(image, rng()), id='motion'),
    pytest.param(lambda image: compressed(image, 30), id='JPEG'),
])
def test_weather_keeps_shape_and_kind(change):
    image = rng().integers(0, 256, (40, 56, 3), np.uint8)
    changed = change(image)
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert (changed != image).any()


def test_haze_lightens_the_dark_and_shadow_darkens_the_light():
    dark, light = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 250, np.uint8)
    assert hazy(dark, rng()).mean() > 10
    assert shaded(light, rng()).mean() < 245


def test_no_weather_is_none():
    image = rng().integers(0, 256, (16, 16, 3), np.uint8)
    assert degraded(image, 0.0, rng()) is image
