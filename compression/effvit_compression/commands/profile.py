"""Show where the time goes: by component of the network, or by operator of a bundle's graph."""
from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Dict

from rich.console import Console
from rich.table import Table

from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model', nargs='+',
                        help='Profile these bundles, or folders of checkpoints; several are shown '
                             'side by side.')
    parser.add_argument('--size', type=int, default=512,
                        help='Give the picture a side of so many pixels (default: 512).')
    parser.add_argument('--operators', action='store_true',
                        help='Time the FP32 graph of bundles by operator, in ONNX Runtime.')
    parser.add_argument('--json', action='store_true', help='Print JSON: milliseconds.')


def run(arguments: argparse.Namespace) -> int:
    """Profile each and print."""
    of = operators if arguments.operators else functools.partial(by_component, arguments.size)
    found = {name: of(name) for name in arguments.model}
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    return 0


def by_component(size: int, model: str) -> Dict[str, float]:
    """Milliseconds by component, in torch; :raises UserError: a size that can't be, no network."""
    from effvit_compression.models.store import load_network  # torch: slow to import
    from effvit_compression.profiling.components import profile_network
    check_size(size)
    return profile_network(load_network(folder_of(model)), size)


def operators(model: str) -> Dict[str, float]:
    """Milliseconds by kind of operator; :raises UserError: no bundle."""
    from effvit_compression.profiling.components import profile_graph  # torch: slow to import
    return profile_graph(load_bundle(resolve_model(model)).graph().read())


def folder_of(model: str) -> Path:
    """Return the folder of a checkpoint or a bundle, which may be a shipped one's name."""
    return Path(model) if Path(model).is_dir() else resolve_model(model)


def check_size(size: int) -> None:
    """Refuse a side of the input that encoder and decoder can't halve often enough."""
    if size < 64 or size > 4096 or size % 32:
        raise UserError(f'--size {size}: give a multiple of 32, up to 4096')


def show(found: Dict[str, Dict[str, float]]) -> None:
    """Print a table: a column of milliseconds and one of shares for each model."""
    table = Table('component')
    for model in found:
        table.add_column(f'{model}, ms', justify='right')
        table.add_column('share', justify='right')
    names = dict.fromkeys(name for times in found.values() for name in times)
    for name in names:
        cells = []
        for times in found.values():
            share = times.get(name, 0) / sum(times.values())
            cells += [f'{times.get(name, 0):.2f}', f'{share:.1%}']
        table.add_row(name, *cells)
    table.add_section()
    table.add_row('all', *[cell for times in found.values()
                           for cell in (f'{sum(times.values()):.2f}', '')])
    Console().print(table)
