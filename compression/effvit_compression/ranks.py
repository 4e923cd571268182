"""
What the processes of one run agree on: rank 0 alone writes, the others wait for its word.

With one process each function does what it says without asking anybody.
"""
from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Callable, Iterator, List, TypeVar

import torch
from torch import distributed

from effvit_ros.core.errors import UserError

T = TypeVar('T')

#: Whether rank 0 is inside ``on_rank_zero``, where the others take no part.
_alone = False


def together() -> bool:
    """Whether several processes are here to agree."""
    return distributed.is_available() and distributed.is_initialized() and not _alone


def is_first() -> bool:
    """Whether this is rank 0."""
    return not together() or distributed.get_rank() == 0


def on_rank_zero(work: Callable[[], T]) -> T:
    """
    Call on rank 0 alone and give every process what it returned; the others wait meanwhile.

    An error is raised on rank 0; the others leave with exit code 2 and without a word.
    """
    if not together():
        return work()
    answer: List[Any] = [None, False]
    if distributed.get_rank() == 0:
        try:
            answer = [_by_this_alone(work), True]
        finally:
            distributed.broadcast_object_list(answer, 0)
    else:
        distributed.broadcast_object_list(answer, 0)
    if not answer[1]:
        raise SystemExit(2)
    return answer[0]


def _by_this_alone(work: Callable[[], T]) -> T:
    global _alone
    _alone = True
    try:
        return work()
    finally:
        _alone = False


def check_same(value: object, complaint: str) -> None:
    """Compare; :raises UserError: ``complaint``, where the processes have different values."""
    if not together():
        return
    values = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    if any(other != value for other in values):
        refuse(f'{complaint} ({", ".join(map(str, values))} by rank)')


def refuse(complaint: str) -> None:
    """End every process for a mistake that all of them see; :raises UserError: on rank 0."""
    if is_first():
        raise UserError(complaint)
    raise SystemExit(2)


def check_shared(path: Path) -> None:
    """Look for what rank 0 wrote; :raises UserError: a process does not see it."""
    check_same(path.exists(), f'{path}: not seen by every machine: give --out a folder on a file '
                              'system that they share')


@torch.no_grad()
def broadcast_weights(module: torch.nn.Module) -> None:
    """Give every process the weights and buffers of rank 0, in place."""
    if together():
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


@contextlib.contextmanager
def rank_zero_reports() -> Iterator[None]:
    """Let rank 0 alone tell of a mistake that all make, before they can talk to each other."""
    try:
        yield
    except UserError:
        if int(os.environ.get('RANK', os.environ.get('LOCAL_RANK', 0))):
            raise SystemExit(2) from None
        raise
