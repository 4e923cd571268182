"""What goes into the result messages."""
from __future__ import annotations

import numpy as np
import pytest
import yaml
from std_msgs.msg import Header

from effvit_ros.core.bundle import load_bundle
from effvit_ros.ros.segmenter.outputs import areas_message, class_areas


@pytest.mark.parametrize('labels, areas', [
    pytest.param([[0, 0], [0, 0]], [1, 0, 0], id='one class'),
    pytest.param([[0, 1], [1, 2]], [0.25, 0.5, 0.25], id='three classes'),
    pytest.param([[0, 255], [255, 2]], [0.25, 0, 0.25], id='unlabelled counts nowhere'),
])
def test_class_areas(labels, areas):
    found = class_areas(np.array(labels, np.uint8), 3)
    assert found.dtype == np.float32
    assert found.tolist() == areas


def test_areas_carry_the_stamp_and_the_names():
    header = Header()
    header.stamp.sec, header.stamp.nanosec = 12, 34
    message = areas_message(np.array([0.75, 0.25], np.float32), ('sky', 'sea'), header)
    frame, classes = message.layout.dim
    assert (frame.label, frame.size, frame.stride) == ('stamp=12.000000034', 1, 2)
    assert (classes.label, classes.size, classes.stride) == ('sky,sea', 2, 2)
    assert list(message.data) == [0.75, 0.25]


def test_the_legend_reads_as_text_and_as_yaml(tiny_bundle):
    text = load_bundle(tiny_bundle).legend
    assert text.splitlines()[0] == '# Class ids of tiny; 255 is unlabelled.'
    assert yaml.safe_load(text) == {
        0: {'name': 'background', 'rgb': [0, 0, 0]},
        1: {'name': 'red', 'rgb': [255, 0, 0]},
        2: {'name': 'green', 'rgb': [0, 255, 0]}}
