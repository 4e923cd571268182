"""Which topics a vehicle's file has recorded."""
from __future__ import annotations

import pytest

from effvit_ros.onboard.recording import recorded_topics
from effvit_ros.onboard.vehicle import read_vehicle

NOTHING_ELSE = ('labels: false, overlay: false, camera_info: false, class_areas: false, '
                'alerts: false, diagnostics: false')


def topics(folder, text):
    file = folder / 'uav1.yaml'
    file.write_text('namespace: uav1\n' + text)
    return recorded_topics(read_vehicle(file))


def test_by_default_all_results_with_their_legend_and_no_pictures(tmp_path):
    assert topics(tmp_path, '') == [
        '/uav1/segmenter/labels', '/uav1/segmenter/label_info',
        '/uav1/segmenter/overlay/compressed', '/uav1/segmenter/camera_info',
        '/uav1/segmenter/class_areas', '/uav1/segmenter/alerts', '/diagnostics']


@pytest.mark.parametrize('kind, image_topic, recorded', [
    ('raw', 'camera/image_raw', ['/uav1/camera/image_raw', '/uav1/camera/camera_info']),
    ('compressed', 'camera/image_raw',
     ['/uav1/camera/image_raw/compressed', '/uav1/camera/camera_info']),
    ('raw', '/front/image', ['/front/image', '/front/camera_info']),
    ('raw', 'image', ['/uav1/image', '/uav1/camera_info']),
    ('raw', '/image', ['/image', '/camera_info']),
])
def test_pictures_are_recorded_with_the_camera_info_beside_them(
        tmp_path, kind, image_topic, recorded):
    assert topics(tmp_path, f'camera: {{driver: none, image_topic: {image_topic}}}\n'
                            f'recording: {{image: {kind}, {NOTHING_ELSE}}}\n') == recorded
