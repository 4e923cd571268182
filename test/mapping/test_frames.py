"""The camera's pose from tf2 and from gimbals that turn: by hand, and what is refused."""
from __future__ import annotations

import math
from types import SimpleNamespace as Object

import numpy as np
import pytest
from pose_messages import distance, fix, imu

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.frames import FrameTree
from effvit_ros.mapping.mount import Mount
from effvit_ros.mapping.pose_settings import PoseSettings
from effvit_ros.mapping.rotations import (
    about_x,
    about_y,
    about_z,
    FRD_FLU,
    NED_ENU,
    OPTICAL,
    quaternion_of,
)
from effvit_ros.mapping.track import PoseProblem
from effvit_ros.mapping.trajectory import Trajectory

S = 10**9
NORTH = about_z(math.pi / 2)
#: A camera's body that looks straight down, its picture's top at the nose.
DOWN = about_y(math.pi / 2)
FRAMES = PoseSettings(frames=('map', 'optical'))


def rotation_of(turn):
    x, y, z, w = quaternion_of(turn)
    return Object(x=x, y=y, z=z, w=w)


def transform(parent, child, stamp_ns=0, move=(0, 0, 0), turn=np.eye(3)):
    stamp = Object(sec=stamp_ns // S, nanosec=stamp_ns % S)
    return Object(header=Object(frame_id=parent, stamp=stamp), child_frame_id=child,
                  transform=Object(translation=Object(x=move[0], y=move[1], z=move[2]),
                                   rotation=rotation_of(turn)))


def message(*transforms):
    return Object(transforms=list(transforms))


def head(turn):
    return Object(header=Object(frame_id=''), quaternion=rotation_of(turn))


def flying(settings=FRAMES, speed=10.0):
    """Return a trajectory whose body goes east from (0, 0, 50), nose north, within a second."""
    made = Trajectory(settings)
    made.frames.add(message(
        transform('base_link', 'gimbal', move=(0.5, 0, -0.2)),
        transform('base_link', 'gps', move=(-1, 0, 0.3)),
        transform('base_link', 'range', move=(0, 0, -0.1), turn=DOWN),
        transform('gimbal', 'optical', turn=DOWN @ OPTICAL)), static=True)
    for stamp, east in ((0, 0.0), (S, speed)):
        made.frames.add(message(transform('map', 'base_link', stamp, (east, 0, 50), NORTH)), False)
    return made


def test_a_chain_of_frames_is_put_together_at_the_stamp():
    made = flying(FRAMES._replace(origin=(47.0, 15.0)))
    found = made.at(S // 4)
    # The camera sits 0.5 m before the body, which is north, and 0.2 m below it.
    assert found.position == pytest.approx((2.5, 0.5, 49.8))
    assert found.rotation == pytest.approx(Mount().camera(NORTH), abs=1e-9)
    assert found.assumed, 'tf2 tells no covariance'


def test_frames_meet_in_a_common_parent():
    place, turn = flying().frames.pose('gps', 'optical', 0, 1.0)
    assert place == pytest.approx((1.5, 0, -0.5))
    assert turn == pytest.approx(DOWN @ OPTICAL, abs=1e-9)


def test_with_a_receiver_the_camera_lies_beside_it():
    made = flying()
    for stamp in (0, S):
        position = fix(47.0, 15.0)
        position.header.frame_id = 'gps'
        made.add_fix(stamp, position)
    # The receiver is the map's zero; the camera is 1.5 m before it.
    assert made.at(0).position == pytest.approx((0, 1.5, 49.8), abs=1e-6)
    for stamp in (0, S):
        metres = distance(40.0)
        metres.header.frame_id = 'range'
        made.add_range(stamp, metres)
    # The rangefinder hangs 0.1 m above the camera.
    assert made.at(0).position == pytest.approx((0, 1.5, 39.9), abs=1e-6)


def test_a_transform_is_never_bridged_over_a_gap():
    made = flying(FRAMES._replace(origin=(47.0, 15.0), longest_gap_s=0.5))
    with pytest.raises(PoseProblem, match='no transform of base_link for 1.00 s'):
        made.at(S // 2)


def circle():
    tree = FrameTree()
    tree.add(message(transform('a', 'b'), transform('b', 'a')), True)
    return tree.pose('map', 'a', 0, 1.0)


@pytest.mark.parametrize('what, words', [
    pytest.param(lambda: FrameTree().pose('map', 'camera', 0, 1.0),
                 'no tf leads from map to camera: there are none', id='nothing'),
    pytest.param(lambda: flying().frames.pose('map', 'nose', 0, 1.0),
                 'no tf leads from map to nose: there are base_link, gimbal, gps, map',
                 id='another_name'),
    pytest.param(circle, 'no tf leads', id='in_a_circle'),
    pytest.param(lambda: flying().frames.add(message(transform('odom', 'base_link')), False),
                 'base_link has two parents: map and odom', id='two_parents'),
    pytest.param(lambda: flying().at(0), 'no origin was given', id='nowhere_on_earth'),
])
def test_frames_that_do_not_lead_anywhere(what, words):
    with pytest.raises(PoseProblem, match=words):
        what()


def test_no_rotation_is_refused():
    bad = transform('map', 'base_link')
    bad.transform.rotation.w = 0.0
    with pytest.raises(PoseProblem, match='is no rotation'):
        FrameTree().add(message(bad), False)


@pytest.mark.parametrize('settings, words', [
    (FRAMES._replace(convention='ned'), 'tf2 is east-north-up'),
    (FRAMES._replace(frames=('map_ned', 'optical')), "the tf's frame_id is 'map_ned'")])
def test_another_convention_is_refused(settings, words):
    with pytest.raises(UserError, match=words):
        Trajectory(settings)


def hovering(kind, turn, convention='enu', body=NORTH):
    made = Trajectory(PoseSettings(mount=Mount(kind), convention=convention))
    for stamp in (0, S):
        made.add_fix(stamp, fix())
        made.add_imu(stamp, imu(body))
        made.add_range(stamp, distance(50.0))
        made.add_gimbal(stamp, head(turn))
    return made


OBLIQUE = about_y(math.radians(60))    # 60 degrees below the horizon, straight ahead
RIGHT = about_z(-math.pi / 2) @ OBLIQUE


@pytest.mark.parametrize('kind, turn, looks', [
    # Where the middle of the picture looks: east, north, up; cos 60 is 1/2.
    pytest.param('gimbal_body', OBLIQUE, (0, .5, -.866025), id='ahead_of_a_nose_north'),
    pytest.param('gimbal_body', RIGHT, (.5, 0, -.866025), id='to_its_right'),
    pytest.param('gimbal_world', OBLIQUE, (.5, 0, -.866025), id='yaw_0_of_the_world_is_east'),
    pytest.param('gimbal_world', RIGHT, (0, -.5, -.866025), id='and_right_of_that_south'),
])
def test_where_a_turning_gimbal_looks(kind, turn, looks):
    assert hovering(kind, turn).at(0).rotation[:, 2] == pytest.approx(looks, abs=1e-5)


def test_a_gimbal_kept_against_the_world_does_not_bank_with_the_aircraft():
    banked = hovering('gimbal_world', OBLIQUE, body=NORTH @ about_x(0.3))
    assert banked.at(0).rotation == pytest.approx(OBLIQUE @ OPTICAL, abs=1e-9)


@pytest.mark.parametrize('kind, world', [('gimbal_body', FRD_FLU), ('gimbal_world', NED_ENU)])
def test_a_gimbal_in_north_east_down_says_the_same(kind, world):
    told = hovering(kind, world @ RIGHT @ FRD_FLU, 'ned', NED_ENU @ NORTH @ FRD_FLU)
    assert told.at(0).rotation == pytest.approx(hovering(kind, RIGHT).at(0).rotation, abs=1e-9)


def test_a_gimbal_that_turns_is_followed_between_its_messages():
    made = hovering('gimbal_body', about_z(0.0) @ OBLIQUE)
    made.add_gimbal(S, head(about_z(-0.4) @ OBLIQUE))
    half = hovering('gimbal_body', about_z(-0.2) @ OBLIQUE)
    assert made.at(S // 2).rotation == pytest.approx(half.at(0).rotation, abs=1e-9)


def test_without_its_messages_nothing_is_made_up():
    made = hovering('gimbal_body', OBLIQUE)
    made.gimbals.clear()
    with pytest.raises(PoseProblem, match='no attitude of the gimbal'):
        made.at(0)
    with pytest.raises(PoseProblem, match='is no rotation'):
        made.add_gimbal(0, Object(quaternion=Object(x=0, y=0, z=0, w=0)))
