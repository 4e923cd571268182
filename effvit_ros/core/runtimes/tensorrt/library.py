"""The TensorRT libraries, imported when asked for, and what differs between their releases."""
from __future__ import annotations

import collections
import importlib
import re
from typing import Any, Tuple

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.graph import Graph
from effvit_ros.core.runtime import RuntimeUnavailable

#: Runtime name -> how to get its library.
HOW_TO_INSTALL = {
    'tensorrt': 'on a Jetson it comes with JetPack (sudo apt install python3-libnvinfer; a venv '
                'needs --system-site-packages), on a PC: pip install tensorrt',
    'tensorrt_rtx': 'on an x86_64 PC with an RTX card: pip install tensorrt-rtx-cu13; '
                    'a Jetson has tensorrt instead',
}


class Library:
    """
    One TensorRT library with a logger that keeps its errors.

    ``name`` is the runtime's (``tensorrt`` or ``tensorrt_rtx``), ``version`` its text,
    ``module`` the imported package.
    """

    def __init__(self, name: str) -> None:
        """
        Import the library.

        :raises RuntimeUnavailable: it is not installed.
        """
        try:
            self.module = importlib.import_module(name)
        except (ImportError, OSError) as error:  # OSError: its shared libraries are missing
            raise RuntimeUnavailable(
                f'{name} is not installed ({error}): {HOW_TO_INSTALL[name]}') from None
        self.name = name
        self.version = self.module.__version__
        self.logger = _make_logger(self.module)

    @property
    def release(self) -> Tuple[int, ...]:
        """Return the version as a tuple of numbers, (major, minor)."""
        return tuple(int(n) for n in re.findall(r'\d+', self.version)[:2])

    @property
    def for_rtx(self) -> bool:
        """Return whether this is TensorRT for RTX, whose engines fit every GPU of a kind."""
        return self.name == 'tensorrt_rtx'

    @property
    def strongly_typed(self) -> bool:
        """Return whether precisions are the graph's own, so that FP16 must be in the graph."""
        return self.for_rtx or self.release >= (10, 0)

    def graph(self, bundle: Bundle) -> Graph:
        """
        Return the bundle's graph that this release builds from.

        That is the FP16 graph; before 8.6, which brought the parser for LayerNormalization, the
        FP32 graph of opset 13, which has no 8-bit input and output.

        :raises BundleError: when the bundle lacks it.
        """
        if self.for_rtx or self.release >= (8, 6):  # RTX counts its releases from 1
            return bundle.graph('fp16')
        return bundle.graph('fp32', 'float32')

    def last_error(self) -> str:
        """Return the library's first line of trouble since the last call, or ''."""
        errors = self.logger.errors
        text = errors[0] if errors else ''
        errors.clear()
        return ' '.join(text.split())


def _make_logger(module: Any) -> Any:
    class KeepErrors(module.ILogger):
        """Keeps errors for the message to the user; the rest is dropped."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.errors = collections.deque(maxlen=20)

        def log(self, severity: Any, text: str) -> None:
            """Take one message of the library."""
            if int(severity) <= int(module.ILogger.ERROR):
                self.errors.append(text)

    return KeepErrors()
