"""A recorded flight becomes a map: against its truth, by others' readers, and refused bags."""
from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform
from rosbags.rosbag2 import Reader, Writer
from rosbags.typesys import get_typestore, Stores
from shapely.geometry import shape

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.writer import BagWriter
from effvit_ros.core.classes import IGNORE
from effvit_ros.flight.flight import Flight
from effvit_ros.flight.path import ROUND_S
from effvit_ros.flight.survey import PLACE, SensorErrors, Survey
from effvit_ros.mapping.flight_truth import write_flight_truth
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.map_bag import main
from effvit_ros.mapping.survey_bag import SurveyPlan, write_survey

TRUTH = '/camera/truth'


def record(folder, name, errors=SensorErrors(), frames=12, **plan):
    """Write a small flight into ``folder`` and return the bag's path."""
    survey = Survey(Flight(5, 320, 240, 40.0 / ROUND_S, 1024, (0.6,)), 40.0)
    plan = SurveyPlan(frames, 1.0, **plan)
    bag = folder / name
    with BagWriter(bag) as writer:
        write_survey(writer, survey, errors, plan)
    write_flight_truth(f'{bag}_truth', survey, plan, errors.latency_s)
    return bag


@pytest.fixture(scope='module')
def flight(tmp_path_factory):
    return record(tmp_path_factory.mktemp('flight'), 'flight')


@pytest.fixture(scope='module')
def made(flight, tmp_path_factory):
    """Return the folder of a map of the flight's true labels."""
    out = tmp_path_factory.mktemp('map')
    assert main([str(flight), '--labels-topic', TRUTH, '--truth', f'{flight}_truth',
                 '--out', str(out)]) == 0
    return out


@pytest.fixture(scope='module')
def report(made):
    return json.loads((made / 'report.json').read_text())


def test_true_labels_and_poses_give_the_true_map(report):
    assert report['ground_miou_fused'] > 0.9
    assert report['ground_miou_fused'] > report['ground_miou_single']
    assert report['position_error_told_m_p95'] < 0.03
    assert report['position_error_m_p95'] < 0.25, 'making poses agree harms true ones little'
    assert report['frames'] == 12 and report['left_out'] == {}
    assert report['seconds_per_frame'] > 0


def test_areas_are_the_same_in_every_file(made, report):
    with rasterio.open(made / 'map.tif') as source:
        labels = source.read(1)
        cell = source.transform.a * -source.transform.e
        assert source.colormap(1)[7][:3] == (170, 240, 209), 'water has its colour'
        assert source.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG'
    features = json.loads((made / 'map.geojson').read_text())['features']
    frame = LocalFrame(*report['origin'])
    for name, entry in report['classes'].items():
        class_id = [f for f in features if f['properties']['class'] == name]
        if name == 'background' or not class_id:
            continue
        number = class_id[0]['properties']['class_id']
        assert (labels == number).sum() * cell == pytest.approx(entry['area_m2'], abs=0.01)
        polygons = [f for f in class_id if f['properties']['kind'] == 'region']
        by_metres = sum(shapely.transform(shape(f['geometry']), lambda c: np.column_stack(
            frame.to_metres(c[:, 1], c[:, 0]))).area for f in polygons)
        assert by_metres == pytest.approx(entry['area_in_polygons_m2'], rel=2e-3)
        assert by_metres == pytest.approx(sum(f['properties']['area_m2'] for f in polygons),
                                          rel=2e-3)


def test_polygons_lie_where_the_raster_has_their_class(made):
    features = json.loads((made / 'map.geojson').read_text())['features']
    checked = 0
    with rasterio.open(made / 'map.tif') as source:
        labels = source.read(1)
        for feature in features:
            about = feature['properties']
            if about['kind'] != 'region' or about['area_m2'] < 2:
                continue
            point = shape(feature['geometry']).representative_point()
            (x,), (y,) = transform('EPSG:4326', source.crs, [point.x], [point.y])
            assert labels[source.index(x, y)] == about['class_id']
            checked += 1
    assert checked > 10


def test_kml_says_what_geojson_says(made):
    space = '{http://www.opengis.net/kml/2.2}'
    root = ElementTree.parse(made / 'map.kml').getroot()
    features = json.loads((made / 'map.geojson').read_text())['features']
    outer = [e.text for e in root.iter(f'{space}outerBoundaryIs') for e in
             e.iter(f'{space}coordinates')]
    regions = [f for f in features if f['properties']['kind'] == 'region']
    assert len(outer) == len(regions)
    first = [float(v) for v in outer[0].split()[0].split(',')[:2]]
    assert any(np.allclose(first, ring, atol=1e-6)
               for f in regions for ring in f['geometry']['coordinates'][0])


def test_gdal_reads_the_same_places(made, tmp_path):
    pytest.importorskip('shutil')
    import shutil
    if shutil.which('ogr2ogr') is None:
        pytest.skip("Debian's gdal-bin is not installed")
    for name in ('map.geojson', 'map.kml'):
        target = tmp_path / f'{name}.csv'
        subprocess.run(['ogr2ogr', '-f', 'CSV', '-lco', 'GEOMETRY=AS_WKT', '-sql',
                        'SELECT * FROM "map"' if name == 'map.geojson' else
                        'SELECT * FROM "building_undamaged"', target, made / name], check=True)
        assert 'POLYGON' in target.read_text()
    text = subprocess.run(['gdalinfo', '-json', made / 'map.tif'], check=True,
                          capture_output=True, text=True).stdout
    corner = json.loads(text)['wgs84Extent']['coordinates'][0][0]
    with rasterio.open(made / 'map.tif') as source:
        (x,), (y,) = transform(source.crs, 'EPSG:4326', [source.bounds.left],
                               [source.bounds.top])
    metres = math.hypot((corner[0] - x) * 76000, (corner[1] - y) * 111000)
    assert metres < 0.1


def test_persons_are_alerts_where_they_are(report):
    scores = report['alert_scores']
    assert scores, 'the flight has people, fires or damaged buildings in view'
    for name, entry in scores.items():
        assert entry['false'] <= max(1, entry['alerts'] // 5), name
        if entry['alerts']:
            assert entry['error_m_p95'] < 3, name
    assert scores['person']['alerts'] > 10 and scores['person']['inside'] >= 0.9


def test_the_page_needs_nothing_else(made):
    page = (made / 'report.html').read_text()
    outside = [word for word in page.split('"') if word.startswith(('http://', 'https://'))]
    assert all('leafletjs.com' in w or 'w3.org' in w for w in outside)
    assert '@DATA@' not in page and 'data:image/webp' in page


def test_the_same_command_gives_the_same_bytes(flight, made, tmp_path):
    assert main([str(flight), '--labels-topic', TRUTH, '--out', str(tmp_path)]) == 0
    for name in ('map.geojson', 'map.kml', 'orthomosaic.tif'):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes(), name


def test_an_interrupted_map_goes_on_and_ends_as_it_would_have(flight, made, tmp_path,
                                                              monkeypatch):
    from effvit_ros.mapping import bag_map
    monkeypatch.setattr(bag_map, 'CHECKPOINT_S', 0.0)
    real, calls = bag_map.footprint, []

    def breaks(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*arguments)
    monkeypatch.setattr(bag_map, 'footprint', breaks)
    command = [str(flight), '--labels-topic', TRUTH, '--out', str(tmp_path)]
    assert main(command) == 130
    assert not (tmp_path / 'report.json').exists()
    assert main(command) == 0
    assert len(calls) == 6 + 12 - 5, 'what was mapped is not mapped again'
    assert (tmp_path / 'map.geojson').read_bytes() == (made / 'map.geojson').read_bytes()


@pytest.mark.slow
def test_poses_that_err_are_made_to_agree(tmp_path):
    bag = record(tmp_path, 'erring', SensorErrors(gps_m=2.0, wander_s=2.0), frames=16)
    assert main([str(bag), '--labels-topic', TRUTH, '--truth', f'{bag}_truth',
                 '--out', str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['position_error_m_p50'] < report['position_error_told_m_p50']
    assert report['ground_miou_fused'] > report['ground_miou_single'] + 0.03


@pytest.mark.slow
def test_a_local_pose_lies_about_the_fixes(tmp_path):
    bag = record(tmp_path, 'local', poses='local')
    assert main([str(bag), '--labels-topic', TRUTH, '--truth', f'{bag}_truth', '--no-align',
                 '--out', str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['position_error_m_p95'] < 0.05
    assert report['height'] == 'pose_z'
    assert report['frames_with_assumed_uncertainty'] == 12, 'a PoseStamped has no covariance'


@pytest.mark.slow
def test_late_stamps_are_mended_by_the_offset(tmp_path):
    bag = record(tmp_path, 'late', SensorErrors(latency_s=0.3))
    for offset, least, most in (('0', 1.0, 20.0), ('-0.3', 0.0, 0.05)):
        out = tmp_path / offset
        assert main([str(bag), '--labels-topic', TRUTH, '--truth', f'{bag}_truth', '--no-align',
                     '--every', '3', f'--time-offset={offset}', '--out', str(out)]) == 0
        error = json.loads((out / 'report.json').read_text())['position_error_m_p50']
        assert least <= error <= most


@pytest.mark.parametrize('arguments, words', [
    pytest.param(['--height', 'low'], "--height 'low': give auto", id='height'),
    pytest.param(['--height', 'constant=x'], "'x' is not a number", id='height_number'),
    pytest.param(['--origin', '47'], "--origin '47': give LATITUDE,LONGITUDE", id='origin'),
    pytest.param(['--origin', '0,0'], 'a receiver without a fix', id='null_island'),
    pytest.param(['--origin', '89,0'], 'too near to a pole', id='pole'),
    pytest.param(['--fix-topic', '/gps'], 'no topic /gps', id='no_such_topic'),
    pytest.param(['--imu-topic', '/fix'], 'holds sensor_msgs/msg/NavSatFix', id='wrong_type'),
    pytest.param(['--tf', 'map'], "--tf 'map': give MAP_FRAME:CAMERA_FRAME", id='tf'),
    pytest.param(['--tf', 'map:optical'], 'no topic of tf', id='no_tf'),
    pytest.param(['--mount', 'gimbal_body'], 'nothing tells where the gimbal looks',
                 id='no_gimbal'),
    pytest.param(['--gimbal-topic', '/gimbal'], 'against the body or against the world',
                 id='which_gimbal'),
    pytest.param(['--tilt', '0'], 'the horizon or above', id='horizon'),
    pytest.param(['--terrain', 'none.tif'], 'no such file', id='no_terrain'),
    pytest.param(['--truth', 'nowhere'], 'not the truth of a flight', id='no_truth'),
    pytest.param(['--labels-topic', '/labels'], 'is no topic of label images', id='no_labels'),
    pytest.param(['--vehicle', 'none.yaml'], 'No such file', id='no_vehicle'),
])
def test_a_mistake_is_one_line_and_leaves_nothing(flight, tmp_path, capsys, arguments, words):
    command = [str(flight), '--labels-topic', TRUTH, '--out', str(tmp_path / 'out'), *arguments]
    assert main(command) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error')]
    assert len(lines) == 1 and words in lines[0]
    assert not (tmp_path / 'out' / 'report.json').exists()


def without(bag, folder, *dropped):
    """Return a copy of a bag without some topics."""
    target = folder / 'less'
    with Reader(bag) as reader, Writer(target, version=8) as writer:
        topics = {c.id: writer.add_connection(c.topic, c.msgtype, msgdef=c.msgdef.data,
                                              rihs01=c.digest)
                  for c in reader.connections if c.topic not in dropped}
        for connection, stamp, data in reader.messages():
            if connection.id in topics:
                writer.write(topics[connection.id], stamp, data)
    return target


@pytest.mark.parametrize('dropped, words', [
    pytest.param(('/camera/camera_info',), 'no camera_info', id='no_camera_info'),
    pytest.param(('/imu/data',), "nothing tells the camera's attitude", id='no_attitude'),
    pytest.param(('/fix',), 'no NavSatFix tells where on earth', id='no_fix'),
    pytest.param(('/rangefinder',), 'nothing tells the height', id='no_height'),
])
def test_what_a_bag_lacks_is_one_line(flight, tmp_path, capsys, dropped, words):
    bag = without(flight, tmp_path, *dropped)
    assert main([str(bag), '--labels-topic', TRUTH, '--out', str(tmp_path / 'out')]) == 2
    errors = [e for e in capsys.readouterr().err.splitlines() if e.startswith('error')]
    assert len(errors) == 1 and words in errors[0]
    assert not (tmp_path / 'out' / 'map.geojson').exists()


TYPES = get_typestore(Stores.ROS2_HUMBLE)


def rewritten(bag, folder, change, extra=()):
    """
    Return a copy of a bag.

    :param change: takes (topic, message) and returns [(topic, message)] in its place; messages
        are None where their topic is not among ``extra`` or /fix, /imu/data, /rangefinder.
    :param extra: (topic, type) that come new.
    """
    target = folder / 'rewritten'
    with Reader(bag) as reader, Writer(target, version=8) as writer:
        topics = {c.topic: (writer.add_connection(
            c.topic, c.msgtype, msgdef=c.msgdef.data, rihs01=c.digest), c.msgtype)
            for c in reader.connections}
        for name, kind in extra:
            topics[name] = writer.add_connection(name, kind, typestore=TYPES), kind
        for connection, stamp, data in reader.messages():
            if connection.topic not in ('/fix', '/imu/data', '/rangefinder'):
                writer.write(topics[connection.topic][0], stamp, data)
                continue
            message = TYPES.deserialize_cdr(data, connection.msgtype)
            for name, content in change(connection.topic, message):
                writer.write(topics[name][0], stamp, TYPES.serialize_cdr(content, topics[name][1]))
    return target


def test_labels_that_are_all_unlabelled_are_one_line(flight, tmp_path, capsys):
    image = TYPES.types['sensor_msgs/msg/Image']
    nothing = np.full((240, 320), IGNORE, np.uint8).reshape(-1)

    def with_labels(topic, message):
        yield topic, message
        if topic == '/fix':
            yield '/nothing', image(message.header, 240, 320, 'mono8', 0, 320, nothing)

    bag = rewritten(flight, tmp_path, with_labels, [('/nothing', 'sensor_msgs/msg/Image')])
    assert main([str(bag), '--labels-topic', '/nothing', '--no-align', '--every', '30',
                 '--camera-info-topic', '/camera/camera_info',
                 '--out', str(tmp_path / 'out')]) == 2
    assert 'error: the map is empty: no picture' in capsys.readouterr().err
    assert not list((tmp_path / 'out').glob('*.*'))


def moved(bag, folder, latitude, longitude):
    """Return a copy of a bag that was flown about another place on earth."""
    was, is_now = LocalFrame(*PLACE), LocalFrame(83, longitude)

    def change(topic, message):
        if topic == '/fix':
            metres = was.to_metres(message.latitude, message.longitude)
            message.latitude, message.longitude = is_now.to_degrees(*metres)
            message.latitude += latitude - 83
        return [(topic, message)]
    return rewritten(bag, folder, change)


def with_frames(bag, folder):
    """Return a copy of a bag whose attitude is told by tf2, and whose Range has its own frame."""
    turn = TYPES.types['geometry_msgs/msg/Quaternion']
    half = math.sqrt(0.5)

    def transforms(parent, child, stamp, rotation):
        header = TYPES.types['std_msgs/msg/Header'](stamp, parent)
        place = TYPES.types['geometry_msgs/msg/Vector3'](0.0, 0.0, 0.0)
        one = TYPES.types['geometry_msgs/msg/TransformStamped'](
            header, child, TYPES.types['geometry_msgs/msg/Transform'](place, rotation))
        return TYPES.types['tf2_msgs/msg/TFMessage']([one])

    def change(topic, message):
        stamp = message.header.stamp
        if topic == '/imu/data':
            return [('/tf', transforms('map', 'base_link', stamp, message.orientation))]
        if topic != '/rangefinder':
            return [(topic, message)]
        message.header.frame_id = 'beam'
        # Straight down: about y by 90 degrees; the optical frame's x is to the right.
        return [(topic, message),
                ('/tf_static', transforms('base_link', 'beam', stamp, turn(0, half, 0, half))),
                ('/tf_static', transforms('base_link', 'optical', stamp,
                                          turn(half, -half, 0.0, 0.0)))]
    return rewritten(bag, folder, change, (('/tf', 'tf2_msgs/msg/TFMessage'),
                                           ('/tf_static', 'tf2_msgs/msg/TFMessage')))


def test_frames_of_tf2_make_the_same_map_as_an_imu(flight, tmp_path):
    bag, areas = with_frames(flight, tmp_path), []
    for name, source, options in (('imu', flight, []), ('tf', bag, ['--tf', 'map:optical'])):
        assert main([str(source), '--labels-topic', TRUTH, '--every', '4', '--no-align', '--out',
                     str(tmp_path / name), *options]) == 0
        made = json.loads((tmp_path / name / 'report.json').read_text())
        areas.append({n: e['area_m2'] for n, e in made['classes'].items()})
    assert made['frames_with_assumed_uncertainty'] == made['frames'] == 3
    assert areas[0] == pytest.approx(areas[1], rel=0.01)


def test_a_flight_over_the_date_line_makes_the_same_map(flight, report, tmp_path):
    bag, out = moved(flight, tmp_path, 83, 179.9999), tmp_path / 'out'
    assert main([str(bag), '--labels-topic', TRUTH, '--out', str(out)]) == 0
    there = json.loads((out / 'report.json').read_text())
    assert there['area_m2'] == pytest.approx(report['area_m2'], rel=0.01)
    for name, entry in report['classes'].items():
        if entry['area_m2'] > 100:
            assert there['classes'][name]['area_m2'] == pytest.approx(entry['area_m2'], rel=0.05)
    sides = set()
    for feature in json.loads((out / 'map.geojson').read_text())['features']:
        for part in getattr(shape(feature['geometry']), 'geoms', [shape(feature['geometry'])]):
            west, _, east, _ = part.bounds
            assert -180 <= west <= east <= 180 and east - west < 0.1, 'none goes round the earth'
            sides.add(west > 0)
    assert sides == {True, False}
    with rasterio.open(out / 'map.tif') as source:
        assert source.width * source.transform.a < 2000, 'metres, not once round the earth'


def test_a_flight_at_a_pole_is_one_line(flight, tmp_path, capsys):
    bag = moved(flight, tmp_path, 88, 15.0)
    assert main([str(bag), '--labels-topic', TRUTH, '--out', str(tmp_path / 'out')]) == 2
    error, = [e for e in capsys.readouterr().err.splitlines() if e.startswith('error')]
    assert 'too near to a pole' in error
    assert not (tmp_path / 'out' / 'map.geojson').exists()


def test_the_date_line_is_crossed_in_two_pieces():
    from effvit_ros.mapping.outlines import to_geometry
    frame = LocalFrame(-17.0, 179.9999)
    square = shapely.box(-50, -50, 50, 50)
    geometry = to_geometry(square, frame)
    assert geometry.geom_type == 'MultiPolygon'
    bounds = [part.bounds for part in geometry.geoms]
    assert sorted(b[0] for b in bounds)[0] == -180 and max(b[2] for b in bounds) == 180
    assert all(b[2] - b[0] < 0.01 for b in bounds), 'none goes round the earth'


@pytest.mark.parametrize('release', [Stores.ROS2_HUMBLE, Stores.ROS2_JAZZY])
def test_a_range_of_any_release_is_read(release):
    from effvit_ros.bags.pictures import read_message
    from effvit_ros.bags.storage import RawMessage
    types = get_typestore(release)
    kind = types.types['sensor_msgs/msg/Range']
    header = types.types['std_msgs/msg/Header'](
        types.types['builtin_interfaces/msg/Time'](3, 0), 'beam')
    variance = () if release is Stores.ROS2_HUMBLE else (0.01,)
    content = kind(header, 1, 0.02, 0.2, 1000.0, 42.5, *variance)
    data = bytes(types.serialize_cdr(content, 'sensor_msgs/msg/Range'))
    message = RawMessage('/range', 0, data, False)
    assert read_message(message, 'sensor_msgs/msg/Range').range == 42.5


def test_it_runs_as_a_command(flight):
    result = subprocess.run([sys.executable, '-m', 'effvit_ros.mapping.map_bag', '--help'],
                            capture_output=True, text=True, cwd=Path(__file__).parent)
    assert result.returncode == 0 and 'map_bag' in result.stdout


def test_the_bag_holds_what_a_drone_would_record(flight):
    with Bag(flight) as bag:
        assert {n: t.type.rsplit('/', 1)[1] for n, t in bag.topics.items()} == {
            '/fix': 'NavSatFix', '/imu/data': 'Imu', '/rangefinder': 'Range',
            '/camera/camera_info': 'CameraInfo', TRUTH: 'Image',
            '/camera/image_raw/compressed': 'CompressedImage'}
