"""The Foxglove layout: every topic in it is published, every field in it is there."""
from __future__ import annotations

import json
import re

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, NodeProcess, Probe, ROOT

from effvit_ros.core.classes import lpcv_classes

LAYOUT = json.loads((ROOT / 'config' / 'foxglove' / 'effvit_layout.json').read_text())
PANELS = LAYOUT['configById']
#: Panel type -> the message types that it shows.
SHOWS = {
    'Image': {'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage',
              'sensor_msgs/msg/CameraInfo'},
    'DiagnosticSummary': {'diagnostic_msgs/msg/DiagnosticArray'},
    'Plot': {'std_msgs/msg/Float32MultiArray', 'diagnostic_msgs/msg/DiagnosticArray'},
    'RawMessages': {'diagnostic_msgs/msg/DiagnosticArray'},
}


def texts(value):
    """Return every text anywhere in a panel's configuration."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for v in value for t in texts(v)] if isinstance(value, list) else []


def topics(panel):
    """Return the topics that a panel names; a message path begins with one."""
    return {re.match(r'/[\w/]+', text).group() for text in texts(PANELS[panel])
            if text.startswith('/')}


def leaves(node):
    """Return the panels that the tree of the layout places."""
    return [node] if isinstance(node, str) else leaves(node['first']) + leaves(node['second'])


def test_every_panel_has_one_place():
    assert sorted(leaves(LAYOUT['layout'])) == sorted(PANELS)


def test_it_shows_pictures_health_areas_latency_and_alerts():
    kinds = [panel.split('!')[0] for panel in PANELS]
    assert sorted(kinds) == ['DiagnosticSummary', 'Image', 'Image', 'Plot', 'Plot',
                             'RawMessages']


def test_the_plotted_classes_are_called_what_they_are():
    found = [(int(re.search(r'\[(\d+)\]$', path['value']).group(1)), path['label'])
             for path in PANELS['Plot!areas']['paths']]
    assert {'person', 'fire/flare', 'flood/water/river/sea', 'building_damaged'} == {
        label for _, label in found}
    assert all(lpcv_classes().names[number] == label for number, label in found)


@pytest.mark.slow
def test_every_topic_and_value_is_there_when_the_nodes_run(tiny_bundle, tmp_path):
    domain = fresh_domain()
    camera = NodeProcess('effvit_ros.ros.camera.main', domain, tmp_path / 'camera.log',
                         source='folder', path=str(_pictures(tmp_path)), rate_hz=10.0)
    segmenter = NodeProcess('effvit_ros.ros.segmenter.main', domain, tmp_path / 'node.log',
                            model=str(tiny_bundle), runtime='onnxruntime', threads=1)
    probe = Probe(domain)
    try:
        wanted = {topic: panel.split('!')[0] for panel in PANELS for topic in topics(panel)}
        # drone.launch.py moves the camera into a namespace of its own; here it has none.
        wanted = {t.replace('/camera/image_raw', '/image').replace('/camera/', '/'): kind
                  for t, kind in wanted.items()}

        def published():
            return {name: types[0] for name, types in probe.node.get_topic_names_and_types()
                    if probe.node.count_publishers(name)}
        probe.until(lambda: set(wanted) <= set(published()), 60.0, f'{sorted(wanted)}')
        there = published()
        assert {t: there[t] for t, kind in wanted.items() if there[t] not in SHOWS[kind]} == {}
        messages, _ = probe.collect(DiagnosticArray, '/diagnostics')
        status = probe.until(lambda: messages and messages[-1].status[0], what='diagnostics')
        paths = [path['value'] for path in PANELS['Plot!latency']['paths']]
        for path in paths:
            name, key = re.findall(r'"(.*?)"', path)
            assert name == status.name
            assert key in {value.key for value in status.values}
    finally:
        probe.close()
        segmenter.end()
        camera.end()


def _pictures(folder):
    import cv2
    import numpy as np
    (folder / 'pictures').mkdir()
    cv2.imwrite(str(folder / 'pictures' / 'grey.png'), np.full((64, 64, 3), 127, np.uint8))
    return folder / 'pictures'
