"""label_next: what is chosen and why, tasks that come back pixel by pixel, bad input."""
from __future__ import annotations

import hashlib
import json
import shutil

import cv2
import numpy as np
import pytest
from bag_files import picture, stamp_of, write_bag
from hypothesis import given, settings, strategies
from hypothesis.extra import numpy as arrays
from tiny_bundle import CLASSES, tiny_labels, write_manifest, write_tiny_bundle
from yaml import safe_load

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.view import FEATURES, recorded
from effvit_ros.labeling.candidates import Candidate, strangeness
from effvit_ros.labeling.choice import apart, choose
from effvit_ros.labeling.label_next import main
from effvit_ros.labeling.outlines import outlines
from effvit_ros.labeling.run_lengths import (
    from_label_studio,
    from_run_lengths,
    run_lengths,
    to_label_studio,
)

SECOND = 10**9


def candidate(index, doubt=0.1, shares=(1, 0, 0), look=None, sharpness=100.0, light=120.0,
              strangeness=0.0):
    """Return a candidate a second after the one before; looks differ by default."""
    look = (index * 1.0, 0.0) if look is None else look
    return Candidate('flight', index, index * SECOND, doubt, np.array(shares, float),
                     np.array(look, float), sharpness, light, strangeness)


def chosen(candidates, count):
    """Return the indices chosen, best first."""
    return [candidates[c.position].index
            for c in choose(candidates, CLASSES, count).chosen]


def test_the_most_doubtful_frame_is_the_first():
    frames = [candidate(i, doubt=0.9 if i == 7 else 0.1) for i in range(20)]
    assert chosen(frames, 3)[0] == 7


def test_a_rare_class_is_preferred_and_named():
    frames = [candidate(i, shares=(0.9, 0, 0.1) if i == 4 else (1, 0, 0)) for i in range(20)]
    best = choose(frames, CLASSES, 1).chosen[0]
    assert frames[best.position].index == 4
    assert 'shows green (10.0%)' in best.reason


def test_a_frame_unlike_the_training_pictures_is_preferred_and_says_so():
    frames = [candidate(i, strangeness=0.8 if i == 5 else 0.1) for i in range(20)]
    best = choose(frames, CLASSES, 1).chosen[0]
    assert frames[best.position].index == 5
    assert 'unlike what the model was trained on' in best.reason


def test_a_frame_like_many_comes_before_the_only_one_of_its_kind():
    """Thirteen frames about one place, in steps, and one far from all."""
    frames = [candidate(i, look=(90.0, 0) if i == 4 else (i / 2, 0)) for i in range(14)]
    best, second = choose(frames, CLASSES, 2).chosen
    assert frames[best.position].index in range(5, 9) and 'stands for' in best.reason
    assert frames[second.position].index == 4


def test_of_two_places_the_one_that_the_network_is_unsure_of_comes_first():
    frames = [candidate(i, look=(i % 2 * 50 + i / 9, 0), doubt=0.1 + i % 2 * 0.1)
              for i in range(40)]
    assert [index % 2 for index in chosen(frames, 2)] == [1, 0]


def test_distances_of_looks_by_hand():
    assert apart(np.array([[0., 0], [3, 4]]), np.array([[3., 0]])).tolist() == [[3], [4]]


def test_strangeness_is_measured_against_the_recorded_pictures():
    rows = np.random.default_rng(0).normal(size=(500, len(FEATURES)))
    views = recorded({'farm': rows}, {})
    one = views.sets[0]
    half, _, utmost = views.quantiles
    assert [strangeness(views, one.mean + distance * one.spread) for distance in (
        0, half, (half + utmost) / 2, utmost, 9)] == pytest.approx([0, 0, 0.5, 1, 1])


@pytest.mark.parametrize('spoilt, why', [
    (dict(sharpness=5.0), 'blurred'),
    (dict(light=3.0), 'too dark or bright'),
    (dict(light=252.0), 'too dark or bright'),
])
def test_frames_that_nobody_could_label_are_passed_over(spoilt, why):
    frames = [candidate(i, doubt=0.9, **spoilt) if i == 3 else candidate(i) for i in range(12)]
    choice = choose(frames, CLASSES, 12)
    assert 3 not in [frames[c.position].index for c in choice.chosen]
    assert dict(choice.passed_over)[why] == 1


def test_near_duplicates_are_chosen_once():
    """Ten scenes of five frames each: not one of them twice."""
    frames = [candidate(i, look=(i // 5 * 10.0, i % 5 * 0.01)) for i in range(50)]
    picked = chosen(frames, 10)
    assert len({index // 5 for index in picked}) == len(picked) >= 9


def test_chosen_frames_are_spread_over_time():
    rng = np.random.default_rng(0)
    frames = [candidate(i, look=rng.normal(size=2)) for i in range(100)]
    gaps = np.diff(sorted(chosen(frames, 8)))
    assert gaps.min() >= 99 / 8 / 4


def test_the_worst_input_gives_none():
    assert choose([candidate(0, light=0.0)], CLASSES, 5).chosen == []


masks = arrays.arrays(bool, strategies.tuples(*[strategies.integers(1, 12)] * 2))


@given(masks)
def test_run_lengths_return(mask):
    assert (from_run_lengths(run_lengths(mask), mask.size).reshape(mask.shape) == mask).all()
    assert (from_label_studio(to_label_studio(mask), *mask.shape) == mask).all()


def test_label_studio_brush_by_hand():
    """One pixel on of one: 4 values of 255, word of 8 bits, sizes 3, 4, 8 and 16 bits."""
    assert to_label_studio(np.ones((1, 1), bool)) == [
        0, 0, 0, 4,                    # 4 values
        0b00111_001, 0b0_0011_011, 0b1_1111_1_00, 0b011_11111, 0b111_00000]


@pytest.mark.parametrize('damage', [lambda rle: rle[:5], lambda rle: [*rle[:3], 200, *rle[4:]],
                                    lambda rle: ['x']], ids=['cut', 'size', 'no bytes'])
def test_damaged_brush_is_a_value_error(damage):
    with pytest.raises(ValueError):
        from_label_studio(damage(to_label_studio(np.eye(4) > 0)), 4, 4)


def drawn(labels, tolerance):
    """Return the map that the outlines of a label map give, filled as data-import fills them."""
    polygon = pytest.importorskip('effvit_compression.data.importers.export').polygon
    found = np.full(labels.shape, 255, np.uint8)
    for outline in outlines(labels, 1, tolerance=tolerance):
        found[polygon(outline.points.ravel().tolist(), 'x')(labels.shape)] = outline.index
    return found


@settings(deadline=None)  # the first example imports the importer
@given(arrays.arrays(np.uint8, strategies.tuples(*[strategies.integers(1, 12)] * 2),
                     elements=strategies.integers(0, 2)))
def test_outlines_with_every_corner_return_pixel_by_pixel(labels):
    np.testing.assert_array_equal(drawn(labels, tolerance=0), labels)


def test_outlines_with_fewer_corners_are_off_by_a_pixel_at_most():
    rows, columns = np.mgrid[:80, :100]
    labels = ((rows - 40) ** 2 + (columns - 50) ** 2 < 30 ** 2).astype(np.uint8)  # a disc
    labels[35:45, 45:55] = 2                                                      # in its middle
    found = drawn(labels, tolerance=0.75)
    assert (found == 2)[35:45, 45:55].all() and (found == 2).sum() == 100
    within = cv2.erode(labels, np.ones((3, 3))) == cv2.dilate(labels, np.ones((3, 3)))
    np.testing.assert_array_equal(found[within], labels[within])
    assert sum(len(outline.points) for outline in outlines(labels, 1)) < 60


def test_specks_have_no_outline():
    labels = np.zeros((20, 20), np.uint8)
    labels[4, 4:8] = 1
    assert [outline.index for outline in outlines(labels, 5)] == [0]


@pytest.fixture
def bundle(tmp_path):
    """Return the tiny bundle."""
    return write_tiny_bundle(tmp_path / 'bundle', 48, 64)


@pytest.fixture
def bag(tmp_path):
    """Return a bag of twelve frames."""
    return write_bag(tmp_path / 'flight', 12, make_truth=None)


def run(bag, bundle, out, *options):
    """Run the command on a few frames."""
    return main([str(bag), '--bundle', str(bundle), '--out', str(out), '--n', '4',
                 '--every', '0', *options])


def content_of(folder):
    """Return the hashes of a folder's files by name."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.mark.parametrize('form', ['cvat', 'labelstudio', 'labelstudio-polygons', 'png'])
def test_tasks_hold_the_pictures_and_are_the_same_each_time(tmp_path, bag, bundle, form):
    assert run(bag, bundle, tmp_path / 'a', '--format', form) == 0
    assert run(bag, bundle, tmp_path / 'b', '--format', form) == 0
    assert content_of(tmp_path / 'a') == content_of(tmp_path / 'b')
    tasks = json.loads((tmp_path / 'a' / 'tasks.json').read_text())['tasks']
    assert tasks and all(task['reason'] for task in tasks)
    for task in tasks:
        assert task['stamp_ns'] == stamp_of(task['frame'])
        pixels = cv2.imread(str(tmp_path / 'a' / 'images' / task['file']))
        np.testing.assert_array_equal(pixels, picture(task['frame']))
    assert cv2.imread(str(tmp_path / 'a' / 'contact_sheet.jpg')) is not None


def test_the_command_compares_with_what_the_manifest_records(tmp_path):
    """A flight whose last third is dusk, and a bundle that knows the day alone."""
    pixels = [np.random.default_rng(i).integers(60, 200, (48, 64, 3), np.uint8)
              for i in range(12)]
    bundle = write_tiny_bundle(tmp_path / 'bundle', 48, 64, scores=True)
    bag = write_bag(tmp_path / 'dusk', 12, make_picture=lambda i: (
        pixels[i] if i < 8 else pixels[i] // 5 * 3), make_truth=None)
    assert run(bag, bundle, tmp_path / 'silent', '--format', 'png') == 0
    with Segmenter(load_bundle(bundle)) as segmenter:
        known = [segmenter.segment(some, 'bgr').look() for some in pixels[:8]]
    manifest = safe_load((bundle / 'manifest.yaml').read_text())
    write_manifest(bundle, {**manifest, 'views': recorded({'day': known}, {}).as_fields()})
    for out in 'ab':
        assert run(bag, bundle, tmp_path / out, '--format', 'png') == 0
    assert content_of(tmp_path / 'a') == content_of(tmp_path / 'b')
    silent, told = (json.loads((tmp_path / out / 'tasks.json').read_text())['tasks']
                    for out in ('silent', 'a'))
    assert not any('trained on' in task['reason'] for task in silent)
    dusk = [task for task in told if task['frame'] >= 8]
    assert dusk
    assert all('unlike what the model was trained on' in task['reason'] for task in dusk)


@pytest.mark.parametrize('form, export', [
    ('cvat', 'annotations.xml'), ('cvat', 'coco'), ('cvat', 'segmentation_mask.zip')])
def test_prelabels_come_back_by_data_import(tmp_path, bag, bundle, form, export):
    """Regions of fewer than a dozen pixels are left out, all others are what the bundle says."""
    effvit_compression = pytest.importorskip('effvit_compression.cli')
    assert run(bag, bundle, tmp_path / 'tasks', '--format', form) == 0
    classes = tmp_path / 'classes.yaml'
    classes.write_text('name: tiny\nclasses:\n' + ''.join(
        f'- {{id: {i}, name: {name}, color: [{i}, 0, 0]}}\n' for i, name in enumerate(CLASSES)))
    assert effvit_compression.main([
        'data-import', str(tmp_path / 'tasks' / form / export), '--images',
        str(tmp_path / 'tasks' / 'images'), '--classes', str(classes),
        '--out', str(tmp_path / 'new'), '--mapping', 'background=background']) == 0
    labels = list(tmp_path.glob('new/labels/*/*.png'))
    assert len(labels) == len(list(tmp_path.glob('tasks/images/*.png')))
    for path in labels:
        pixels = cv2.imread(str(tmp_path / 'tasks' / 'images' / path.name))[..., ::-1]
        np.testing.assert_array_equal(cv2.imread(str(path), -1), tiny_labels(pixels))


@pytest.mark.parametrize('form', ['labelstudio', 'labelstudio-polygons'])
def test_label_studio_predictions_come_back_when_they_are_accepted(tmp_path, bag, bundle, form):
    effvit_compression = pytest.importorskip('effvit_compression.cli')
    assert run(bag, bundle, tmp_path / 'tasks', '--format', form) == 0
    tasks = json.loads((tmp_path / 'tasks' / form / 'tasks.json').read_text())
    for task in tasks:
        task['annotations'] = task.pop('predictions')
    (tmp_path / 'export.json').write_text(json.dumps(tasks))
    classes = tmp_path / 'classes.yaml'
    classes.write_text('name: tiny\nclasses:\n' + ''.join(
        f'- {{id: {i}, name: {name}, color: [{i}, 0, 0]}}\n' for i, name in enumerate(CLASSES)))
    assert effvit_compression.main([
        'data-import', str(tmp_path / 'export.json'), '--images',
        str(tmp_path / 'tasks' / 'images'), '--classes', str(classes),
        '--out', str(tmp_path / 'new')]) == 0
    labels = list(tmp_path.glob('new/labels/*/*.png'))
    assert len(labels) == len(tasks)
    for path in labels:  # stripes: upright edges
        pixels = cv2.imread(str(tmp_path / 'tasks' / 'images' / path.name))[..., ::-1]
        np.testing.assert_array_equal(cv2.imread(str(path), -1), tiny_labels(pixels))


@pytest.mark.parametrize('spoil, told', [
    (lambda bag, out: (out.mkdir(), (out / 'mine').write_text('x')), 'not empty'),
    (lambda bag, out: [p.unlink() for p in bag.glob('*.mcap')], 'bag'),
], ids=['out taken', 'no bag'])
def test_bad_input_is_one_line(tmp_path, bag, bundle, capfd, spoil, told):
    spoil(bag, tmp_path / 'out')
    assert run(bag, bundle, tmp_path / 'out') == 2
    printed = capfd.readouterr().err
    assert told in printed and 'Traceback' not in printed
    assert not list(tmp_path.glob('.tasks-*'))


def test_two_bags_of_one_name_are_told_before_any_work(tmp_path, bag, bundle, capfd):
    for day in ('monday', 'tuesday'):
        shutil.copytree(bag, tmp_path / day / 'flight')
    assert main([str(tmp_path / 'monday'), str(tmp_path / 'tuesday'), '--bundle', str(bundle),
                 '--out', str(tmp_path / 'out')]) == 2
    printed = capfd.readouterr().err
    assert 'monday/flight' in printed and 'tuesday/flight have one name, flight' in printed
    assert 'measured' not in printed and printed.count('\n') == 1
