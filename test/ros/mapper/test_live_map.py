"""The map that grows: what messages show is what is fused, also after more was seen."""
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')
from builtin_interfaces.msg import Time  # noqa: E402

from effvit_ros.core.classes import IGNORE, lpcv_classes  # noqa: E402
from effvit_ros.mapping.camera_model import CameraModel  # noqa: E402
from effvit_ros.mapping.pose_settings import CameraPose, PoseSettings  # noqa: E402
from effvit_ros.mapping.projection import Grid  # noqa: E402
from effvit_ros.mapping.trajectory import Trajectory  # noqa: E402
from effvit_ros.ros.mapper.live_map import LiveMap, Shown  # noqa: E402
from effvit_ros.ros.mapper.outputs import grid_message  # noqa: E402

#: North is up in the picture, east to the right; 60 x 60 m are seen from 30 m.
CAMERA = CameraModel(120, 120, np.array([[60., 0, 59.5], [0, 60, 59.5], [0, 0, 1]]), np.array([]))
DOWN = np.diag([1.0, -1.0, -1.0])


def over(east):
    """Return the pose 30 m above a place."""
    return CameraPose(np.array([east, 0.0, 30.0]), DOWN, (1.0, 1.0, 1.0), (0.01, 0.01, 0.01),
                      False)


@pytest.fixture
def live_map(tmp_path):
    """Return an empty map of two tiles in memory."""
    trajectory = Trajectory(PoseSettings(origin=(50.0, 8.0)))
    grown = LiveMap(lpcv_classes(), trajectory, Grid(), str(tmp_path), 1)
    yield grown
    grown.close()


def test_messages_show_what_is_fused_also_after_more_was_seen(live_map):
    """The third look takes cells of the first for another class: two against one."""
    for second, (east, class_id) in enumerate([(0, 1), (40, 1), (45, 3), (0, 3), (0, 3)]):
        live_map.add(np.full((120, 120), class_id, np.uint8), None, CAMERA, over(east),
                     second * 10**9)
        shown = live_map.shown()
        labels, south, west = shown.labels, shown.south, shown.west
        fresh = np.concatenate([
            np.concatenate([live_map.ground.fused_tile((row, column)).labels
                            for column in range(west // 256, (west + labels.shape[1]) // 256)], 1)
            for row in range(south // 256, (south + labels.shape[0]) // 256)])
        np.testing.assert_array_equal(labels, fresh)
    cell = labels[0 - south, round(-10 / 0.25) - west]
    assert cell == 3 and set(np.unique(labels)) == {1, 3, IGNORE}


@pytest.mark.parametrize('name, data', [
    ('landing', [0, 100, 0, -1]),
    ('water', [0, 100, 0, -1]),
], ids=['landing: background and road are free', 'water: 100 is water'])
def test_grids_by_hand(name, data):
    """A row of background, water, road and what was never seen; a cell of half a metre."""
    pytest.importorskip('nav_msgs')
    classes = lpcv_classes()
    ids = [classes.names.index(n) for n in (
        'background', 'flood/water/river/sea', 'road/railway/bridge')]
    shown = Shown(np.array([[*ids, IGNORE]], np.uint8), -3, 8, 0.5, None, classes.names, [])
    message = grid_message(name, shown, Time())
    assert list(message.data) == data
    assert (message.info.width, message.info.height, message.info.resolution) == (4, 1, 0.5)
    assert (message.info.origin.position.x, message.info.origin.position.y) == (4.0, -1.5)


def test_a_burning_forest_is_no_landing_place_and_no_water():
    pytest.importorskip('nav_msgs')
    classes = lpcv_classes()
    shown = Shown(np.array([[classes.names.index('fire/flare')]], np.uint8), 0, 0, 0.5, None,
                  classes.names, [])
    assert [list(grid_message(name, shown, Time()).data) for name in ('landing', 'water')] == [
        [100], [0]]
