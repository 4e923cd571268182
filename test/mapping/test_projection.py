"""Pixels on the ground: against points worked out by hand, and what is not drawn."""
from __future__ import annotations

import math

import numpy as np
import pytest
from pose_messages import camera_info

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.camera_model import camera_model
from effvit_ros.mapping.ground import Plane
from effvit_ros.mapping.ground_grid import GroundGrid, tile_windows
from effvit_ros.mapping.mount import Mount
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.projection import FINE_M, footprint, Grid, sampled_labels
from effvit_ros.mapping.rotations import about_z
from effvit_ros.mapping.tiles import empty_tile, TILE, TileStore
from effvit_ros.mapping.track import PoseProblem

NORTH = about_z(math.pi / 2)
CAMERA = camera_model(camera_info(101, 81, focal=100.0))
SIGMAS = (1.0, 1.0, 1.0), (0.01, 0.01, 0.01)


def store(folder):
    return TileStore(folder, lambda: empty_tile(3))


def camera_at(east=0.0, north=0.0, up=50.0, mount=Mount(), body=NORTH):
    return CameraPose(np.array([east, north, up]), mount.camera(body), *SIGMAS, False)


def where(place, cell, pixel):
    """Return the middle (east, north) of the cell whose pixel is nearest to ``pixel``."""
    away = np.hypot(place.u - pixel[0], place.v - pixel[1])
    row, column = np.unravel_index(away.argmin(), away.shape)
    return (place.column + column + 0.5) * cell, (place.row + row + 0.5) * cell


@pytest.mark.parametrize('body, pixel, place', [
    # 50 m up with focal length 100: a pixel is half a metre.
    pytest.param(NORTH, (50, 40), (7, 3), id='middle_is_below'),
    pytest.param(NORTH, (90, 40), (27, 3), id='right_is_east'),
    pytest.param(NORTH, (50, 10), (7, 18), id='top_is_north'),
    pytest.param(np.eye(3), (50, 10), (22, 3), id='top_is_the_nose_east'),
    pytest.param(np.eye(3), (90, 40), (7, -17), id='right_of_a_nose_east_is_south'),
])
def test_where_a_pixel_lies(body, pixel, place):
    found = footprint(CAMERA, camera_at(7, 3, body=body), Plane(), Grid(0.1))
    assert where(found, 0.1, pixel) == pytest.approx(place, abs=0.06)
    assert found.weight.max() == pytest.approx((FINE_M / 0.5) ** 2, rel=0.05)


def test_an_oblique_view_by_hand():
    # 45 degrees down and north from 50 m: the middle is 50 m north; 10 degrees further up
    # the picture (100 tan 10 = 17.6 pixels) it is 50 tan 55 = 71.4 m.
    found = footprint(CAMERA, camera_at(mount=Mount(tilt_deg=45)), Plane(), Grid(0.1, 70))
    assert where(found, 0.1, (50, 40)) == pytest.approx((0, 50), abs=0.06)
    assert where(found, 0.1, (50, 40 - 17.633)) == pytest.approx((0, 71.41), abs=0.1)


def test_what_is_further_from_straight_down_than_allowed_is_not_used():
    found = footprint(CAMERA, camera_at(mount=Mount(tilt_deg=45)), Plane(), Grid(0.25, 50))
    rows, columns = np.nonzero(found.weight)
    north = (found.row + rows + 0.5) * 0.25
    east = (found.column + columns + 0.5) * 0.25
    assert np.hypot(east, north).max() == pytest.approx(50 * math.tan(math.radians(50)), abs=0.4)


def test_weight_falls_with_angle_and_with_coarse_pixels():
    near = footprint(CAMERA, camera_at(up=8), Plane(), Grid(0.05))
    far = footprint(CAMERA, camera_at(up=200), Plane(), Grid(0.5))
    assert near.weight.max() == pytest.approx(1.0, abs=0.01), 'pixels of 0.08 m are fine enough'
    assert far.weight.max() == pytest.approx((0.1 / 2) ** 2, rel=0.02), 'pixels of 2 m'
    assert near.weight[near.weight > 0].min() < 0.9 * near.weight.max()


@pytest.mark.parametrize('tilt', [0, -20, 5], ids=['horizon', 'sky', 'almost_horizon'])
def test_a_camera_that_sees_no_ground_draws_nothing(tilt):
    with pytest.raises(PoseProblem, match='horizon|no ground') as caught:
        footprint(CAMERA, camera_at(mount=Mount(tilt_deg=tilt)), Plane(), Grid(0.25))
    assert caught.value.kind == 'horizon'


def test_a_height_that_is_no_flight_is_refused():
    with pytest.raises(PoseProblem, match='cells of 0.01 m'):
        footprint(CAMERA, camera_at(up=5000), Plane(), Grid(0.01))


@pytest.mark.parametrize('model, d', [
    pytest.param('plumb_bob', (-0.25, 0.08, 0.001, -0.001, 0), id='plumb_bob'),
    pytest.param('rational_polynomial', (-0.2, 0.05, 0, 0, 0, 0.01, 0, 0), id='rational'),
    pytest.param('equidistant', (0.02, -0.01, 0, 0), id='equidistant'),
])
def test_a_bent_lens_there_and_back(model, d):
    camera = camera_model(camera_info(d=d, model=model))
    pixels = np.array([[5.0, 7.0], [320.0, 240.0], [600.0, 20.0], [100.0, 450.0]])
    u, v = camera.pixels(camera.rays(pixels).T)
    assert np.column_stack([u, v]) == pytest.approx(pixels, abs=0.05)


def test_far_outside_a_bent_lens_says_nothing():
    camera = camera_model(camera_info(d=(-0.25, 0.08, 0, 0, 0)))
    u, _ = camera.pixels(np.array([[5.0], [0.0], [1.0]]))
    assert np.isnan(u).all(), 'the polynomial folds back into the picture there'


def test_a_resized_picture_scales_about_pixel_edges():
    half = camera_model(camera_info(640, 480)).scaled(320, 240)
    assert half.k[0, 0] == 250
    # The middle of the picture stays its middle.
    assert (half.k[0, 2], half.k[1, 2]) == (159.5, 119.5)


@pytest.mark.parametrize('info, words', [
    pytest.param(camera_info(focal=0.0), 'uncalibrated', id='k_zero'),
    pytest.param(camera_info(width=0), 'uncalibrated', id='no_size'),
    pytest.param(camera_info(d=(1, 2, 3), model='plumb_bob'), '3 coefficients', id='three_of_d'),
    pytest.param(camera_info(d=(.1, 0, 0, 0), model='magic'), "'magic'", id='unknown_model'),
    pytest.param(camera_info(d=(float('nan'), 0, 0, 0, 0)), 'no number', id='nan'),
])
def test_a_camera_info_that_tells_nothing_is_one_line(info, words):
    with pytest.raises(UserError, match=words):
        camera_model(info)


def test_a_cropped_picture_is_not_taken_for_a_resized_one():
    with pytest.raises(UserError, match='crop'):
        camera_model(camera_info(640, 480)).scaled(640, 360)


def test_a_view_is_drawn_where_it_looks(tmp_path):
    labels = np.zeros((81, 101), np.uint8)
    labels[:40] = 2   # the picture's upper half
    grid = Grid(0.5)
    ground = GroundGrid(store(tmp_path), grid)
    place = footprint(CAMERA, camera_at(), Plane(), grid)
    ground.add(place, labels, None, np.zeros((81, 101, 3), np.uint8), 7)
    drawn = {key: ground.fused_tile(key) for key in ground.store.keys()}
    assert (drawn[0, 0].labels[10, 0], drawn[-1, 0].labels[-10, 0]) == (2, 0)
    assert drawn[0, 0].labels[200, 200] == 255, 'not seen'
    assert ground.store.get((0, 0)).first[10, 0] == 8


def test_confidence_decides_between_two_views(tmp_path):
    ground = GroundGrid(store(tmp_path), Grid(0.5))
    place = footprint(CAMERA, camera_at(), Plane(), Grid(0.5))
    for label, sure in ((1, 100), (2, 140)):
        ground.add(place, np.full((81, 101), label, np.uint8),
                   np.full((81, 101), sure, np.uint8), None, 0)
    fused = ground.fused_tile((0, 0))
    assert fused.labels[5, 5] == 2
    # By the Dirichlet posterior: (0.02 + 140/255 w) / (3 * 0.02 + 240/255 w) with
    # w = (0.1 / 0.5)^2 at half a metre a pixel.
    assert fused.confidence[5, 5] / 255 == pytest.approx(0.0420 / 0.0976, abs=0.01)


def test_unlabelled_pixels_are_no_evidence(tmp_path):
    ground = GroundGrid(store(tmp_path), Grid(0.5))
    place = footprint(CAMERA, camera_at(), Plane(), Grid(0.5))
    found, weight = sampled_labels(np.full((81, 101), 255, np.uint8), None, place)
    assert not weight.any()
    ground.add(place, np.full((81, 101), 255, np.uint8), None, None, 0)
    assert ground.store.keys() == []


def test_a_box_over_four_tiles_is_cut_once_each():
    area = 0
    for _, there, here in tile_windows(-3, TILE - 5, 10, 20):
        shape = [s.stop - s.start for s in there]
        assert shape == [s.stop - s.start for s in here]
        assert all(0 <= s.start < s.stop <= TILE for s in there)
        area += shape[0] * shape[1]
    assert area == 200


def test_tiles_come_back_from_disk_as_they_went(tmp_path):
    store = TileStore(tmp_path, lambda: empty_tile(2), limit_mb=0)
    for i in range(6):
        store.get((0, i), change=True).evidence[1, 3, i] = i + 1
    state = store.checkpoint()
    store.get((0, 2), change=True).evidence[1, 3, 2] = 99   # after the checkpoint
    for i in range(3, 6):
        store.get((0, i))
    again = TileStore(tmp_path, lambda: empty_tile(2), limit_mb=0)
    again.resume(state)
    assert [again.get((0, i)).evidence[1, 3, i] for i in range(6)] == [1, 2, 3, 4, 5, 6]
