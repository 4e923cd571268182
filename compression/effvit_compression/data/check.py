"""Find everything that is wrong with a dataset, not only the first thing."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List

import numpy as np

from effvit_compression.data.description import DatasetDescription
from effvit_compression.data.pictures import (
    check_whole,
    hides_class_of,
    read_image,
    read_stored,
    translated,
)
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import HIDES_A_CLASS
from effvit_ros.core.labelled_pictures import check_pair


@dataclass
class Findings:
    """
    Problems in words; pixels and holding pictures of each class, (classes,) int64.

    ``ignored``: pixels that count nowhere. ``stored``: pixels of each id as files hold it,
    (256,) int64.
    """

    pixels: np.ndarray
    holders: np.ndarray
    pictures: int = 0
    problems: List[str] = field(default_factory=list)
    ignored: int = 0
    stored: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))


def check_split(description: DatasetDescription, split: str,
                advance: Callable[[], None] = lambda: None, alone: bool = True) -> Findings:
    """
    Read every file of a split: pairs, sizes, unknown ids, corrupt files.

    :param advance: called before each picture.
    :param alone: whether a label that stands alone is a problem; a training does not see it.
    """
    patterns = description.splits[split]
    images, labels = description.files(split)
    n_classes = len(description.target)
    found = Findings(np.zeros(n_classes, np.int64), np.zeros(n_classes, np.int64), len(images))
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
            check_whole(images[key])
            image = read_image(images[key])
            stored, colours = read_stored(labels[key], description)
            ids = translated(stored, colours, labels[key], description)
            check_pair(labels[key], ids.shape, images[key], image.shape)
        except UserError as error:
            found.problems.append(str(error))
            continue
        counts = np.bincount(ids.ravel(), minlength=IGNORE + 1)
        found.pixels += counts[:n_classes]
        found.holders += counts[:n_classes] > 0
        found.ignored += int(counts[IGNORE])
        found.stored += np.bincount(stored.ravel(), minlength=256)
    if hides_class_of(description, found.stored):
        found.problems.append(f'{split}: {HIDES_A_CLASS}')
    return found


def never_seen(description: DatasetDescription, stored: np.ndarray) -> List[str]:
    """Names of the described classes of which files hold not one pixel; ``stored``: (256,)."""
    return [name for index, name in description.class_ids.items() if not stored[index]]
