"""Regions as detections: what stands in which field, and live where vision_msgs is installed."""
from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from live_ros import NodeProcess
from std_msgs.msg import Header

from effvit_ros.ros.segmenter import region_topic

LABELS = np.zeros((6, 8), np.uint8)
LABELS[1:4, 2:7] = 1
LABELS[5, 0] = 2
CONFIDENCE = np.full((6, 8), 204, np.uint8)
NAMES = ('background', 'red', 'green')


def hypothesis():
    return SimpleNamespace(hypothesis=SimpleNamespace(class_id='', score=0.0))


def detection(header):
    position = SimpleNamespace(x=0.0, y=0.0)
    return SimpleNamespace(header=header, results=[], id='', bbox=SimpleNamespace(
        center=SimpleNamespace(position=position, theta=0.0), size_x=0.0, size_y=0.0))


@pytest.fixture
def messages(monkeypatch):
    """Give the module messages with the fields of vision_msgs 4 where it is not installed."""
    if region_topic.Detection2DArray is None:
        monkeypatch.setattr(region_topic, 'Detection2DArray', SimpleNamespace)
        monkeypatch.setattr(region_topic, 'Detection2D', detection, raising=False)
        monkeypatch.setattr(region_topic, 'ObjectHypothesisWithPose', hypothesis, raising=False)


@pytest.mark.parametrize('confidence, score', [(CONFIDENCE, 0.8), (None, math.nan)])
def test_what_stands_in_which_field(messages, confidence, score):
    header = Header(frame_id='camera')
    message = region_topic.regions_message(LABELS, confidence, NAMES, 2, header)
    assert message.header == header
    found, = message.detections
    assert found.results[0].hypothesis.class_id == '1'
    assert found.results[0].hypothesis.score == pytest.approx(score, nan_ok=True)
    centre = found.bbox.center.position
    assert (centre.x, centre.y, found.bbox.size_x, found.bbox.size_y) == (4.0, 2.0, 5.0, 3.0)
    assert json.loads(found.id) == {
        'class': 'red', 'area': 15, 'centre': [4.0, 2.0],
        'polygon': [[[2, 1], [2, 3], [6, 3], [6, 1]]]}


def test_the_background_is_no_thing():
    assert region_topic.region_classes(NAMES) == [1, 2]


@pytest.mark.slow
def test_a_live_node_tells_its_regions(probe, domain, tiny_bundle, tmp_path):
    vision = pytest.importorskip('vision_msgs.msg', reason='vision_msgs is not installed')
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:48, 16:48] = 255, 0, 0
    node = NodeProcess('effvit_ros.ros.segmenter.main', domain, tmp_path / 'log',
                       model=tiny_bundle)
    try:
        probe.film(picture)
        messages, _ = probe.collect(vision.Detection2DArray, 'segmenter/regions')
        probe.until(lambda: messages, 60, 'regions')
        found = messages[-1].detections[0]
        about = json.loads(found.id)
        assert about['class'] == 'red' and about['area'] == 32 * 32
        assert (found.bbox.center.position.x, found.bbox.size_x) == (31.5, 32.0)
    finally:
        assert node.end() == 0, node.log
