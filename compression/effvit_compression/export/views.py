"""What a bundle's manifest says of the pictures that it was trained on, as the drone sees them."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterable, Mapping, Optional, Protocol, Tuple

import numpy as np

from effvit_compression.export.bundle import changed_copy, write_manifest
from effvit_compression.export.int8 import evenly_spaced
from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import NO_SCORES, Segmenter
from effvit_ros.core.view import recorded, Views

#: Pictures of a set that are looked at.
MOST = 100


class Shown(Protocol):
    """Pictures (H, W, 3) uint8 RGB by number, each with its labels or without."""

    def __len__(self) -> int:
        """Count them."""

    def __getitem__(self, index: int) -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """Return one."""


def looks(bundle: Bundle, pictures: Iterable[np.ndarray],
          advance: Callable[[], None]) -> np.ndarray:
    """
    Return the numbers of pictures (H, W, 3) uint8 RGB as the bundle sees them in flight.

    :returns: (pictures, features) float32.
    :raises UserError: the bundle gives no scores.
    """
    if not bundle.gives_scores:
        raise UserError(f'{bundle.path}: {NO_SCORES}')
    rows = []
    with Segmenter(bundle) as segmenter:
        for picture in pictures:
            rows.append(segmenter.segment(picture, 'rgb').look())
            advance()
    return np.array(rows)


def record(bundle: Bundle, learnt: Mapping[str, Shown], aside: Mapping[str, Shown],
           before: Optional[Views] = None, advance: Callable[[], None] = lambda: None) -> Views:
    """
    Return what is to be recorded of the sets that a bundle was trained on.

    :param learnt: name of a set -> its pictures that were learnt from; ``aside``, likewise those
        that were not.
    :param before: what stays along with the new sets.
    """
    def of(sets: Mapping[str, Shown]) -> Dict[str, np.ndarray]:
        return {name: looks(bundle, (pictures[index][0] for index in evenly_spaced(
            range(len(pictures)), MOST)), advance=advance)
            for name, pictures in sets.items() if len(pictures)}

    return recorded(of(learnt), of(aside), before)


def section(views: Views) -> dict:
    """Return the entry of a manifest."""
    return {'views': views.as_fields()}


def add_views(source: Bundle, out: Path, views: Views) -> None:
    """
    Write a copy of a bundle with these views, whole or not at all; ``out`` may be the bundle.

    :raises UserError: ``out`` can't be written or holds something else than a bundle.
    """
    with changed_copy(source.path, out) as new:
        write_manifest(new, {**source.manifest, **section(views)})
        load_bundle(new)
