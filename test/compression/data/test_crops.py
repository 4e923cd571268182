"""Crops: geometry, truth that moves with the picture, repeatable draws."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from effvit_compression.data.augment import (
    Augmentation,
    change_colours,
    Crop,
    crop_matrix,
    random_crop,
)
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import Mixture, Part
from effvit_compression.data.pictures import Pictures

STILL = Augmentation(scale=(1, 1), aspect=1, tilt=0, quarter_turns=False, flip=False, colour=0,
                     degrade=0)


def rng(seed=0):
    """Return a generator."""
    return np.random.default_rng(seed)


def test_a_whole_crop_without_changes_is_the_stretched_picture():
    image = cv2.GaussianBlur(rng().integers(0, 256, (40, 64, 3), np.uint8), (0, 0), 3)
    label = (image[..., 0] > 128).astype(np.uint8)
    crop, ids, _ = random_crop(Crop(image, label), 128, 128, STILL, rng())
    stretched = cv2.resize(image, (128, 128), interpolation=cv2.INTER_LINEAR).astype(int)
    assert np.abs(crop.astype(int) - stretched)[4:-4, 4:-4].mean() < 2
    assert ids.shape == (128, 128) and ids.dtype == np.uint8


@pytest.mark.parametrize('seed', range(6))
def test_labels_move_with_the_picture(seed):
    label = np.zeros((60, 90), np.uint8)
    label[20:40, 30:70] = 1
    image = np.repeat(label[..., None] * 255, 3, axis=2)
    settings = Augmentation(colour=0, degrade=0)
    crop, ids, _ = random_crop(Crop(image, label), 64, 64, settings, rng(seed))
    assert ((crop[..., 0] > 127) == (ids == 1)).mean() > 0.97


@pytest.mark.parametrize('seed', range(10))
def test_the_focus_is_inside_the_crop(seed):
    settings = Augmentation(tilt=0, quarter_turns=False)
    matrix = crop_matrix((60, 90), 32, 64, settings, rng(seed), focus=(80.0, 5.0))
    x, y, _ = np.linalg.inv(matrix) @ (80, 5, 1)
    assert -1 <= x <= 32 and -1 <= y <= 32


@pytest.mark.parametrize('scale', [0.5, 1.0, 2.0])
def test_scale_is_relative_to_the_stretched_picture(scale):
    settings = STILL.model_copy(update={'scale': (scale, scale)})
    matrix = crop_matrix((256, 512), 64, 128, settings, rng(), None)
    # A crop pixel is 1 / scale stretched pixels; the stretch is 4 wide and 2 high per pixel.
    assert matrix[:2, :2] == pytest.approx(np.diag([4, 2]) / scale)


def test_no_colour_change_is_none():
    image = rng().integers(0, 256, (8, 8, 3), np.uint8)
    assert np.abs(change_colours(image, STILL, rng()).astype(int) - image).max() <= 1


def mixture(dataset, rare=None, seed=0, drawn=0):
    """Return a mixture of the tiny dataset alone."""
    parts = [Part(Pictures(load_description(dataset), 'train'), 1.0)]
    return Mixture(parts, 64, Augmentation(), rare or {}, seed, drawn=drawn)


def test_a_batch_depends_on_seed_and_iteration_alone(dataset):
    images, labels, taught, *_ = mixture(dataset).batch(5, 2, 32)
    again = mixture(dataset).batch(5, 2, 32).images
    other = mixture(dataset).batch(6, 2, 32).images
    assert images.shape == (2, 3, 32, 32) and labels.shape == (2, 32, 32)
    assert images.equal(again) and not images.equal(other)
    assert not images.equal(mixture(dataset, seed=1).batch(5, 2, 32).images)
    assert taught.all()


def test_a_later_training_goes_on_with_the_batches(dataset):
    later = mixture(dataset, drawn=5).batch(1, 2, 32).images
    assert later.equal(mixture(dataset).batch(6, 2, 32).images)


def test_rare_classes_are_drawn_more_often(dataset):
    def crops_with_person(rare):
        labels = mixture(dataset, rare).batch(0, 60, 24).labels
        return (labels == 10).flatten(1).any(1).sum().item()
    assert crops_with_person({'person': 0.9}) > crops_with_person({}) + 15


def test_chances_by_hand_do_not_look_at_the_pictures():
    """Recipes that name chances see the batches that they saw before ``balanced`` was there."""
    mixed = Mixture([Part(Plain(7), 1.0)], 64, STILL, {'person': 0.3, 'vehicle': 0.2}, seed=0)
    (classes, chances), = mixed._rare
    assert classes == [10, 13] and chances.tolist() == [0.3, 0.2, 0.5]


def test_balanced_chances_are_the_inverse_roots_of_the_shares(dataset):
    pictures = Pictures(load_description(dataset), 'train')
    shares = pictures.pixels.sum(axis=0) / pictures.pixels.sum()
    roots = shares[[0, 7, 10]] ** -0.5
    # The other source has water alone, around which half of its crops are then drawn; so few come
    # of it that the mixture's shares are those of the first.
    parts = [Part(pictures, 1.0), Part(Plain(7), 1e-9)]
    mixed = Mixture(parts, 64, STILL, {'balanced': 0.5, 'person': 0.2, 'vehicle': 0.1}, seed=0)
    (classes, chances), (others, theirs) = mixed._rare
    expected = 0.5 * roots / roots.sum()
    assert dict(zip(classes, chances)) == pytest.approx(
        {10: 0.2 + expected[2], 13: 0.1, 0: expected[0], 7: expected[1]})
    assert chances[-1] == pytest.approx(0.2)
    assert dict(zip(others, theirs)) == pytest.approx({10: 0.2, 13: 0.1, 7: 0.5})


def test_balanced_crops_are_a_function_of_seed_and_iteration_and_hold_more_persons(dataset):
    def labels(rare):
        return mixture(dataset, rare).batch(3, 60, 24).labels

    def with_person(labels):
        return (labels == 10).flatten(1).any(1).sum().item()

    balanced = labels({'balanced': 0.9})
    assert balanced.equal(labels({'balanced': 0.9}))
    assert with_person(balanced) > with_person(labels({})) + 15


def test_a_source_can_have_its_own_augmentation(dataset):
    part = Part(Pictures(load_description(dataset), 'train'), 1.0, augmentation=STILL)
    own = Mixture([part], 64, Augmentation(), {}, 0).batch(0, 2, 32).images
    of_all = Mixture([part._replace(augmentation=None)], 64, STILL, {}, 0).batch(0, 2, 32).images
    assert own.equal(of_all)
    assert not own.equal(mixture(dataset).batch(0, 2, 32).images)


def test_shares_of_the_classes_are_those_of_the_sources_as_often_as_they_are_drawn(dataset):
    pictures = Pictures(load_description(dataset), 'train')
    counts = pictures.pixels.sum(axis=0)
    mixed = Mixture([Part(pictures, 3.0), Part(pictures, 1.0)], 64, STILL, {}, seed=0)
    assert mixed.pixels == pytest.approx(counts / counts.sum())
    assert mixed.pixels[7] == pytest.approx(0.5)  # the left half, in every labelled row
    one_class = Mixture([Part(pictures, 3.0), Part(Plain(7), 1.0)], 64, STILL, {}, seed=0)
    assert one_class.pixels[7] == pytest.approx(0.75 * 0.5 + 0.25)


class Plain:
    """Pictures of one class alone."""

    trusted = ()

    def __init__(self, label):
        self.pixels = np.eye(14, dtype=np.int64)[[label]] * 100
