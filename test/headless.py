"""A headless Chromium that is asked by its own protocol what a page shows."""
from __future__ import annotations

import asyncio
import base64
import subprocess
import time

import aiohttp


class Browser:
    """One page in one browser process."""

    def __init__(self, chromium, profile, url, size=(1280, 800)):
        """Start and go to ``url``; ``profile`` is a new folder."""
        self._process = subprocess.Popen(
            [chromium, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
             '--no-first-run', '--disable-background-networking', '--disable-sync',
             '--disable-component-update', '--remote-debugging-port=0',
             f'--user-data-dir={profile}', f'--window-size={size[0]},{size[1]}', url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file, deadline = profile / 'DevToolsActivePort', time.monotonic() + 60
        while not port_file.exists() or not port_file.read_text().strip():
            assert time.monotonic() < deadline, 'the browser does not start'
            time.sleep(0.1)
        self._list = f'http://127.0.0.1:{port_file.read_text().split()[0]}/json/list'

    def evaluate(self, script):
        """Return the value of a JavaScript expression in the page."""
        return self._ask('Runtime.evaluate', expression=script)['result'].get('value')

    def shows(self, *words):
        """Return the page's text where it holds all of the words, else ''."""
        text = self.evaluate('document.body ? document.body.innerText : ""') or ''
        return text if all(word in text for word in words) else ''

    def picture(self):
        """Return the page as a PNG."""
        return base64.b64decode(self._ask('Page.captureScreenshot')['data'])

    def close(self):
        """End the browser."""
        self._process.terminate()
        self._process.wait(60)

    def _ask(self, method, **parameters):
        async def ask():
            async with aiohttp.ClientSession() as session:
                async with session.get(self._list) as answer:
                    pages = [p for p in await answer.json() if p['type'] == 'page']
                async with session.ws_connect(pages[0]['webSocketDebuggerUrl'],
                                              max_msg_size=1 << 26) as ws:
                    await ws.send_json({'id': 1, 'method': method, 'params': parameters})
                    while True:
                        answer = await ws.receive_json(timeout=60)
                        if answer.get('id') == 1:
                            return answer['result']
        return asyncio.run(ask())
