"""What stored networks hold, for the keys of the stages that use them."""
from __future__ import annotations

from pathlib import Path
from typing import List

from effvit_compression.models.store import ARCHITECTURE, WEIGHTS
from effvit_ros.core.bundle import is_bundle, MANIFEST, sha256_of
from effvit_ros.core.errors import UserError


def content(model: Path) -> List[str]:
    """Return the hashes of a stored network's files; :raises UserError: one is missing."""
    names = (MANIFEST,) if is_bundle(model) else (ARCHITECTURE, WEIGHTS)
    try:
        if model.is_file():
            return [sha256_of(model)]
        return [sha256_of(model / name) for name in names]
    except OSError as error:
        raise UserError(f'stored model {error.filename}: {error.strerror}') from error
