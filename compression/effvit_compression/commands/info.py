"""Describe a bundle or a checkpoint: size, cost, attention heads, classes, precision."""
from __future__ import annotations

import argparse
import json
from pathlib import Path

from effvit_compression.commands.profile import check_size
from effvit_ros.core.bundle import is_bundle, load_bundle, resolve_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model',
                        help='Describe this bundle (folder or shipped name), or folder of a '
                             'checkpoint.')
    parser.add_argument('--size', type=int, default=512,
                        help="Count a checkpoint's GMACs for a picture with this side (default: "
                             '%(default)s).')
    parser.add_argument('--json', action='store_true', help='Print JSON.')


def run(arguments: argparse.Namespace) -> int:
    """Print what is known."""
    folder = Path(arguments.model)
    if is_bundle(folder) or not folder.is_dir():
        known = describe_bundle(resolve_model(arguments.model))
    else:
        check_size(arguments.size)
        known = describe_checkpoint(folder, arguments.size)
    if arguments.json:
        print(json.dumps(known, indent=2))
    else:
        for key, value in known.items():
            print(f'{key}: {value}')
    return 0


def describe_bundle(folder: Path) -> dict:
    """Return what the manifest says, after the bundle was checked."""
    bundle = load_bundle(folder)
    manifest = bundle.manifest
    return {
        'name': bundle.name, 'input': [bundle.height, bundle.width],
        'parameters': manifest.get('parameters'), 'gmacs': manifest.get('gmacs'),
        'heads': manifest.get('heads'), 'classes': list(bundle.names),
        'precision': [f'{g.precision}/{g.io}' for g in bundle.graphs],
        'bytes': bundle.graph_bytes,
        'terms': bundle.terms, 'scores': manifest.get('scores'),
    }


def describe_checkpoint(folder: Path, size: int) -> dict:
    """Return what can be counted in the stored network."""
    from effvit_compression.models.cost import gmacs, heads, parameters  # torch: slow to import
    from effvit_compression.models.store import load_model, WEIGHTS
    net = load_model(folder)
    return {
        'name': folder.name, 'input': [size, size], 'parameters': parameters(net),
        'gmacs': round(gmacs(net, size), 3), 'heads': heads(net),
        'classes': list(net.architecture.classes.names), 'precision': ['fp32'],
        'bytes': (folder / WEIGHTS).stat().st_size,
        'architecture': net.architecture.model_dump(mode='json'),
    }
