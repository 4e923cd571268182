"""Five classes of a farm, which nothing in the code knows: from a folder of pictures to flight."""
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip('torch')

from effvit_compression.cli import main as compress  # noqa: E402
from effvit_compression.models.store import ARCHITECTURE, load_model  # noqa: E402
from effvit_ros.bags.make_bag import main as make_bag  # noqa: E402
from effvit_ros.core.bundle import load_bundle  # noqa: E402
from effvit_ros.core.classes import load_classes  # noqa: E402
from effvit_ros.core.overlay import Overlay  # noqa: E402
from effvit_ros.core.segmenter import Segmenter  # noqa: E402
from effvit_ros.evaluation.evaluate_bag import main as evaluate_bag  # noqa: E402

pytestmark = pytest.mark.slow

NAMES = ('soil', 'crop', 'weed', 'water', 'animal')
COLOURS = ([120, 90, 60], [40, 160, 40], [200, 220, 40], [60, 90, 220], [240, 60, 60])
TRAINING = {'iterations': 12, 'batch': 4, 'sizes': [[64, 1.0]], 'warmup': 2, 'ema': 0.5,
            'rate': 3e-3, 'checkpoint_every': 6, 'log_every': 6}
RECIPE = {
    'name': 'farm', 'size': 64, 'classes': 'classes.yaml', 'data': [{'dataset': 'farm.yaml'}],
    'rare': {'animal': 0.2, 'balanced': 0.4},
    'loss': {'dice': 0.5, 'balance': 0.25, 'class_weights': {'weed': 2.0}},
    'student': {'encoder': 'mobilevit_xxs', 'decoder_channels': 16},
    'teacher': {'architecture': {'encoder': 'mobilevit_xxs', 'decoder_channels': 16},
                'pretrained': {'source': 'none'}, 'minimum_miou': 0.0, 'training': TRAINING},
    'distill': {'training': TRAINING, 'distillation': {'channel_wise': 1.0}},
    'prune': {'heads': 2, 'neurons': 0.75}, 'finetune': {'training': TRAINING},
    'export': {'name': 'farm', 'story': 'Fields, for a test.'}}


def field(seed):
    """Return a picture (64, 64, 3) RGB in the classes' colours, and its label map."""
    rng = np.random.default_rng(seed)
    label = np.kron(rng.integers(0, 4, (4, 4)), np.ones((16, 16))).astype(np.uint8)
    x, y = rng.integers(0, 56, 2)
    label[y:y + 8, x:x + 8] = 4
    noise = rng.integers(-12, 13, (64, 64, 3))
    return np.clip(np.array(COLOURS)[label] + noise, 0, 255).astype(np.uint8), label


@pytest.fixture(scope='module')
def farm(tmp_path_factory):
    """Return the folder of class set, dataset, recipe and what ``run`` made of them."""
    folder = tmp_path_factory.mktemp('farm')
    for seed in range(10):
        split, (pixels, label) = 'val' if seed < 2 else 'train', field(seed)
        for kind, array, name in (('images', pixels[..., ::-1], f'{seed}.jpg'),
                                  ('labels', label, f'{seed}.png')):
            (folder / 'data' / kind / split).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / 'data' / kind / split / name), array)
    (folder / 'classes.yaml').write_text(yaml.safe_dump({'name': 'farm', 'classes': [
        {'id': i, 'name': name, 'color': colour}
        for i, (name, colour) in enumerate(zip(NAMES, COLOURS))]}))
    (folder / 'farm.yaml').write_text(yaml.safe_dump({
        'name': 'fields', 'root': 'data', 'classes': list(NAMES), 'licence': 'own', 'splits': {
            split: {'images': f'images/{split}/*.jpg', 'labels': f'labels/{split}/*.png'}
            for split in ('train', 'val')}}))
    (folder / 'recipe.yaml').write_text(yaml.safe_dump(RECIPE))
    assert compress(['run', str(folder / 'recipe.yaml'), '--out', str(folder / 'out'),
                     '--set', 'seed=3']) == 0
    return folder


@pytest.fixture(scope='module')
def bundle(farm):
    """Return the bundle that the recipe came to."""
    return load_bundle(farm / 'out' / 'export' / 'farm')


def test_data_knows_them(farm, capsys):
    assert compress(['data', str(farm / 'farm.yaml'), '--classes',
                     str(farm / 'classes.yaml')]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)
    assert compress(['data', str(farm / 'farm.yaml')]) == 2
    assert "'animal' is not a class of lpcv2023" in capsys.readouterr().err


def test_every_checkpoint_and_the_bundle_carry_them(farm, bundle):
    classes = load_classes(farm / 'classes.yaml')
    for stage in ('teacher', 'distill', 'prune', 'finetune'):
        stored = yaml.safe_load((farm / 'out' / stage / ARCHITECTURE).read_text())['classes']
        assert (stored['name'], [c['name'] for c in stored['classes']]) == ('farm', list(NAMES))
        net = load_model(farm / 'out' / stage)
        assert net.architecture.classes == classes and net.head.out_channels == 5
    assert bundle.class_set == classes
    assert bundle.palette.tolist() == list(map(list, COLOURS))
    assert {graph.precision for graph in bundle.graphs} == {'fp32', 'fp16'}


def test_the_bundle_tells_how_it_was_made(farm, bundle):
    assert yaml.safe_load((bundle.path / 'recipe.yaml').read_text()) == {**RECIPE, 'seed': 3}
    assert 'effvit-compress run recipe.yaml --set seed=3' in (
        bundle.path / 'README.md').read_text()


def test_reports_are_in_its_names_and_without_lpcv_scores(farm, bundle):
    report = json.loads((farm / 'out' / 'report' / 'report.json').read_text())
    scores = report['stages']['finetune']['scores']['fields']
    assert tuple(scores['per_class']) == NAMES and scores['mdice_lpcv'] is None
    for page in (farm / 'out' / 'report' / 'report.md', bundle.path / 'README.md'):
        assert 'LPCV' not in page.read_text() and 'weed' in page.read_text()


def test_every_way_of_scoring_gives_the_same(farm, bundle, capsys):
    images, labels = (farm / 'data' / kind / 'val' for kind in ('images', 'labels'))
    assert compress(['cross', str(farm / 'farm.yaml'), '--bundle', str(bundle.path), '--json',
                     str(farm / 'cross.json')]) == 0
    assert compress(['evaluate', '--bundle', str(bundle.path), '--images', str(images),
                     '--labels', str(labels), '--json', str(farm / 'evaluate.json')]) == 0
    assert make_bag(['--images', str(images), '--labels', str(labels),
                     '--out', str(farm / 'bag')]) == 0
    assert evaluate_bag([str(farm / 'bag'), '--bundle', str(bundle.path),
                         '--out', str(farm / 'bag_report')]) == 0
    assert 'no LPCV mean Dice (other classes)' in capsys.readouterr().out
    reports = [json.loads((farm / 'cross.json').read_text())['fields']]
    reports += [json.loads((farm / name).read_text())
                for name in ('evaluate.json', 'bag_report/report.json')]
    written, = bundle.manifest['scores']
    for report in reports:
        assert tuple(report['per_class']) == NAMES and report['mdice_lpcv'] is None
        assert report['miou'] == pytest.approx(written['miou'], abs=5e-5)
    assert written['miou'] > 0.25, 'five colours, told apart better than by chance'


def test_the_node_flies_it_and_its_overlay_names_them(bundle, tmp_path):
    pytest.importorskip('rclpy')
    from live_ros import fresh_domain, NodeProcess, Probe
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import Image
    from std_msgs.msg import String

    from effvit_ros.ros.common.codec import picture_from
    pixels, _ = field(0)
    with Segmenter(bundle) as segmenter:
        expected = segmenter.segment(pixels, 'rgb').labels.copy()
    probe, domain = None, fresh_domain()
    node = NodeProcess('effvit_ros.ros.segmenter.main', domain, tmp_path / 'log',
                       model=bundle.path)
    try:
        node.wait_for_log('segmenting /image', timeout=60)
        probe = Probe(domain)
        legends, _ = probe.collect(String, '/segmenter/label_info', QoSProfile(
            depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        maps, _ = probe.collect(Image, '/segmenter/labels')
        overlays, _ = probe.collect(Image, '/segmenter/overlay')
        probe.film(pixels)
        probe.until(lambda: legends and maps and overlays, 30, 'labels, overlay and legend')
        legend = yaml.safe_load(legends[0].data)
        assert [(legend[i]['name'], legend[i]['rgb']) for i in range(len(legend))] == list(
            zip(NAMES, COLOURS))
        assert np.array_equal(picture_from(maps[-1]).pixels, expected)
        drawn = Overlay(NAMES, np.array(COLOURS, np.uint8)).draw(
            np.ascontiguousarray(pixels[..., ::-1]), expected)
        assert np.array_equal(picture_from(overlays[-1]).pixels, drawn)
        assert "auto is made for LPCV's classes" in node.log
    finally:
        if probe is not None:
            probe.close()
        assert node.end(timeout=60) == 0, node.log
    assert 'Traceback' not in node.log, node.log


@pytest.mark.parametrize('changes, complaint', [
    pytest.param({'rare': {'person': 0.1}}, "rare names 'person', which farm does not have",
                 id='rare'),
    pytest.param({'loss': {'class_weights': {'vehicle': 2.0}}},
                 "loss.class_weights names 'vehicle', which farm does not have", id='weights'),
    pytest.param({'classes': 'none.yaml'}, 'none.yaml: No such file', id='no class set'),
    pytest.param({'classes': None, 'rare': {}, 'loss': {}},
                 "'animal' is not a class of lpcv2023", id='classes of the dataset'),
])
def test_names_of_other_sets_are_one_line(farm, tmp_path, capsys, changes, complaint):
    for name in ('classes.yaml', 'farm.yaml', 'data'):
        (tmp_path / name).symlink_to(farm / name)
    (tmp_path / 'recipe.yaml').write_text(yaml.safe_dump({**RECIPE, **changes}))
    assert compress(['run', str(tmp_path / 'recipe.yaml'), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count('\n') == 1
