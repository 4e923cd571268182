"""The mapping example: hand-worked projections."""
from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from live_ros import ROOT

_SPEC = importlib.util.spec_from_file_location(
    'ground_map_example', ROOT / 'docs' / 'examples' / 'ground_map.py')
example = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(example)

#: 100 px of focal length, 201x201 px: from 10 m up it sees x and y within 10 m.
K = np.array([[100.0, 0, 100], [0, 100, 100], [0, 0, 1]])
PERSON = 10


def heading(degrees):
    """Return the rotation of an aircraft that flies level, 0 degrees along the map's x."""
    half = math.radians(degrees) / 2
    return example.rotation(0, 0, math.sin(half), math.cos(half))


def mapped(labels, degrees=0, position=(0, 0, 10), cells=30):
    homography = example.ground_to_pixel(
        K, heading(degrees) @ example.NADIR, np.array(position, float))
    origin = (position[0] - cells / 2, position[1] - cells / 2)
    return example.ground_map(labels, homography, origin, cells, 1.0)


@pytest.mark.parametrize('x, y, degrees, pixel', [
    (0, 0, 0, (100, 100)),
    (5, 0, 0, (100, 50)),
    (0, 5, 0, (50, 100)),
    (5, 0, 90, (150, 100)),
    (0, 5, 90, (100, 50)),
], ids=['below', 'ahead is up in the picture', 'left is left', 'x is right when heading y',
        'y is ahead when heading y'])
def test_where_a_point_of_the_ground_is_in_the_picture(x, y, degrees, pixel):
    homography = example.ground_to_pixel(
        K, heading(degrees) @ example.NADIR, np.array([0.0, 0, 10]))
    u, v, depth = homography @ [x, y, 1]
    assert depth == pytest.approx(10)
    assert (u / depth, v / depth) == pytest.approx(pixel)


def test_the_map_is_what_the_camera_sees_and_unknown_around_it():
    grid = mapped(np.zeros((201, 201), np.uint8))
    seen = np.full((30, 30), example.UNSEEN)
    seen[5:25, 5:25] = example.FREE
    assert (grid == seen).all()


def test_a_person_ahead_left_is_at_greater_x_and_greater_y():
    labels = np.zeros((201, 201), np.uint8)
    labels[40:50, 60:70] = PERSON  # 5 to 6 m ahead, 3 to 4 m to the left
    labels[150:160, 100:110] = 255  # 5 to 6 m behind, 0 to 1 m to the right
    grid = mapped(labels, position=(100, 200, 10))
    assert np.argwhere(grid == example.BLOCKED).tolist() == [[15 + 3, 15 + 5]]
    assert grid[15 - 1, 15 - 6] == example.UNSEEN


def test_nothing_above_the_horizon_is_mapped():
    looks_ahead = np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]])
    homography = example.ground_to_pixel(K, looks_ahead, np.array([0.0, 0, 10]))
    grid = example.ground_map(np.zeros((201, 201), np.uint8), homography, (-15, -15), 30, 1.0)
    assert (grid[:, :15] == example.UNSEEN).all(), 'behind the camera'


def test_one_lands_in_the_middle_of_the_largest_free_circle():
    grid = np.full((30, 30), example.BLOCKED, np.int8)
    grid[2:7, 2:7] = example.FREE
    grid[10:21, 12:23] = example.FREE
    row, column, radius = example.landing_zone(grid, 0.5)
    assert (row, column) == (15, 17)
    assert radius == pytest.approx(3.0)
    assert example.landing_zone(np.full((5, 5), example.UNSEEN, np.int8), 0.5)[2] == 0
