"""evaluate_bag from end to end on small bags: hand-known scores, determinism, broken bags."""
from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from bag_files import (
    cut,
    HEIGHT,
    picture,
    rewrite_mcap,
    stamp_of,
    truth,
    WIDTH,
    without_metadata,
    write_bag,
    write_masks,
    write_ros1_bag,
    write_topics,
    wrong_truth,
)
from mcap.reader import make_reader
from PIL import Image as PillowImage
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from tiny_bundle import write_lpcv_bundle, write_tiny_bundle

from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.bags.problems import KINDS
from effvit_ros.bags.writer import BagWriter, STRING
from effvit_ros.core import libraries
from effvit_ros.core.energy import Energy
from effvit_ros.core.metrics import ConfusionMatrix, LpcvDice
from effvit_ros.evaluation import one_bag
from effvit_ros.evaluation.evaluate_bag import main
from effvit_ros.evaluation.records import FRAMES
from effvit_ros.evaluation.report import VARYING_KEYS
from effvit_ros.ros.common.codec import picture_from

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def evaluate(tiny_bundle, tmp_path, capsys):
    """Return a function that runs the command and returns (exit code, report, stderr)."""
    def run(*arguments, out='out', bundle=tiny_bundle):
        folder = tmp_path / out
        code = main([str(a) for a in arguments]
                    + ['--bundle', str(bundle), '--out', str(folder)])
        file = folder / 'report.json'
        report = json.loads(file.read_text()) if file.exists() else None
        return code, report, capsys.readouterr().err
    return run


def problem_lines(err):
    return [line for line in err.splitlines() if line.startswith('problem: ')]


def test_the_report_tells_the_energy_of_a_frame_where_it_is_measured(
        evaluate, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def measured():
        energy = Energy()
        yield energy
        energy.joules, energy.seconds, energy.source = 20.0, 2.0, 'a meter'
    monkeypatch.setattr(one_bag, 'measured_energy', measured)
    code, report, _ = evaluate(write_bag(tmp_path / 'flight'))
    told = report['run']['energy']
    assert code == 0 and told['source'] == 'a meter'
    # 10 W for as long as the 6 frames took.
    assert told['joules_per_frame'] == pytest.approx(10 * report['run']['frames_s'] / 6, abs=0.01)
    assert told['joules_per_frame'] > 0


def test_a_perfect_model_scores_one(evaluate, tmp_path):
    code, report, err = evaluate(write_bag(tmp_path / 'flight'))
    assert code == 0 and problem_lines(err) == []
    assert report['miou'] == report['pixel_accuracy'] == 1
    assert report['mdice_lpcv'] is None  # the classes are not LPCV's
    assert (report['n_frames'], report['n_scored'], report['classes_present']) == (6, 6, 3)
    assert report['problems'] == []


def test_scores_are_those_of_the_metrics(evaluate, tmp_path):
    _, report, _ = evaluate(write_bag(tmp_path / 'flight', make_truth=wrong_truth),
                            bundle=write_lpcv_bundle(tmp_path / 'lpcv'))
    confusion, dice = ConfusionMatrix(14), LpcvDice(14)
    for index in range(6):
        # The tiny bundle works at 64x64, these pictures are 64x48: by nearest it is exact.
        labels = truth(index)
        labels[:4] = 0
        confusion.update(wrong_truth(index), labels)
        dice.update(wrong_truth(index), labels)
    assert report['miou'] == pytest.approx(confusion.miou, abs=1e-12)
    assert report['mdice_lpcv'] == pytest.approx(dice.mean, abs=1e-12)
    assert report['confusion'] == confusion.matrix.tolist()
    assert report['per_class']['avalanche'] == {
        'iou': confusion.iou[1], 'dice': confusion.dice[1], 'support': confusion.support[1],
        'share': confusion.pixel_share[1]}


def test_two_runs_differ_in_nothing_but_timings(evaluate, tmp_path):
    bag = write_bag(tmp_path / 'flight', make_truth=wrong_truth)
    texts = []
    for out in ('first', 'second'):
        _, report, _ = evaluate(bag, '--save-bag', out=out)
        for key in VARYING_KEYS:
            del report[key]
        texts.append(json.dumps(report))
    assert texts[0] == texts[1]
    for name in (FRAMES, 'contact_sheet.jpg', 'results/results.mcap'):
        assert (tmp_path / 'first' / name).read_bytes() == (
            tmp_path / 'second' / name).read_bytes(), name


def test_a_bundle_with_scores_tells_what_its_confidence_is_worth(tmp_path):
    bundle = write_tiny_bundle(tmp_path / 'scores', scores=True)
    write_bag(tmp_path / 'flight', make_truth=wrong_truth)
    assert main([str(tmp_path / 'flight'), '--bundle', str(bundle),
                 '--out', str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    found = report['confidence']
    # Its scores lie grey levels apart, so it is certain of every pixel, right or wrong.
    assert found['shares'][-1] > 0.99
    assert found['accuracy'][-1] == pytest.approx(report['pixel_accuracy'], abs=0.01)
    assert found['expected_calibration_error'] == pytest.approx(
        0.975 - report['pixel_accuracy'], abs=0.02)


def test_a_bag_without_truth_gives_areas_and_flips(evaluate, tmp_path):
    code, report, _ = evaluate(write_bag(tmp_path / 'flight', make_truth=None))
    assert code == 0
    assert report['miou'] is report['per_class'] is report['mdice_lpcv'] is None
    # Each block is 16 columns wide; red has 16 and green 12 rows of 48.
    assert report['class_areas']['red'] == pytest.approx(16 * 16 / (WIDTH * HEIGHT), abs=0.01)
    assert report['class_areas']['green'] == pytest.approx(12 * 16 / (WIDTH * HEIGHT), abs=0.01)
    flipped = np.mean([
        (np.argmax(picture(i), axis=2) != np.argmax(picture(i + 1), axis=2)).mean()
        for i in range(5)])
    assert report['stability']['pairs'] == 5
    assert report['stability']['mean'] == pytest.approx(flipped, abs=0.01)


def test_a_camera_that_changes_its_size_is_evaluated_and_no_flip_is_counted_over_the_change(
        evaluate, tmp_path):
    def height(index):
        return HEIGHT // (1 + index // 3)

    code, report, _ = evaluate(write_bag(
        tmp_path / 'flight', make_picture=lambda i: picture(i)[:height(i)],
        make_truth=lambda i: truth(i)[:height(i)]))
    assert (code, report['n_frames'], report['n_scored'], report['miou']) == (0, 6, 6, 1)
    assert report['stability']['pairs'] == 4


@pytest.mark.parametrize('name', ['{index:06d}.png', '{stamp}.png'], ids=['index', 'stamp'])
def test_truth_may_lie_in_a_folder(name, evaluate, tmp_path):
    masks = write_masks(tmp_path / 'masks', 4, name)
    code, report, _ = evaluate(write_bag(tmp_path / 'flight', make_truth=None),
                               '--truth-dir', masks)
    assert (code, report['n_frames'], report['n_scored'], report['miou']) == (0, 6, 4, 1)


def test_each_bag_takes_the_masks_in_the_folder_of_its_name(evaluate, tmp_path):
    write_masks(tmp_path / 'masks' / 'flight', 4)
    bag = write_bag(tmp_path / 'flight', make_truth=None)
    code, report, _ = evaluate(bag, '--truth-dir', tmp_path / 'masks')
    assert (code, report['n_scored']) == (0, 4)
    other = write_bag(tmp_path / 'unlabelled', make_truth=None)
    code, report, err = evaluate(other, '--truth-dir', tmp_path / 'masks')
    assert (code, report['n_scored'], report['n_frames']) == (1, 0, 6)
    assert 'holds masks of flight, not of unlabelled' in err
    code, *_ = evaluate(bag, other, '--truth-dir', tmp_path / 'masks', out='both')
    assert code == 0


def test_hidden_folders_among_the_masks_take_no_truth_away(evaluate, tmp_path):
    masks = write_masks(tmp_path / 'masks', 6)
    (masks / '.ipynb_checkpoints').mkdir()
    code, report, _ = evaluate(write_bag(tmp_path / 'flight', make_truth=None),
                               '--truth-dir', masks)
    assert (code, report['n_scored'], report['miou']) == (0, 6, 1)


def test_black_and_white_truth_is_told_to_hide_a_class(evaluate, tmp_path):
    bag = write_bag(tmp_path / 'flight', make_truth=lambda index: np.where(
        truth(index) == 1, 255, 0).astype(np.uint8))
    code, _, err = evaluate(bag)
    (line,) = problem_lines(err)
    assert code == 1 and 'only 0 and 255, and 255 is ignored' in line


def test_a_picture_that_is_stored_turned_is_not_scored(evaluate, tmp_path):
    with BagWriter(tmp_path / 'flight') as writer:
        writer.add_topic('/camera/compressed', COMPRESSED)
        writer.add_topic('/truth', IMAGE)
        for index in range(2):
            file = io.BytesIO()
            exif = PillowImage.Exif()
            exif[0x0112] = 3 if index else 1
            PillowImage.fromarray(picture(index)[..., ::-1]).save(file, 'PNG', exif=exif)
            writer.write_compressed('/camera/compressed', stamp_of(index), file.getvalue(), 'png')
            writer.write_image('/truth', stamp_of(index), truth(index), 'mono8')
    code, report, err = evaluate(tmp_path / 'flight')
    (line,) = problem_lines(err)
    assert (code, report['n_scored']) == (1, 1)
    assert 'frame 1 is not scored: stored turned (EXIF orientation 3)' in line


def test_truth_may_be_near_in_time(evaluate, tmp_path):
    masks = tmp_path / 'masks'
    write_masks(masks, 3)
    for index in range(3):
        (masks / f'{index:06d}.png').rename(masks / f'{stamp_of(index) + 20_000_000}.png')
    bag = write_bag(tmp_path / 'flight', make_truth=None)
    code, report, err = evaluate(bag, '--truth-dir', masks)
    assert (code, report['n_scored']) == (1, 0) and 'unused' not in err
    assert '3 of 3 masks belong to no frame' in err
    code, report, _ = evaluate(bag, '--truth-dir', masks, '--tolerance', '0.03')
    assert (code, report['n_scored'], report['miou']) == (0, 3, 1)


def small_truth(index):
    return truth(index)[:8, :8].copy()


def foreign_truth(index):
    labels = truth(index)
    labels[10, 10] = 9
    return labels


@pytest.mark.parametrize('make_truth, kind, words, scored', [
    (small_truth, 'truth_size', 'its truth is 8x8, the picture 64x48 (and 5 more', 0),
    (foreign_truth, 'truth_ids', 'its truth holds class 9, the bundle has 0..2', 6),
], ids=['of another size', 'with foreign ids'])
def test_a_truth_that_does_not_fit_is_told(make_truth, kind, words, scored, evaluate, tmp_path):
    bag = write_bag(tmp_path / 'flight', make_truth=make_truth)
    code, report, err = evaluate(bag)
    assert code == 1 and len(problem_lines(err)) == 1
    assert words in err
    assert [p['kind'] for p in report['problems']] == [kind]
    assert (report['n_frames'], report['n_scored']) == (6, scored)
    code, _, _ = evaluate(bag, '--accept', kind)
    assert code == 0


def truncated(path):
    bag = write_bag(path, count=200, compress=False)
    cut(next(bag.glob('*.mcap')), 0.7)
    return bag


def without_pictures(path):
    with BagWriter(path) as writer:
        writer.add_topic('/chatter', STRING)
        writer.write_text('/chatter', stamp_of(0), 'hello')
    return path


def with_unknown_type(path):
    bag = write_bag(path)
    rewrite_mcap(next(bag.glob('*.mcap')), undefined_topic='/boxes')
    return bag


#: Each way in which a bag can be bad: kind, words of its line, frames that are evaluated still.
BAD = {
    'truncated': (truncated, 'truncated', 'the file ends too early', range(60, 200)),
    'no metadata.yaml': (lambda p: without_metadata(write_bag(p)), 'no_metadata',
                         'metadata.yaml is missing', [6]),
    'no image topic': (without_pictures, 'no_image_topic', 'no image topic', None),
    'two image topics': (lambda p: write_topics(p, [('/left', 2), ('/right', 2)]),
                         'ambiguous_topic', 'name one with --topic', None),
    'truth of another size': (lambda p: write_bag(p, make_truth=small_truth), 'truth_size',
                              'is not scored: its truth is 8x8', [6]),
    'stamps that jump back': (
        lambda p: write_bag(p, stamps=[stamp_of(i) for i in (0, 1, 2, 0, 1, 2)]),
        'stamps_back', 'stamps jump back by 0.200 s at frame 3', [6]),
    'unknown message definition': (with_unknown_type, 'unknown_type', 'does not define', [6]),
    'empty': (lambda p: write_topics(p, []), 'empty', 'holds no message', None),
    'a folder that is no bag': (lambda p: p.mkdir() or p / 'gone', 'unreadable', 'no such bag',
                                None),
}


@pytest.mark.parametrize('make, kind, words, frames', BAD.values(), ids=BAD.keys())
def test_a_bad_bag_gives_one_line_and_what_can_be_had(make, kind, words, frames, evaluate,
                                                      tmp_path):
    code, report, err = evaluate(make(tmp_path / 'flight'))
    assert code == 1
    (line,) = problem_lines(err)
    assert words in line and 'Traceback' not in err
    if frames is None:
        assert report is None
    else:
        assert report['n_frames'] in frames
        assert [p['kind'] for p in report['problems']] == [kind]
        assert evaluate(tmp_path / 'flight', '--accept', kind)[0] == 0


@pytest.mark.slow
def test_bad_bags_leave_the_good_one_its_score(evaluate, tmp_path):
    # Two that are evaluated in part and two that are not; each kind alone is tested above.
    bad = ('truncated', 'stamps that jump back', 'no image topic', 'a folder that is no bag')
    bags = [BAD[name][0](tmp_path / name.replace(' ', '_')) for name in bad]
    code, report, err = evaluate(*bags, write_bag(tmp_path / 'good'))
    assert code == 1
    assert len(problem_lines(err)) == 4
    assert report['bags'][-1]['miou'] == 1
    assert len(report['not_evaluated']) == 2


@pytest.mark.slow
def test_many_bags_are_pooled_and_a_broken_one_is_told(evaluate, tmp_path):
    evaluate = functools.partial(evaluate, bundle=write_lpcv_bundle(tmp_path / 'lpcv'))
    write_bag(tmp_path / 'bags' / 'good', count=6)
    write_bag(tmp_path / 'bags' / 'bad', count=2, make_truth=wrong_truth)
    write_ros1_bag(tmp_path / 'bags' / 'old.bag', count=3)
    (tmp_path / 'bags' / 'broken.mcap').write_bytes(b'nothing')
    code, report, err = evaluate(tmp_path / 'bags', '--jobs', '2')
    assert code == 1
    assert len(problem_lines(err)) == 1 and 'broken.mcap' in problem_lines(err)[0]
    assert report['n_frames'] == 11
    assert [bag['name'] for bag in report['bags']] == ['old', 'bad', 'good']
    out = tmp_path / 'out'
    parts = [json.loads((out / bag['folder'] / 'report.json').read_text())
             for bag in report['bags']]
    assert np.array_equal(report['confusion'], sum(np.array(p['confusion']) for p in parts))
    assert report['mdice_lpcv'] == pytest.approx(
        sum(p['mdice_lpcv'] * p['n_scored'] for p in parts) / 11)
    assert all((out / bag['folder'] / 'report.html').stat().st_size for bag in report['bags'])
    # The second time only what is new is evaluated.
    began = [p['run']['began'] for p in parts]
    (tmp_path / 'bags' / 'broken.mcap').unlink()
    code, report, err = evaluate(tmp_path / 'bags', '--jobs', '2')
    assert code == 0 and err.count('finished earlier, kept') == 3
    assert [json.loads((out / bag['folder'] / 'report.json').read_text())['run']['began']
            for bag in report['bags']] == began


def test_a_change_of_bag_or_settings_is_no_reason_to_keep(evaluate, tmp_path):
    bag = write_bag(tmp_path / 'flight')
    evaluate(bag)
    _, _, err = evaluate(bag)
    assert 'kept' in err
    _, _, err = evaluate(bag, '--tolerance', '0.01')
    assert 'kept' not in err
    _, _, err = evaluate(bag, '--tolerance', '0.01', '--fresh')
    assert 'kept' not in err


@pytest.mark.parametrize('arguments, words', [
    ([], 'no bag was named'),
    (['x', '--truth-dir', 'nowhere'], 'no such folder'),
    (['x', '--list', 'nowhere'], 'the list of bags cannot be read'),
    (['x', '--live', '--save-bag'], '--save-bag is of no use with --live'),
], ids=['no bag', 'no folder of masks', 'no list', 'live and offline'])
def test_mistakes_give_one_line_and_two(arguments, words, evaluate):
    code, report, err = evaluate(*arguments)
    assert (code, report) == (2, None)
    assert err.startswith('error: ') and words in err and err.count('\n') == 1


@pytest.mark.parametrize('command, missing, words', [
    ('evaluation.evaluate_bag', 'rosbags',
     "not installed: rosbags: pip install 'effvit_ros[bags]'"),
    ('bags.make_bag', 'zstandard', "not installed: zstandard: pip install 'effvit_ros[bags]'"),
    ('evaluation.play_bag', 'rclpy', 'ROS 2 is not here'),
    ('evaluation.evaluate_bag', 'rclpy', 'ROS 2 is not here'),
], ids=['evaluate', 'make', 'play without ROS', 'live without ROS'])
def test_a_missing_library_gives_one_line(command, missing, words, tmp_path, monkeypatch,
                                          capsys):
    monkeypatch.setattr(libraries, 'find_spec', lambda name: None if name == missing else name)
    module = importlib.import_module(f'effvit_ros.{command}')
    bag = write_bag(tmp_path / 'flight')
    arguments = {'evaluate_bag': [str(bag), '--live'], 'play_bag': [str(bag)],
                 'make_bag': ['--images', str(tmp_path), '--out', 'x']}
    assert module.main(arguments[command.split('.')[1]]) == 2
    err = capsys.readouterr().err
    assert err.startswith('error: ') and words in err and err.count('\n') == 1


def test_nothing_unfinished_stays_behind(evaluate, tmp_path):
    evaluate(write_bag(tmp_path / 'flight'))
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'contact_sheet.jpg', 'frames.jsonl', 'report.html', 'report.json', 'report.md',
        'timings.csv']


def test_results_of_an_earlier_run_do_not_stay_beside_a_later_report(evaluate, tmp_path):
    bag = write_bag(tmp_path / 'flight')
    evaluate(bag, '--save-bag')
    assert (tmp_path / 'out' / 'results').is_dir()
    evaluate(bag)
    assert not (tmp_path / 'out' / 'results').exists()


def test_the_page_needs_nothing_beside_it(evaluate, tmp_path):
    evaluate(write_bag(tmp_path / 'flight'))
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert page.count('<img') == page.count('src="data:image/') >= 5
    assert 'http' not in page and 'href' not in page


def test_saved_results_are_a_bag_that_others_read(evaluate, tmp_path):
    evaluate(write_bag(tmp_path / 'flight'), '--save-bag')
    folder = tmp_path / 'out' / 'results'
    metadata = yaml.safe_load((folder / 'metadata.yaml').read_text())
    information = metadata['rosbag2_bagfile_information']
    assert (information['version'], information['storage_identifier']) == (8, 'mcap')
    for topic in information['topics_with_message_count']:
        (profile,) = yaml.safe_load(topic['topic_metadata']['offered_qos_profiles'])
        assert profile['reliability'] == 1 and profile['history'] == 1
    with open(folder / 'results.mcap', 'rb') as file:
        messages = list(make_reader(file).iter_messages())
    found = {}
    for _, channel, message in messages:
        found.setdefault(channel.topic, []).append(message)
    assert {topic: len(found[topic]) for topic in found} == {
        '/segmenter/labels': 6, '/segmenter/overlay/compressed': 6, '/segmenter/label_info': 1}
    for index, message in enumerate(found['/segmenter/labels']):
        assert message.log_time == stamp_of(index)
        labels = deserialize_message(message.data, Image)
        assert labels.encoding == 'mono8' and labels.header.frame_id == 'eye'
        expected = np.where(truth(index) == 255, 0, truth(index))
        np.testing.assert_array_equal(picture_from(labels).pixels, expected)
    overlay = deserialize_message(found['/segmenter/overlay/compressed'][0].data, CompressedImage)
    assert picture_from(overlay).pixels.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_bag(tiny_bundle, tmp_path):
    # The longer bag holds 37 MB of pictures and truth more than the shorter one.
    peaks = []
    for count in (200, 3200):
        bag = write_bag(tmp_path / f'flight{count}', count=count)
        program = ('import resource, sys; from effvit_ros.evaluation.evaluate_bag import main; '
                   'assert main(sys.argv[1:]) == 0; '
                   'print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)')
        result = subprocess.run(
            [sys.executable, '-c', program, str(bag), '--bundle', str(tiny_bundle), '--out',
             str(tmp_path / f'out{count}')], capture_output=True, text=True,
            env=dict(os.environ, PYTHONPATH=str(ROOT)))
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stdout.split()[-1]) / 1024)
    assert peaks[1] - peaks[0] < 20, peaks


def test_every_kind_of_problem_is_explained():
    assert all(text and '\n' not in text for text in KINDS.values())
