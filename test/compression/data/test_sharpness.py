"""Softer, sharper, another's detail: what changes of a picture, and which pictures take part."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_compression.data.augment import Augmentation
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import Mixture, Part
from effvit_compression.data.pictures import Pictures
from effvit_compression.data.sharpness import changed_sharpness, detailed

MODULE = 'effvit_compression.data.mixture'
FLAT = np.full((32, 32, 3), 90, np.uint8)


def noise(seed=0):
    """Return a picture that is nothing but detail around grey."""
    return np.random.default_rng(seed).integers(60, 190, (32, 32, 3)).astype(np.uint8)


def variety(image):
    """Return the standard deviation of a picture's pixels."""
    return float(image.std())


@pytest.mark.parametrize('kept, added, want', [
    pytest.param(1, 0, noise(), id='all of its own: as it was'),
    pytest.param(0, 1, noise(), id='all of its own by way of the other'),
])
def test_detail_and_the_rest_make_the_picture(kept, added, want):
    np.testing.assert_allclose(detailed(noise(), noise(), kept, added, 1.5), want, atol=1)


def test_detail_of_another_lies_on_flat_ground():
    found = detailed(FLAT, noise(), 1, 0.5, 1.5)
    assert 0.3 * variety(noise()) < variety(found) < 0.6 * variety(noise())
    assert abs(found.mean() - 90) < 2


def test_twice_its_own_detail_is_sharper_and_none_softer():
    image = (noise() // 4 + 100).astype(np.uint8)  # far from black and white
    assert variety(detailed(image, image, 2, 0, 1)) > 1.5 * variety(image)
    assert variety(detailed(image, image, 0, 0, 1)) < 0.7 * variety(image)


def test_without_a_chance_a_picture_is_itself():
    assert changed_sharpness(FLAT, noise(), 0.0, np.random.default_rng(0)) is FLAT


def test_a_third_each_gets_softer_sharper_or_others_detail():
    image, other, rng = (noise() // 4 + 100).astype(np.uint8), noise(1), np.random.default_rng(0)
    found = [changed_sharpness(image, other, 1.0, rng) for _ in range(300)]
    assert 70 < sum(variety(one) < 0.95 * variety(image) for one in found) < 170  # or a little
    assert sum(variety(one) > 1.05 * variety(image) for one in found) > 100
    flat = [changed_sharpness(FLAT, other, 1.0, rng) for _ in range(300)]
    assert 70 < sum(variety(one) > 1 for one in flat) < 130  # flat ground has no detail of its own


def test_who_keeps_its_sharpness_neither_takes_nor_gives(dataset, monkeypatch):
    pairs = []
    monkeypatch.setattr(f'{MODULE}.changed_sharpness',
                        lambda image, other, chance, rng: pairs.append((image, other)) or image)
    monkeypatch.setattr(f'{MODULE}.change_colours', lambda image, settings, rng: image)
    pictures = Pictures(load_description(dataset), 'train')
    parts = [Part(pictures, 0.5, augmentation=Augmentation(sharpness=0.5)),
             Part(pictures, 0.5, augmentation=Augmentation(sharpness=0.0))]
    images = Mixture(parts, 64, Augmentation(), {}, 0).batch(0, 16, 32).images.numpy()
    changed = {image.tobytes() for image, _ in pairs}
    assert 0 < len(changed) < 16
    assert {other.tobytes() for _, other in pairs} <= changed
    assert changed < {np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes() for image in images}
