"""compare_reports: pairs frames, knows how sure it is, and gates."""
from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from bag_files import truth, write_bag, wrong_truth

from effvit_ros.evaluation.bootstrap import Counts, paired_intervals, resample_weights
from effvit_ros.evaluation.compare_reports import main
from effvit_ros.evaluation.evaluate_bag import main as evaluate

# Two frames, two classes. A: all right; B: of 4 pixels of class 1 in frame 0 half are missed.
SUPPORT = np.array([[6, 4], [10, 0]])
A = Counts(SUPPORT, SUPPORT, SUPPORT)
B = Counts(np.array([[6, 2], [10, 0]]), SUPPORT, np.array([[8, 2], [10, 0]]))


def test_iou_of_resamples_by_hand():
    once, twice_first = np.array([[1, 1]]), np.array([[2, 0]])
    np.testing.assert_allclose(A.iou(once), [[1, 1]])
    # Class 0: 16 right of 16 true and 18 predicted; class 1: 2 of 4 true and 2 predicted.
    np.testing.assert_allclose(B.iou(once), [[16 / 18, 2 / 4]])
    np.testing.assert_allclose(B.iou(twice_first), [[12 / 16, 4 / 8]])
    assert np.isnan(B.iou(np.array([[0, 2]]))[0, 1])


def test_the_difference_is_that_of_all_frames():
    dice_a, dice_b = np.array([1.0, 1.0]), np.array([0.8, 1.0])
    miou, mdice, classes = paired_intervals(A, B, dice_a, dice_b, n_resamples=500)
    assert miou.difference == pytest.approx((16 / 18 + 2 / 4) / 2 - 1)
    assert mdice.difference == pytest.approx(-0.1)
    # Resamples of two frames: the first is drawn twice, once or never.
    assert (mdice.low, mdice.high) == pytest.approx((-0.2, 0))
    assert miou.low == pytest.approx((12 / 16 + 1 / 2) / 2 - 1) and miou.high == 0
    assert classes[1].difference == pytest.approx(-0.5)


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(5)
    covered, trials = 0, 150
    for trial in range(trials):
        gain = generator.normal(0.05, 0.1, 40)
        nothing = Counts(*(np.ones((40, 1)),) * 3)
        _, mdice, _ = paired_intervals(nothing, nothing, np.zeros(40), gain, 400, seed=trial)
        covered += mdice.low <= 0.05 <= mdice.high
    assert 0.88 <= covered / trials <= 0.99


def test_blocks_widen_the_interval_of_frames_that_resemble_each_other():
    gain = np.repeat(np.random.default_rng(1).normal(0, 0.1, 20), 10)
    nothing = Counts(*(np.ones((200, 1)),) * 3)
    widths = []
    for block in (1, 10):
        _, mdice, _ = paired_intervals(nothing, nothing, np.zeros(200), gain, block=block)
        widths.append(mdice.high - mdice.low)
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize('block', [1, 3, 7])
def test_every_resample_has_as_many_frames(block):
    weights = np.concatenate(list(resample_weights(7, 100, block, seed=0)))
    assert weights.shape == (100, 7)
    assert (weights.sum(axis=1) == 7).all()


@pytest.fixture(scope='module')
def reports(tiny_bundle, tmp_path_factory):
    """Return folders of reports over one bag: scored by good masks, by bad ones, by none."""
    from bag_files import write_masks
    folder = tmp_path_factory.mktemp('reports')
    bag = write_bag(folder / 'flight', make_truth=None)
    for name, make in (('good', truth), ('bad', wrong_truth)):
        write_masks(folder / f'masks_{name}', make=make)
        evaluate([str(bag), '--bundle', str(tiny_bundle), '--out', str(folder / name),
                  '--truth-dir', str(folder / f'masks_{name}')])
    evaluate([str(bag), '--bundle', str(tiny_bundle), '--out', str(folder / 'none')])
    other = write_bag(folder / 'other', first=20)
    evaluate([str(other), '--bundle', str(tiny_bundle), '--out', str(folder / 'elsewhere')])
    return folder


@pytest.mark.parametrize('a, b, options, code, words', [
    ('good', 'good', [], 0, 'mIoU'),
    ('good', 'good', ['--fail-if-worse', '0'], 0, 'passed'),
    ('good', 'bad', [], 0, 'B - A'),
    ('good', 'bad', ['--fail-if-worse', '0.01'], 1, 'FAILED'),
    ('good', 'bad', ['--fail-if-worse', '0.01', '--metric', 'mdice'], 1, 'mdice B - A = -'),
    ('good', 'bad', ['--fail-if-worse', '1'], 0, 'passed'),
    ('bad', 'good', ['--fail-if-worse', '0.01'], 0, 'passed'),
], ids=['same', 'same, gated', 'no gate', 'worse', 'worse Dice', 'worse but allowed', 'better'])
def test_the_gate(a, b, options, code, words, reports, capsys):
    assert main([str(reports / a / 'report.json'), str(reports / b), *options]) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize('a, b, words', [
    ('good', 'none', 'no frame with truth'), ('good', 'elsewhere', 'no frame in common'),
    ('good', 'nowhere', 'No such file'),
])
def test_reports_that_cannot_be_compared(a, b, words, reports, capsys):
    assert main([str(reports / a), str(reports / b), '--fail-if-worse', '0.01']) == 2
    err = capsys.readouterr().err
    assert err.startswith('error: ') and words in err and err.count('\n') == 1


@pytest.mark.parametrize('key, value, words', [
    pytest.param('stability', None, 'stability.mean is missing', id='a table that is none'),
    pytest.param('stability', {'mean': 'much'}, "stability.mean is 'much'", id='no number'),
    pytest.param('bundle', [], 'bundle.name is missing', id='a list'),
])
def test_a_damaged_report_names_what_is_wrong(key, value, words, reports, tmp_path, capsys):
    folder = shutil.copytree(reports / 'good', tmp_path / 'damaged')
    report = json.loads((folder / 'report.json').read_text())
    (folder / 'report.json').write_text(json.dumps({**report, key: value}))
    assert main([str(reports / 'good'), str(folder)]) == 2
    assert f'{words}: the report is damaged' in capsys.readouterr().err


def test_a_differing_truth_is_told(reports, capsys):
    main([str(reports / 'good'), str(reports / 'bad')])
    assert 'the truth differs' in capsys.readouterr().err


def test_the_comparison_is_written_as_json(reports, tmp_path):
    main([str(reports / 'good'), str(reports / 'bad'), '--out', str(tmp_path / 'c.json')])
    content = json.loads((tmp_path / 'c.json').read_text())
    assert content['n_paired'] == 6
    assert content['miou']['difference'] == pytest.approx(
        content['miou']['b'] - content['miou']['a'])
    assert content['miou']['low'] <= content['miou']['difference'] <= content['miou']['high']
    assert set(content['per_class']) == {'background', 'red', 'green'}
