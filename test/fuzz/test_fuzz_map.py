"""
What a map is made of, with odd values in it: calibrations, poses, terrain, the mount.

As in test_fuzz.py: a result of finite numbers, or one line, with fixed seeds.
"""
from __future__ import annotations

from types import SimpleNamespace as Object

import numpy as np
import pytest
import yaml
from fuzzing import answers, fuzz
from hypothesis import given
from hypothesis import strategies as st
from mutations import damaged, rewritten

rasterio = pytest.importorskip('rasterio', reason="maps need pip install '.[map]'")

from effvit_ros.core.errors import UserError  # noqa: E402
from effvit_ros.mapping.camera_model import camera_model, MODELS  # noqa: E402
from effvit_ros.mapping.geodesy import LocalFrame, position_problem  # noqa: E402
from effvit_ros.mapping.ground import Terrain  # noqa: E402
from effvit_ros.mapping.pose_messages import (  # noqa: E402
    attitude_of_imu,
    CONVENTIONS,
    fix_of,
    pose_of,
    range_of,
)
from effvit_ros.mapping.track import PoseProblem  # noqa: E402
from effvit_ros.mapping.vehicle_mount import read_mount  # noqa: E402

pytestmark = pytest.mark.slow
REFUSALS = UserError, PoseProblem
#: Numbers as messages hold them: sound ones, and what drivers write by mistake.
NUMBER = st.one_of(st.floats(-1000, 1000), st.floats(),
                   st.sampled_from([0.0, -1.0, 1e-300, 1e300]))
HEADER = Object(frame_id='base_link')


def quaternions(draw):
    return Object(**{axis: draw(NUMBER) for axis in 'xyzw'})


@fuzz(80)
@given(st.data())
def test_calibrations(data):
    draw = data.draw
    sides = st.one_of(st.integers(1, 5000), st.just(0))
    size = draw(st.sampled_from([0, 4, 5, 8, 12, 14, 3]))
    info = Object(
        width=draw(sides), height=draw(sides), distortion_model=draw(
            st.sampled_from([*MODELS, '', 'odd'])),
        k=draw(st.lists(NUMBER, min_size=9, max_size=9)), d=draw(
            st.lists(NUMBER, min_size=size, max_size=size)),
        p=draw(st.lists(NUMBER, min_size=12, max_size=12)),
        binning_x=draw(st.integers(0, 4)), binning_y=draw(st.integers(0, 4)),
        roi=Object(**{name: draw(st.integers(0, 5000))
                      for name in ('x_offset', 'y_offset', 'width', 'height')}))

    def use():
        model = camera_model(info, draw(st.booleans()))
        model.rays(model.border(4))
        model.pixels(np.array([[0.0, 0.3], [0.0, -0.2], [1.0, 1.0]]))
    answers(use)


@fuzz(80)
@given(st.data())
def test_poses(data):
    draw = data.draw
    convention = draw(st.sampled_from(CONVENTIONS))
    covariance = st.lists(NUMBER, min_size=9, max_size=9)

    def finite(values):
        assert np.isfinite(np.asarray(values, float)).all()

    def fix():
        found = fix_of(Object(
            status=Object(status=draw(st.integers(-2, 2))), latitude=draw(NUMBER),
            longitude=draw(NUMBER), altitude=draw(NUMBER), position_covariance=draw(covariance),
            position_covariance_type=draw(st.integers(0, 3))))
        finite(found[:2])
        finite(found.sigma or 0)

    def imu():
        found = attitude_of_imu(Object(
            header=HEADER, orientation=quaternions(draw),
            orientation_covariance=draw(covariance)), convention)
        assert np.linalg.norm(found.quaternion) == pytest.approx(1)
        finite(found.sigma or 0)

    def pose():
        place, attitude = pose_of(Object(header=HEADER, pose=Object(
            position=Object(**{axis: draw(NUMBER) for axis in 'xyz'}),
            orientation=quaternions(draw))), convention)
        finite(place[:3])
        assert np.linalg.norm(attitude.quaternion) == pytest.approx(1)

    def distance():
        finite(range_of(Object(range=draw(NUMBER), min_range=draw(NUMBER),
                               max_range=draw(NUMBER))) or 0)
    for read in (fix, imu, pose, distance):
        answers(read, refusals=REFUSALS)


@fuzz(60)
@given(NUMBER, NUMBER)
def test_places(latitude, longitude):
    def there_and_back():
        frame = LocalFrame(latitude, longitude)
        assert np.isfinite(frame.to_metres(latitude, longitude)).all()
    assert answers(there_and_back) == (position_problem(latitude, longitude) is None)


def test_terrain(folder):
    path, frame = folder / 'terrain.tif', LocalFrame(47.0, 15.0)
    heights = np.arange(400, dtype=np.float32).reshape(20, 20)
    with rasterio.open(path, 'w', driver='GTiff', width=20, height=20, count=1, dtype='float32',
                       crs='EPSG:4326', nodata=-9999.0, transform=rasterio.transform.from_origin(
                           14.999, 47.001, 1e-4, 1e-4)) as raster:
        raster.write(heights, 1)
    whole = path.read_bytes()

    def read():
        ground = Terrain(path, frame)
        low, high = ground.lowest_highest()
        assert low <= high
        ground.height(np.zeros(3), np.zeros(3))
    assert answers(read)

    @fuzz(25)
    @given(damaged(whole))
    def run(content):
        path.write_bytes(content)
        answers(read)
    run()


def test_mounts(folder):
    path = folder / 'mount.yaml'
    content = {'mount': {'kind': 'gimbal', 'tilt_deg': 60.0, 'pan_deg': 0.0}}

    @fuzz(60)
    @given(st.one_of(rewritten(content), damaged(yaml.safe_dump(content).encode())))
    def run(text):
        path.write_bytes(text)
        answers(read_mount, path)
    run()
