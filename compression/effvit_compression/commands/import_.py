"""Make a bundle of a segmentation network of another framework: ONNX, smp, torchvision, HF."""
from __future__ import annotations

import argparse
import shlex
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import List, Optional, Tuple, TYPE_CHECKING

import numpy as np

from effvit_compression.data.pictures import read_image, stretched
from effvit_ros.core import cli
from effvit_ros.core.classes import load_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import picture_files

if TYPE_CHECKING:  # torch: slow to import
    from effvit_compression.importing.source import Normalisation

#: Pictures on which labels are compared.
PROOFS = 20


def three(text: str) -> Tuple[float, float, float]:
    """Return three floats of a text like 1,2,3."""
    try:
        first, second, third = (float(part) for part in text.split(','))
    except ValueError:
        raise ArgumentTypeError(f'{text}: give three numbers, as 123.7,116.3,103.5') from None
    return first, second, third


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('source', type=Path,
                        help='Import this: an ONNX file, a folder with config.json and '
                             'model.safetensors (Hugging Face, segmentation_models.pytorch), or '
                             'torchvision\'s weights.')
    parser.add_argument('--classes', type=Path, required=True, metavar='FILE.yaml',
                        help="Name the network's classes by this class set, in the order of its "
                             'ids.')
    parser.add_argument('--out', type=Path, required=True, metavar='BUNDLE',
                        help='Write the new bundle into this folder.')
    parser.add_argument('--size', type=cli.size, metavar='WxH',
                        help='Give the input this size, where the source does not say it.')
    parser.add_argument('--normalisation', default='', metavar='NAME',
                        help='Normalise pictures so: imagenet, unit (0..1), symmetric '
                             '(-1..1) or none (0..255) (default: as the source says).')
    parser.add_argument('--mean', type=three, metavar='R,G,B',
                        help='Subtract this mean of the values 0..255, instead of '
                             '--normalisation.')
    parser.add_argument('--std', type=three, metavar='R,G,B',
                        help='Divide by this standard deviation of the values 0..255, with '
                             '--mean.')
    parser.add_argument('--layout', choices=('nchw', 'nhwc'), default='',
                        help='Take the ONNX input in this layout (default: found out).')
    parser.add_argument('--order', choices=('rgb', 'bgr'), default='rgb',
                        help='Take the channels in this order (default: %(default)s).')
    parser.add_argument('--output', default='',
                        help='Take this output of an ONNX graph that has several.')
    parser.add_argument('--arch', default='',
                        help='Build the network of this name in torchvision.')
    parser.add_argument('--licence', default='', help='Record this licence of the weights.')
    parser.add_argument('--terms', default='', help='Record what the weights may be used for.')
    parser.add_argument('--images', type=Path, metavar='DIR',
                        help='Compare labels on these pictures (default: noise of all scales).')
    parser.add_argument('--fp16', action='store_true', help='Write a graph in FP16, too.')


def run(arguments: argparse.Namespace) -> int:
    """Import, compare, print what to do next."""
    from dataclasses import replace

    from effvit_compression.importing.bundling import write  # torch: slow to import
    from effvit_compression.importing.checkpoint import read_checkpoint
    from effvit_compression.importing.onnx_file import read_onnx
    if not arguments.source.exists():
        raise UserError(f'{arguments.source}: no such file or folder')
    classes = load_classes(arguments.classes)
    normalisation = chosen(arguments)
    if arguments.source.suffix == '.onnx':
        source = read_onnx(arguments.source, arguments.size, normalisation, arguments.layout,
                           arguments.order, arguments.output)
    else:
        source = read_checkpoint(arguments.source, arguments.arch, len(classes), arguments.size,
                                 normalisation)
        if arguments.order != 'rgb':
            raise UserError('--order belongs to an ONNX file: checkpoints take RGB')
    source = replace(source, licence=arguments.licence or source.licence,
                     terms='; '.join(filter(None, (source.terms, arguments.terms))))
    if arguments.images:
        pictures = [stretched(read_image(path), source.width, source.height)
                    for path in picture_files(arguments.images)[:PROOFS]]
    else:
        pictures = noise(source.width, source.height)
    made = write(source, classes, arguments.out, arguments.fp16,
                 shlex.join(['effvit-compress', *sys.argv[1:]]), pictures)
    for precision, share in made.agreement.items():
        print(f'{precision}: labels equal to the network\'s own on {share:.3%} of the worst of '
              f'{len(pictures)} pictures')
    if source.terms:
        print(f'terms: {source.terms}')
    print(f'bundle written: {arguments.out}')
    print(f'INT8: effvit-compress quantize --bundle {arguments.out} --out {arguments.out} '
          '--images DIR [--labels DIR]')
    return 0


def chosen(arguments: argparse.Namespace) -> Optional[Normalisation]:
    """Return the normalisation that the options give, or None; :raises UserError: half of one."""
    from effvit_compression.importing.source import Normalisation
    if bool(arguments.mean) != bool(arguments.std):
        raise UserError('--mean and --std go together')
    if arguments.mean and arguments.normalisation:
        raise UserError('give either --normalisation or --mean and --std')
    if arguments.mean:
        if not all(value > 0 for value in arguments.std):
            raise UserError(f'--std {arguments.std}: give numbers above 0')
        return Normalisation(arguments.mean, arguments.std)
    return Normalisation.named(arguments.normalisation) if arguments.normalisation else None


def noise(width: int, height: int) -> List[np.ndarray]:
    """Return pictures with structure of all scales, the same each time."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(PROOFS):
        side = 3 + 2 * number
        coarse = rng.integers(0, 256, (side, side, 3), np.uint8)
        fine = rng.integers(-20, 21, (height, width, 3))
        pictures.append((stretched(coarse, width, height) + fine).clip(0, 255).astype(np.uint8))
    return pictures
