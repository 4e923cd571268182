"""Find everything that is wrong with a dataset, not only the first thing."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List

import numpy as np

from effvit_compression.data.description import DatasetDescription, matches
from effvit_compression.data.pictures import check_whole, read_image, read_label
from effvit_ros.core.classes import IGNORE, NAMES
from effvit_ros.core.errors import UserError


@dataclass
class Findings:
    """Problems in words; pixels and holding pictures of each class, (14,) int64."""

    pictures: int = 0
    problems: List[str] = field(default_factory=list)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(len(NAMES), np.int64))
    holders: np.ndarray = field(default_factory=lambda: np.zeros(len(NAMES), np.int64))


def check_split(description: DatasetDescription, split: str,
                advance: Callable[[], None] = lambda: None, alone: bool = True) -> Findings:
    """
    Read every file of a split: pairs, sizes, unknown ids, corrupt files.

    :param advance: called before each picture.
    :param alone: whether a label that stands alone is a problem; a training does not see it.
    """
    patterns = description.splits[split]
    images = matches(description.root, patterns.images)
    labels = matches(description.root, patterns.labels)
    found = Findings(pictures=len(images))
    if not images:
        found.problems.append(f'{split}: nothing matches {description.root / patterns.images}')
    for key in sorted(labels.keys() - images.keys()) if alone else ():
        found.problems.append(f'{labels[key]}: no picture belongs to this label')
    for key in sorted(images):
        advance()
        if key not in labels:
            found.problems.append(f'{images[key]}: no label ({patterns.labels})')
            continue
        try:
            image = read_image(images[key])
            check_whole(images[key])
            ids = read_label(labels[key], description)
        except UserError as error:
            found.problems.append(str(error))
            continue
        if image.shape[:2] != ids.shape:
            found.problems.append(
                f'{labels[key]}: {ids.shape[1]}x{ids.shape[0]} pixels, its picture has '
                f'{image.shape[1]}x{image.shape[0]}')
            continue
        counts = np.bincount(ids.ravel(), minlength=IGNORE + 1)[:len(NAMES)]
        found.pixels += counts
        found.holders += counts > 0
    return found
