"""adapt: settings from the data, held-out pictures that are others, a bundle that has learnt."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
import yaml

from effvit_compression.adapt import learning, run
from effvit_compression.adapt.judge import best_blend, Judge
from effvit_compression.adapt.labelled import hold_out, Labelled, look_alikes, Sample
from effvit_compression.adapt.learning import schedule
from effvit_compression.adapt.loss import AdaptationLoss
from effvit_compression.adapt.outcome import outcome, Scored
from effvit_compression.adapt.plan import has_an_up, plan
from effvit_compression.cli import main
from effvit_compression.export.bundle import Description, make_variants, write_bundle
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.blend import blend
from effvit_compression.models.factory import build
from effvit_compression.models.store import network_of
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.evaluation.bootstrap import Counts

SIZE = 64
WATER, ROAD = 7, 12


def scene(seed):
    """Return a picture (72, 96, 3) RGB of blue water and grey road, and its label map."""
    rng = np.random.default_rng(seed)
    field = cv2.resize(rng.random((4, 5)).astype(np.float32), (96, 72))
    label = np.where(field > 0.5, WATER, ROAD).astype(np.uint8)
    image = np.where((label == WATER)[..., None], (30, 60, 200), (120, 120, 115))
    image = (image + rng.integers(-20, 20, image.shape)).clip(0, 255).astype(np.uint8)
    label[-3:] = 255
    return image, label


@pytest.fixture
def pictures(tmp_path):
    """Return the folders of ten pictures and their labels."""
    for kind in ('images', 'labels'):
        (tmp_path / kind).mkdir()
    for seed in range(10):
        image, label = scene(seed)
        cv2.imwrite(str(tmp_path / 'images' / f'f_{seed:03d}.png'), image[..., ::-1])
        cv2.imwrite(str(tmp_path / 'labels' / f'f_{seed:03d}.png'), label)
    return tmp_path / 'images', tmp_path / 'labels'


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    """Return a bundle of an untrained network of the shipped kind."""
    torch.manual_seed(0)
    net = build(Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8,
                             insertions={5: {'dim': 16, 'depth': 1}}))
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randint(0, 256, (4, 3, SIZE, SIZE), dtype=torch.uint8))
        net.head.bias.copy_(torch.linspace(-1, 1, 14))
    made = make_variants(net.eval(), SIZE, [('fp32', 'uint8')],
                         [np.full((SIZE, SIZE, 3), 90, np.uint8)])
    return write_bundle(net, made, tmp_path_factory.mktemp('b') / 'base', SIZE,
                        Description('base', (), '', ''))


def labelled(truths, images=None):
    """Return label maps, and pictures, in memory."""
    images = images or [np.zeros((*truth.shape, 3), np.uint8) for truth in truths]
    found = Labelled([], 14, 0)
    found._kept = list(zip(images, truths))
    found.samples = [Sample(None, None, None)] * len(truths)
    return found


def adapted(bundle, pictures, out, *options):
    """Run the command; return its exit code."""
    return main(['adapt', '--bundle', str(bundle), '--images', str(pictures[0]), '--labels',
                 str(pictures[1]), '--out', str(out), '--minutes', '0.3', *options])


@pytest.mark.slow
def test_bundle_learns_the_new_view_and_the_report_says_so(bundle, pictures, tmp_path, capsys,
                                                           monkeypatch):
    # An untrained network, which has to learn fast; so many steps, however long they take.
    monkeypatch.setattr(run, 'plan', lambda *given: plan(*given)._replace(
        rate=1e-3, trunk_rate=1e-3, steps=40, seconds=1e9, checks=4))
    out = tmp_path / 'out'
    assert adapted(bundle, pictures, out) == 0
    report = json.loads((out / 'report.json').read_text())
    assert report['miou_after'] > report['miou_before']
    assert report['ci'][0] <= report['gain'] <= report['ci'][1]
    new = load_bundle(out / 'bundle')
    assert report['bundle_after']['sha256'] == new.sha256
    printed = capsys.readouterr().out
    assert f'model_sha256:={new.sha256}' in printed and str(out / 'bundle') in printed
    assert 'kept from before: background, avalanche' in printed
    assert {g.precision for g in new.graphs} >= {'fp32'}
    assert report['pictures'] == {'learnt_from': 8, 'held_out': 2}
    assert not list(tmp_path.glob('.adapt-*'))


@pytest.fixture
def small(bundle):
    """Return what learns a few steps: a network, pictures, a judge and a plan."""
    scenes = [scene(seed) for seed in range(5)]
    some = labelled([truth for _, truth in scenes], [image for image, _ in scenes])
    settings = plan(some.part([0, 1, 2]), 20, SIZE)._replace(
        steps=4, seconds=1e9, batch=1, checks=2, sizes=[(32, 1.0)])
    return (network_of(load_bundle(bundle)), some.part([0, 1, 2]),
            Judge(some.part([3, 4]), 14, SIZE, torch.device('cpu')), settings)


def test_interrupted_learning_goes_on_as_if_it_had_not_been(bundle, small, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, 'KEPT_EVERY_S', 0)
    monkeypatch.setattr(learning, 'CHECK_PAUSE', 0)
    net, learn_from, judge, settings = small
    whole = learning.learn(net, learn_from, judge, settings, 0, lambda line: None)

    class Killed(BaseException):
        """Nobody catches it."""

    def killer(line):
        if line.startswith('step 2'):
            raise Killed
    told, kept = [], tmp_path / 'last.ckpt'
    with pytest.raises(Killed):
        learning.learn(network_of(load_bundle(bundle)), learn_from, judge, settings, 0, killer,
                       kept)
    again = learning.learn(network_of(load_bundle(bundle)), learn_from, judge, settings, 0,
                           told.append, kept)
    assert told[0] == 'goes on after step 1 of a run that was interrupted'
    assert again == whole
    once_more = learning.learn(network_of(load_bundle(bundle)), learn_from, judge, settings, 0,
                               told.append, kept)
    assert once_more == whole, 'finished: nothing is learnt again'


def test_damaged_checkpoint_is_one_line(small, tmp_path):
    (tmp_path / 'last.ckpt').write_bytes(b'half')
    with pytest.raises(UserError, match='last.ckpt: damaged: remove it'):
        learning.learn(*small, 0, lambda line: None, tmp_path / 'last.ckpt')


def test_the_bundle_stays_where_the_new_one_is_worse_as_it_flies(bundle, pictures, tmp_path,
                                                                 monkeypatch, capsys):
    def write(task, net, learn_from, held_out, folder, say):
        shutil.copytree(bundle, folder)
        (folder / 'manifest.yaml').write_text(
            (folder / 'manifest.yaml').read_text().replace('name: base', 'name: new'))

    monkeypatch.setattr(run, 'write', write)
    monkeypatch.setattr(run, 'learn', lambda *given: learning.Learnt([(0, 0.5)], 1, 1.0, False))
    monkeypatch.setattr(run, 'score', lambda found, samples: scored(
        [5, 5, 5, 5] if found.name == 'new' else [9, 9, 9, 9], 14))
    assert adapted(bundle, pictures, tmp_path / 'out') == 0
    assert 'NO BETTER than before' in capsys.readouterr().out
    assert load_bundle(tmp_path / 'out' / 'bundle').sha256 == load_bundle(bundle).sha256
    assert not list(tmp_path.glob('.out*'))


#: Holds the lock of an adaptation into ``out`` until it is killed.
AT_WORK = '''
import sys
from pathlib import Path
from effvit_compression.files import alone
with alone(Path(sys.argv[1]), 'busy'):
    print('holds it', flush=True)
    sys.stdin.read()
'''


def test_a_second_run_into_one_place_is_refused_until_the_first_has_ended(
        bundle, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, 'learn', lambda *given: learning.Learnt([(0, 0.5)], 1, 0.0, False))
    monkeypatch.setattr(run, 'score', lambda found, samples: scored([9, 9, 9, 9], 14))
    lock = tmp_path / '.out.unfinished' / run.LOCK
    with subprocess.Popen([sys.executable, '-c', AT_WORK, str(lock)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == 'holds it\n'
        assert adapted(bundle, pictures, tmp_path / 'out') == 2
        assert capsys.readouterr().err == (
            f'error: --out {tmp_path / "out"}: another adaptation is at work there: wait for it, '
            'or give another --out\n')
        assert not (tmp_path / 'out').exists()
        first.kill()
        first.wait()
    assert lock.exists(), 'a killed process leaves its file'
    assert adapted(bundle, pictures, tmp_path / 'out') == 0
    assert not list(tmp_path.glob('.out*'))


def test_an_imported_bundle_is_refused_with_what_to_do_instead(bundle, pictures, tmp_path, capsys):
    imported = tmp_path / 'imported'
    shutil.copytree(bundle, imported)
    manifest = yaml.safe_load((imported / 'manifest.yaml').read_text())
    del manifest['network'], manifest['architecture']
    (imported / 'manifest.yaml').write_text(yaml.safe_dump(manifest))
    assert adapted(imported, pictures, tmp_path / 'out') == 2
    assert capsys.readouterr().err == (
        f'error: {imported}: holds no network to train on, only graphs that fly, as imported '
        'models do: give a bundle of format 3 that effvit-compress trained, or train this one on '
        'in its own framework and import it again\n')
    assert not list(tmp_path.glob('*out*'))


def remove_label(images, labels):
    next(labels.iterdir()).unlink()


def other_size(images, labels):
    cv2.imwrite(str(labels / 'f_003.png'), np.zeros((10, 10), np.uint8))


def unknown_id(images, labels):
    cv2.imwrite(str(labels / 'f_003.png'), np.full((72, 96), 99, np.uint8))


def one_class(images, labels):
    for path in labels.iterdir():
        cv2.imwrite(str(path), np.full((72, 96), WATER, np.uint8))


def nothing_labelled(images, labels):
    for path in labels.iterdir():
        cv2.imwrite(str(path), np.full((72, 96), 255, np.uint8))


def all_alike(images, labels):
    for path in images.iterdir():
        cv2.imwrite(str(path), scene(0)[0])


@pytest.mark.parametrize('spoil, told', [
    (remove_label, 'no label for 1 of 10 pictures'),
    (other_size, 'f_003.png: 10x10 pixels, its picture has 96x72'),
    (unknown_id, 'label id 99 is out of range'),
    (one_class, 'the labels hold 1 of the 14 classes'),
    (nothing_labelled, 'the labels hold 0 of the 14 classes'),
    (all_alike, 'only 1 differ enough'),
], ids=lambda value: getattr(value, '__name__', ''))
def test_bad_pictures_are_one_line_and_nothing_is_written(bundle, pictures, tmp_path, capfd,
                                                          spoil, told):
    spoil(*pictures)
    assert adapted(bundle, pictures, tmp_path / 'out') == 2
    assert told in capfd.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('options, told', [
    (['--minutes', '0'], '--minutes 0: give more than 0'),
    (['--data', 'x.yaml'], 'give either --images and --labels, or --data'),
])
def test_bad_options(bundle, pictures, tmp_path, capfd, options, told):
    assert adapted(bundle, pictures, tmp_path / 'out', *options) == 2
    assert told in capfd.readouterr().err


def test_folder_of_something_else_stays(bundle, pictures, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'precious').write_text('x')
    assert adapted(bundle, pictures, tmp_path / 'mine') == 2
    assert (tmp_path / 'mine' / 'precious').read_text() == 'x'


def test_dataset_of_another_split_is_one_line(bundle, pictures, tmp_path, capfd):
    (tmp_path / 'd.yaml').write_text(yaml.safe_dump({
        'name': 'd', 'root': '.', 'classes': {7: 'flood/water/river/sea'},
        'splits': {'test': {'images': 'images/*.png', 'labels': 'labels/*.png'}}}))
    assert main(['adapt', '--bundle', str(bundle), '--data', str(tmp_path / 'd.yaml'),
                 '--out', str(tmp_path / 'out')]) == 2
    assert "no split 'train'" in capfd.readouterr().err


def test_look_alikes_stay_together():
    """Frames of one scene, brighter and darker, are one group; other scenes are others."""
    images = [scene(seed)[0] for seed in range(6)]
    images.insert(3, (images[2] * 0.8).astype(np.uint8))
    assert look_alikes(images) == [[0], [1], [2, 3], [4], [5], [6]]


def test_a_fifth_is_held_out_and_no_look_alike_of_it_is_learnt_from():
    images = [scene(seed // 2)[0] for seed in range(40)]
    learnt, judged = hold_out(labelled([image[..., 0] for image in images], images))
    assert sorted(learnt + judged) == list(range(40)) and len(judged) == 8
    assert not {index // 2 for index in learnt} & {index // 2 for index in judged}


@pytest.mark.parametrize('above, beside, expected', [
    pytest.param(True, False, True, id='sky above: oblique'),
    pytest.param(False, True, False, id='left and right differ: nadir'),
    pytest.param(False, False, False, id='nothing differs: nadir'),
])
def test_whether_there_is_an_up(above, beside, expected):
    truth = np.zeros((60, 60), np.uint8)
    if above:
        truth[:20] = 7
    if beside:
        truth[:, :20] = 7
    assert has_an_up([truth] * 3) is expected


def test_fewer_pictures_are_learnt_from_for_fewer_steps():
    few, many = (plan(labelled([scene(0)[1]] * count), 20, 512) for count in (5, 50))
    assert few.steps < many.steps and few.seconds == many.seconds == 20 * 60 - 240
    assert plan(labelled([scene(0)[1]]), 2, 512).seconds == 60


def test_rate_rises_then_falls_to_nothing():
    settings = plan(labelled([scene(0)[1]]), 20, 512)
    values = [schedule(done / 100, settings) for done in range(101)]
    assert values[0] < 0.3 and max(values) == pytest.approx(1, abs=0.05) and values[-1] == 0
    assert values[10:] == sorted(values[10:], reverse=True)


def test_unlabelled_pixels_pull_towards_the_bundle_alone():
    """Equal to the bundle: no loss; else it grows, and more than where there are labels."""
    loss = AdaptationLoss(plan(labelled([scene(0)[1]]), 20, 64), np.ones(14))
    before = torch.randn(1, 14, 8, 8, generator=torch.Generator().manual_seed(0))
    nothing = torch.full((1, 32, 32), 255)
    assert loss(before, before, nothing)['labels'] == 0
    assert loss(before, before, nothing)['kept'] == pytest.approx(0, abs=1e-6)
    assert set(loss(before, before, nothing)) == {'labels', 'kept'}
    away = loss(before + torch.linspace(0, 1, 14)[:, None, None], before, nothing)['kept']
    near = loss(before + torch.linspace(0, 1, 14)[:, None, None], before,
                torch.zeros_like(nothing))['kept']
    assert away == pytest.approx(10 * near.item(), rel=1e-4)


def test_blend_is_the_way_between_two_networks():
    found = blend({'w': torch.tensor([0.0]), 'n': torch.tensor(1)},
                  {'w': torch.tensor([4.0]), 'n': torch.tensor(2)}, 0.25)
    assert found['w'].item() == 1.0 and found['n'].item() == 2


@pytest.mark.parametrize('best', [0.0, 0.5, 1.0])
def test_best_blend_may_be_the_old_network(best):
    """A judge that likes weights near ``best`` gets them; 0 is what was before."""
    net = torch.nn.Linear(1, 1, bias=False)
    before, after = ({'weight': torch.full((1, 1), value)} for value in (0.0, 1.0))

    class Likes:
        @staticmethod
        def miou(net):
            return 1 - abs(net.weight.item() - best)
    score, share, state = best_blend(net, Likes, before, after, (1.0, 0.75, 0.5, 0.25))
    assert (score, share, state['weight'].item()) == (1.0, best, best)


def scored(rights, n_classes=2):
    """Return a bundle's scores on pictures of ten pixels, so many of them right."""
    whole, each = ConfusionMatrix(n_classes), []
    for right in rights:
        truth = np.zeros(10, np.uint8)
        one = ConfusionMatrix(n_classes).update(truth, (np.arange(10) >= right).astype(np.uint8))
        whole.matrix += one.matrix
        each.append(one)
    counts = Counts(*(np.array(rows, float) for rows in zip(*(
        (np.diagonal(one.matrix), one.support, one.matrix[:, :n_classes].sum(axis=0))
        for one in each))))
    return Scored(whole, counts, np.array([one.picture_dice for one in each]))


@pytest.mark.parametrize('before, after, verdict', [
    ([5, 5, 5, 5], [9, 9, 8, 9], 'better than before'),
    ([5, 5, 5, 5], [4, 9, 3, 9], 'cannot show it for certain'),
    ([5, 5, 5, 5], [5, 5, 5, 5], 'NO BETTER than before'),
    ([5, 5, 5, 5], [5, 4, 5, 5], 'NO BETTER than before'),
])
def test_verdict_says_what_can_be_said(before, after, verdict):
    found = outcome(scored(before), scored(after))
    assert verdict in found.verdict
    assert found.gain.difference == pytest.approx((sum(after) - sum(before)) / 40)
