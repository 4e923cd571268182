"""The page's server: HTTP and a WebSocket in a thread of its own; it only sends."""
from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import threading
from typing import Any, Awaitable, Callable, Dict, Optional, Set, Union

from aiohttp import web

from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory

#: Browsers at a time.
MOST_CLIENTS = 16
_FILES = {'/': ('view.html', 'text/html'),
          '/leaflet.js': ('leaflet/leaflet.js', 'text/javascript'),
          '/leaflet.css': ('leaflet/leaflet.css', 'text/css')}
_HEADERS = {'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff',
            'Referrer-Policy': 'no-referrer', 'X-Frame-Options': 'DENY',
            'Content-Security-Policy': "default-src 'none'; script-src 'self' 'unsafe-inline'; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'"}


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Client:
    """One browser: what is to be sent to it, the newest of each kind."""

    def __init__(self) -> None:
        """Start with nothing to send."""
        self.pending: Dict[str, Union[str, bytes]] = {}
        self.ready = asyncio.Event()
        self.gone = False


class PageServer:
    """
    Serves the page and passes on the newest of each kind of message.

    A browser that is slower than the messages misses some; nothing queues up.
    """

    def __init__(self, address: str, port: int, token: str) -> None:
        """
        Listen.

        :param token: '' asks for none.
        :raises UserError: the address or the port can't be used.
        """
        web_folder = share_directory() / 'resource' / 'web'
        self._files = {path: (web_folder / name).read_bytes()
                       for path, (name, _) in _FILES.items()}
        self._token, self._address = token, address
        self._clients: Set[Client] = set()
        self._latest: Dict[str, Union[str, bytes]] = {}
        self._loop = asyncio.new_event_loop()
        self._problem: Optional[str] = None
        self.port: Optional[int] = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(address, port, started),
                                        name='page', daemon=True)
        self._thread.start()
        started.wait()
        if self._problem is not None:
            raise UserError(f'the page cannot listen on {address}:{port}: {self._problem}')

    @property
    def watched(self) -> bool:
        """Return whether a browser is there."""
        return bool(self._clients)

    @property
    def url(self) -> str:
        """Return what to type into a browser."""
        host = f'[{self._address}]' if ':' in self._address else self._address
        return f'http://{host}:{self.port}/' + (f'?token={self._token}' if self._token else '')

    def tell(self, kind: str, content: Any, keep: bool = True) -> None:
        """
        Send to all browsers; from any thread.

        :param content: JSON's types, or bytes for a picture.
        :param keep: new browsers get it, too.
        """
        text = content if isinstance(content, bytes) else json.dumps({kind: content})
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, kind, text, keep)

    def close(self) -> None:
        """Stop listening and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)

    def _spread(self, kind: str, text: Union[str, bytes], keep: bool) -> None:
        if keep:
            self._latest[kind] = text
        for client in self._clients:
            client.pending[kind] = text
            client.ready.set()

    def _run(self, address: str, port: int, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application(middlewares=[self._guard])
        application.router.add_get('/socket', self._socket)
        for path in _FILES:
            application.router.add_get(path, self._file)
        runner = web.AppRunner(application, access_log=None, handle_signals=False,
                               shutdown_timeout=0.5)
        try:
            self._loop.run_until_complete(runner.setup())
            site = web.TCPSite(runner, address, port)
            self._loop.run_until_complete(site.start())
            self.port = runner.addresses[0][1]
        except OSError as error:
            self._problem = error.strerror or str(error)
        started.set()
        if self._problem is None:
            self._loop.run_forever()
        for client in self._clients:
            client.gone = True
            client.ready.set()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.host.rsplit(':', 1)[0].strip('[]')
        # Another site's page must not read this one through a name that it makes point here.
        if not self._token and not is_loopback(host):
            raise web.HTTPForbidden(text='this page is for this machine only\n')
        origin = request.headers.get('Origin')
        if origin is not None and origin.split('://')[-1] != request.host:
            raise web.HTTPForbidden(text='asked for by another site\n')
        given = request.query.get('token') or request.cookies.get('token') or ''
        if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
            raise web.HTTPForbidden(text='the token is missing or wrong: see the log\n')
        return await handler(request)

    async def _file(self, request: web.Request) -> web.Response:
        response = web.Response(body=self._files[request.path],
                                content_type=_FILES[request.path][1], charset='utf-8',
                                headers=_HEADERS)
        if self._token:
            response.set_cookie('token', self._token, httponly=True, samesite='Strict')
        return response

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if len(self._clients) >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text='too many browsers\n')
        socket = web.WebSocketResponse(heartbeat=30.0, max_msg_size=1024)
        await socket.prepare(request)
        client = Client()
        client.pending.update(self._latest)
        client.ready.set()
        self._clients.add(client)
        reader = asyncio.ensure_future(self._until_closed(socket, client))
        try:
            while not socket.closed and not client.gone:
                await client.ready.wait()
                client.ready.clear()
                while client.pending and not client.gone:
                    kind = next(iter(client.pending))
                    content = client.pending.pop(kind)
                    if isinstance(content, bytes):
                        await socket.send_bytes(content)
                    else:
                        await socket.send_str(content)
        except (ConnectionError, RuntimeError):
            pass  # the browser is gone
        finally:
            self._clients.discard(client)
            reader.cancel()
            await socket.close()
        return socket

    @staticmethod
    async def _until_closed(socket: web.WebSocketResponse, client: Client) -> None:
        async for _ in socket:
            pass  # nothing that a browser says matters
        client.gone = True
        client.ready.set()


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address is this machine's own."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
