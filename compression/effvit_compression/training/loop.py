"""The training loop: Fabric, EMA, poly schedule, checkpoints that survive a kill at any moment."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, cast, Dict, List, Optional, Tuple

import torch
from lightning_fabric import Fabric
from timm.utils import ModelEmaV3

from effvit_compression import ranks
from effvit_compression.data.ahead import Ahead
from effvit_compression.data.mixture import Batch, Mixture
from effvit_compression.models.factory import channels_last, SegmentationNet
from effvit_compression.models.insertion import hold_statistics, trunk_tensors
from effvit_compression.training.checkpoint import load_checkpoint, save_checkpoint, Stateful
from effvit_compression.training.objective import Objective
from effvit_compression.training.settings import TrainingSettings


def rate_at(iteration: int, settings: TrainingSettings) -> float:
    """Learning rate: linear warm-up, then polynomial decay to 0."""
    if iteration < settings.warmup:
        return settings.rate * (iteration + 1) / settings.warmup
    done = (iteration - settings.warmup) / max(1, settings.iterations - settings.warmup)
    return settings.rate * (1 - done) ** settings.power


def train(objective: Objective, mixture: Mixture, settings: TrainingSettings, folder: Path,
          fabric: Fabric, log: Callable[[int, dict], None],
          validate: Optional[Callable[[SegmentationNet, int], None]] = None) -> SegmentationNet:
    """
    Train ``objective.student`` and return its moving average, in eval mode.

    With several processes gradients are averaged, so that all have the same weights; rank 0 keeps
    the moving average and the checkpoints, and all get the average in the end.

    Resumes from ``folder/last.ckpt`` where that exists, and then sees the very batches that it
    would have seen.

    :param log: called with the iteration and its figures.
    :param validate: called with the moving average every ``validate_every`` iterations.
    :raises UserError: the loss is no number any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(parameter_groups(objective, settings), settings.rate)
    student = objective.student
    average = ModelEmaV3(student, decay=settings.ema, use_warmup=True, warmup_power=0.75,
                         foreach=True)
    state: Dict[str, Stateful] = {
        'objective': objective, 'average': average, 'optimizer': optimizer}
    if settings.precision == '16-mixed':
        state['scaler'] = fabric.strategy.precision
    averaged = cast(SegmentationNet, average.module)  # a copy of the student
    channels_last(objective)
    average.to(fabric.device)
    wrapped, optimizer = fabric.setup(objective, optimizer)
    start = load_checkpoint(folder / 'last.ckpt', state)
    ranks.check_same(start, f'{folder / "last.ckpt"}: the processes read different checkpoints')

    def draw(iteration: int) -> Batch:
        size, count = batch_shape(iteration, settings)
        return mixture.batch(iteration, count, size)

    clock = time.monotonic()
    with Ahead(draw, settings.iterations) as batches:
        for iteration in range(start, settings.iterations):
            wrapped.train()
            if settings.freeze_encoder_norm:
                hold_statistics(student.encoder)
            for group in optimizer.param_groups:
                group['lr'] = rate_at(iteration, settings) * group['factor']
            # Dropout, too, can resume, and differs by rank.
            torch.manual_seed((fabric.global_rank << 40) + settings.seed * 1_000_003 + iteration)
            loss, parts = wrapped(*fabric.to_device(batches(iteration)))
            check_finite('the loss', loss, folder, iteration)
            fabric.backward(loss)
            # In float16 gradients overflow now and then: the scaler then leaves the step out.
            norm = fabric.clip_gradients(wrapped, optimizer, max_norm=settings.clip,
                                         error_if_nonfinite=False)
            if settings.precision != '16-mixed':  # a step, and a checkpoint, of no numbers
                check_finite('the gradient', cast(torch.Tensor, norm), folder, iteration)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if fabric.is_global_zero:
                average.update(student, step=iteration)

            done = iteration + 1
            if due(done, settings.log_every, settings):
                seconds = (time.monotonic() - clock) / settings.log_every
                clock = time.monotonic()
                log(done, {'loss': loss.item(), **{k: v.item() for k, v in parts.items()},
                           'rate': rate_at(iteration, settings), 's_per_iteration': seconds})
            if fabric.is_global_zero and due(done, settings.checkpoint_every, settings):
                save_checkpoint(folder / 'last.ckpt', state, done)
            if validate and settings.validate_every and not done % settings.validate_every:
                validate(averaged.eval(), done)
    ranks.broadcast_weights(average)
    return averaged.eval()


def due(done: int, every: int, settings: TrainingSettings) -> bool:
    """Whether something is to be done after so many iterations: now and then, and in the end."""
    return done % every == 0 or done == settings.iterations


def check_finite(what: str, value: torch.Tensor, folder: Path, iteration: int) -> None:
    """Stop where nothing more is learnt; :raises UserError: a value is no number."""
    if not value.isfinite():
        ranks.refuse(f'{folder.name}: {what} is {value.item()} in iteration {iteration}: lower '
                     'training.rate; run again, it goes on from the last checkpoint')


def batch_shape(iteration: int, settings: TrainingSettings) -> Tuple[int, int]:
    """Side and number of the crops: drawn for the iteration, the same in every process."""
    sides = [side for side, _ in settings.sizes]
    chances = torch.tensor([chance for _, chance in settings.sizes], dtype=torch.float64)
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + iteration)
    side = sides[int(torch.multinomial(chances, 1, generator=generator))]
    return side, max(2, round(settings.batch * sides[0] ** 2 / side ** 2))


def parameter_groups(objective: Objective, settings: TrainingSettings) -> List[dict]:
    """Group by rate and by decay: the trunk has its own rate, norms and biases no decay."""
    groups: Dict[Tuple[float, float], dict] = {}
    trunk = {f'student.encoder.model.{name}' for name in trunk_tensors(objective.student.encoder)}
    for name, parameter in objective.named_parameters():
        factor = settings.encoder_rate if name in trunk else 1.0
        plain = parameter.ndim > 1 and 'relative_position' not in name
        decay = settings.weight_decay if plain else 0.0
        group = groups.setdefault((factor, decay), {
            'params': [], 'factor': factor, 'weight_decay': decay})
        group['params'].append(parameter)
    return list(groups.values())
