"""
Two aircraft in one domain, from one vehicle's file, as real processes.

``launch`` has no wheels: the nodes that the launch file describes are started here with the
command lines that launch_ros would give them.
"""
from __future__ import annotations

import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import standin
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, Probe, ROOT
from sensor_msgs.msg import CameraInfo, Image

pytestmark = pytest.mark.slow
#: What setup.py's commands run.
MODULES = {'camera_node': 'effvit_ros.ros.camera.main',
           'segmenter_node': 'effvit_ros.ros.segmenter.main'}


def command(node, folder):
    """Return the command line of a described node."""
    given = node.kwargs
    parameters = {name: value.args[0] if isinstance(value, standin.Recorded) else value
                  for name, value in given['parameters'][0].items()}
    file = folder / f"{given['namespace'].replace('/', '_')}_{given['name']}.yaml"
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}))
    assert given['package'] == 'effvit_ros'
    remappings = [part for pair in given['remappings'] for part in ('-r', ':='.join(pair))]
    return [sys.executable, '-m', MODULES[given['executable']], *given['arguments'],
            '-r', f"__node:={given['name']}", '-r', f"__ns:=/{given['namespace']}",
            '--params-file', str(file), *remappings]


@pytest.fixture
def fleet(monkeypatch, tmp_path, tiny_bundle):
    """Start a camera and a segmenter for uav1 and uav2; yields their domain and processes."""
    (tmp_path / 'pictures').mkdir()
    cv2.imwrite(str(tmp_path / 'pictures' / 'grey.png'), np.full((48, 64, 3), 127, np.uint8))
    vehicle = tmp_path / 'uav.yaml'
    vehicle.write_text(yaml.safe_dump({
        'camera': {'source': 'folder', 'path': str(tmp_path / 'pictures'),
                   'width': 64, 'height': 48, 'rate_hz': 5.0},
        'segmenter': {'model': str(tiny_bundle), 'runtime': 'onnxruntime', 'threads': 1}}))
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    actions = standin.load(monkeypatch, 'drone.launch.py')
    domain = fresh_domain()
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONPATH': str(ROOT)}
    processes = {}
    try:
        for namespace in ('uav1', 'uav2'):
            for node in standin.run(actions, vehicle=str(vehicle), namespace=namespace):
                log = open(tmp_path / f"{namespace}_{node.kwargs['name']}.log", 'wb')
                processes[namespace, node.kwargs['name']] = subprocess.Popen(
                    command(node, tmp_path), env=environment, stdout=log, stderr=log)
                log.close()
        yield domain, processes
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGINT)
        for process in processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_each_sees_through_its_own_camera_and_outlives_the_other(fleet):
    domain, processes = fleet
    probe = Probe(domain)
    try:
        labels, infos, health = {}, {}, probe.collect(DiagnosticArray, '/diagnostics')[0]
        for uav in ('uav1', 'uav2'):
            labels[uav], _ = probe.collect(Image, f'/{uav}/segmenter/labels')
            infos[uav], _ = probe.collect(CameraInfo, f'/{uav}/segmenter/camera_info')
        probe.until(lambda: all(labels.values()) and all(infos.values()), 90.0,
                    'labels and camera_info of both')
        for uav in ('uav1', 'uav2'):
            assert {m.header.frame_id for m in labels[uav] + infos[uav]} == {f'{uav}/camera'}
            assert (labels[uav][0].width, labels[uav][0].height) == (64, 48)
        names = {'uav1/segmenter: segmentation', 'uav2/segmenter: segmentation'}
        probe.until(lambda: names <= {s.name for m in health for s in m.status}, 30.0, 'health')

        processes['uav1', 'segmenter'].send_signal(signal.SIGKILL)
        processes['uav1', 'segmenter'].wait(30)
        count = len(labels['uav2'])
        probe.until(lambda: len(labels['uav2']) > count + 3, 30.0, "uav2's labels")
    finally:
        probe.close()
