"""The page that shows the demo in a browser, where its library is installed."""
from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from importlib.util import find_spec

from effvit_ros.harness.processes import NodeProcess, running

#: The page's usual port; another one where it is taken.
PORT = 8088
#: Seconds that the page may take to come up; the demo does not wait for it any longer.
PATIENCE_S = 20.0


@contextlib.contextmanager
def page(folder, console):
    """Serve the page while inside; its address, or why there is none, is printed."""
    if find_spec('aiohttp') is None:
        console.print("no page to watch: pip install 'effvit_ros[view]'", highlight=False)
        yield
        return
    with running(lambda: NodeProcess(
            'view', 'effvit_ros.ros.view.main', {'port': PORT if _free(PORT) else 0}, folder,
            os.environ)) as (process,):
        console.print(_address(process), highlight=False)
        yield


def _address(process):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.exit_code is None:
        found = re.search(r'watch at (\S+)', process.log.read_text(errors='replace'))
        if found:
            return f'watch at {found[1]}'
        time.sleep(0.05)
    return f'no page to watch: see {process.log}'


def _free(port):
    with socket.socket() as probe:
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True
