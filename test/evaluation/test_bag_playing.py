"""play_bag and live mode: real processes over DDS, and the arithmetic behind them by hand."""
from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from bag_files import IMAGE_TOPIC, picture, stamp_of, truth, TRUTH_TOPIC, write_bag, write_ros1_bag
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.convert.converter import default_message
from rosbags.typesys import get_typestore, Stores
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Range

from effvit_ros.bags.storage import RawMessage
from effvit_ros.core.message_stamps import shifted, stamp_ns
from effvit_ros.evaluation.evaluate_bag import main as evaluate
from effvit_ros.evaluation.installed_types import AsInstalled
from effvit_ros.evaluation.live import peak_trials
from effvit_ros.evaluation.live_trial import ages_ms, Trial
from effvit_ros.evaluation.player import begins_with_header
from effvit_ros.ros.common.codec import picture_from


@pytest.mark.parametrize('little_endian', [True, False], ids=['little endian', 'big endian'])
def test_stamps_are_read_and_shifted_in_place(little_endian):
    order = '<' if little_endian else '>'
    data = bytes([0, little_endian, 0, 0]) + struct.pack(order + 'iI', 5, 999_999_999) + b'rest'
    assert stamp_ns(data) == 5_999_999_999
    moved = shifted(data, 2)
    assert struct.unpack_from(order + 'iI', moved, 4) == (6, 1)
    assert moved[:4] == data[:4] and moved[12:] == b'rest'


@pytest.mark.parametrize('name, expected', [
    ('sensor_msgs/msg/Image', True), ('sensor_msgs/msg/CameraInfo', True),
    ('std_msgs/msg/String', False), ('std_msgs/msg/Empty', False),
    ('vendor_msgs/msg/Boxes', False)])
def test_types_that_begin_with_a_header(name, expected):
    assert begins_with_header(name) is expected


@pytest.mark.parametrize('recorded', [Stores.ROS2_HUMBLE, Stores.ROS2_JAZZY, Stores.LATEST])
def test_a_range_is_played_as_the_installed_release_defines_it(recorded):
    store = get_typestore(recorded)
    written = default_message(store, 'sensor_msgs/msg/Range')
    written.range, written.max_range, written.header.frame_id = 12.5, 40.0, 'laser'
    data = store.serialize_cdr(written, 'sensor_msgs/msg/Range')
    played = AsInstalled()(RawMessage('/range', 0, bytes(data), False), 'sensor_msgs/msg/Range')
    heard = deserialize_message(bytes(played), Range)
    assert (heard.range, heard.max_range, heard.header.frame_id) == (12.5, 40.0, 'laser')
    assert len(played) == len(serialize_message(heard))
    assert getattr(heard, 'variance', 0.0) == 0.0


@pytest.mark.parametrize('name, data', [
    ('sensor_msgs/msg/Image', b'anything'), ('sensor_msgs/msg/Range', b'no range'),
    ('vendor_msgs/msg/Boxes', b'anything')])
def test_other_messages_are_played_untouched(name, data):
    assert AsInstalled()(RawMessage('/topic', 0, data, False), name) is data


@pytest.mark.parametrize('sent, arrivals, expected', [
    ([(1, 10), (2, 20)], [(1, 13_000_010), (2, 20_000_020)], [13, 20]),
    ([(1, 0), (2, 0)], [(2, 10**6)], [1]),
    ([(1, 0)], [(9, 10**6)], []),
    ([(1, 0), (1, 50 * 10**6)], [(1, 10 * 10**6), (1, 55 * 10**6)], [10, 5]),
], ids=['each', 'one dropped', 'of another playing', 'a stamp twice'])
def test_ages(sent, arrivals, expected):
    assert ages_ms(sent, arrivals) == pytest.approx(expected)


class Stage:
    """Stands for a node that segments 25 frames a second; the bag has 10."""

    def __init__(self, capacity_hz=25.0, player_hz=1e9):
        self.capacity_hz, self.player_hz = capacity_hz, player_hz

    def play(self, rate, duration=None):
        hertz = min(10 * rate, self.player_hz)
        share = min(1.0, self.capacity_hz / hertz)
        return Trial(rate, 6, 1000, round(1000 * share), hertz, hertz * share, (), 0, 0)


@pytest.mark.parametrize('stage, first, low, high', [
    (Stage(25), 1.0, 24.5, 26.4), (Stage(25), 40.0, 24.5, 26.4), (Stage(4), 1.0, 3.9, 4.25),
], ids=['from below', 'from above', 'slower than recorded'])
def test_the_peak_is_the_highest_rate_with_few_drops(stage, first, low, high):
    trials = list(peak_trials(stage, 10.0, stage.play(first), lambda line: None))
    passed = [t.in_hz for t in trials if t.drop_share < 0.05]
    assert low <= max(passed) <= high
    assert len(trials) < 12


def test_the_search_ends_where_the_player_cannot_go_on():
    stage = Stage(capacity_hz=1000, player_hz=90)
    trials = list(peak_trials(stage, 10.0, stage.play(1.0), lambda line: None))
    assert trials[-1].in_hz == 90 and len(trials) == 4


@pytest.fixture
def domain(monkeypatch):
    number = fresh_domain()
    monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    return number


def play(*arguments):
    return subprocess.Popen([sys.executable, '-m', 'effvit_ros.evaluation.play_bag',
                             *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize('write', [
    pytest.param(write_bag, id='rosbag2'),
    pytest.param(lambda p: write_ros1_bag(p.with_suffix('.bag')), id='ROS 1',
                 marks=pytest.mark.slow)])
def test_a_bag_is_played_with_its_stamps_and_clock(write, domain, tmp_path):
    probe = Probe(domain)
    try:
        images, _ = probe.collect(Image, IMAGE_TOPIC)
        clocks, _ = probe.collect(Clock, '/clock', 100)
        player = play(write(tmp_path / 'flight'), '--wait-for', IMAGE_TOPIC, '--topics',
                      IMAGE_TOPIC)
        probe.until(lambda: player.poll() is not None, 30, 'the end of the player')
        probe.spin(0.2)
        assert player.returncode == 0, player.stderr.read()
        assert '6 messages published' in player.stdout.read()
    finally:
        probe.close()
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in images]
    assert stamps == [stamp_of(i) for i in range(6)]
    assert (picture_from(images[3]).pixels == picture(3)).all()
    times = [c.clock.sec * 10**9 + c.clock.nanosec for c in clocks]
    assert times == sorted(times)
    # Half a second of the bag at 100 Hz.
    assert len(times) > 25 and times[-1] == stamp_of(5)


FORBIDDEN = '/cam0/1/image'


@pytest.mark.parametrize('topics, sent, told', [
    pytest.param([], '6 messages published', 'ROS 2 forbids the name', id='the others are played'),
    pytest.param(['--rename', f'{FORBIDDEN}:=/cam0/image'], '12 messages published', None,
                 id='under another name'),
    pytest.param(['--topics', FORBIDDEN], None, f'no topic that can be published: {FORBIDDEN}',
                 id='no other topic'),
])
def test_a_topic_name_that_ros_2_forbids(topics, sent, told, domain, tmp_path):
    bag = write_bag(tmp_path / 'flight', topic=FORBIDDEN)
    player = play(bag, '--rate', '10', *topics)
    out, err = player.communicate(timeout=60)
    assert player.returncode == (2 if sent is None else 0), err
    assert 'Traceback' not in err and (told is None) == (FORBIDDEN not in err)
    assert (sent or '') in out and (told or '') in err


@pytest.mark.slow
def test_a_bag_is_played_in_part_and_over_and_over(domain, tmp_path):
    bag = write_bag(tmp_path / 'flight')
    log = tmp_path / 'sent.csv'
    player = play(bag, '--topics', IMAGE_TOPIC, '--start', '0.15', '--end', '0.45', '--log', log)
    assert player.wait(30) == 0
    assert [int(line.split(',')[1]) for line in log.read_text().splitlines()] == [
        stamp_of(i) for i in (2, 3, 4)]
    player = play(bag, '--topics', IMAGE_TOPIC, '--loop', '--duration', '1.45', '--log', log)
    assert player.wait(30) == 0
    # The next round begins a period after the last one's end: time goes on.
    assert [int(line.split(',')[1]) for line in log.read_text().splitlines()] == [
        stamp_of(i) for i in range(15)]
    sent = [int(line.split(',')[2]) for line in log.read_text().splitlines()]
    assert (sent[-1] - sent[0]) * 1e-9 == pytest.approx(1.4, abs=0.1)


def test_a_bag_of_one_moment_starts_over_once_a_second(domain, tmp_path):
    bag, log = write_bag(tmp_path / 'flight', 1, make_truth=None), tmp_path / 'sent.csv'
    player = play(bag, '--loop', '--rate', '4', '--duration', '0.6', '--log', log)
    assert player.wait(30) == 0
    assert [int(line.split(',')[1]) for line in log.read_text().splitlines()] == [
        stamp_of(0) + n * 10**9 for n in range(3)]


@pytest.mark.parametrize('arguments, words', [
    (['--topics', '/nothing'], 'no topic /nothing; the bag holds'),
    (['--wait-for', TRUTH_TOPIC, '--topics', IMAGE_TOPIC], 'not among --topics'),
    (['--start', '9'], 'nothing lies between --start 9 and the end: its last message comes after '
                       '0.5 s'),
    (['--start', '2', '--end', '1'], '--end 1 is not after --start 2'),
])
def test_what_is_not_there_is_told(arguments, words, domain, tmp_path):
    player = play(write_bag(tmp_path / 'flight'), *arguments)
    assert player.wait(30) == 2
    assert words in player.stderr.read()


@pytest.mark.slow
def test_the_node_segments_a_played_bag(domain, tiny_bundle, tmp_path):
    node = NodeProcess('effvit_ros.ros.segmenter.main', domain, tmp_path / 'log',
                       model=tiny_bundle, use_sim_time=True)
    probe = Probe(domain)
    try:
        labels, _ = probe.collect(Image, '/segmenter/labels')
        player = play(write_bag(tmp_path / 'flight'), '--wait-for', IMAGE_TOPIC, '--loop',
                      '--ros-args', '-r', f'{IMAGE_TOPIC}:=/image')
        probe.until(lambda: len(labels) >= 8, 40, 'segmenting in every round')
        player.send_signal(signal.SIGINT)
        assert player.wait(60) == 0, player.stderr.read()
    finally:
        probe.close()
        assert node.end() == 0, node.log
    for message in labels:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        index = (stamp - stamp_of(0)) // (stamp_of(1) - stamp_of(0))
        expected = np.where(truth(index % 6) == 255, 0, truth(index % 6))
        assert (picture_from(message).pixels == expected).all()


@pytest.mark.slow
def test_live_mode_measures_what_a_robot_gets(tiny_bundle, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    bag = write_bag(tmp_path / 'flight', count=20)
    code = evaluate([str(bag), '--bundle', str(tiny_bundle), '--out', str(tmp_path / 'out'),
                     '--live', '--no-peak'])
    assert code == 0, capsys.readouterr().err
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    live = report['live']
    assert live['frames_in'] == report['n_frames'] == 20
    assert live['segmented'] + live['dropped'] == 20 and live['segmented'] >= 10
    assert live['in_hz'] == pytest.approx(10, rel=0.2)
    assert 0 < live['age_ms']['p50'] <= live['age_ms']['p95'] <= live['age_ms']['p99']
    assert live['memory_mb'] > 30 and live['cpu_percent'] > 0
    assert report['mode'] == 'live' and report['peak'] is None
    assert 'Playings' in (tmp_path / 'out' / 'report.html').read_text()
