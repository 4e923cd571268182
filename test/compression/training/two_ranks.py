"""One of two processes: trains a step and reports what it saw (started by test_ranks.py)."""
from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch

from effvit_compression import ranks
from effvit_compression.data.augment import Augmentation
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import Mixture, Part
from effvit_compression.data.pictures import Pictures
from effvit_compression.losses.segmentation import SegmentationLoss, SegmentationLossSettings
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.training.devices import by_environment, fabric_on
from effvit_compression.training.loop import train
from effvit_compression.training.objective import Objective
from effvit_compression.training.settings import TrainingSettings


def digest(module):
    """Hash the weights of a network."""
    whole = hashlib.sha256()
    for tensor in module.state_dict().values():
        whole.update(tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()


def weights(module):
    """Hash the weights alone: BatchNorm's statistics are those of the process's own crops."""
    return hashlib.sha256(b''.join(
        p.detach().contiguous().numpy().tobytes() for p in module.parameters())).hexdigest()


def main(dataset, out):
    """Train twice: one step to compare the gradients, four for the weights."""
    fabric = fabric_on(by_environment('cpu', '', 0))
    rank = fabric.global_rank
    torch.manual_seed(0)
    mixture = Mixture([Part(Pictures(load_description(Path(dataset)), 'train'), 1.0)], 64,
                      Augmentation(), {}, seed=0, rank=rank)
    objective = Objective(build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)),
                          SegmentationLoss(SegmentationLossSettings()))

    batch = mixture.batch(0, 2, 32)
    bias = objective.student.head.bias
    objective.train()
    objective(*batch)[0].backward()
    alone = bias.grad[0].item()
    objective.zero_grad()
    wrapped = fabric.setup(objective)
    fabric.backward(wrapped(*batch)[0])
    averaged = bias.grad[0].item()
    objective.zero_grad()

    settings = TrainingSettings(iterations=4, batch=2, sizes=[(32, 1.0)], warmup=2, ema=0.5,
                                checkpoint_every=2, log_every=1)
    folder = Path(out)
    average = train(objective, mixture, settings, folder, fabric, lambda *_: None)
    wrote = []
    told = ranks.on_rank_zero(lambda: wrote.append(rank) or f'by {rank}')
    (folder / f'rank{rank}.json').write_text(json.dumps({
        'crops': hashlib.sha256(batch.images.numpy().tobytes()).hexdigest(),
        'gradient': alone, 'step': averaged, 'student': weights(objective.student),
        'average': digest(average), 'told': told, 'wrote': bool(wrote)}))


if __name__ == '__main__':
    main(*sys.argv[1:])
