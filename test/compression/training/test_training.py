"""The training loop: schedules by hand, resuming as if never interrupted, falling loss."""
from __future__ import annotations

import builtins
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from effvit_compression.data.augment import Augmentation
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import Mixture, Part
from effvit_compression.data.pictures import Pictures
from effvit_compression.losses.distillation import Distillation, DistillationSettings
from effvit_compression.losses.segmentation import SegmentationLoss, SegmentationLossSettings
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.frozen import Frozen
from effvit_compression.training.checkpoint import load_checkpoint, save_checkpoint
from effvit_compression.training.devices import Devices, fabric_on
from effvit_compression.training.evaluate import evaluate
from effvit_compression.training.loop import batch_shape, rate_at, train
from effvit_compression.training.objective import Objective
from effvit_compression.training.settings import TrainingSettings
from effvit_ros.core.errors import UserError

SMALL = Architecture(encoder='mobilevit_xxs', decoder_channels=8)


def settings(iterations, **changes):
    """Return settings of a training of seconds."""
    return TrainingSettings(iterations=iterations, batch=2, sizes=[(32, 1.0)],
                            warmup=min(2, iterations), checkpoint_every=2, log_every=1, ema=0.5,
                            **changes)


def parts(dataset, **changes):
    """Return an objective and a mixture over the tiny dataset."""
    torch.manual_seed(0)
    mixture = Mixture([Part(Pictures(load_description(dataset), 'train'), 1.0)], 64,
                      Augmentation(), {}, seed=0)
    objective = Objective(build(SMALL), SegmentationLoss(SegmentationLossSettings()), **changes)
    return objective, mixture


@pytest.mark.parametrize('iteration, expected', [
    pytest.param(0, 0.1, id='first'),
    pytest.param(9, 1.0, id='warm'),
    pytest.param(60, 0.5, id='half of the decay, power 1'),
    pytest.param(109, 0.01, id='last'),
])
def test_the_rate_warms_up_and_decays(iteration, expected):
    chosen = TrainingSettings(iterations=110, warmup=10, rate=1, power=1)
    assert rate_at(iteration, chosen) == pytest.approx(expected)


def test_larger_crops_come_in_smaller_batches():
    chosen = TrainingSettings(batch=8, sizes=[(256, 0.5), (512, 0.5)])
    assert {batch_shape(i, chosen) for i in range(20)} == {(256, 8), (512, 2)}
    assert batch_shape(7, chosen) == batch_shape(7, chosen)


def test_an_interrupted_training_ends_as_an_undisturbed_one(dataset, tmp_path):
    fabric = Fabric(accelerator='cpu', devices=1)

    def run(folder, stop=None):
        objective, mixture = parts(dataset)
        logged = []

        def log(iteration, figures):
            logged.append(iteration)
            if iteration == stop:
                raise KeyboardInterrupt

        return train(objective, mixture, settings(4), folder, fabric, log), logged

    whole, _ = run(tmp_path / 'whole')
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / 'broken', stop=3)  # the checkpoint holds 2 iterations
    resumed, logged = run(tmp_path / 'broken')
    assert logged == [3, 4]
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, resumed.state_dict()[name], atol=1e-5), name


@pytest.mark.parametrize('precision', ['32-true', 'bf16-mixed'])
def test_distillation_reaches_the_student_and_its_adapters(dataset, tmp_path, precision):
    teacher = build(SMALL)
    distillation = Distillation(DistillationSettings(features=1.0, feature_levels=[3]),
                                teacher.encoder.out_channels, teacher.encoder.out_channels)
    before = distillation.adapters['3'].weight.clone()
    objective, mixture = parts(dataset, teacher=Frozen(teacher), distillation=distillation)
    logged = []
    train(objective, mixture, settings(1), tmp_path, fabric_on(Devices('cpu'), precision),
          lambda iteration, figures: logged.append(figures))
    assert {'cross_entropy', 'soft_labels', 'features'} <= set(logged[0])
    assert np.isfinite(list(logged[0].values())).all()
    assert not before.equal(distillation.adapters['3'].weight)
    assert not any('teacher' in name for name in objective.state_dict())


@pytest.mark.parametrize('spoil, what', [
    pytest.param(lambda weight: weight.data.fill_(float('nan')), 'the loss is nan', id='loss'),
    pytest.param(lambda weight: weight.register_hook(lambda gradient: gradient * float('nan')),
                 'the gradient is nan', id='gradient'),
])
def test_what_is_no_number_is_one_line_and_never_in_a_checkpoint(dataset, tmp_path, spoil, what):
    objective, mixture = parts(dataset)

    def log(iteration, figures):
        if iteration == 3:  # the checkpoint holds 2
            spoil(objective.student.head.weight)

    fabric = Fabric(accelerator='cpu', devices=1)
    with pytest.raises(UserError, match=f'{what} in iteration 3: lower training.rate'):
        train(objective, mixture, settings(6), tmp_path, fabric, log)
    kept, _ = parts(dataset)
    assert load_checkpoint(tmp_path / 'last.ckpt', {'objective': kept}) == 2
    assert all(tensor.isfinite().all() for tensor in kept.student.state_dict().values())


def test_an_overflow_in_half_precision_leaves_out_a_step(dataset, tmp_path):
    # Of this scale the first gradients overflow; the scaler halves it until they do not.
    scaler = torch.amp.GradScaler('cpu', init_scale=2.0 ** 120)
    fabric = Fabric(accelerator='cpu', devices=1, plugins=MixedPrecision(
        '16-mixed', 'cpu', scaler))
    objective, mixture = parts(dataset)
    before = objective.student.head.weight.clone()
    train(objective, mixture, settings(2, precision='16-mixed'), tmp_path, fabric,
          lambda *_: None)
    assert scaler.get_scale() == 2.0 ** 118
    assert objective.student.head.weight.equal(before)


def test_taught_crops_weigh_as_many_as_they_are(dataset):
    # The two crops are one, so that either of them is worth the same.
    distillation = Distillation(DistillationSettings(), (3, 16), (3, 16))
    objective, _ = parts(dataset, teacher=Frozen(build(SMALL)), distillation=distillation)
    objective.eval()
    crop = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255

    def weight(*taught):
        with torch.no_grad():
            _, found = objective(crop.repeat(2, 1, 1, 1), torch.zeros(2, 32, 32, dtype=torch.long),
                                 torch.tensor(taught))
        return found['soft_labels'].item() if 'soft_labels' in found else None

    assert weight(True, True) > 0
    assert weight(True, False) == pytest.approx(weight(True, True) / 2, rel=1e-4)
    assert weight(False, False) is None


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs /dev/full')
def test_a_full_disk_is_one_line_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    part = torch.nn.Linear(400, 400)
    path = tmp_path / 'last.ckpt'
    save_checkpoint(path, {'part': part}, 7)
    monkeypatch.setattr(builtins, 'open', lambda name, *args: io.open('/dev/full', *args))
    with pytest.raises(UserError, match='last.ckpt: not written: .*No space left') as error:
        save_checkpoint(path, {'part': part}, 8)
    monkeypatch.undo()
    assert str(error.value).endswith('No space left on device'), 'not what torch makes of it'
    assert load_checkpoint(path, {'part': part}) == 7


@pytest.mark.parametrize('content', [b'', b'PK\3\4', b'no zip at all'])
def test_a_damaged_checkpoint_is_one_line(tmp_path, content):
    path = tmp_path / 'last.ckpt'
    path.write_bytes(content)
    with pytest.raises(UserError, match='last.ckpt: damaged: remove it'):
        load_checkpoint(path, {'part': torch.nn.Linear(2, 2)})


@pytest.mark.slow
def test_training_learns_the_tiny_dataset(dataset, tmp_path):
    objective, mixture = parts(dataset)
    net = train(objective, mixture, settings(60, rate=3e-3), tmp_path,
                Fabric(accelerator='cpu', devices=1), lambda *_: None)
    confusion, dice, _ = evaluate(net, Pictures(load_description(dataset), 'val'), 64)
    assert confusion.iou[7] > 0.6 and 0 < dice.mean <= 1
