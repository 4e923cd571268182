#!/usr/bin/env python3
"""
How much a few labelled pictures give, and whether it matters which: a plot from real labels.

From a dataset that the bundle never saw a few pictures are taken from train, by ``label_next``,
evenly or by chance; the network is adapted to them as ``effvit-compress adapt`` does, for a fixed
number of steps, and scored on val. Every result is a line of OUT/results.jsonl; run again, it goes
on with those that are missing.

    python3 docs/examples/learning_curve.py --bundle mobilevit_lite2_lpcv \
        --data config/datasets/road_cracks.yaml --out out/curve
"""
from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import torch

from effvit_compression.adapt.judge import Judge
from effvit_compression.adapt.labelled import described, hold_out, Labelled
from effvit_compression.adapt.learning import learn
from effvit_compression.adapt.plan import plan
from effvit_compression.data.description import load_description
from effvit_compression.models.store import network_of
from effvit_ros.bags.make_bag import main as make_bag
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.labeling.label_next import main as label_next

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

METHODS = {'label_next': 'label_next', 'even': 'every k-th', 'chance': 'by chance'}
RESULTS, ORDER, PLOT = 'results.jsonl', 'label_next.json', 'learning_curve.png'


def main():
    """Work off what is missing, then draw."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--bundle', required=True)
    parser.add_argument('--data', type=Path, required=True, metavar='DATASET.yaml')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--counts', type=int, nargs='+', default=[5, 10, 20, 50])
    parser.add_argument('--steps', type=int, default=40, help='Steps of about 8 crops.')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bundle = load_bundle(resolve_model(options.bundle))
    description = load_description(options.data, classes=bundle.class_set)
    n, device = len(bundle.names), torch.device('cpu')
    train = described(description, 'train')
    truth = Judge(Labelled(described(description, 'val'), n, bundle.width), n, bundle.width,
                  device)
    order = ranked(bundle, train, options.out, max(50, *options.counts))
    done = results(options.out)
    for seed in range(options.seeds):
        for count in (0, *options.counts):
            for method in METHODS:
                if (seed, count, method) in done or (not count and done):
                    continue
                net = network_of(bundle)
                if count:
                    some = Labelled([train[i] for i in chosen(method, count, order, len(train),
                                                              seed)], n, 2 * bundle.width)
                    adapted(net, some, options.steps, seed, bundle.width, device)
                done[seed, count, method] = truth.miou(net)
                with open(options.out / RESULTS, 'a', encoding='utf-8') as file:
                    file.write(json.dumps([seed, count, method, done[seed, count, method]])
                               + '\n')
                print(seed, count, method, f'{done[seed, count, method]:.4f}', flush=True)
    draw(done, bundle.name, description.name, options.out)


def results(out):
    """Return what is there: (seed, pictures, method) -> mIoU."""
    file = out / RESULTS
    lines = file.read_text(encoding='utf-8').splitlines() if file.exists() else []
    return {tuple(line[:3]): line[3] for line in map(json.loads, lines)}


def ranked(bundle, train, out, count):
    """Return label_next's order of the pictures, the best first; kept in OUT."""
    if not (out / ORDER).exists():
        with tempfile.TemporaryDirectory() as place:
            pictures = Path(place) / 'pictures'
            pictures.mkdir()
            for number, sample in enumerate(train):
                (pictures / f'{number:05d}{sample.image.suffix}').symlink_to(
                    sample.image.resolve())
            bag, tasks = f'{place}/bag', f'{place}/tasks'
            make_bag(['--images', str(pictures), '--out', bag])
            label_next([bag, '--bundle', str(bundle.path), '--n', str(count), '--every', '0',
                        '--format', 'png', '--out', tasks])
            found = json.loads(Path(tasks, 'tasks.json').read_text(encoding='utf-8'))
        (out / ORDER).write_text(json.dumps([task['frame'] for task in found['tasks']]))
    return json.loads((out / ORDER).read_text())


def chosen(method, count, order, total, seed):
    """Return the indices of the pictures that are labelled."""
    if method == 'label_next':
        return sorted(order[:count])
    if method == 'even':  # the seed shifts the beginning
        return [(index * total // count + seed * total // count // 3) % total
                for index in range(count)]
    return sorted(np.random.default_rng(seed).permutation(total)[:count].tolist())


def adapted(net, labelled, steps, seed, side, device):
    """Adapt the network as the command does, but for a fixed number of steps."""
    learn_from, held_out = (labelled.part(part) for part in hold_out(labelled))
    settings = plan(learn_from, 1e6, side)._replace(steps=steps, checks=2)
    learn(net, learn_from, Judge(held_out, len(net.architecture.classes), side, device),
          settings, seed, lambda line: None)


def draw(done, bundle, dataset, out):
    """Plot mean and range over the seeds."""
    figure, axes = pyplot.subplots(figsize=(6, 4), layout='constrained')
    counts = sorted({count for _, count, _ in done if count})
    before = next(value for (_, count, _), value in done.items() if not count)
    for method, name in METHODS.items():
        rows = [[value for (_, count, one), value in done.items()
                 if count == wanted and one == method] for wanted in counts]
        places = [i for i, row in enumerate(rows) if row]
        axes.errorbar([0, *(counts[i] for i in places)], [before, *(np.mean(rows[i]) for i in
                                                                    places)],
                      [[0, *(np.mean(rows[i]) - min(rows[i]) for i in places)],
                       [0, *(max(rows[i]) - np.mean(rows[i]) for i in places)]],
                      marker='o', capsize=3, label=name)
    axes.set(xlabel='labelled pictures', ylabel='mIoU on val', xscale='symlog',
             title=f'{bundle} on {dataset}')
    axes.set_xticks([0, *counts], [0, *counts])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out / PLOT, dpi=110)


if __name__ == '__main__':
    main()
