"""
A teacher's answers kept on disk: the second training on the same crops need not ask again.

Crops are random, but a function of seed, rank and iteration: trainings with the same data
section and seed (rows of an ablation, a fine-tuning after a distillation) see the very same ones.
"""
from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import safetensors
import torch
from safetensors.torch import load_file, save

from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.frozen import Frozen

SCORES = 'scores'
#: Writes between two looks at what other processes have added.
RECOUNT = 100


def fingerprint(net: SegmentationNet) -> str:
    """Hash of a network's architecture and weights, 16 hexadecimal digits."""
    digest = hashlib.sha256(net.architecture.model_dump_json().encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class CachedTeacher:
    """
    ``Frozen.features`` from ``<folder>/<network>/<crops>.safetensors``, computed where missing.

    Entries are named by the hashes of the teacher and of the crops, so that a wrong one is never
    found. Answers are rounded to float16 whether they were stored or not: a training ends with
    the same weights either way. A damaged entry is computed again. Several processes may share
    the folder, and it may be deleted at any time.

    A full cache keeps its first entries, because trainings ask in the same order again: replacing
    the oldest would lose each entry just before it is wanted.

    :param make: builds the teacher; called when the first answer is missing.
    :param network: ``fingerprint`` of the teacher.
    :param levels: encoder maps that are wanted; the others are None.
    :param limit: bytes that ``folder`` may hold, all teachers together.
    :param warn: told once, in one line, when entries can no longer be written.
    """

    def __init__(self, make: Callable[[], Frozen], network: str, folder: Path,
                 levels: Sequence[int], limit: float, warn: Callable[[str], None]):
        self._make = make
        self._root = Path(folder)
        self._folder = self._root / network
        self._names = {k: f'map{k}' for k in levels}
        self._limit = limit
        self._warn = warn
        self._writable = True
        self._writes = self._bytes = 0

    @cached_property
    def _teacher(self) -> Frozen:
        return self._make()

    @torch.no_grad()
    def features(self, image: torch.Tensor) -> Tuple[List[Optional[torch.Tensor]], torch.Tensor]:
        """Return the wanted maps by level, None between them, and the scores, all float32."""
        path = self._folder / (self._key(image) + '.safetensors')
        wanted = {SCORES, *self._names.values()}
        answer = self._read(path, len(image))
        if not wanted <= set(answer):
            answer = {**answer, **self._ask(image)}
            self._write(path, answer)
        answer = {name: answer[name].to(image.device, torch.float32) for name in wanted}
        highest = max(self._names, default=-1)
        return [answer.get(f'map{level}') for level in range(highest + 1)], answer[SCORES]

    @staticmethod
    def _key(image: torch.Tensor) -> str:
        pixels = image.detach().cpu().contiguous(memory_format=torch.channels_last)
        digest = hashlib.sha256(str((tuple(image.shape), image.dtype)).encode())
        digest.update(pixels.permute(0, 2, 3, 1).numpy().data)
        return digest.hexdigest()[:32]

    def _ask(self, image: torch.Tensor) -> Dict[str, torch.Tensor]:
        maps, scores = self._teacher.features(image)
        answer = {SCORES: scores, **{name: maps[k] for k, name in self._names.items()}}
        limit = torch.finfo(torch.float16).max
        return {name: tensor.clamp(-limit, limit).half().cpu().contiguous()
                for name, tensor in answer.items()}

    @staticmethod
    def _read(path: Path, count: int) -> Dict[str, torch.Tensor]:
        try:
            answer = load_file(path)
        except (OSError, safetensors.SafetensorError):
            return {}
        whole = all(t.dtype == torch.float16 and len(t) == count for t in answer.values())
        return answer if whole else {}

    def _write(self, path: Path, answer: Dict[str, torch.Tensor]) -> None:
        if not self._writable:
            return
        if self._writes % RECOUNT == 0:
            self._bytes = size_of(self._root)
        content = save(answer)
        if self._bytes + len(content) > self._limit:
            self._stop(f'full ({self._bytes / 1e9:.1f} GB: teacher.cache_gb)')
            return
        temporary = path.with_suffix(f'.{os.getpid()}.tmp')
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            os.replace(temporary, path)
        except OSError as error:
            self._stop(error.strerror or str(error))
            try:
                temporary.unlink(missing_ok=True)
            except OSError:
                pass
            return
        self._writes += 1
        self._bytes += len(content)

    def _stop(self, reason: str) -> None:
        self._writable = False
        self._warn(f'teacher cache {self._root}: {reason}; it goes on without storing more')


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, 0 without one; files may come and go meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total
