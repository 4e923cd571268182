"""Put a head on a frozen transformer, score it, and ask it about the train pictures."""
from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
import torch
from safetensors.torch import load_file, save

from effvit_compression.losses.segmentation import SegmentationLoss
from effvit_compression.models.factory import upsample
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.data import HERE
from effvit_compression.stages.learn import mixture_of
from effvit_compression.stages.teachers import asked_on, kept, score_all, write_answers
from effvit_compression.teachers.networks import opinion
from effvit_compression.teachers.settings import TransformerTeacher
from effvit_compression.teachers.transformer import Backbone, grid_of, Head, TransformerNet
from effvit_ros.core.bundle import sha256_of
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_bytes, write_text
from effvit_ros.report.progress import steps

NEEDS = ('data',)
HEAD = 'head.safetensors'
TOKENS, COUNT = 'tokens.npy', 'tokens.json'


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section, the weights' hash and how views are drawn, in colours of its own."""
    settings = recipe.transformer
    if settings is None:
        return None
    try:
        weights = sha256_of(settings.weights_file) if settings.weights_file else 'hub'
    except OSError as error:
        raise UserError(f'transformer: {settings.weights_file}: {error.strerror}') from error
    sources = [source.model_dump(mode='json', exclude={*HERE, 'augmentation'})
               for source in recipe.data]
    return [settings.asking, weights, sources, recipe.model_dump(
        mode='json', include={'seed', 'rare', 'loss', 'paste'})]


def run(run: Run, place: Path) -> dict:
    """Compute tokens, train the head, score, answer; what is done before an interruption stays."""
    settings = given(run.recipe.transformer)
    backbone = Backbone(settings)
    head = Head(backbone.channels, settings.width, len(run.recipe.class_set))
    if (place / HEAD).exists():
        head.load_state_dict(load_file(place / HEAD))
    else:
        views = draw_views(run, settings)
        train_head(run, head, views, look_at(backbone, views, place, settings), settings)
        write_bytes(place / HEAD, save(head.state_dict()))
    network = TransformerNet(backbone, head.eval())

    def look(image: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            return network(batch).softmax(1)[0].permute(1, 2, 0).numpy()

    ask = functools.partial(opinion, look, settings)
    scores = kept(place / 'scores.json', lambda: score_all(run, ask, 'transformer'))
    for name, entry in scores.items():
        run.say(f'transformer: {settings.encoder} on {name}/val: mIoU {entry["miou"]:.3f}')
    for source in asked_on(run, settings):
        write_answers(ask, run.pictures(source, 'train'),
                      place / 'answers' / f'{run.description(source).name}.npy')
    return {'scores': scores}


class Views(NamedTuple):
    """The crops that the head learns from: fields of a ``Batch``."""

    images: torch.Tensor
    labels: torch.Tensor
    excluded: torch.Tensor


def draw_views(run: Run, settings: TransformerTeacher) -> Views:
    """Draw the crops that the head learns from."""
    mixture = mixture_of(run, stretch=settings.side, augmentation=settings.augmentation,
                         shares=settings.shares)
    drawn = [mixture.batch(number, 1, settings.side) for number in range(settings.views)]
    return Views(torch.cat([batch.images for batch in drawn]),
                 torch.cat([batch.labels for batch in drawn]),
                 torch.cat([b.excluded for b in drawn if b.excluded is not None]))


def look_at(backbone: Backbone, views: Views, place: Path, settings: TransformerTeacher,
            ) -> np.ndarray:
    """Return tokens (views, channels, h, w) float16, on disk; goes on where it had begun."""
    count, grid = len(views.images), grid_of(settings)
    done = json.loads((place / COUNT).read_text()) if (place / COUNT).exists() else 0
    tokens = np.lib.format.open_memmap(
        place / TOKENS, 'r+' if done else 'w+', np.float16, (count, backbone.channels, grid, grid))
    with steps('tokens', count, done) as advance:
        for number in range(done, count):
            tokens[number] = backbone(views.images[number:number + 1])[0].numpy()
            if not (number + 1) % 20:
                tokens.flush()
                write_text(place / COUNT, str(number + 1))
            advance()
    return tokens


def train_head(run: Run, head: Head, views: Views, tokens: np.ndarray,
               settings: TransformerTeacher) -> None:
    """Train the head on the labels of the views, in place."""
    loss = SegmentationLoss(run.recipe.loss, classes=run.recipe.class_set)
    optimizer = torch.optim.AdamW(head.parameters(), settings.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=settings.iterations, pct_start=0.1)
    rng = np.random.default_rng(run.recipe.seed)
    torch.manual_seed(run.recipe.seed)
    head.train()
    with steps('head', settings.iterations) as advance:
        for _ in range(settings.iterations):
            chosen = np.sort(rng.choice(len(tokens), settings.batch, replace=False))
            seen = torch.from_numpy(tokens[chosen]).float()
            pick = torch.from_numpy(chosen)
            labels = views.labels[pick][:, 1::2, 1::2]
            scores = upsample(head(seen, views.images[pick]), labels.shape[-2:])
            optimizer.zero_grad(set_to_none=True)
            sum(loss(scores, labels, views.excluded[pick]).values()).backward()
            optimizer.step()
            schedule.step()
            advance()
