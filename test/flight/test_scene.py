"""The scene: all classes, truth that fits the picture."""
import numpy as np
import pytest

from effvit_ros.flight.scene import find_sights


def colour(scene, class_id):
    """Return the median B, G, R of a class."""
    return np.median(scene.image[scene.labels == class_id], axis=0)


def test_every_class_occurs_and_nothing_else(scene):
    assert np.unique(scene.labels).tolist() == list(range(14))


def test_background_prevails_but_does_not_hide_the_rest(scene):
    share = np.bincount(scene.labels.ravel(), minlength=14) / scene.labels.size
    assert 0.35 < share[0] < 0.8
    assert share[1:].min() > 0.0003


def test_snow_and_ice_are_bright_and_lava_and_fire_glow_red(scene):
    assert colour(scene, 1).min() > 150
    assert colour(scene, 8).min() > 150
    for glowing in (6, 9):
        blue, _, red = colour(scene, glowing)
        assert red > 1.5 * blue


def test_truth_fits_the_picture_to_the_pixel(scene):
    """Moving the truth by a few pixels must fit the picture's edges less."""
    grey = scene.image.astype(np.float32).mean(-1)
    edges = np.abs(np.diff(grey, axis=1))[:, 20:-20]

    def contrast(shift):
        labels = np.roll(scene.labels, shift, axis=1)
        borders = (np.diff(labels.astype(int), axis=1) != 0)[:, 20:-20]
        return edges[borders].mean()

    assert contrast(0) > 1.1 * max(contrast(4), contrast(-4))


def test_sights_point_at_their_class():
    labels = np.zeros((1024, 1024), np.uint8)
    labels[600:700, 200:300] = 9
    labels[10:20, 900:910] = 9
    sights = find_sights(labels)
    assert list(sights) == [9]
    assert sights[9] == pytest.approx((250, 650), abs=60)
