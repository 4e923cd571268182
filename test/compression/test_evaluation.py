"""Scoring a bundle on a folder: pairs, reduction to classes, every kind of bad input."""
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from tiny_bundle import tiny_labels
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.classification import multiclass_f1_score

from effvit_compression.cli import main
from effvit_compression.evaluation import (
    evaluate_bundle,
    pair_by_stem,
    read_pairs,
    read_truth,
    reduction,
)
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix


@pytest.fixture
def folders(tmp_path):
    """Return folders of two pictures and labels that the tiny bundle gets right but for some."""
    rng = np.random.default_rng(0)
    for stem in ('one', 'two'):
        rgb = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (64, 64),
                         interpolation=cv2.INTER_NEAREST)
        truth = tiny_labels(rgb)
        truth[:8] = 0
        truth[-8:] = 255
        for kind, array in (('images', rgb[..., ::-1]), ('labels', truth)):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f'{stem}.png'), array)
    return tmp_path / 'images', tmp_path / 'labels'


def score(bundle, folders, **options):
    """Score a bundle of three classes on the folders."""
    return evaluate_bundle(load_bundle(bundle), read_pairs(pair_by_stem(*folders), 3, 255),
                           **options)


def test_the_scores_are_those_of_a_matrix_made_by_hand(tiny_bundle, folders):
    scores = score(tiny_bundle, folders)
    expected = ConfusionMatrix(3)
    for image, label in pair_by_stem(*folders):
        expected.update(cv2.imread(str(label), -1),
                        tiny_labels(cv2.imread(str(image))[..., ::-1]))
    assert (scores.confusion.matrix == expected.matrix).all()
    assert 0 < scores.confusion.miou < 1 and scores.n_images == 2


def test_the_command_writes_the_fixed_form(tiny_bundle, folders, tmp_path, capsys):
    out = tmp_path / 'out' / 'scores.json'
    assert main(['evaluate', '--bundle', str(tiny_bundle), '--images', str(folders[0]),
                 '--labels', str(folders[1]), '--json', str(out)]) == 0
    report = json.loads(out.read_text())
    assert set(report) >= {'miou', 'mdice_lpcv', 'per_class', 'n_images', 'latency_ms'}
    assert set(report['per_class']['red']) >= {'iou', 'dice', 'support'}
    assert report['latency_ms'] > 0 and 'mIoU' in capsys.readouterr().out


def test_only_reduces_both_sides(tiny_bundle, folders):
    scores = score(tiny_bundle, folders, only=['red'])
    whole = score(tiny_bundle, folders)
    assert scores.names == ('red', 'rest')
    assert scores.confusion.iou[0] == pytest.approx(whole.confusion.iou[1])
    assert scores.confusion.matrix.sum() == whole.confusion.matrix.sum()


def test_the_reduction_keeps_ignored_pixels_ignored():
    table, names = reduction(['a', 'b', 'c'], ['c', 'a'])
    assert table[[0, 1, 2, 255]].tolist() == [1, 2, 0, 255] and names == ('c', 'a', 'rest')


@pytest.mark.parametrize('break_it, complaint', [
    pytest.param(lambda i, t: (t / 'one.png').unlink(), 'one.png is missing', id='no label'),
    pytest.param(lambda i, t: [p.unlink() for p in i.iterdir()], 'no pictures', id='no picture'),
    pytest.param(lambda i, t: (i / 'one.png').write_bytes(b'x'), 'not a readable picture',
                 id='broken picture'),
    pytest.param(lambda i, t: (t / 'one.png').write_bytes(b'x'), 'label maps are PNG',
                 id='broken label'),
    pytest.param(lambda i, t: cv2.imwrite(str(t / 'one.png'), np.full((64, 64), 3, np.uint8)),
                 'label id 3 is out of range', id='id out of range'),
    pytest.param(lambda i, t: cv2.imwrite(str(t / 'one.png'), np.zeros((64, 60), np.uint8)),
                 '60x64 pixels, its picture has 64x64', id='other size'),
    pytest.param(lambda i, t: (t / 'one.png').write_bytes(
        cv2.imencode('.jpg', np.zeros((64, 64), np.uint8))[1].tobytes()),
                 'a JPEG', id='JPEG label'),
    pytest.param(lambda i, t: [cv2.imwrite(str(p), np.repeat(np.uint8([[0], [255]]), 32, 0)
                                           .repeat(64, 1)) for p in t.iterdir()],
                 'only 0 and 255', id='black and white'),
    pytest.param(lambda i, t: cv2.imwrite(str(t / 'one.png'), np.zeros((64, 64, 3), np.uint8)),
                 '3 channels of uint8', id='colour label'),
])
def test_bad_input_is_one_line_and_exit_code_2(tiny_bundle, folders, tmp_path, capsys, break_it,
                                               complaint):
    break_it(*folders)
    out = tmp_path / 'scores.json'
    assert main(['evaluate', '--bundle', str(tiny_bundle), '--images', str(folders[0]),
                 '--labels', str(folders[1]), '--json', str(out)]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.splitlines()[-1].startswith('error: ')
    assert not out.exists()


def test_an_unknown_class_is_named(tiny_bundle, folders):
    with pytest.raises(UserError, match='--only blue: no such class'):
        score(tiny_bundle, folders, only=['blue'])


def test_a_list_of_no_class_is_not_all_classes(tiny_bundle, folders, capsys):
    assert main(['evaluate', '--bundle', str(tiny_bundle), '--images', str(folders[0]),
                 '--labels', str(folders[1]), '--only', ',']) == 2
    assert 'error: --only : no such class' in capsys.readouterr().err


def test_another_ignore_id_is_honoured(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 9]], np.uint8))
    assert read_truth(tmp_path / 'a.png', 3, ignore=9).tolist() == [[0, 255]]


def test_core_metrics_equal_torchmetrics():
    rng = np.random.default_rng(1)
    truth = rng.choice([0, 1, 2, 255], (2, 50, 50)).astype(np.uint8)
    guess = rng.integers(0, 4, (2, 50, 50)).astype(np.uint8)
    matrix = ConfusionMatrix(4)
    for one, other in zip(truth, guess):
        matrix.update(one, other)
    target, prediction = torch.from_numpy(truth.astype(int)), torch.from_numpy(guess.astype(int))
    jaccard = MulticlassJaccardIndex(4, average=None, ignore_index=255)(prediction, target)
    dice = multiclass_f1_score(prediction, target, 4, average='none', ignore_index=255)
    assert matrix.iou[:3] == pytest.approx(jaccard[:3].numpy(), abs=1e-6)
    assert matrix.dice[:3] == pytest.approx(dice[:3].numpy(), abs=1e-6)
    assert np.isnan(matrix.iou[3]), 'absent from the truth: torchmetrics says 0, we leave it out'
