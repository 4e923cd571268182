"""What INT8 costs and gains: a bundle's two graphs side by side on the same pictures."""
from __future__ import annotations

import contextlib
import textwrap
from typing import Dict, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

import numpy as np

from effvit_compression.evaluation import reduction
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.report.progress import steps

#: The runtime that gets INT8; ONNX Runtime is slower with it than without.
RUNTIME = 'openvino'
#: Mean share of equal labels below which a graph is refused where there are no labels.
LEAST_AGREEMENT = 0.97
#: IoU that a class may lose, where nobody says.
MOST_LOST_CLASS = 0.05
#: Of the model card's section.
HEADING = '## INT8'


class Pairs(Protocol):
    """Pictures (H, W, 3) uint8 RGB, each with its truth (H, W) uint8 (255 ignored) or None."""

    def __len__(self) -> int:
        """Count them."""

    def __iter__(self) -> Iterator[Tuple[np.ndarray, Optional[np.ndarray]]]:
        """Yield them."""


class PriceSet(NamedTuple):
    """
    Pictures of one origin.

    ``only``: reduce truth and prediction to these classes and the rest.
    """

    name: str
    pairs: Pairs
    only: Sequence[str] = ()


class ClassLoss(NamedTuple):
    """The class that loses most IoU: its name, the set of pictures, its IoU before and after."""

    name: str
    data: str
    iou_fp32: float
    iou_int8: float

    @property
    def loss(self) -> float:
        """Return the IoU lost."""
        return round(self.iou_fp32 - self.iou_int8, 4)


class Price(NamedTuple):
    """
    How the INT8 graph differs from the FP32 graph of the same bundle, on OpenVINO.

    ``worst`` and ``mean``: share of equal labels in a picture. ``scores``: for each set of
    pictures with labelled pixels its name, number, and mIoU by precision. ``speedup``: FP32's
    median time of an inference over INT8's, in turns. ``origin``: what calibrated it.
    ``worst_class``: whose IoU falls most on any set; a :class:`ClassLoss`, None without labels.
    """

    worst: float
    mean: float
    scores: List[dict]
    speedup: float
    origin: str
    worst_class: Optional[ClassLoss] = None

    @property
    def loss(self) -> float:
        """Largest mIoU lost in a set, 0 where none is; NaN without labels."""
        lost = [round(entry['miou_fp32'] - entry['miou_int8'], 4) for entry in self.scores]
        return max(0.0, *lost) if lost else float('nan')

    def as_entry(self) -> dict:
        """Keys of the graph's entry in the manifest; times are left out: they are a machine's."""
        return {'parity': {'worst_label_agreement': round(self.worst, 6),
                           'mean_label_agreement': round(self.mean, 6)},
                'price': self.scores, 'calibration': self.origin,
                **({'worst_class': self.worst_class._asdict()} if self.worst_class else {})}

    def refusal(self, most_lost: float, most_lost_class: float = MOST_LOST_CLASS) -> str:
        """Return why the graph is not worth having, '' where it is."""
        if self.loss > most_lost:
            return f'it loses {self.loss:.4f} mIoU, {most_lost} may be lost'
        worst = self.worst_class
        if worst and worst.loss > most_lost_class:
            return (f'{worst.name} loses {worst.loss:.4f} IoU on {worst.data} '
                    f'({worst.iou_fp32:.4f} to {worst.iou_int8:.4f}), {most_lost_class} may be '
                    'lost')
        if not self.scores and self.mean < LEAST_AGREEMENT:
            return (f'it agrees with FP32 on {self.mean:.4f} of the pixels; without labels '
                    f'{LEAST_AGREEMENT} are asked for')
        if self.speedup <= 1:
            return f'it takes {1 / self.speedup:.2f} times as long as FP32 on this machine'
        return ''


def measure_price(bundle: Bundle, sets: Sequence[PriceSet], origin: str) -> Price:
    """
    Label every picture with both graphs, in turns.

    :param origin: what calibrated the INT8 graph, a sentence for the model card.
    :raises UserError: OpenVINO is missing, or the bundle lacks one of the graphs.
    """
    agreements, scores = [], []
    losses: List[ClassLoss] = []
    times: Dict[str, List[float]] = {'fp32': [], 'int8': []}
    with contextlib.ExitStack() as stack:
        segmenters = {precision: stack.enter_context(
            Segmenter(bundle.preferring(RUNTIME, precision), RUNTIME)) for precision in times}
        advance = stack.enter_context(steps('measure', sum(len(s.pairs) for s in sets)))
        for sample in sets:
            table, names = reduction(bundle.names, sample.only)
            confusions = {precision: ConfusionMatrix(len(names)) for precision in times}
            labelled = 0
            for image, truth in sample.pairs:
                known = truth is not None and bool((truth != IGNORE).any())
                results = {precision: segmenter.segment(image, 'rgb')
                           for precision, segmenter in segmenters.items()}
                agreements.append(float(np.mean(
                    results['fp32'].labels == results['int8'].labels)))
                for precision, result in results.items():
                    times[precision].append(result.timings.infer_ms)
                    if known:
                        confusions[precision].update(table[truth], table[result.labels])
                labelled += known
                advance()
            if labelled:
                scores.append({'data': sample.name, 'n_images': labelled, **{
                    f'miou_{precision}': round(confusion.miou, 4)
                    for precision, confusion in confusions.items()}})
                losses += class_losses(sample.name, names, confusions)
    if not agreements:
        raise UserError('no pictures to measure INT8 on')
    return Price(min(agreements), float(np.mean(agreements)), scores,
                 float(np.median(times['fp32']) / np.median(times['int8'])), origin,
                 max(losses, key=lambda found: found.loss, default=None))


def class_losses(data: str, names: Sequence[str],
                 confusions: Dict[str, ConfusionMatrix]) -> List[ClassLoss]:
    """Compare the IoU by class of the classes that the truth holds; keys: fp32 and int8."""
    return [ClassLoss(name, data, round(float(before), 4), round(float(after), 4))
            for name, before, after in zip(names, confusions['fp32'].iou, confusions['int8'].iou)
            if not np.isnan(before)]


def as_result(price: Price) -> dict:
    """Return plain values that :func:`of_result` reads."""
    worst = price.worst_class
    return {**price._asdict(), 'worst_class': worst and worst._asdict()}


def of_result(fields: dict) -> Price:
    """Return the price; older results say nothing of classes."""
    worst = fields.get('worst_class')
    return Price(**{**fields, 'worst_class': worst and ClassLoss(**worst)})


def preference(graphs: Sequence[dict]) -> dict:
    """Return the manifest's ``prefer`` for its ``graphs``: INT8 is only there because it paid."""
    return {'prefer': {RUNTIME: 'int8'}} if int8_entry(graphs) else {}


def int8_entry(graphs: Sequence[dict]) -> Optional[dict]:
    """Return the entry of the INT8 graph."""
    return next((entry for entry in graphs if entry['precision'] == 'int8'), None)


def int8_section(manifest: dict) -> str:
    """Markdown for the model card about the INT8 graph and its price, '' where there is none."""
    entry = int8_entry(manifest['graphs'])
    if entry is None:
        return ''
    agreement = entry['parity']
    text = (f'`{entry["file"]}` (8-bit I/O, opset {entry["opset"]}) is what OpenVINO takes; the '
            'scores above are those of FP32. Its labels are those of FP32 on '
            f'{agreement["mean_label_agreement"]:.2%} of the pixels, on '
            f'{agreement["worst_label_agreement"]:.2%} in the worst picture. '
            f'{entry["calibration"]}')
    lines = ['', HEADING, '', textwrap.fill(text, 99)]
    if entry['price']:
        lines += ['', '| pictures | n | mIoU in FP32 | mIoU in INT8 |', '|---|---|---|---|']
        lines += [f'| {p["data"]} | {p["n_images"]} | {p["miou_fp32"]:.4f} | '
                  f'{p["miou_int8"]:.4f} |' for p in entry['price']]
    return '\n'.join([*lines, ''])
