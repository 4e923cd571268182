"""The shell and Python blocks of README.md and docs/*.md, run as written in an empty folder."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from command_parsers import ROOT
from written_commands import blocks, commands_in, typed

BUNDLE = ROOT / 'resource' / 'models' / 'mobilevit_lite0_lpcv'
#: What a block with such a program needs, which is not here.
NOT_HERE = {
    **dict.fromkeys(('ros2', 'colcon', 'rosdep'), 'ROS 2 as apt installs it'),
    **dict.fromkeys(('apt', 'useradd', 'udevadm', 'install', 'systemctl'),
                    'root on a machine that may be changed'),
    **dict.fromkeys(('make', 'git', 'pip'), 'the network and minutes; test_makefile plans them, '
                                            'test_packaging builds what pip installs'),
    **dict.fromkeys(('ssh', 'rsync'), 'a second machine'),
    'build_engine': 'a GPU',
    'torchrun': 'several GPUs or machines',
    'camera_node': 'an end: it runs until Ctrl-C; test/ros/camera starts each line',
    'segmenter_node': 'an end: it runs until Ctrl-C; test/evaluation plays bags to it',
}
#: Blocks of programs that are here, and why they are not run.
NOT_RUN = {
    'docs/bags.md: evaluate_bag BAG --live': 'the time of a flight; test/evaluation plays live',
    'docs/compression.md: #!/bin/bash': 'a cluster with Slurm',
    'docs/flight.md: render_flight --out': 'four thousand pictures; its last line is run below',
    'docs/flight.md: render_flight --bag': 'minutes; test/mapping has fewer pictures',
    'docs/mapping.md: render_flight --bag': 'minutes; test/mapping has fewer pictures',
    'docs/mapping.md: map_bag BAG': "README's block maps a bag",
    'docs/node.md: export FASTDDS': 'a variable that points into what ROS 2 installs',
    'docs/security.md: ROS_SECURITY': 'variables for a keystore that ros2 security makes',
    'README.md: evaluate_bag': 'training; its lines for recordings are run below',
}


def begin(block, names):
    """Return the one of ``names`` that the block's name begins with, or None."""
    return next((name for name in names if block.name.startswith(name)), None)


def what_it_needs(block):
    """Return why a block can't be run here, or None."""
    for command in commands_in(typed(block), block.name):
        if command.synopsis:
            return 'values: it shows the form of a command'
        if command.words[0] in NOT_HERE:
            return NOT_HERE[command.words[0]]
    return None


def runnable():
    """Return the blocks of programs that are here."""
    return [block for block in blocks() if block.language == 'python' or
            block.language in ('sh', 'bash', 'console') and what_it_needs(block) is None]


def labelled(folder, names, ids, size=(64, 48)):
    """Write pictures and masks, in images/SPLIT and masks/SPLIT."""
    for split in ('train', 'val'):
        for kind in ('images', 'masks'):
            (folder / kind / split).mkdir(parents=True)
        for name in names:
            mask = np.resize(np.repeat(np.arange(ids, dtype=np.uint8), 8), size[::-1])
            cv2.imwrite(str(folder / 'images' / split / f'{name}.jpg'),
                        cv2.cvtColor(mask * 40, cv2.COLOR_GRAY2BGR))
            cv2.imwrite(str(folder / 'masks' / split / f'{name}.png'), mask)


def a_recording(folder):
    subprocess.run(['render_flight', '--bag', 'flight', '--frames', '6', '--size', '320x240'],
                   cwd=folder, env=environment(), check=True, capture_output=True)
    (folder / 'flights').mkdir()
    shutil.copytree(folder / 'flight', folder / 'flights' / 'flight')
    shutil.move(next((folder / 'flight').glob('*.mcap')), folder / 'flight.mcap')


def masks(folder):
    """Write what somebody draws for the frames, and the new bundle; one frame was asked for."""
    from effvit_ros.bags.bag import Bag
    from effvit_ros.bags.frames import frame_stamps
    drawn = folder / 'masks' / 'flight_a'
    drawn.mkdir(parents=True)
    with Bag(folder / 'recordings' / 'flight_a') as bag:
        stamps = frame_stamps(bag, '/camera/image')
    labels = sorted((folder / 'flight' / 'labels' / 'val').iterdir())
    for stamp, label in zip(stamps[::10], labels[::10]):
        shutil.copy(label, drawn / f'{stamp}.png')
    assert [path.name for path in (folder / 'to_label').iterdir()] == [f'{stamps[0]}.png']
    shutil.copytree(BUNDLE, folder / 'out' / 'new_bundle')


def farm(folder):
    labelled(folder / 'farm', ['a', 'b'], 5)
    pages = [b for b in blocks() if b.page == 'docs/datasets.md' and b.language == 'yaml']
    files = [yaml.safe_load(block.text) for block in pages]
    for name, wanted in (('farm_classes', 'farm'), ('farm', 'farm_2026')):
        block, = [b for b, f in zip(pages, files) if f['name'] == wanted and 'size' not in f]
        (folder / f'{name}.yaml').write_text(block.text)


def environment():
    """Return an environment with our commands first."""
    return {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}


def picture(folder):
    cv2.imwrite(str(folder / 'picture.jpg'), np.full((48, 64, 3), 90, np.uint8))


def bundle(folder):
    for name in ('weights.onnx', 'model_fp16.onnx', 'manifest.yaml'):
        shutil.copy(BUNDLE / name, folder)


def policy(folder):
    shutil.copy(ROOT / 'config' / 'sros2' / 'policy.xml', folder)


def layout(folder):
    shutil.copy(ROOT / 'config' / 'foxglove' / 'effvit_layout.json', folder)


def nothing(folder):
    pass


#: What is typed one after the other in one folder: the block, what a user has made before it, the
#: commands of it that are run (None: all), and what is there afterwards.
WALKS = {
    'a recording, looked at': [
        ('README.md: evaluate_bag', a_recording, ('evaluate_bag', 'map_bag', 'label_next'),
         ['out/report/report.html', 'out/map/report.html', 'tasks/images'])],
    'recording to gate': [
        ('docs/bags.md: render_flight', nothing, None, ['recordings/flight_a/metadata.yaml']),
        ('docs/bags.md: from pathlib', nothing, None, ['to_label']),
        ('docs/bags.md: evaluate_bag recordings --truth-dir masks --bundle mobilevit', masks, None,
         ['reports/flying/report.html']),
        ('docs/bags.md: evaluate_bag recordings --truth-dir masks --bundle out', nothing, None,
         ['reports/new/report.json'])],
    'labels of a picture': [('docs/api.md: import cv2', picture, None, [])],
    'a frame of the flight': [('docs/flight.md: from', nothing, None, [])],
    'a sheet of the flight': [
        ('docs/flight.md: render_flight --out', nothing, ('--sheet',), ['flight.png'])],
    'a whole graph': [('docs/bundle.md: cat', bundle, None, ['whole_fp16.onnx'])],
    'the shares of a farm': [('docs/datasets.md: effvit-compress data', farm, (' data ',), [])],
    'an aircraft in the policy': [('docs/security.md: sed', policy, None, ['policy.xml'])],
    'an aircraft in the layout': [('docs/onboard.md: sed', layout, None, ['uav1.json'])],
}


def test_every_block_is_run_or_says_why_not():
    walked = {name for walk in WALKS.values() for name, _, commands, _ in walk if not commands}
    named = list(walked) + list(NOT_RUN)
    here = runnable()
    assert [block.name for block in here if begin(block, named) is None] == []
    assert [name for name in named if not any(b.name.startswith(name) for b in here)] == []


@pytest.mark.long
@pytest.mark.parametrize('walk', WALKS)
def test_blocks_run_as_written(walk, tmp_path):
    if not (Path(sys.executable).parent / 'render_flight').exists():
        pytest.skip('the commands are not installed beside this Python: make setup')
    if walk == 'the shares of a farm':
        pytest.importorskip('effvit_compression', reason='make setup-train')
    for name, prepare, some, made in WALKS[walk]:
        block, = [block for block in blocks() if block.name.startswith(name)]
        prepare(tmp_path)
        if block.language == 'python':
            arguments = [sys.executable, '-c', block.text]
        else:
            lines = [line for line in block.text.splitlines()
                     if some is None or any(word in line for word in some)]
            arguments = ['bash', '-euo', 'pipefail', '-c', '\n'.join(lines)]
        result = subprocess.run(arguments, cwd=tmp_path, env=environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        assert result.returncode == 0, f'{block.name}\n{result.stdout}'
        assert [path for path in made if not (tmp_path / path).exists()] == [], result.stdout
