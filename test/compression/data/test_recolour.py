"""Things in other colours: which pixels change, to which colours, and what stays of them."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from effvit_compression.data.augment import Augmentation, Crop
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import ELSE, Mixture, Part
from effvit_compression.data.pictures import Pictures
from effvit_compression.data.recolour import Change, colour, Palette, PALETTES, recoloured, shifted

#: One colour: L 50, a 0, b 20.
OCHRE = Palette((50, 50), (20, 20), (90, 90))


def rng(seed=0):
    """Return a generator."""
    return np.random.default_rng(seed)


def slope_and_meadow(label=5):
    """Return a crop whose left half is a grey slope, its right half a green meadow (0)."""
    image = np.full((64, 64, 3), (60, 140, 60), np.uint8)
    image[:, :32] = rng().integers(110, 150, (64, 32, 1))
    labels = np.zeros((64, 64), np.uint8)
    labels[:, :32] = label
    return Crop(image, labels)


def lab(image):
    """Return a picture in CIE Lab, L of 0 to 100."""
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


@pytest.mark.parametrize('hue, a, b', [
    pytest.param(0, 20, 0, id='purple red'),
    pytest.param(90, 0, 20, id='yellow'),
    pytest.param(180, -20, 0, id='green'),
    pytest.param(45, 14.142, 14.142, id='orange'),
])
def test_a_hue_is_an_angle_in_lab(hue, a, b):
    drawn = colour(Palette((50, 50), (20, 20), (hue, hue)), rng())
    assert drawn == pytest.approx([50, a, b], abs=1e-3)


@pytest.mark.parametrize('name', PALETTES)
def test_palettes_are_colours_that_a_screen_has(name):
    """What is drawn comes back from 8-bit RGB: nearly all of it, to a few units."""
    drawn = np.array([colour(PALETTES[name], rng(seed)) for seed in range(200)])[None]
    rgb = (cv2.cvtColor(drawn, cv2.COLOR_LAB2RGB) * 255).round().astype(np.uint8)
    assert np.percentile(np.abs(lab(rgb) - drawn).max(axis=-1), 80) < 6


def test_texture_is_what_differs_from_the_mean():
    """Lightness 40 and 60 differ by 10 from 50; half of it around 30 is 25 and 35."""
    before = np.float32([[[40, 6, 0], [60, 2, 0]]])
    after = shifted(before, np.ones((1, 2), bool), np.float32([30, 10, 20]), 0.5, 0.25)
    assert after[0] == pytest.approx(np.array([[25, 10.5, 20], [35, 9.5, 20]]), abs=1e-4)


def test_a_class_takes_the_colour_and_the_rest_stays(monkeypatch):
    monkeypatch.setattr('effvit_compression.data.recolour.PARTLY', 0.0)
    crop = slope_and_meadow()
    found = recoloured(crop, [Change(5, OCHRE, 1.0)], rng())
    assert lab(found.image)[:, :28].mean(axis=(0, 1)) == pytest.approx([50, 0, 20], abs=1)
    assert np.abs(found.image[:, 36:].astype(int) - crop.image[:, 36:]).max() <= 1
    assert found.image[:, :28, 0].std() > 5  # still rough
    assert found.label is crop.label


def test_a_part_of_a_class_may_change_alone(monkeypatch):
    monkeypatch.setattr('effvit_compression.data.recolour.PARTLY', 1.0)
    found = recoloured(slope_and_meadow(), [Change(5, OCHRE, 1.0)], rng(3))
    changed = lab(found.image)[:, :28, 2] > 15
    assert 0.1 < changed.mean() < 0.9


@pytest.mark.parametrize('change', [
    pytest.param(Change(5, OCHRE, 0.0), id='no chance'),
    pytest.param(Change(7, OCHRE, 1.0), id='not there'),
])
def test_nothing_changes(change):
    crop = slope_and_meadow()
    assert recoloured(crop, [change], rng()) is crop


@pytest.mark.parametrize('name, label', [
    pytest.param('person', 10, id='class'),
    pytest.param('unlabelled', ELSE, id='known only not to be water'),
])
def test_a_mixture_recolours_by_name(dataset, monkeypatch, name, label):
    seen = []
    monkeypatch.setattr('effvit_compression.data.mixture.recoloured',
                        lambda crop, changes, rng: seen.append(changes) or crop)
    settings = Augmentation(recolour={name: ('soil', 0.5)})
    parts = [Part(Pictures(load_description(dataset), 'train'), 1.0, augmentation=settings)]
    Mixture(parts, 64, Augmentation(), {}, 0).batch(0, 2, 32)
    assert seen == [[Change(label, PALETTES['soil'], 0.5)]] * 2
