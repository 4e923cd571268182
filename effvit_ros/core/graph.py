"""One ONNX graph of a bundle: bytes that are read once, hashed, and run."""
from __future__ import annotations

import errno
import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from effvit_ros.core.errors import UserError

#: The key ``location`` of an ONNX tensor's ``external_data``, as protobuf writes it.
_EXTERNAL_WEIGHTS = b'\x0a\x08location'


class BundleError(UserError):
    """A bundle that can't be used: one line that names the file, the value and the fix."""


@dataclass(frozen=True)
class Graph:
    """
    One ONNX graph of a bundle.

    ``io`` is the type of ``image`` [1,H,W,3], of 0..255: ``uint8``, or ``float32`` for runtimes
    without 8-bit inputs. Out come ``scores`` float32 [1,classes,h,w] on the network's own grid;
    in formats 1 and 2 ``labels`` [1,H,W], uint8 or, behind a float input, int32. Normalisation
    is inside.

    ``weights`` is a file of tensors that several graphs of the bundle have in common: an ONNX
    model that holds nothing else. Protobuf merges messages that stand one behind the other, so
    ``weights`` followed by ``path`` is the whole graph, and ``sha256`` is of both.
    """

    path: Path
    sha256: str
    precision: str
    io: str
    opset: int
    weights: Optional[Path] = None

    @property
    def files(self) -> Tuple[Path, ...]:
        """Return the files that make the graph, in the order in which they are read."""
        return (self.path,) if self.weights is None else (self.weights, self.path)

    def read(self) -> bytes:
        """
        Return the graph as it is hashed: a runtime that loads these bytes runs no others.

        :raises BundleError: a file is missing, they differ from the manifest's sha256, or they
            keep weights in yet another file, which no hash covers.
        """
        data = b''.join(_content(file) for file in self.files)
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            names = ' with '.join(str(file) for file in reversed(self.files))
            raise BundleError(
                f'{names}: sha256 is {found[:12]}..., the manifest says '
                f'{self.sha256[:12]}...: the file is damaged or not of this bundle; '
                'copy the bundle again')
        if _EXTERNAL_WEIGHTS in data:
            raise BundleError(f'{self.path}: keeps weights in another file: export it in one file')
        return data


def _content(file: Path) -> bytes:
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be read for ever
            raise OSError(errno.EINVAL, 'not a regular file')
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f'{file}: {error.strerror}: copy the whole bundle') from None
