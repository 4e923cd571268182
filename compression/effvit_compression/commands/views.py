"""Record in a bundle what its training pictures look like, for the node to warn of other views."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Mapping, Sequence, Tuple, TYPE_CHECKING

import numpy as np

from effvit_compression.data.description import load_description
from effvit_compression.data.pictures import Pictures, read_image
from effvit_ros.core.bundle import Bundle, load_bundle, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import picture_files
from effvit_ros.report.progress import steps

if TYPE_CHECKING:  # torch: slow to import
    from effvit_compression.export.views import Shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--bundle', required=True, metavar='DIR',
                        help='Take this bundle: a folder, or a shipped one\'s name.')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR',
                        help='Write the new bundle into this folder; may be the old one.')
    parser.add_argument('--data', type=Path, nargs='+', default=[], metavar='DATASET.yaml',
                        help='Record these datasets, which it was trained on; their val pictures, '
                             'where there are any, set the limit.')
    parser.add_argument('--images', type=Path, metavar='DIR',
                        help='Record, instead of --data, a folder of pictures that it was trained '
                             'on, or of a flight that it is known to be good for.')
    parser.add_argument('--add', action='store_true',
                        help='Keep the sets that the bundle has already (default: they go).')


def run(arguments: argparse.Namespace) -> int:
    """Record, and say how far pictures of these sets are from their middle."""
    if bool(arguments.data) == bool(arguments.images):
        raise UserError('give either --data or --images')
    bundle = load_bundle(resolve_model(arguments.bundle))
    from effvit_compression.export.views import add_views, MOST, record  # torch: slow to import
    gather = from_datasets if arguments.data else from_folder
    learnt, aside = gather(arguments, bundle)
    count = sum(min(MOST, len(pictures)) for sets in (learnt, aside) for pictures in sets.values())
    with steps('look', count) as advance:
        views = record(bundle, learnt, aside, bundle.views if arguments.add else None, advance)
    add_views(bundle, arguments.out, views)
    for one in views.sets:
        print(f'{one.name}: {one.pictures} pictures')
    print(f'limit {views.limit:.2f} spreads; bundle written: {arguments.out}')
    return 0


def from_datasets(arguments: argparse.Namespace, bundle: Bundle,
                  ) -> Tuple[Mapping[str, Shown], Mapping[str, Shown]]:
    """Return the pictures of --data that were learnt from, and those of val, by set."""
    sets = [load_description(path, classes=bundle.class_set) for path in arguments.data]
    return ({d.name: Pictures(d, 'train') for d in sets},
            {d.name: Pictures(d, 'val') for d in sets if 'val' in d.splits})


def from_folder(arguments: argparse.Namespace, bundle: Bundle,
                ) -> Tuple[Mapping[str, Shown], Mapping[str, Shown]]:
    """Return the pictures of --images under the folder's name."""
    return {arguments.images.resolve().name: Files(picture_files(arguments.images))}, {}


class Files:
    """Pictures without labels, read when they are asked for."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tuple[np.ndarray, None]:
        return read_image(self._paths[index]), None
