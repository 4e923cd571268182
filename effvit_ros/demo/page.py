"""The page that shows the demo in a browser, where its library is installed."""
from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator, Optional, TYPE_CHECKING, Union

import cv2
import numpy as np

from effvit_ros.core.alerts import alert_rules, AlertMonitor, AUTO
from effvit_ros.core.jpeg import LINK_QUALITY
from effvit_ros.harness.processes import NodeProcess, running

if TYPE_CHECKING:
    from rich.console import Console

    from effvit_ros.core.bundle import Bundle
    from effvit_ros.ros.view.stream_page import StreamPage

#: The page's usual port; another one where it is taken.
PORT = 8088
#: Pictures a second that are shown without ROS; as ``view_node``'s ``max_rate``.
_RATE_HZ = 10.0
#: Seconds that the page may take to come up; the demo does not wait for it any longer.
PATIENCE_S = 20.0


@contextlib.contextmanager
def page(address: str, folder: Union[str, Path], console: Console) -> Iterator[None]:
    """Serve the nodes' page while inside; its address, or why there is none, is printed."""
    if not _can_be_served(console):
        yield
        return
    with running(lambda: NodeProcess(
            'view', 'effvit_ros.ros.view.main', {'address': address, 'port': _port(address)},
            folder, os.environ)) as (process,):
        console.print(_address(process), highlight=False)
        yield


@contextlib.contextmanager
def page_without_ros(address: str, bundle: Bundle,
                     console: Console) -> Iterator[Optional[LivePage]]:
    """Serve a page while inside; yields its :class:`LivePage`, or None where none can be."""
    if not _can_be_served(console):
        yield None
        return
    from effvit_ros.ros.view.stream_page import open_page, StreamPage
    server = open_page(address, _port(address))
    console.print(f'watch at {server.url}', highlight=False, soft_wrap=True)
    try:
        yield LivePage(StreamPage(server), bundle)
    finally:
        server.close()


class LivePage:
    """Shows on the page what the segmenter's process sends."""

    def __init__(self, page: StreamPage, bundle: Bundle) -> None:
        """Introduce the bundle's classes; the alerts are the default ones."""
        self._page, self._names = page, bundle.names
        self._alerts = AlertMonitor(alert_rules(AUTO, bundle.names, bundle.simulated),
                                    bundle.names)
        page.legend(dict(zip(bundle.names, bundle.palette.tolist())))

    def wants_picture(self) -> bool:
        """Return whether the next picture is to be shown."""
        return self._page.wants_picture(_RATE_HZ)

    def show(self, stamp_ns: int, overlay: np.ndarray, labels: np.ndarray) -> None:
        """Show a moment, its overlay BGR, with the classes in view and what is news of them."""
        areas = np.bincount(labels.ravel(), minlength=256)[:len(self._names)]
        shares = (areas / labels.size).tolist()
        self._page.picture(cv2.imencode(
            '.jpg', overlay, [cv2.IMWRITE_JPEG_QUALITY, LINK_QUALITY])[1].tobytes())
        self._page.areas(self._names, shares)
        if self._alerts.update(shares, stamp_ns):
            self._page.alerts(self._alerts.standing())

    def tell(self, line: str, runtime: str) -> None:
        """Say how the stream goes, as the console does."""
        self._page.health('segmenter', 0, line, [('runtime', runtime)])


def _can_be_served(console: Console) -> bool:
    if find_spec('aiohttp') is None:
        console.print("no page to watch: pip install 'effvit_ros[view]'", highlight=False)
        return False
    return True


def _address(process: NodeProcess) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.exit_code is None:
        found = re.search(r'watch at (\S+)', process.log.read_text(errors='replace'))
        if found:
            return f'watch at {found[1]}'
        time.sleep(0.05)
    return f'no page to watch: see {process.log}'


def _port(address: str) -> int:
    """Return the usual port, 0 (any) where it is taken."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((address, PORT))
        except OSError:
            return 0
    return PORT
