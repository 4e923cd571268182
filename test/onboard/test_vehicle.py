"""A vehicle's file: defaults, what is refused and how."""
from __future__ import annotations

import pytest
import yaml
from live_ros import ROOT

from effvit_ros.core.errors import UserError
from effvit_ros.onboard.vehicle import read_vehicle
from effvit_ros.onboard.vehicle_parameters import CAMERA, FOXGLOVE, RECORDING, SECTIONS, VEHICLE

EXAMPLE = ROOT / 'config' / 'vehicles' / 'example.yaml'
PAGE = ROOT / 'docs' / 'onboard.md'


@pytest.fixture
def written(tmp_path):
    """Return what reads a vehicle from a text."""
    def read(text, **keywords):
        path = tmp_path / 'uav.yaml'
        path.write_text(text, encoding='utf-8')
        return read_vehicle(path, **keywords)
    return read


def defaults(rows):
    return {row.name: row.default for row in rows}


@pytest.mark.parametrize('text', ['', 'camera:\n', '{}'])
def test_a_file_that_says_nothing_is_a_vehicle_with_the_defaults(written, text):
    vehicle = written(text)
    assert (vehicle.namespace, vehicle.respawn_delay, vehicle.log_level) == ('', 2.0, 'info')
    assert vehicle.camera == defaults(CAMERA)
    assert vehicle.recording == defaults(RECORDING)
    assert vehicle.foxglove == defaults(FOXGLOVE)
    assert vehicle.segmenter == {}, 'the node has its own defaults'


def test_the_example_says_the_defaults():
    vehicle = read_vehicle(EXAMPLE)
    content = yaml.safe_load(EXAMPLE.read_text(encoding='utf-8'))
    assert {key: content[key] for key in defaults(VEHICLE)} == defaults(VEHICLE)
    for section, rows in SECTIONS.items():
        if section != 'segmenter':
            assert content[section] == defaults(rows), section
            assert getattr(vehicle, section) == defaults(rows)


def test_what_is_given_comes_in_the_parameters_own_type(written):
    vehicle = written('namespace: /fleet/uav1\ncamera: {rate_hz: 10, width: 1280}\n'
                      'segmenter: {max_rate: 5, overlay_legend: false}')
    assert vehicle.namespace == 'fleet/uav1'
    assert vehicle.camera['rate_hz'] == 10.0 and type(vehicle.camera['rate_hz']) is float
    assert vehicle.segmenter == {'max_rate': 5.0, 'overlay_legend': False}
    assert type(vehicle.segmenter['max_rate']) is float


@pytest.mark.parametrize('text, message', [
    ('camra: {}', 'camra is unknown: did you mean camera?'),
    ('camera: {rat_hz: 3}', 'camera.rat_hz is unknown: did you mean rate_hz?'),
    ('segmenter: {modell: x}', 'segmenter.modell is unknown: did you mean model?'),
    ('camera: {rate_hz: 0}', "camera.rate_hz is '0': give 0.1 to 1000.0"),
    ('camera: {rate_hz: .nan}', "camera.rate_hz is 'nan': give 0.1 to 1000.0"),
    ('camera: {width: wide}', "camera.width is 'wide': give 1 to 16384"),
    ('camera: {driver: webcam}', "camera.driver is 'webcam': give auto | v4l2_camera"),
    ('camera: /dev/video0', "camera is '/dev/video0': give keys with values"),
    ('camera: {device: 0}', "camera.device is '0': give a text"),
    ('- a\n- b', "the file is ['a', 'b']: give keys with values"),
    ('namespace: uav-1', "namespace is 'uav-1': give letters, digits and _"),
    ('namespace: uav1//x', "namespace is 'uav1//x': give letters"),
    ('camera: {calibration: none.yaml}', "camera.calibration is 'none.yaml': no such file"),
    ('camera: {driver: gscam}', "camera.pipeline is '': give gscam's GStreamer pipeline"),
    ('camera: {source: folder}', "camera.path is '': give the folder"),
    ('camera: {image_topic: /cam}', "camera.image_topic is '/cam': only driver none"),
    ('recording: {enabled: maybe}', "recording.enabled is 'maybe': give true | false"),
    ('recording: {max_total_mb: 300}',
     "recording.max_total_mb is '300': give twice max_split_mb (512) or more"),
    ('foxglove: {port: 99999}', "foxglove.port is '99999': give 1 to 65535"),
    ('camera: {', 'not YAML: '),
])
def test_a_mistake_is_one_line_that_names_file_key_and_fix(written, tmp_path, text, message):
    with pytest.raises(UserError) as caught:
        written(text)
    line = str(caught.value)
    assert line.startswith(f'{tmp_path / "uav.yaml"}: ' + message)
    assert '\n' not in line


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match='uav9.yaml: No such file or directory'):
        read_vehicle(tmp_path / 'uav9.yaml')


def test_a_calibration_is_found_beside_the_vehicles_file(written, tmp_path):
    (tmp_path / 'cam.yaml').write_text('', encoding='utf-8')
    assert written('camera: {calibration: cam.yaml}').camera['calibration'] == str(
        tmp_path / 'cam.yaml')


def test_a_namespace_that_is_given_wins_over_the_file(written):
    assert written('namespace: uav1', namespace='uav2').namespace == 'uav2'


@pytest.mark.parametrize('namespace, name, topic', [
    ('', 'segmenter/labels', '/segmenter/labels'),
    ('uav1', 'segmenter/labels', '/uav1/segmenter/labels'),
    ('fleet/uav1', '/diagnostics', '/diagnostics'),
])
def test_topics_are_full_names(written, namespace, name, topic):
    assert written(f'namespace: "{namespace}"').topic(name) == topic


@pytest.mark.parametrize('text, frame_id', [
    ('', 'camera'),
    ('namespace: uav1', 'uav1/camera'),
    ('{namespace: uav1, camera: {frame_id: nadir_optical}}', 'nadir_optical'),
])
def test_frames_of_several_aircraft_differ_by_themselves(written, text, frame_id):
    assert written(text).frame_id == frame_id


def test_every_key_is_on_the_page():
    page = PAGE.read_text(encoding='utf-8')
    keys = [row.name for row in VEHICLE]
    keys += [f'{section}.{row.name}' for section, rows in SECTIONS.items()
             if section != 'segmenter' for row in rows]
    assert [key for key in keys if f'`{key}`' not in page] == []
