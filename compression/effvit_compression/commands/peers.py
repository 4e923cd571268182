"""Time bundles and networks of segmentation_models.pytorch and torchvision."""
from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple, TYPE_CHECKING

from effvit_compression.commands.profile import check_size
from effvit_ros.core import cli
from effvit_ros.core.bundle import Bundle, load_bundle, resolve_model
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.whole_file import write_json

if TYPE_CHECKING:  # torch: slow to import
    from effvit_compression.peers.timing import Timed

PRECISIONS = ('int8', 'fp32')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--bundle', nargs='*', default=[''], metavar='DIR',
                        help='Time these bundles, by folder or shipped name (default: the default '
                             'one).')
    parser.add_argument('--size', type=int, default=512,
                        help="Give the peers' input a side of so many pixels (default: 512).")
    parser.add_argument('--rounds', type=cli.count_from_one, default=30,
                        help='Let each label so many pictures, in turns (default: 30).')
    parser.add_argument('--threads', type=int, default=2,
                        help='Use so many CPU threads (default: 2).')
    parser.add_argument('--out', type=Path, default=Path('out/peers'), metavar='DIR',
                        help='Write report.json into this folder (default: out/peers).')


def run(arguments: argparse.Namespace) -> int:
    """Build, quantise and time them; print a table of ratios to the first bundle."""
    check_size(arguments.size)
    bundles = {bundle.name: bundle for bundle in (
        load_bundle(resolve_model(name)) for name in arguments.bundle)}
    from effvit_compression.peers.bundles import (  # torch: slow to import
        flight_pictures,
        write_peer_bundle,
    )
    from effvit_compression.peers.networks import PEERS
    from effvit_compression.peers.timing import time_bundles
    from effvit_ros.report.facts import machine, versions
    from effvit_ros.report.progress import steps
    from effvit_ros.report.render import markdown_table
    classes = lpcv_classes()
    pictures = flight_pictures(arguments.size)
    with tempfile.TemporaryDirectory() as place:
        with steps('build peers', len(PEERS)) as advance:
            for number, (name, make) in enumerate(PEERS.items()):
                bundles[name] = write_peer_bundle(
                    make(len(classes)), name, Path(place) / str(number), arguments.size,
                    classes, pictures)
                advance()
        times = time_bundles(bundles, PRECISIONS, [p[..., ::-1].copy() for p in pictures],
                             arguments.rounds, threads=arguments.threads)
    rows = rows_of(bundles, times)
    print(markdown_table(rows), end='')
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / 'report.json', {
        'rows': rows, 'size': arguments.size, 'threads': arguments.threads,
        'rounds': arguments.rounds, 'machine': machine(), 'versions': versions()})
    print(f"written: {arguments.out / 'report.json'}")
    return 0


def rows_of(bundles: Mapping[str, Bundle], times: Mapping[Tuple[str, str], Timed]) -> List[dict]:
    """Return table rows, fastest first; ratios are to the first bundle's INT8, or FP32."""
    first = next(iter(bundles))
    rows = []
    for name in bundles:
        row: Dict[str, Any] = {'network': name}
        for precision in PRECISIONS:
            found, own = times.get((name, precision)), times.get((first, precision))
            label = precision.upper()
            row[f'{label}, ms'] = found and round(found.total_ms, 2)
            row[f'{label}, ratio'] = found and own and round(found.total_ms / own.total_ms, 2)
        rows.append(row)
    return sorted(rows, key=lambda row: row['INT8, ms'] or row['FP32, ms'])
