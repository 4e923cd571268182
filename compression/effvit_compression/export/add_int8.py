"""Give a finished bundle a graph in INT8, if its price is right."""
from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Sequence

import numpy as np
import onnx

from effvit_compression.export.bundle import changed_copy, write_manifest
from effvit_compression.export.int8 import to_int8
from effvit_compression.export.price import (
    HEADING,
    int8_section,
    measure_price,
    MOST_LOST_CLASS,
    preference,
    Price,
    PriceSet,
)
from effvit_ros.core.bundle import load_bundle, sha256_of
from effvit_ros.core.errors import UserError

FILE = 'model_int8.onnx'
CARD = 'README.md'


class Int8Rejected(UserError):
    """A graph in INT8 that costs too much, or gains nothing."""


def add_int8(bundle: Path, out: Path, calibration: Sequence[np.ndarray],
             sets: Sequence[PriceSet], most_lost: float, origin: str,
             most_lost_class: float = MOST_LOST_CLASS) -> Price:
    """
    Write a copy of a bundle with a graph in INT8, which OpenVINO then prefers.

    ``out`` is written as a whole or not at all, and may be the bundle itself.

    :param calibration: (H, W, 3) uint8 RGB of the bundle's input size.
    :param sets: pictures that the price is measured on.
    :param most_lost: mIoU.
    :param origin: of the calibration's pictures, for the model card.
    :param most_lost_class: IoU of any class.
    :raises Int8Rejected: the price is too high, or INT8 is not faster here.
    :raises UserError: NNCF or OpenVINO is missing, or ``out`` can't be written or holds something
        else than a bundle.
    """
    source = load_bundle(bundle)
    with changed_copy(bundle, out) as new:
        flip = slice(None, None, 1 if source.channel_order == 'rgb' else -1)
        graph = to_int8(onnx.load_from_string(source.graph('fp32').read()),
                        [picture[..., flip] for picture in calibration])
        onnx.save(graph, str(new / FILE))
        plain = next(entry for entry in source.manifest['graphs']
                     if (entry['precision'], entry['io']) == ('fp32', 'uint8'))
        entry = {**plain, 'file': FILE, 'sha256': sha256_of(new / FILE), 'precision': 'int8'}
        entry.pop('weights', None)
        graphs = [g for g in source.manifest['graphs'] if g['precision'] != 'int8']
        manifest = {**source.manifest, 'graphs': [*graphs, entry]}
        manifest.update(preference(manifest['graphs']))
        write_manifest(new, manifest)
        price = measure_price(load_bundle(new), sets, f'Calibrated by NNCF {version("nncf")} on '
                              f'{origin}.')
        refusal = price.refusal(most_lost, most_lost_class)
        if refusal:
            raise Int8Rejected(f'INT8 is left out: {refusal}')
        entry.update(price.as_entry())
        write_manifest(new, manifest)
        write_card(new / CARD, int8_section(manifest))
    return price


def write_card(path: Path, section: str) -> None:
    """Put the section at the end of a model card, in the place of an older one."""
    card = path.read_text(encoding='utf-8') if path.exists() else ''
    path.write_text(card.split(f'\n{HEADING}\n')[0].rstrip('\n') + '\n' + section,
                    encoding='utf-8')
