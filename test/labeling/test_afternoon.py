"""docs/adapt.md, typed: from a flight to a bundle that the node flies by its hash."""
from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from effvit_ros.bags.make_bag import main as make_bag
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.evaluation.compare_reports import main as compare_reports
from effvit_ros.evaluation.evaluate_bag import main as evaluate_bag
from effvit_ros.labeling.forms import label_studio_result, Task, write_cvat
from effvit_ros.labeling.label_next import main as label_next
from effvit_ros.render_flight import main as render_flight

pytestmark = pytest.mark.slow

SIZE = 64


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    """Return a bundle of an untrained network of the shipped kind."""
    torch = pytest.importorskip('torch')
    pytest.importorskip('effvit_compression')
    from effvit_compression.export.bundle import Description, make_variants, write_bundle
    from effvit_compression.models.architecture import Architecture
    from effvit_compression.models.factory import build
    torch.manual_seed(0)
    net = build(Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8,
                             insertions={5: {'dim': 16, 'depth': 1}}))
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randint(0, 256, (4, 3, SIZE, SIZE), dtype=torch.uint8))
    made = make_variants(net.eval(), SIZE, [('fp32', 'uint8')],
                         [np.full((SIZE, SIZE, 3), 90, np.uint8)])
    return write_bundle(net, made, tmp_path_factory.mktemp('b') / 'base', SIZE,
                        Description('base', (), '', ''))


@pytest.fixture(scope='module')
def flights(tmp_path_factory):
    """Return two bags of the simulated flight with truth, and the folder of the truths."""
    root = tmp_path_factory.mktemp('flights')
    bags = []
    for seed, name in ((3, 'monday'), (4, 'tuesday')):
        out = root / f'{name}_pictures'
        assert render_flight(['--out', str(out), '--seed', str(seed), '--frames', '24', '--size',
                              '96x72', '--scene-size', '1024', '--format', 'png']) == 0
        assert make_bag(['--images', str(out / 'images/train'), '--labels',
                         str(out / 'labels/train'), '--out', str(root / name)]) == 0
        bags.append(root / name)
    return bags


@pytest.fixture(scope='module')
def tasks(flights, bundle, tmp_path_factory):
    """Return the tasks of the first flight."""
    out = tmp_path_factory.mktemp('tasks') / 'tasks'
    assert label_next([str(flights[0]), '--bundle', str(bundle), '--n', '10', '--every', '0',
                       '--out', str(out)]) == 0
    return out


def annotated(flights, tasks):
    """Give each task its truth: the annotator who makes no mistake."""
    pictures = flights[0].with_name('monday_pictures')
    truths = sorted((pictures / 'labels/train').iterdir())
    for entry in json.loads((tasks / 'tasks.json').read_text())['tasks']:
        yield Task(entry['file'], cv2.imread(str(truths[entry['frame']]), -1))


def write_label_studio_export(folder, tasks, names):
    """Write what Label Studio exports when the annotator has submitted every task."""
    content = [{'id': number, 'data': {'image': f'/data/local-files/?d=images/{task.file}'},
                'annotations': [{'was_cancelled': False,
                                 'result': label_studio_result(task.labels, names)}]}
               for number, task in enumerate(tasks)]
    (folder / 'project.json').write_text(json.dumps(content))
    return folder / 'project.json'


def imported(export, tasks, out):
    """Run data-import; return the label maps by stem."""
    from effvit_compression.cli import main
    assert main(['data-import', str(export), '--images', str(tasks / 'images'),
                 '--out', str(out)]) == 0
    return {path.stem: cv2.imread(str(path), -1) for path in out.glob('labels/*/*.png')}


def test_an_afternoon(flights, tasks, bundle, tmp_path, capsys):
    from effvit_compression.cli import main
    classes, done = lpcv_classes(), list(annotated(flights, tasks))
    write_cvat(tmp_path / 'cvat', done, classes.names, classes.palette)
    by_cvat = imported(tmp_path / 'cvat' / 'annotations.xml', tasks, tmp_path / 'dataset')
    by_studio = imported(write_label_studio_export(tmp_path, done, classes.names), tasks,
                         tmp_path / 'again')
    assert by_cvat.keys() == by_studio.keys() == {task.file[:-4] for task in done}
    for task in done:
        found = by_cvat[task.file[:-4]]
        np.testing.assert_array_equal(found, by_studio[task.file[:-4]])
        known = found != 255  # regions of a few pixels are left out
        assert known.mean() > 0.95
        np.testing.assert_array_equal(found[known], task.labels[known])

    assert main(['adapt', '--bundle', str(bundle), '--data',
                 str(tmp_path / 'dataset' / 'dataset.yaml'), '--minutes', '0.1', '--out',
                 str(tmp_path / 'adapted')]) == 0
    report = json.loads((tmp_path / 'adapted' / 'report.json').read_text())
    assert report['miou_after'] > report['miou_before'] - 0.01
    new = tmp_path / 'adapted' / 'bundle'

    for name, folder in (('before', bundle), ('after', new)):
        assert evaluate_bag([str(flights[1]), '--bundle', str(folder), '--out',
                             str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert compare_reports([str(tmp_path / 'before'), str(tmp_path / 'after'),
                            '--fail-if-worse', '0.02']) == 0

    pytest.importorskip('rclpy')
    from live_ros import fresh_domain, NodeProcess
    node = NodeProcess('effvit_ros.ros.segmenter.main', fresh_domain(), tmp_path / 'node.log',
                       model=new, model_sha256=report['bundle_after']['sha256'],
                       runtime='onnxruntime')
    try:
        node.wait_for_log('segmenting', 60.0)
    finally:
        node.end()
    shutil.rmtree(tmp_path / 'adapted')
