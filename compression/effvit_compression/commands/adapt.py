"""Train a bundle on for a new view, from a few labelled pictures, in minutes on a CPU."""
from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import List, Tuple, TYPE_CHECKING

from effvit_compression.data.description import load_description
from effvit_compression.evaluation import pair_by_stem
from effvit_ros.core.bundle import Bundle, load_bundle, resolve_model
from effvit_ros.core.errors import UserError

if TYPE_CHECKING:  # torch: slow to import
    from effvit_compression.adapt.labelled import Sample
    from effvit_compression.export.origins import Origin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--bundle', default='', metavar='DIR',
                        help="Take this bundle: a folder, or a shipped one's name (default: the "
                             'default one).')
    parser.add_argument('--images', type=Path, metavar='DIR',
                        help='Learn from the pictures of the new view in this folder.')
    parser.add_argument('--labels', type=Path, metavar='DIR',
                        help='Take truth from 8-bit index PNGs of the same file stems, ids of the '
                             'bundle, 255 where nothing is labelled.')
    parser.add_argument('--data', type=Path, metavar='FILE.yaml',
                        help='Learn, instead of from --images and --labels, from a dataset with '
                             'train and val, as data-import writes it.')
    parser.add_argument('--ignore', type=int, default=255,
                        help='Count pixels of this label id nowhere (default: 255).')
    parser.add_argument('--minutes', type=float, default=20.0,
                        help='Take about so long for all of it (default: 20).')
    parser.add_argument('--seed', type=int, default=0,
                        help='Draw what is left to chance from this seed (default: %(default)s).')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='Write bundle, report.json and report.md into this folder.')


def run(arguments: argparse.Namespace) -> int:
    """Adapt, print the table and the command that flies the bundle."""
    if bool(arguments.data) == bool(arguments.images or arguments.labels):
        raise UserError('give either --images and --labels, or --data')
    if not arguments.data and not (arguments.images and arguments.labels):
        raise UserError('--images and --labels go together')
    if not 0 < arguments.minutes < 10_000:
        raise UserError(f'--minutes {arguments.minutes:g}: give more than 0')
    bundle = load_bundle(resolve_model(arguments.bundle))
    from effvit_compression.adapt.run import adapt, CARD, check_place, Task  # torch: slow
    from effvit_compression.models.store import network_of
    check_place(arguments.out)
    gather = from_dataset if arguments.data else from_folder
    samples, held_out, origin = gather(arguments, bundle)
    task = Task(bundle, samples, held_out, origin, arguments.minutes, arguments.seed,
                shlex.join(['effvit-compress', *sys.argv[1:]]))
    adapt(task, network_of(bundle), arguments.out,
          lambda line: print(line, file=sys.stderr, flush=True))
    print((arguments.out / CARD).read_text(encoding='utf-8'), end='')
    return 0


def from_folder(arguments: argparse.Namespace, bundle: Bundle,
                ) -> Tuple[List[Sample], List[Sample], Origin]:
    """Return samples, none held out, and their origin, of --images and --labels."""
    from effvit_compression.adapt.labelled import samples_of
    from effvit_compression.export.origins import Origin
    pairs = pair_by_stem(arguments.images, arguments.labels)
    return (samples_of(pairs, len(bundle.names), arguments.ignore), [],
            Origin(arguments.images.resolve().parent.name or 'pictures', 'unknown',
                   'licence of the pictures unknown', ''))


def from_dataset(arguments: argparse.Namespace, bundle: Bundle,
                 ) -> Tuple[List[Sample], List[Sample], Origin]:
    """Return samples to learn from and to judge by, and their origin, of --data."""
    from effvit_compression.adapt.labelled import described
    from effvit_compression.export.origins import origin_of
    description = load_description(arguments.data, classes=bundle.class_set)
    if description.trusted:
        raise UserError(f'dataset {description.name}: only {", ".join(description.trusted)} was '
                        'labelled by hand, and adapt learns from all labels: map the others to '
                        'ignore and remove trusted')
    held_out = described(description, 'val') if 'val' in description.splits else []
    return described(description, 'train'), held_out, origin_of(description)
