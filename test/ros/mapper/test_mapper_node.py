"""The mapper as a real process: labels and poses in, map and alerts with a place out."""
from __future__ import annotations

import json

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Quaternion, TransformStamped
from live_ros import fresh_domain, NodeProcess, Probe
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, NavSatFix, Range
from std_msgs.msg import Header, String

from effvit_ros.ros.common.codec import image_message, png_message
from effvit_ros.ros.mapper.node import TFMessage
from effvit_ros.ros.segmenter.alert_topic import alerts_in

pytest.importorskip('pyproj', reason="maps need pip install '.[map]'")
nav = pytest.importorskip('nav_msgs.msg', reason='nav_msgs is not installed')
srvs = pytest.importorskip('std_srvs.srv', reason='std_srvs is not installed')

MODULE = 'effvit_ros.ros.mapper.main'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NORTH = Quaternion(z=0.70710678, w=0.70710678)   # nose north in east-north-up
#: An optical frame that looks straight down, its right to the right of the nose.
LOOKING_DOWN = Quaternion(x=0.70710678, y=-0.70710678, z=0.0, w=0.0)
PERSON = 10


class Aircraft:
    """Hovers at 40 m over 47, 15, nose north, a camera of 160x120 looking down."""

    def __init__(self, probe, poses=True, covariance=1.0, png=False, frames=False):
        node = probe.node
        self._time = 100.0
        self._labels = node.create_publisher(Image, 'segmenter/labels', 1)
        self._png = None
        if png:
            self._png = node.create_publisher(CompressedImage, 'segmenter/labels/compressed', 1)
        self._confidence = node.create_publisher(Image, 'segmenter/confidence', 1)
        self._info = node.create_publisher(CameraInfo, 'segmenter/camera_info', 1)
        self._poses = [node.create_publisher(kind, topic, 10) for kind, topic in (
            (NavSatFix, 'fix'), (Imu, 'imu'), (Range, 'range'))] if poses else []
        self._covariance = covariance
        self._frames = None
        if frames:
            self._frames = node.create_publisher(TFMessage, '/tf', 10)
            # Kept, or it would be gone with what it told.
            self._static = node.create_publisher(TFMessage, '/tf_static', LATCHED)
            self._static.publish(
                TFMessage(transforms=[self._transform('base_link', 'optical', LOOKING_DOWN)]))
        node.create_timer(0.05, self._tick)
        # A person 16 pixels east and 12 north of the middle: with focal length 160 at 40 m
        # those are 4 and 3 metres.
        self.labels = np.zeros((120, 160), np.uint8)
        self.labels[59 - 12 - 2:59 - 12 + 3, 79 + 16 - 2:79 + 16 + 3] = PERSON
        self.confidence = np.full((120, 160), 128, np.uint8)

    def _tick(self):
        self._time += 0.05
        fix = NavSatFix(header=self._header(), latitude=47.0, longitude=15.0, altitude=440.0)
        imu = Imu(header=self._header(), orientation=NORTH)
        if self._covariance:
            fix.position_covariance_type = 2
            fix.position_covariance = list(np.diag([self._covariance] * 3).ravel())
            imu.orientation_covariance = list(np.diag([1e-4] * 3).ravel())
        for publisher, message in zip(self._poses, (
                fix, imu, Range(header=self._header(), range=40.0, min_range=0.1,
                                max_range=100.0))):
            publisher.publish(message)
        if self._frames is not None:
            self._frames.publish(TFMessage(transforms=[
                self._transform('map', 'base_link', NORTH, 40.0)]))
        header = self._header()
        info = CameraInfo(header=header, width=160, height=120, distortion_model='plumb_bob')
        info.k = [160.0, 0.0, 79.5, 0.0, 160.0, 59.5, 0.0, 0.0, 1.0]
        self._info.publish(info)
        if self._png is not None:
            self._png.publish(png_message(self.labels, header))
            return
        self._labels.publish(image_message(self.labels, 'mono8', header))
        self._confidence.publish(image_message(self.confidence, 'mono8', header))

    def _transform(self, parent, child, turn, up=0.0):
        found = TransformStamped(header=self._header(), child_frame_id=child)
        found.header.frame_id = parent
        found.transform.translation.z, found.transform.rotation = up, turn
        return found

    def _header(self):
        header = Header(frame_id='base_link')
        header.stamp.sec = int(self._time)
        header.stamp.nanosec = int(self._time % 1 * 1e9)
        return header


@pytest.fixture
def probe():
    probe = Probe(fresh_domain())
    yield probe
    probe.close()


@pytest.fixture
def start(probe, tmp_path):
    started = []

    def run(**parameters):
        domain = probe.node.context.get_domain_id()
        node = NodeProcess(MODULE, domain, tmp_path / 'log', publish_period=1.0,
                           save_folder=tmp_path / 'maps', **parameters)
        started.append(node)
        return node
    yield run
    for node in started:
        print(node.log)
        assert node.end(timeout=60) == 0, node.log


def mapping_status(messages):
    return next((s for m in reversed(messages) for s in m.status
                 if s.name == 'mapper: mapping'), None)


@pytest.mark.slow
def test_labels_and_poses_become_a_map_with_alerts(probe, start, tmp_path):
    aircraft = Aircraft(probe)
    start()
    alerts, _ = probe.collect(DiagnosticArray, 'mapper/alerts', LATCHED)
    maps, _ = probe.collect(String, 'mapper/geojson', LATCHED)
    grids, _ = probe.collect(nav.OccupancyGrid, 'mapper/landing', LATCHED)
    health, _ = probe.collect(DiagnosticArray, '/diagnostics')
    probe.until(lambda: alerts and maps and grids, 60, 'a map')
    alert, = alerts_in(alerts[-1])
    assert alert.name == 'person'
    # 4 m east and 3 m north of 47, 15 by the ellipsoid.
    assert alert.place.latitude == pytest.approx(47.0 + 3 / 111170, abs=3e-6)
    assert alert.place.longitude == pytest.approx(15.0 + 4 / 76056, abs=4e-6)
    assert 2.0 < alert.place.uncertainty_m < 6.0
    probe.until(lambda: '"person"' in maps[-1].data, 30, 'the person on the map')
    kinds = {f['properties']['kind'] for f in json.loads(maps[-1].data)['features']}
    assert 'alert' in kinds
    grid = np.array(grids[-1].data, np.int8).reshape(grids[-1].info.height, -1)
    assert {0, -1} <= set(np.unique(grid)) and grids[-1].info.resolution == 0.25
    # On a machine that is too busy to map for seconds the map stands still, rightly.
    probe.until(lambda: any(s.message == 'mapping' and s for m in health
                                     for s in m.status), 60, 'good health')
    values = {v.key: v.value for v in mapping_status(health).values}
    assert values['state'] == 'active'
    assert int(values['weighed by confidence']) > 0
    answer = probe.call(srvs.Trigger, 'mapper/save', srvs.Trigger.Request(), 60)
    assert answer.success, answer.message
    saved = {p.name for p in next((tmp_path / 'maps').iterdir()).iterdir()}
    assert {'map.geojson', 'map.kml', 'map.tif', 'report.html'} <= saved
    del aircraft


@pytest.mark.slow
@pytest.mark.parametrize('aircraft, words', [
    pytest.param({'poses': False}, 'no_pose', id='no_pose'),
    # Their labels come as PNG.
    pytest.param({'covariance': 0.0, 'png': True}, 'tell no covariance', id='no_covariance'),
])
def test_what_is_wrong_with_poses_is_a_warning(probe, start, aircraft, words):
    Aircraft(probe, **aircraft)
    start(labels_transport='compressed' if aircraft.get('png') else 'raw')
    health, _ = probe.collect(DiagnosticArray, '/diagnostics')
    status = probe.until(
        lambda: (s := mapping_status(health)) and words in s.message and s, 60, words)
    assert status.level == b'\x01'


@pytest.mark.slow
@pytest.mark.skipif(TFMessage is None, reason='tf2_msgs is not installed')
def test_frames_alone_place_an_alert(probe, start):
    aircraft = Aircraft(probe, poses=False, frames=True)
    start(map_frame='map', camera_frame='optical', origin_latitude=47.0, origin_longitude=15.0)
    alerts, _ = probe.collect(DiagnosticArray, 'mapper/alerts', LATCHED)
    probe.until(lambda: alerts, 60, 'an alert')
    alert, = alerts_in(alerts[-1])
    assert alert.place.latitude == pytest.approx(47.0 + 3 / 111170, abs=3e-6)
    assert alert.place.longitude == pytest.approx(15.0 + 4 / 76056, abs=4e-6)
    del aircraft


@pytest.mark.slow
@pytest.mark.skipif(TFMessage is not None, reason='tf2_msgs is installed')
def test_without_tf2_msgs_frames_are_refused_in_one_line(start):
    node = start(map_frame='map', camera_frame='optical')
    node.wait_for_log("map_frame is 'map', but tf2_msgs is not installed", 60)
    assert 'Traceback' not in node.log
