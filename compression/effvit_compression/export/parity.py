"""Whether a graph, with the tail behind it, labels pictures as the torch network does."""
from __future__ import annotations

from typing import Callable, Iterable, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch

from effvit_compression.models.factory import SegmentationNet
from effvit_ros.core.tail import Tail


class Parity(NamedTuple):
    """
    How far a graph's labels are from torch's.

    ``agreement``: share of equal labels in the worst picture. ``margin``: over all flipped
    pixels, the 99.9th percentile of the score by which torch preferred its own label; flips
    happen where two classes are nearly tied, so it is small when the graph is sound.
    """

    agreement: float
    margin: float

    def as_entry(self) -> dict:
        """Keys of the graph's entry in the manifest."""
        return {'parity': {'worst_label_agreement': round(self.agreement, 6),
                           'flip_margin_p999': round(self.margin, 6)}}


def parity(net: SegmentationNet, graph: onnx.ModelProto,
           pictures: Iterable[np.ndarray]) -> Parity:
    """
    Compare on pictures, each (H, W, 3) uint8 RGB of the graph's size.

    ONNX Runtime runs the graph; FP16 operators that its CPU kernels lack are computed in FP32
    between FP16 tensors.
    """
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=['CPUExecutionProvider'])
    source = session.get_inputs()[0]
    kind = np.uint8 if 'uint8' in source.type else np.float32

    def labels(picture: np.ndarray) -> torch.Tensor:
        scores = session.run(None, {source.name: picture[None].astype(kind)})[0][0]
        tail = Tail(scores.shape[1:], picture.shape[:2])
        return torch.from_numpy(tail.labels(scores).astype(np.int64))
    return _compare(net, pictures, labels)


def noise_parity(net: SegmentationNet, pictures: Iterable[np.ndarray]) -> Parity:
    """
    Compare the network with itself, every fifteenth value one grey level higher or lower.

    Nobody sees such noise. Where it flips labels, a region of the picture is nearly tied, and
    rounding may flip as many.
    """
    rng = np.random.default_rng(0)

    def labels(picture: np.ndarray) -> torch.Tensor:
        change = rng.choice((-1, 1), picture.shape) * (rng.random(picture.shape) < 1 / 15)
        noisy = np.clip(picture.astype(np.int16) + change, 0, 255).astype(np.uint8)
        return net(torch.from_numpy(noisy).permute(2, 0, 1)[None])[0].argmax(0)
    return _compare(net, pictures, labels)


@torch.inference_mode()
def _compare(net: SegmentationNet, pictures: Iterable[np.ndarray],
             labels: Callable[[np.ndarray], torch.Tensor]) -> Parity:
    agreement, margins = 1.0, []
    for picture in pictures:
        scores = net(torch.from_numpy(picture).permute(2, 0, 1)[None])[0]  # (classes, H, W)
        ours, theirs = scores.argmax(0), labels(picture)
        flips = ours != theirs
        agreement = min(agreement, 1 - flips.float().mean().item())
        lost = scores.gather(0, ours[None]) - scores.gather(0, theirs[None])
        margins.append(lost[0][flips])
    lost = torch.cat(margins)
    return Parity(agreement, float(np.quantile(lost.numpy(), 0.999)) if len(lost) else 0.0)
