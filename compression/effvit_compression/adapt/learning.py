"""The training of an adaptation: it ends when the time is over or nothing gets better."""
from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

import torch
from timm.utils import ModelEmaV3
from torch import nn

from effvit_compression.adapt.judge import best_blend, Judge
from effvit_compression.adapt.labelled import Labelled
from effvit_compression.adapt.loss import AdaptationLoss
from effvit_compression.adapt.plan import Plan
from effvit_compression.data.mixture import BALANCED, Batch, Mixture, Part
from effvit_compression.models.factory import channels_last, SegmentationNet
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.insertion import trunk_tensors
from effvit_compression.training.checkpoint import load_checkpoint, save_checkpoint, Stateful

#: Checks without a better one after which learning ends.
PATIENCE = 4
#: Share of the training before which a fall says nothing: rates are high.
SETTLED = 0.6
#: Between two checks learning goes on for so many times as long as a check takes.
CHECK_PAUSE = 4
#: Seconds between two checkpoints.
KEPT_EVERY_S = 30
#: How much of the way from the old weights to the new ones is tried.
SHARES = (1.0, 0.75, 0.5, 0.25)


class Learnt(NamedTuple):
    """What came of it: the curve as (step, mIoU held out), steps made, share of the new."""

    curve: List[tuple]
    steps: int
    share: float
    stopped_early: bool


class Progress:
    """How far learning is: what a checkpoint keeps beside weights and moments."""

    def __init__(self) -> None:
        self.curve: List[tuple] = []
        self.step = 0
        self.spent = 0.0
        self.best: Dict[str, torch.Tensor] = {}
        self.best_at = -1.0
        self.since = 0
        self.finished = False

    def state_dict(self) -> dict:
        """Return everything, as plain values and tensors."""
        return dict(vars(self))

    def load_state_dict(self, state_dict: dict) -> None:
        """Go back to a kept state."""
        vars(self).update(state_dict)

    def judged(self, miou: float, weights: Dict[str, torch.Tensor]) -> None:
        """Note a check; its weights are kept where they are the best so far."""
        self.curve.append((self.step, float(miou)))
        better = not miou <= self.best_at  # also where nothing can be judged: the last one
        if better:
            self.best, self.best_at = copy.deepcopy(weights), miou
        self.since = 0 if better else self.since + 1


def learn(net: SegmentationNet, learn_from: Labelled, judge: Judge, plan: Plan, seed: int,
          say: Callable[[str], None], kept: Optional[Path] = None,
          clock: Callable[[], float] = time.monotonic) -> Learnt:
    """
    Train ``net`` in place; its BatchNorm statistics stay those of the bundle.

    :param say: told the progress, a line at each check.
    :param kept: file of a checkpoint, written now and then; where it is there, learning goes on.
    :raises UserError: it can't be read or written.
    """
    torch.manual_seed(seed)
    device = next(net.parameters()).device
    before = copy.deepcopy(net.state_dict())
    teacher = Frozen(copy.deepcopy(net), device)
    channels_last(net.requires_grad_(True))
    loss = AdaptationLoss(plan, learn_from.pixels.sum(axis=0)).to(device)
    mixture = Mixture([Part(learn_from, 1.0)], plan.sizes[-1][0], plan.augmentation,
                      {BALANCED: plan.rare}, seed,
                      classes=net.architecture.classes)
    optimizer = torch.optim.AdamW(groups(net, plan), weight_decay=0.0)
    average = ModelEmaV3(net, decay=plan.ema, use_warmup=True, warmup_power=0.75, foreach=True)
    average.module.eval()
    progress = Progress()
    parts: Dict[str, Stateful] = {
        'net': net, 'average': average, 'optimizer': optimizer, 'progress': progress}
    if kept is not None and load_checkpoint(kept, parts):
        say(f'goes on after step {progress.step} of a run that was interrupted')
    else:
        progress.curve.append((0, float(judge.miou(net))))
        say(f'before: mIoU {progress.curve[0][1]:.3f} on the held-out part')
    start = rest_until = kept_at = clock() - progress.spent
    check_at = len(progress.curve) / plan.checks
    while not progress.finished:
        now = clock()
        done = max(progress.step / plan.steps, (now - start) / plan.seconds)
        if done >= 1 or (done >= check_at and now >= rest_until):
            check_at = done + 1 / plan.checks
            progress.judged(judge.miou(average.module), average.module.state_dict())
            rest_until = clock() + CHECK_PAUSE * (clock() - now)
            spent = clock() - start
            say(f'step {progress.step}: mIoU {progress.curve[-1][1]:.3f} held out, '
                f'{spent:.0f} s, about {max(0.0, spent / done - spent):.0f} s to go')
            progress.finished = done >= 1 or (progress.since >= PATIENCE and done >= SETTLED)
        if kept is not None and (progress.finished or clock() - kept_at >= KEPT_EVERY_S):
            progress.spent = clock() - start
            save_checkpoint(kept, parts, progress.step + 1)
            kept_at = clock()
        if not progress.finished:
            for group in optimizer.param_groups:
                group['lr'] = group['rate'] * schedule(done, plan)
            batch = mixture.batch(progress.step, *reversed(shape(progress.step, plan, seed)))
            step(net, teacher, loss, optimizer, batch, plan.clip)
            average.update(net, step=progress.step)
            progress.step += 1
    _, share, state = best_blend(net, judge, before, progress.best, SHARES)
    net.load_state_dict(state)
    net.requires_grad_(False)
    return Learnt(progress.curve, progress.step, share,
                  progress.step < plan.steps and progress.since >= PATIENCE)


def step(net: SegmentationNet, teacher: Frozen, loss: AdaptationLoss,
         optimizer: torch.optim.Optimizer, batch: Batch, clip: float) -> None:
    """Learn one batch."""
    device = next(net.parameters()).device
    images = batch.images.to(device).contiguous(memory_format=torch.channels_last)
    net.eval()  # BatchNorm keeps the statistics that the weights were made for
    parts = loss(net.features(images)[1], teacher.features(images)[1], batch.labels.to(device))
    sum(parts.values()).backward()
    nn.utils.clip_grad_norm_(net.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def schedule(done: float, plan: Plan) -> float:
    """Share of the rate when ``done`` (0..1) of the training is behind: up, then down to 0."""
    if done < plan.warmup:
        return (done + 0.01) / (plan.warmup + 0.01)
    return (1 - (done - plan.warmup) / (1 - plan.warmup)) ** 0.9 if done < 1 else 0.0


def shape(step: int, plan: Plan, seed: int) -> 'tuple[int, int]':
    """Side and number of a step's crops."""
    chances = torch.tensor([chance for _, chance in plan.sizes])
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    side = plan.sizes[int(torch.multinomial(chances, 1, generator=generator))][0]
    return side, max(1, round(plan.batch * plan.sizes[0][0] ** 2 / side ** 2))


def groups(net: SegmentationNet, plan: Plan) -> List[dict]:
    """Group parameters by rate: the trunk knows more than the rest and moves less."""
    names = {f'encoder.model.{name}' for name in trunk_tensors(net.encoder)}
    trunk = [p for name, p in net.named_parameters() if name in names]
    rest = [p for name, p in net.named_parameters() if name not in names]
    return [{'params': trunk, 'rate': plan.trunk_rate}, {'params': rest, 'rate': plan.rate}]
