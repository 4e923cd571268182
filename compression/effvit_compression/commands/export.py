"""Write a bundle from a trained checkpoint, scored on the val pictures of its datasets."""
from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np

from effvit_compression.commands.profile import check_size
from effvit_compression.data.description import DatasetDescription, load_description
from effvit_compression.data.pictures import Pictures, read_image, stretched
from effvit_compression.evaluation import evaluate_bundle
from effvit_ros.core.bundle import is_bundle, load_bundle
from effvit_ros.core.errors import UserError

#: Pictures of each dataset that the graphs are proved on.
PROOFS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('checkpoint', type=Path,
                        help='Export this folder of a checkpoint, or bundle.')
    parser.add_argument('--out', type=Path, required=True,
                        help='Write the bundle into this folder.')
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DATASET.yaml',
                        help='Name these datasets, with their terms, as those that it was trained '
                             'on: their val pictures check the graphs and give the scores. One '
                             'without a split train gives scores of unseen views.')
    parser.add_argument('--story', type=Path, required=True,
                        help='Tell the model card by this text file how it was trained.')
    parser.add_argument('--command', default='',
                        help='Name this command in the model card: it trains the network again.')
    parser.add_argument('--size', type=int, default=512,
                        help='Give the input a side of so many pixels (default: 512).')
    parser.add_argument('--without-blocks', action='store_true',
                        help='Leave the MobileViT blocks out that were inserted into the trunk '
                             '(default: they stay).')
    parser.add_argument('--without-network', action='store_true',
                        help='Leave out the weights that a training can go on from: the bundle is '
                             'smaller (default: they go in).')
    parser.add_argument('--variants', nargs='+', default=['fp32/uint8'],
                        metavar='PRECISION/IO',
                        help='Write these graphs: fp32 or fp16 / uint8 or float32 '
                        '(default: %(default)s).')


def run(arguments: argparse.Namespace) -> int:
    """Export and say where."""
    from effvit_compression.export.bundle import (  # torch: slow to import
        Description,
        make_variants,
        score_entry,
        write_bundle,
    )
    from effvit_compression.export.evidence import inherited
    from effvit_compression.export.origins import origins
    from effvit_compression.export.temperature import calibrated_temperature
    from effvit_compression.export.views import record, section
    from effvit_compression.models.removal import drop_insertions
    from effvit_compression.models.store import load_network
    check_size(arguments.size)
    variants = [parse_variant(text) for text in arguments.variants]
    if ('fp32', 'uint8') not in variants:
        raise UserError('--variants lacks fp32/uint8, which every bundle must have')
    net = load_network(arguments.checkpoint)
    if arguments.without_blocks:
        if not net.architecture.insertions:
            raise UserError(f'--without-blocks: {arguments.checkpoint} has no inserted block')
        drop_insertions(net)
    datasets = [load_description(path, classes=net.architecture.classes)
                for path in arguments.data]
    trained_on = [d for d in datasets if 'train' in d.splits]
    known = evidence_of(arguments.checkpoint)
    try:
        story = arguments.story.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise UserError(f'{arguments.story}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise UserError(f'{arguments.story}: no text in UTF-8') from error

    def score(folder: Path) -> List[dict]:
        return [score_entry(f'{d.name}/val', evaluate_bundle(
            load_bundle(folder), Pictures(d, 'val'), only=d.trusted)) for d in datasets]

    def calibrate(folder: Path) -> float:
        return calibrated_temperature(load_bundle(folder), chain.from_iterable(
            Pictures(d, 'val') for d in datasets if not d.trusted))

    def inherit(scores: List[dict]) -> dict:
        return inherited(known, scores, [d.name for d in trained_on])

    def views(folder: Path) -> dict:
        learnt, aside = ({d.name: Pictures(d, split) for d in datasets if split in d.splits}
                         for split in ('train', 'val'))
        return section(record(load_bundle(folder), learnt, aside))

    description = Description(
        arguments.out.name, tuple(origins(trained_on, [arguments.checkpoint])), story,
        arguments.command, inherit, trainable=not arguments.without_network)
    made = make_variants(net, arguments.size, variants,
                         parity_pictures(datasets, arguments.size))
    write_bundle(net, made, arguments.out, arguments.size, description, score,
                 calibrate, views)
    print(f'bundle written: {arguments.out}')
    return 0


def evidence_of(checkpoint: Path) -> dict:
    """Return what a bundle says that its classes were learnt from; of a checkpoint nothing."""
    if not is_bundle(checkpoint):
        return {}
    return load_bundle(checkpoint).manifest.get('evidence') or {}


def parse_variant(text: str) -> Tuple[str, str]:
    """(precision, I/O type) of ``fp16/uint8``; :raises UserError: anything else."""
    precision, _, io_type = text.partition('/')
    if precision not in ('fp32', 'fp16') or io_type not in ('uint8', 'float32'):
        raise UserError(f'--variants {text}: give fp32 or fp16, a slash, uint8 or float32')
    return precision, io_type


def parity_pictures(datasets: Sequence[DatasetDescription], size: int) -> List[np.ndarray]:
    """Return the first val pictures of each dataset, stretched: (size, size, 3) uint8 RGB."""
    return [stretched(read_image(pair.image), size)
            for d in datasets for pair in d.pairs('val')[:PROOFS]]
