"""Give a bundle a graph in INT8 for OpenVINO, and say what it costs and gains."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple, TYPE_CHECKING

import numpy as np

from effvit_compression.data.description import load_description
from effvit_compression.data.pictures import Pictures, read_image, stretched
from effvit_compression.evaluation import pair_by_stem, read_truth
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import check_pair
from effvit_ros.core.picture_files import picture_files
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.render import markdown_table

if TYPE_CHECKING:  # torch: slow to import
    from effvit_compression.export.price import Price, PriceSet

#: Of the pictures of --images, every so manieth is kept for the measurement.
HELD_OUT = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--bundle', required=True, metavar='DIR',
                        help='Take this bundle: a folder, or a shipped one\'s name.')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR',
                        help='Write the new bundle into this folder; may be the old one.')
    parser.add_argument('--data', type=Path, nargs='+', default=[], metavar='DATASET.yaml',
                        help='Calibrate on the train pictures of this dataset, take the price '
                             'from its val pictures.')
    parser.add_argument('--images', type=Path, metavar='DIR',
                        help='Calibrate, instead of on --data, on the pictures of this folder; '
                             f'every {HELD_OUT}th is kept for the price.')
    parser.add_argument('--labels', type=Path, metavar='DIR',
                        help='Take truth from 8-bit index PNGs of the same file stems as '
                             '--images.')
    parser.add_argument('--ignore', type=int, default=255,
                        help='Count pixels of this label id nowhere (default: 255).')
    parser.add_argument('--pictures', type=int, default=100,
                        help='Calibrate on so many pictures (default: 100).')
    parser.add_argument('--most-lost', type=float, default=0.01, metavar='MIOU',
                        help='Allow so much mIoU to be lost on any set of pictures (default: '
                             '0.01).')
    parser.add_argument('--most-lost-class', type=float, default=0.05, metavar='IOU',
                        help='Allow any class to lose so much IoU on any set (default: 0.05).')
    parser.add_argument('--json', type=Path, metavar='OUT',
                        help='Also write the result as JSON.')


def run(arguments: argparse.Namespace) -> int:
    """Quantise, print the price; nothing is written where it is too high."""
    if bool(arguments.data) == bool(arguments.images):
        raise UserError('give either --data or --images')
    if arguments.data and arguments.labels:
        raise UserError('--labels belongs to --images: a dataset of --data has labels of its own')
    if not 0 <= arguments.most_lost <= 1:
        raise UserError(f'--most-lost {arguments.most_lost}: give 0 to 1')
    if not 0 <= arguments.most_lost_class <= 1:
        raise UserError(f'--most-lost-class {arguments.most_lost_class}: give 0 to 1')
    if arguments.pictures < 1:
        raise UserError(f'--pictures {arguments.pictures}: give 1 or more')
    bundle = load_bundle(resolve_model(arguments.bundle))
    from effvit_compression.export.add_int8 import add_int8  # torch: slow to import
    from effvit_compression.export.price import as_result
    gather = from_datasets if arguments.data else from_folder
    paths, sets, origin = gather(arguments, bundle.class_set)
    pictures = [stretched(read_image(path), bundle.width, bundle.height) for path in paths]
    price = add_int8(bundle.path, arguments.out, pictures, sets, arguments.most_lost,
                     f'{len(paths)} pictures of {origin}', arguments.most_lost_class)
    show(price)
    if arguments.json:
        write_text(arguments.json, json.dumps(as_result(price), indent=2) + '\n')
    print(f'bundle written: {arguments.out}')
    return 0


def from_datasets(arguments: argparse.Namespace, classes: ClassSet,
                  ) -> Tuple[List[Path], List[PriceSet], str]:
    """Return calibration files, sets for the price and the former's origin, of --data."""
    from effvit_compression.export.int8 import evenly_spaced
    from effvit_compression.export.price import PriceSet
    datasets = [load_description(path, classes=classes) for path in arguments.data]
    learnt = [d for d in datasets if 'train' in d.splits]
    if not learnt:
        raise UserError('--data: no dataset has a split train, whose pictures calibrate')
    share = -(-arguments.pictures // len(learnt))
    paths = [pair.image for d in learnt for pair in evenly_spaced(d.pairs('train'), share)]
    sets = [PriceSet(f'{d.name}/val', Pictures(d, 'val'), d.trusted) for d in datasets]
    return paths, sets, ', '.join(f'{d.name}/train' for d in learnt)


def from_folder(arguments: argparse.Namespace, classes: ClassSet,
                ) -> Tuple[List[Path], List[PriceSet], str]:
    """Return calibration files, a set for the price and the former's origin, of --images."""
    from effvit_compression.export.int8 import evenly_spaced
    from effvit_compression.export.price import PriceSet
    pairs: Sequence[Tuple[Path, Optional[Path]]]
    if arguments.labels:
        pairs = pair_by_stem(arguments.images, arguments.labels)
    else:
        pairs = [(path, None) for path in picture_files(arguments.images)]
    if len(pairs) < 2:
        raise UserError(f'{arguments.images}: one picture; two are needed, to calibrate on one '
                        'and to measure on the other')
    paths = [path for index, (path, _) in enumerate(pairs) if index % HELD_OUT]
    held_out = Folder(pairs[::HELD_OUT], len(classes), arguments.ignore)
    name = arguments.images.resolve().name
    return evenly_spaced(paths, arguments.pictures), [PriceSet(name, held_out)], name


class Folder:
    """Pictures with their truths, or None for those without, read one after the other."""

    def __init__(self, pairs: Sequence[Tuple[Path, Optional[Path]]], n_classes: int, ignore: int):
        self._pairs = pairs
        self._n_classes = n_classes
        self._ignore = ignore

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Tuple[np.ndarray, Optional[np.ndarray]]]:
        for image_path, label_path in self._pairs:
            image, truth = read_image(image_path), None
            if label_path:
                truth = read_truth(label_path, self._n_classes, self._ignore)
                check_pair(label_path, truth.shape, image_path, image.shape)
            yield image, truth


def show(price: Price) -> None:
    """Print a table of scores, the agreement and the gain in speed."""
    print(markdown_table([{'pictures': entry['data'], 'n': entry['n_images'],
                     'mIoU in FP32': entry['miou_fp32'], 'mIoU in INT8': entry['miou_int8'],
                     'lost': entry['miou_fp32'] - entry['miou_int8']}
                    for entry in price.scores]), end='')
    worst = price.worst_class
    if worst:
        print(f'most IoU lost by a class: {worst.loss:.4f}, {worst.name} on {worst.data}')
    print(f'labels equal to FP32: {price.mean:.2%} of the pixels, {price.worst:.2%} in the worst '
          f'picture; INT8 is {price.speedup:.2f} times as fast on OpenVINO here')
