"""Score a bundle on a folder of pictures: what is scored is what flies."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from effvit_compression.data.pictures import read_image
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import HIDES_A_CLASS, hides_a_class, labels_from_file
from effvit_ros.core.labelled_pictures import check_pair
from effvit_ros.core.metrics import ConfusionMatrix, defined, LpcvDice, per_class_table
from effvit_ros.core.mistakes import mistakes
from effvit_ros.core.picture_files import mask_file, picture_files
from effvit_ros.core.reliability import Reliability
from effvit_ros.core.segmenter import Segmenter

REST = 'rest'


@dataclass(frozen=True)
class Scores:
    """
    Scores of a bundle on one set of pictures, and its latency there (whole ``segment``).

    ``mdice_lpcv`` is NaN for other classes than LPCV's: it is their referee's.
    """

    confusion: ConfusionMatrix
    mdice_lpcv: float
    names: Tuple[str, ...]
    n_images: int
    latencies_ms: Tuple[float, ...]
    bundle: str
    sha256: str
    runtime: str
    #: None where the bundle gives no scores.
    reliability: Optional[Reliability] = None

    def as_dict(self) -> dict:
        """Plain numbers for JSON; None where a score is undefined."""
        return {
            'miou': defined(self.confusion.miou),
            'mdice_lpcv': defined(self.mdice_lpcv),
            'classes_present': self.confusion.classes_present,
            'per_class': per_class_table(self.confusion, self.names),
            **mistakes(self.confusion.matrix, self.names),
            'n_images': self.n_images,
            'latency_ms': float(np.median(self.latencies_ms)),
            'latency_p95_ms': float(np.percentile(self.latencies_ms, 95)),
            'bundle': self.bundle, 'bundle_sha256': self.sha256, 'runtime': self.runtime,
            'confidence': self.reliability.as_dict() if self.reliability else None,
        }


def evaluate_bundle(bundle: Bundle, samples: Iterable[Tuple[np.ndarray, np.ndarray]],
                    runtime: str = 'auto', threads: int = 0, only: Sequence[str] = (),
                    advance: Callable[[], None] = lambda: None,
                    min_confidence: float = 0.0) -> Scores:
    """
    Label every picture with ``effvit_ros.core.Segmenter`` and compare at the picture's size.

    :param samples: pictures (H, W, 3) uint8 RGB, each with its truth (H, W) uint8, 255 ignored.
    :param only: reduce truth and prediction to these classes and ``rest``.
    :param advance: called after each picture.
    :param min_confidence: pixels below it are labelled as nothing, which is never right.
    :raises UserError: ``only`` names an unknown class, or the bundle does not run.
    """
    table, names = reduction(bundle.names, only)
    confusion, dice = ConfusionMatrix(len(names)), LpcvDice(len(names))
    latencies: List[float] = []
    reliability = Reliability() if bundle.gives_scores else None
    with Segmenter(bundle, runtime, threads) as segmenter:
        for image, truth in samples:
            result = segmenter.segment(image, 'rgb')
            latencies.append(result.timings.total_ms)
            truth, labels = table[truth], table[result.labels]
            if reliability:
                confidence = result.confidence()
                reliability.update(confidence, labels, truth, len(names))
                labels[confidence < 255 * min_confidence] = IGNORE
            confusion.update(truth, labels)
            dice.update(truth, labels)
            advance()
        used = segmenter.runtime.name
    mdice = dice.mean if bundle.class_set.is_lpcv else float('nan')
    return Scores(confusion, mdice, names, len(latencies), tuple(latencies), bundle.name,
                  bundle.sha256, used, reliability)


def pair_by_stem(images: Path, labels: Path) -> List[Tuple[Path, Path]]:
    """
    Pictures of a folder with their label files (STEM.png or STEM_mask.png), in order.

    :raises UserError: no such folder, no picture, or a picture without a label.
    """
    pictures = picture_files(images)
    if not labels.is_dir():
        raise UserError(f'{labels}: no such folder')
    found = [(picture, mask_file(picture, labels)) for picture in pictures]
    lost = [picture.name for picture, label in found if label is None]
    if lost:
        raise UserError(f'{labels}: no label for {len(lost)} of {len(pictures)} pictures, '
                        f'{lost[0]} the first: {Path(lost[0]).stem}.png is missing')
    return [(picture, label) for picture, label in found if label is not None]


def read_pairs(pairs: Iterable[Tuple[Path, Path]], n_classes: int, ignore: int,
               ) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """
    Read pictures (RGB) and truths, one pair after the other.

    :raises UserError: a file can't be read, sizes differ, a label id is out of range, or in the
        end, all labels together hold 0 and the ignored 255 alone.
    """
    stored, label_path = np.zeros(256, np.int64), None
    for image_path, label_path in pairs:
        image = read_image(image_path)
        truth = read_truth(label_path, n_classes, ignore)
        check_pair(label_path, truth.shape, image_path, image.shape)
        stored += np.bincount(truth.ravel(), minlength=256)
        yield image, truth
    if label_path is not None and ignore == IGNORE and hides_a_class(stored):
        raise UserError(f'{label_path.parent}: {HIDES_A_CLASS}')


def read_truth(path: Path, n_classes: int, ignore: int) -> np.ndarray:
    """
    Label map (H, W) uint8, 255 where ignored.

    :raises UserError: unreadable, or with an id out of range.
    """
    truth = labels_from_file(path)
    present = np.flatnonzero(np.bincount(truth.ravel(), minlength=256))
    wrong = [int(i) for i in present if i >= n_classes and i != ignore]
    if wrong:
        raise UserError(f'{path}: label id {wrong[0]} is out of range: the bundle has ids '
                        f'0..{n_classes - 1} and --ignore is {ignore}')
    return np.where(truth == ignore, np.uint8(255), truth)


def reduction(names: Sequence[str], only: Sequence[str]) -> Tuple[np.ndarray, Tuple[str, ...]]:
    """
    Table (256,) uint8 from class ids to the ids that are scored, and those ids' names.

    :raises UserError: ``only`` names a class that the bundle does not have.
    """
    if not only:
        return np.arange(256, dtype=np.uint8), tuple(names)
    unknown = [name for name in only if name not in names]
    if unknown:
        raise UserError(f'--only {unknown[0]}: no such class; the bundle has {", ".join(names)}')
    table = np.full(256, len(only), np.uint8)
    table[255] = 255
    for position, name in enumerate(only):
        table[names.index(name)] = position
    return table, (*only, REST)


def by_name(scores: Scores) -> Dict[str, float]:
    """Return the IoU of the classes that occur, by name."""
    return {name: float(value) for name, value in zip(scores.names, scores.confusion.iou)
            if not np.isnan(value)}
