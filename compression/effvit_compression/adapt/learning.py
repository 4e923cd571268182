"""The training of an adaptation: it ends when the time is over or nothing gets better."""
from __future__ import annotations

import copy
import time
from typing import Callable, List, NamedTuple

import torch
from timm.utils import ModelEmaV3
from torch import nn

from effvit_compression.adapt.judge import best_blend, Judge
from effvit_compression.adapt.labelled import Labelled
from effvit_compression.adapt.loss import AdaptationLoss
from effvit_compression.adapt.plan import Plan
from effvit_compression.data.mixture import BALANCED, Mixture, Part
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.insertion import trunk_tensors

#: Checks without a better one after which learning ends.
PATIENCE = 4
#: Share of the training before which a fall says nothing: rates are high.
SETTLED = 0.6
#: Between two checks learning goes on for so many times as long as a check takes.
CHECK_PAUSE = 4
#: How much of the way from the old weights to the new ones is tried.
SHARES = (1.0, 0.75, 0.5, 0.25)


class Learnt(NamedTuple):
    """What came of it: the curve as (step, mIoU held out), steps made, share of the new."""

    curve: List[tuple]
    steps: int
    share: float
    stopped_early: bool


def learn(net: SegmentationNet, learn_from: Labelled, judge: Judge, plan: Plan, seed: int,
          say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Learnt:
    """
    Train ``net`` in place; its BatchNorm statistics stay those of the bundle.

    :param say: told the progress, a line at each check.
    """
    torch.manual_seed(seed)
    device = next(net.parameters()).device
    before = copy.deepcopy(net.state_dict())
    teacher = Frozen(copy.deepcopy(net), device)
    net.requires_grad_(True).to(memory_format=torch.channels_last)
    loss = AdaptationLoss(plan, learn_from.pixels.sum(axis=0)).to(device)
    mixture = Mixture([Part(learn_from, 1.0)], plan.sizes[-1][0], plan.augmentation,
                      {BALANCED: plan.rare}, seed,
                      classes=net.architecture.classes)
    optimizer = torch.optim.AdamW(groups(net, plan), weight_decay=0.0)
    average = ModelEmaV3(net, decay=plan.ema, use_warmup=True, warmup_power=0.75, foreach=True)
    average.module.eval()
    start = clock()
    curve, best, best_at, since, step, stopped = [(0, judge.miou(net))], None, -1.0, 0, 0, False
    say(f'before: mIoU {curve[0][1]:.3f} on the held-out part')
    check_at, rest_until = 1 / plan.checks, start
    while not stopped:
        now = clock()
        done = max(step / plan.steps, (now - start) / plan.seconds)
        if done >= 1 or (done >= check_at and now >= rest_until):
            check_at = done + 1 / plan.checks
            curve.append((step, judge.miou(average.module)))
            rest_until = clock() + CHECK_PAUSE * (clock() - now)
            better = curve[-1][1] > best_at
            if better:
                best, best_at = copy.deepcopy(average.module.state_dict()), curve[-1][1]
            since = 0 if better else since + 1
            spent = clock() - start
            say(f'step {step}: mIoU {curve[-1][1]:.3f} held out, '
                f'{spent:.0f} s, about {max(0.0, spent / done - spent):.0f} s to go')
            stopped = done >= 1 or (since >= PATIENCE and done >= SETTLED)
            if stopped:
                break
        for group in optimizer.param_groups:
            group['lr'] = group['rate'] * schedule(done, plan)
        batch = mixture.batch(step, *reversed(shape(step, plan, seed)))
        images = batch.images.to(device).contiguous(memory_format=torch.channels_last)
        net.eval()  # BatchNorm keeps the statistics that the weights were made for
        parts = loss(net.features(images)[1], teacher.features(images)[1],
                     batch.labels.to(device))
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(net.parameters(), plan.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(net, step=step)
        step += 1
    _, share, state = best_blend(net, judge, before, [best], SHARES)
    net.load_state_dict(state)
    net.requires_grad_(False)
    return Learnt(curve, step, share, step < plan.steps and since >= PATIENCE)


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
