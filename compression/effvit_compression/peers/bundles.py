"""A bundle of a peer: exported and quantised as ours are, so that it runs as ours do."""
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import List, Mapping, Sequence

import numpy as np
import onnx
import onnxslim
import torch
import yaml
from torch import nn

from effvit_compression.export.graph import exported
from effvit_compression.export.int8 import to_int8
from effvit_ros.core.bundle import Bundle, FORMAT_VERSIONS, load_bundle, MANIFEST
from effvit_ros.core.classes import ClassSet
from effvit_ros.flight import Flight

OPSET = 18
#: As many pictures calibrate the INT8 graphs.
PICTURES = 24


class _FromCamera(nn.Module):
    """Camera pixels (1, H, W, 3) uint8 in, scores out."""

    def __init__(self, peer: nn.Module):
        super().__init__()
        self.peer = peer

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of one picture."""
        return self.peer(image.to(torch.float32).permute(0, 3, 1, 2))


def write_peer_bundle(peer: nn.Module, name: str, folder: Path, size: int, classes: ClassSet,
                      pictures: Sequence[np.ndarray]) -> Bundle:
    """
    Export a network in FP32 and INT8 and return its bundle.

    :param pictures: (size, size, 3) uint8 RGB that calibrate.
    """
    image = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    full = onnxslim.slim(exported(_FromCamera(peer).eval(), (image,), ['image'], ['scores'],
                                  OPSET))
    return write_graphs({'fp32': full, 'int8': to_int8(full, pictures)}, name, folder, size,
                        classes)


def write_graphs(made: Mapping[str, onnx.ModelProto], name: str, folder: Path, size: int,
                 classes: ClassSet) -> Bundle:
    """Write graphs by precision as a bundle that knows nothing, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    graphs = []
    for precision, graph in made.items():
        content = graph.SerializeToString()
        file = f'model_{precision}.onnx'
        (folder / file).write_bytes(content)
        graphs.append({'file': file, 'sha256': hashlib.sha256(content).hexdigest(),
                       'precision': precision, 'io': 'uint8', 'opset': OPSET,
                       'classes': len(classes)})
    manifest = {
        'format_version': FORMAT_VERSIONS[-1], 'name': name, 'ignore': 255,
        'temperature': 1.0, 'graphs': graphs,
        'prefer': {'openvino': 'int8'} if 'int8' in made else {},
        'input': {'height': size, 'width': size, 'channel_order': 'rgb'},
        'classes': [{'id': c.id, 'name': c.name, 'color': list(c.color)} for c in classes.classes],
        'terms': 'random weights: for timing alone'}
    (folder / MANIFEST).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding='utf-8')
    return load_bundle(folder)


def flight_pictures(size: int, count: int = PICTURES) -> List[np.ndarray]:
    """Return pictures of the simulated flight, (size, size, 3) uint8 RGB: nothing is fetched."""
    flight = Flight(width=size, height=size, rate_hz=1.0, scene_size=2048)
    return [np.ascontiguousarray(flight.frame(2 * index).image[..., ::-1])
            for index in range(count)]
