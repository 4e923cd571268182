"""The training loop: Fabric, EMA, poly schedule, checkpoints that survive a kill at any moment."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, List, Optional, Tuple

import torch
from lightning_fabric import Fabric
from timm.utils import ModelEmaV3

from effvit_compression import ranks
from effvit_compression.data.mixture import Mixture
from effvit_compression.models.insertion import hold_statistics, trunk_tensors
from effvit_compression.training.checkpoint import load_checkpoint, save_checkpoint
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
          validate: Optional[Callable[[torch.nn.Module, int], None]] = None) -> torch.nn.Module:
    """
    Train ``objective.student`` and return its moving average, in eval mode.

    With several processes gradients are averaged, so that all have the same weights; rank 0 keeps
    the moving average and the checkpoints, and all get the average in the end.

    Resumes from ``folder/last.ckpt`` where that exists, and then sees the very batches that it
    would have seen.

    :param log: called with the iteration and its figures.
    :param validate: called with the moving average whenever a checkpoint is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(parameter_groups(objective, settings), settings.rate)
    student = objective.student
    average = ModelEmaV3(student, decay=settings.ema, use_warmup=True, warmup_power=0.75,
                         foreach=True)
    state = {'objective': objective, 'average': average, 'optimizer': optimizer}
    if settings.precision == '16-mixed':
        state['scaler'] = fabric.strategy.precision
    objective.to(memory_format=torch.channels_last)
    average.to(fabric.device)
    wrapped, optimizer = fabric.setup(objective, optimizer)
    start = load_checkpoint(folder / 'last.ckpt', state)
    ranks.check_same(start, f'{folder / "last.ckpt"}: the processes read different checkpoints')

    clock = time.monotonic()
    for iteration in range(start, settings.iterations):
        wrapped.train()
        if settings.freeze_encoder_norm:
            hold_statistics(student.encoder)
        for group in optimizer.param_groups:
            group['lr'] = rate_at(iteration, settings) * group['factor']
        # Dropout, too, can resume, and differs by rank.
        torch.manual_seed((fabric.global_rank << 40) + settings.seed * 1_000_003 + iteration)
        size, count = batch_shape(iteration, settings)
        loss, parts = wrapped(*fabric.to_device(mixture.batch(iteration, count, size)))
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, optimizer, max_norm=settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if fabric.is_global_zero:
            average.update(student, step=iteration)

        done = iteration + 1
        if done % settings.log_every == 0 or done == settings.iterations:
            seconds = (time.monotonic() - clock) / settings.log_every
            clock = time.monotonic()
            log(done, {'loss': loss.item(), **{k: v.item() for k, v in parts.items()},
                       'rate': rate_at(iteration, settings), 's_per_iteration': seconds})
        if done % settings.checkpoint_every == 0 or done == settings.iterations:
            if fabric.is_global_zero:
                save_checkpoint(folder / 'last.ckpt', state, done)
            if validate is not None:
                validate(average.module, done)
    ranks.spread(average)
    return average.module.eval()


def batch_shape(iteration: int, settings: TrainingSettings) -> Tuple[int, int]:
    """Side and number of the crops: drawn for the iteration, the same in every process."""
    sides = [side for side, _ in settings.sizes]
    chances = torch.tensor([chance for _, chance in settings.sizes], dtype=torch.float64)
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + iteration)
    side = sides[int(torch.multinomial(chances, 1, generator=generator))]
    return side, max(2, round(settings.batch * sides[0] ** 2 / side ** 2))


def parameter_groups(objective: Objective, settings: TrainingSettings) -> List[dict]:
    """Group by rate and by decay: the trunk has its own rate, vectors (norms, biases) no decay."""
    groups = {}
    trunk = {f'student.encoder.model.{name}' for name in trunk_tensors(objective.student.encoder)}
    for name, parameter in objective.named_parameters():
        factor = settings.encoder_rate if name in trunk else 1.0
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        group = groups.setdefault((factor, decay), {
            'params': [], 'factor': factor, 'weight_decay': decay})
        group['params'].append(parameter)
    return list(groups.values())
