"""Checkpoints of a running training, written so that a kill at any moment leaves a whole one."""
from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Dict, Mapping, Protocol

import torch

from effvit_ros.core.errors import UserError


class Stateful(Protocol):
    """What a checkpoint holds a state of: modules, optimizers, a scaler."""

    def state_dict(self) -> Dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: Dict[str, Any]) -> Any:
        """Take a state on."""


def save_checkpoint(path: Path, parts: Mapping[str, Stateful], iteration: int) -> None:
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


def load_checkpoint(path: Path, parts: Mapping[str, Stateful]) -> int:
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
