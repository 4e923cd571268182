"""Poses: conventions, interpolation, height and what is refused."""
from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_messages import distance, fix, imu, pose

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.mount import Mount, mount_of
from effvit_ros.mapping.pose_settings import PoseSettings
from effvit_ros.mapping.rotations import (
    about_x,
    about_y,
    about_z,
    matrix,
    NED_ENU,
    quaternion_of,
)
from effvit_ros.mapping.track import PoseProblem, Track
from effvit_ros.mapping.trajectory import Trajectory

S = 10**9
NORTH = about_z(math.pi / 2)  # a nose that points north in east-north-up


def trajectory(settings=PoseSettings(), height=50.0, rotation=NORTH, **keywords):
    """Return a trajectory with poses at 0 and 1 s, 10 m further east at the second."""
    made = Trajectory(settings)
    for stamp, metres in ((0, 0.0), (S, 10.0)):
        made.add_fix(stamp, fix(47.0, 15.0 + metres / 76056.0, **keywords))
        made.add_imu(stamp, imu(rotation))
        made.add_range(stamp, distance(height))
    return made


def looks_at(rotation, pixel_axis):
    """Return where an axis of the optical frame points to in east, north, up."""
    return np.round(rotation @ pixel_axis, 6)


RIGHT, DOWN_PICTURE, INTO = np.eye(3)


@pytest.mark.parametrize('mount, rotation, into, right', [
    # Into the picture, and to its right, as (east, north, up).
    pytest.param(Mount(), NORTH, (0, 0, -1), (1, 0, 0), id='nadir_nose_north'),
    pytest.param(Mount(), np.eye(3), (0, 0, -1), (0, -1, 0), id='nadir_nose_east'),
    pytest.param(Mount(tilt_deg=0), NORTH, (0, 1, 0), (1, 0, 0), id='forward'),
    pytest.param(Mount(tilt_deg=0, pan_deg=90), NORTH, (1, 0, 0), (0, -1, 0), id='right_of_nose'),
    pytest.param(Mount(tilt_deg=45), NORTH, (0, .707107, -.707107), (1, 0, 0), id='oblique'),
    # Nose up by 10 degrees: a fixed camera that looks down then looks forward, too.
    pytest.param(Mount(), NORTH @ about_y(math.radians(-10)),
                 (0, math.sin(math.radians(10)), -math.cos(math.radians(10))), (1, 0, 0),
                 id='nadir_nose_up'),
    pytest.param(Mount('gimbal'), NORTH @ about_y(math.radians(-10)), (0, 0, -1), (1, 0, 0),
                 id='gimbal_nose_up'),
    # Right wing down by 10 degrees: a fixed camera then looks to the left.
    pytest.param(Mount(), NORTH @ about_x(math.radians(10)),
                 (-math.sin(math.radians(10)), 0, -math.cos(math.radians(10))),
                 (math.cos(math.radians(10)), 0, -math.sin(math.radians(10))), id='banked'),
])
def test_where_a_mounted_camera_looks(mount, rotation, into, right):
    camera = mount.camera(rotation)
    assert looks_at(camera, INTO) == pytest.approx(into, abs=1e-5)
    assert looks_at(camera, RIGHT) == pytest.approx(right, abs=1e-5)
    assert np.linalg.det(camera) == pytest.approx(1)


def test_a_position_between_two_fixes_is_between_them():
    found = trajectory().at(S // 4)
    assert found.position == pytest.approx((2.5, 0, 50), abs=0.01)
    assert not found.assumed
    assert found.sigma_position[:2] == pytest.approx((1, 1))


def test_an_attitude_between_two_is_half_way_by_the_shorter_arc():
    made = trajectory()
    made.add_imu(0, imu(about_z(math.radians(170))))
    made.add_imu(S, imu(about_z(math.radians(-170))))
    nose = Mount().camera(about_z(math.pi))
    assert made.at(S // 2).rotation == pytest.approx(nose, abs=1e-6)


def test_ned_says_the_same_as_enu():
    # A nose to the east, banked and pitched, told in both conventions.
    enu = about_z(math.radians(20)) @ about_y(0.1) @ about_x(0.2)
    ned = NED_ENU @ enu @ np.diag([1.0, -1.0, -1.0])
    told = trajectory(rotation=enu).at(0).rotation
    by_ned = trajectory(PoseSettings(convention='ned'), rotation=ned).at(0).rotation
    assert by_ned == pytest.approx(told, abs=1e-6)
    # By hand: heading 70 from north, as NED has it.
    assert math.degrees(math.atan2(enu[0, 0], enu[1, 0])) == pytest.approx(70, abs=1e-6)
    assert math.degrees(math.atan2(ned[1, 0], ned[0, 0])) == pytest.approx(70, abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
    lambda q: np.linalg.norm(q) > 0.1))
def test_quaternions_and_matrices_say_the_same(q):
    q = np.array(q) / np.linalg.norm(q)
    assert matrix(quaternion_of(matrix(q))) == pytest.approx(matrix(q), abs=1e-9)


@pytest.mark.parametrize('settings, z', [
    pytest.param(PoseSettings(), 40.0, id='rangefinder'),
    pytest.param(PoseSettings(height='constant', height_value=33.0), 33.0, id='constant'),
    pytest.param(PoseSettings(height='ground_altitude', height_value=402.0), 48.0,
                 id='ground_altitude'),
])
def test_the_height_comes_from(settings, z):
    assert trajectory(settings, height=40.0).at(0).position[2] == pytest.approx(z)


def test_home_is_where_the_first_fix_was():
    made = Trajectory(PoseSettings(height='home'))
    made.add_fix(0, fix(altitude=400.0))
    for stamp in (S, 2 * S):
        made.add_fix(stamp, fix(altitude=430.0))
        made.add_imu(stamp, imu(NORTH))
    assert made.at(S).position[2] == pytest.approx(30.0)


@pytest.mark.parametrize('first', [
    pytest.param(fix(altitude=math.nan), id='without an altitude'),
    pytest.param(fix(latitude=48.0, altitude=900.0), id='of another country'),
])
def test_home_is_no_fix_that_is_not_used(first):
    made = Trajectory(PoseSettings(height='home', origin=(47.0, 15.0)))
    with contextlib.suppress(PoseProblem):
        made.add_fix(0, first)
    for second, altitude in ((1, 400.0), (2, 430.0)):
        made.add_fix(second * S, fix(altitude=altitude))
        made.add_imu(second * S, imu(NORTH))
    assert made.at(2 * S).position[2] == pytest.approx(30.0)


def test_a_picture_at_a_fix_without_an_altitude_has_no_height():
    made = trajectory(PoseSettings(height='ground_altitude', height_value=400.0),
                      altitude=math.nan)
    with pytest.raises(PoseProblem, match='tells no altitude'):
        made.at(0)


def test_a_tilted_rangefinder_measures_the_slant():
    banked = NORTH @ about_x(math.radians(60))
    assert trajectory(height=80.0, rotation=banked).at(0).position[2] == pytest.approx(40)


def test_a_local_pose_lies_about_the_origin_that_is_given():
    made = Trajectory(PoseSettings(origin=(47.0, 15.0)))
    for stamp in (0, S):
        made.add_pose(stamp, pose(3.0, 4.0, 50.0, NORTH))
    found = made.at(0)
    assert found.position == pytest.approx((3, 4, 50))
    assert found.assumed, 'a PoseStamped tells no covariance'


@pytest.mark.parametrize('height', ['home', 'ground_altitude'])
def test_a_local_z_is_no_altitude(height):
    made = Trajectory(PoseSettings(height=height, height_value=402.0, origin=(47.0, 15.0)))
    made.add_pose(0, pose(3.0, 4.0, 450.0, NORTH))
    with pytest.raises(PoseProblem, match=f'no NavSatFix tells the altitude that {height} needs'):
        made.at(0)


def moved_camera(offset):
    return trajectory(PoseSettings(mount=Mount(**offset))).at(0).position


@pytest.mark.parametrize('offset, place', [
    pytest.param({'forward_m': 2.0}, (0, 2, 50), id='forward_is_north_of_a_nose_north'),
    pytest.param({'left_m': 2.0}, (-2, 0, 50), id='left_is_west'),
    pytest.param({'up_m': -1.0}, (0, 0, 49), id='below'),
])
def test_the_cameras_place_on_the_aircraft(offset, place):
    assert moved_camera(offset) == pytest.approx(place, abs=1e-6)


def no_range():
    made = Trajectory(PoseSettings())
    made.add_fix(0, fix())
    made.add_imu(0, imu())
    return made.at(0)


def jumps():
    made = trajectory()
    made.add_fix(S // 2, fix(47.01, 15.0))
    return made.at(S // 4)


def on_the_ground():
    return trajectory(height=0.5).at(0)


def local_pose_without_origin():
    made = Trajectory(PoseSettings())
    made.add_pose(0, pose())
    return made.at(0)


@pytest.mark.parametrize('what, kind, words', [
    pytest.param(lambda: trajectory().at(-1), 'no_pose', 'on both sides', id='before_the_first'),
    pytest.param(lambda: trajectory().at(5 * S), 'no_pose', 'nearest is 4.00 s away',
                 id='long_after_the_last'),
    pytest.param(lambda: trajectory(PoseSettings(longest_gap_s=0.5)).at(S // 2), 'no_pose',
                 'for 1.00 s about', id='too_far_apart'),
    pytest.param(jumps, 'pose_jump', 'jumps by 1112 m', id='jump'),
    pytest.param(no_range, 'no_height', 'height above ground', id='no_height'),
    pytest.param(on_the_ground, 'below_ground', 'is 0.5 m', id='on_the_ground'),
    pytest.param(local_pose_without_origin, 'no_pose', 'no origin was given', id='no_origin'),
])
def test_an_unusable_pose_is_one_line(what, kind, words):
    with pytest.raises(PoseProblem, match=words) as caught:
        what()
    assert caught.value.kind == kind and '\n' not in str(caught.value)


@pytest.mark.parametrize('message, words', [
    pytest.param(fix(0.0, 0.0), 'is 0, 0', id='zero_zero'),
    pytest.param(fix(status=-1), 'no fix', id='no_fix'),
    pytest.param(fix(89.0), 'too near to a pole', id='pole'),
    pytest.param(fix(float('nan')), 'not a number', id='nan'),
    pytest.param(fix(48.0), 'over 30 km', id='another_country'),
])
def test_a_fix_that_is_none(message, words):
    made = trajectory()
    with pytest.raises(PoseProblem, match=words):
        made.add_fix(2 * S, message)
    assert len(made.fixes) == 2, 'nothing of it is kept'


@pytest.mark.parametrize('message, words', [
    pytest.param(imu(quaternion=(0, 0, 0, 0)), 'is no rotation', id='zero_quaternion'),
    pytest.param(imu(quaternion=(0, 0, 0, float('nan'))), 'is no rotation', id='nan'),
])
def test_an_orientation_that_is_none(message, words):
    with pytest.raises(PoseProblem, match=words):
        trajectory().add_imu(S, message)


def test_an_imu_that_says_it_has_no_orientation():
    message = imu()
    message.orientation_covariance[0] = -1
    with pytest.raises(PoseProblem, match='gives no orientation'):
        trajectory().add_imu(S, message)


@pytest.mark.parametrize('frame_id, convention', [
    ('base_link_ned', 'enu'), ('imu_frd', 'enu'), ('uav1/base_link_frd', 'enu'),
    ('odom_enu', 'ned')])
def test_a_frame_that_names_another_convention_is_refused(frame_id, convention):
    with pytest.raises(UserError, match=frame_id):
        trajectory(PoseSettings(convention=convention)).add_imu(S, imu(frame_id=frame_id))


def test_a_name_that_only_holds_the_letters_is_no_convention():
    trajectory().add_imu(S, imu(frame_id='planned_route'))


@pytest.mark.parametrize('values, words', [
    ({'tilt': 3}, 'mount.tilt is unknown'), ({'kind': 'loose'}, "mount.kind is 'loose'"),
    ({'tilt_deg': 'down'}, "mount.tilt_deg is 'down'"), ({'pan_deg': 999}, 'mount.pan_deg'),
    ({'up_m': float('nan')}, 'mount.up_m')])
def test_a_mount_that_cannot_be(values, words):
    with pytest.raises(UserError, match=words):
        mount_of(values)


def test_a_track_forgets_what_is_old():
    track = Track('x', keep_s=10)
    for i in range(2000):
        track.add(i * S, i)
    assert len(track) < 300
    assert track.at(1999 * S, 1).first == 1999


def test_a_track_takes_samples_in_any_order():
    track = Track('x')
    for stamp in (3, 1, 2, 2):
        track.add(stamp, stamp)
    assert track.stamps == [1, 2, 3]
