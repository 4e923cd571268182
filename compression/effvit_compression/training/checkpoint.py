"""Checkpoints of a running training, written so that a kill at any moment leaves a whole one."""
from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
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
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        # torch turns a failed write into a RuntimeError about its own state
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        raise UserError(f'{path}: not written: {" ".join(str(cause).split())[:160]}') from error


def load_checkpoint(path: Path, parts: Dict[str, Any]) -> int:
    """
    Restore the parts in place; returns the number of finished iterations, 0 without a file.

    :raises UserError: the file is damaged.
    """
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return state['iteration']
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, UnpicklingError) as error:
        raise UserError(f'{path}: damaged: remove it, and the training starts again') from error
