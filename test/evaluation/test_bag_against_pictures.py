"""The same pictures through a bag and from their files give the same scores."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from effvit_ros.bags.make_bag import main as make_bag
from effvit_ros.core.bundle import MANIFEST, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.evaluate_bag import main as evaluate_bag

DATA = Path(__file__).resolve().parents[3] / 'shared' / 'data' / 'semantic_drone'


@pytest.mark.slow
@pytest.mark.parametrize('encoding', ['raw', 'png'])
def test_a_bag_scores_like_its_pictures(encoding, tmp_path):
    compress = pytest.importorskip('effvit_compression.cli',
                                   reason='effvit_compression is not installed')
    if not DATA.is_dir():
        pytest.skip(f'no pictures in {DATA}')
    try:
        bundle = resolve_model('')
    except UserError as error:
        pytest.skip(str(error))
    assert (bundle / MANIFEST).is_file()
    # Every fifth picture of the val split, by links.
    images, labels = tmp_path / 'images', tmp_path / 'labels'
    images.mkdir()
    labels.mkdir()
    for picture in sorted((DATA / 'images' / 'val').iterdir())[::5]:
        (images / picture.name).symlink_to(picture)
        label = DATA / 'labels_lpcv14' / 'val' / f'{picture.stem}.png'
        (labels / label.name).symlink_to(label)
    assert compress.main([
        'evaluate', '--bundle', str(bundle), '--images', str(images), '--labels', str(labels),
        '--threads', '2', '--json', str(tmp_path / 'expected.json')]) == 0
    expected = json.loads((tmp_path / 'expected.json').read_text())
    assert make_bag(['--images', str(images), '--labels', str(labels), '--encoding', encoding,
                     '--out', str(tmp_path / 'bag')]) == 0
    assert evaluate_bag([str(tmp_path / 'bag'), '--threads', '2',
                         '--out', str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['n_scored'] == expected['n_images'] == 10
    assert report['per_class'] == expected['per_class']
    for score in ('miou', 'mdice_lpcv'):
        assert report[score] == pytest.approx(expected[score], abs=1e-12)
