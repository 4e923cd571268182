"""Bags whose camera is a video: pictures of H.264 packets, and words where a key frame lacks."""
from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip('av', reason='PyAV is not installed: pip install av')
from bag_files import picture, stamp_of  # noqa: E402
from video_files import encode, write_video_bag  # noqa: E402

from effvit_ros.bags.bag import Bag  # noqa: E402
from effvit_ros.bags.frames import frame_stamps, recorded_frames  # noqa: E402
from effvit_ros.bags.pictures import choose_topics  # noqa: E402
from effvit_ros.evaluation.evaluate_bag import main as evaluate_bag  # noqa: E402

COUNT = 8


@pytest.fixture(scope='module')
def packets():
    """Return eight packets; 0 and 4 are key frames."""
    return encode([picture(index) for index in range(COUNT)])


def bag(folder, packets, kind='foxglove', left_out=()):
    kept = [index for index in range(COUNT) if index not in left_out]
    return write_video_bag(folder / f'flight_{kind}', [packets[i] for i in kept], kind,
                           [stamp_of(i) for i in kept])


@pytest.mark.parametrize('kind', ['foxglove', 'ffmpeg'])
def test_a_video_topic_is_the_camera_and_its_packets_are_pictures(kind, packets, tmp_path):
    with Bag(bag(tmp_path, packets, kind)) as flight:
        topic, truth = choose_topics(flight)
        assert (topic, truth) == ('/camera/video', '')
        frames = list(recorded_frames(flight, topic))
        assert [f.stamp_ns for f in frames] == frame_stamps(flight, topic) == [
            stamp_of(i) for i in range(COUNT)]
        assert {f.frame_id for f in frames} == {'camera'}
        for index, frame in enumerate(frames):
            assert np.abs(frame.picture.bgr().astype(int) - picture(index)).mean() < 4
        assert list(flight.problems) == []


def test_a_recording_that_begins_without_a_key_frame_is_read_from_the_next(packets, tmp_path):
    with Bag(bag(tmp_path, packets, left_out=(0, 1))) as flight:
        frames = list(recorded_frames(flight, '/camera/video'))
        assert [f.stamp_ns for f in frames] == [stamp_of(i) for i in range(4, COUNT)]
        problem, = {p.kind: p for p in flight.problems}.values()
        assert problem.kind == 'bad_frame'
        assert 'frame 0 is left out: it builds on a key frame that is not there' in str(problem)


def test_a_video_is_evaluated_as_any_other_bag(packets, tmp_path, tiny_bundle):
    out = tmp_path / 'out'
    assert evaluate_bag([str(bag(tmp_path, packets)), '--bundle', str(tiny_bundle),
                         '--out', str(out)]) == 0
    report = json.loads((out / 'report.json').read_text())
    assert report['n_frames'] == COUNT
