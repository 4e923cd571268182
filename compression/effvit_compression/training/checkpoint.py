"""Checkpoints of a running training, written so that a kill at any moment leaves a whole one."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import torch

from effvit_ros.core.errors import UserError


def save_checkpoint(path: Path, parts: Dict[str, Any], iteration: int) -> None:
    """
    Write the parts' states and the number of finished iterations, whole or not at all.

    :raises UserError: the place can't be written, or the disk is full.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    temporary = path.with_suffix('.tmp')
    try:
        with open(temporary, 'wb') as file:
            torch.save({'iteration': iteration, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
        temporary.unlink(missing_ok=True)
        raise UserError(f'{path}: not written: {" ".join(str(error).split())[:160]}') from error


def load_checkpoint(path: Path, parts: Dict[str, Any]) -> int:
    """Restore the parts in place; returns the number of finished iterations, 0 without a file."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location='cpu', weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state['iteration']
