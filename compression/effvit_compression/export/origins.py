"""Whose pictures are behind a network: its own, and those of the bundles that it came from."""
from __future__ import annotations

from pathlib import Path
from typing import Iterable, List, NamedTuple

from effvit_compression.data.description import DatasetDescription
from effvit_ros.core.bundle import Bundle, is_bundle, load_bundle


class Origin(NamedTuple):
    """A dataset as a manifest names it; its terms follow the weights."""

    name: str
    licence: str
    terms: str
    source: str


def origins(descriptions: Iterable[DatasetDescription], models: Iterable[Path]) -> List[Origin]:
    """
    Datasets that were learnt from, each once: these, then those behind the bundles in ``models``.

    :raises UserError: a bundle is damaged.
    """
    found = [origin_of(description) for description in descriptions]
    for model in models:
        if is_bundle(model):
            found += inherited(load_bundle(model))
    return list({origin.name: origin for origin in reversed(found)}.values())[::-1]


def origin_of(description: DatasetDescription) -> Origin:
    """Return what a manifest says of a dataset."""
    return Origin(*(str(getattr(description, field) or '') for field in Origin._fields))


def inherited(bundle: Bundle) -> List[Origin]:
    """Return what a bundle says of its training data."""
    entries = (bundle.manifest.get('training') or {}).get('data') or []
    return [Origin(*(str(entry.get(field) or '') for field in Origin._fields))
            for entry in entries]
