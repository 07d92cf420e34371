"""How a port is listened on: taken early, served late, and kept free for those who speak.

Rules:
- The port is taken before anything else is opened, and answers only once somebody serves on it.
- A connection without a whole request is worth nothing: it is closed after `IDLE_S`, and when `connections_max` are open the
  oldest such one makes room. Slow clients cannot keep others out.
- What is no HTTP is neither quoted nor logged: it may hold a secret.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware
from aiohttp.web_protocol import RequestHandler
from loguru import logger

from tradebot.errors import ConfigError

IDLE_S = 10.0  # for a whole header, and between two requests of one connection
STOP_S = 3.0  # what is being answered when the end comes has this long: TradingView waits no longer
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class TakenPort:
    """Nobody else gets it; nothing answers on it before `listen`. `section`: of the configuration, for what is said of it."""

    section: str
    host: str
    port: int  # the real one
    sockets: Sequence[socket.socket]  # one an address of the host

    @property
    def address(self) -> str:
        """The first that it listens at."""
        return str(self.sockets[0].getsockname()[0])


@contextmanager
def take_port(section: str, host: str, port: int) -> Iterator[TakenPort]:
    """The port that this section of the configuration names, 0 for any free one, until the block ends. Raises ConfigError when
    it cannot be had."""
    with ExitStack() as stack:
        with _not_to_be_had(section, host, port):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [_bound(stack, family, address) for family, *_, address in dict.fromkeys(found)]
        yield TakenPort(section, host, sockets[0].getsockname()[1], sockets)


def _bound(stack: ExitStack, family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    bound = stack.enter_context(socket.socket(family))
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last run's connections may still be closing
    if family is socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind(address)
    return bound


@contextmanager
def _not_to_be_had(section: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"[{section}] cannot listen on {host}:{port}: {error.strerror or error}. Choose another host or port."
        ) from error


@asynccontextmanager
async def listen(
    taken: TakenPort,
    register: Callable[[web.Application], object],
    *,
    middlewares: Sequence[Middleware],
    admitting: Sequence[Middleware] = (),
    body_bytes_max: int,
    connections_max: int,
) -> AsyncIterator[None]:
    """Serves what `register` adds, on a port that was taken, until the block ends: it waits for what is being answered.

    `admitting`: what stands before all others; a request that is still held there may be cut off to make room.
    """
    connections = _Connections(connections_max)
    app = web.Application(middlewares=[*admitting, connections.mark_busy, *middlewares], client_max_size=body_bytes_max)
    register(app)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_http_log(taken.section),
        keepalive_timeout=IDLE_S,
        lingering_time=1.0,
        shutdown_timeout=STOP_S,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        async with AsyncExitStack() as listening:
            for one in taken.sockets:
                # Another may have taken it too, and was quicker to listen.
                with _not_to_be_had(taken.section, taken.host, taken.port):
                    server = await asyncio.get_running_loop().create_server(lambda: connections.admit(runner), sock=one)
                listening.callback(server.close)
            yield
    finally:
        await runner.cleanup()


async def answers(address: str, port: int) -> bool:
    """Whether somebody who connects now is answered: a request for nothing, which counts towards no limit and is not logged.

    An address that the machine has lost (a VPN that is down) is no silence: it answers as soon as it is back.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(address, port, local_addr=(address, 0))
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/")
            finally:
                writer.close()
    except TimeoutError:
        return False
    except OSError as error:
        return error.errno == errno.EADDRNOTAVAIL


class _Connections:
    """The open connections: one is busy while one of its requests is being answered."""

    def __init__(self, connections_max: int) -> None:
        self._max = connections_max
        self._busy: set[asyncio.Protocol] = set()

    @property
    def mark_busy(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        @web.middleware
        async def mark_busy(
            request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self._busy.add(request.protocol)
            try:
                return await handler(request)
            finally:
                self._busy.discard(request.protocol)

        return mark_busy

    def admit(self, runner: web.AppRunner) -> asyncio.Protocol:
        server = runner.server
        if server is None:
            return _Closed()
        inside = [connection for connection in server.connections if connection.transport is not None]
        if len(inside) >= self._max:
            oldest = next((connection for connection in inside if connection not in self._busy), None)
            if oldest is None:
                return _Closed()
            oldest.force_close()
        return _Connection(server, loop=asyncio.get_running_loop(), **server._kwargs)


class _Connection(RequestHandler):
    """What is no HTTP is answered without a word of it: aiohttp would quote it, and it may hold the secret."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        told = message if exc is None else "This is no HTTP request that can be read."
        return super().handle_error(request, status, exc, told)


class _Closed(asyncio.Protocol):
    """A connection there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _HttpLog(logging.Handler):
    """aiohttp's own log: what a client sent wrongly is left out, for it may hold the secret; the rest is a defect of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | ConnectionError):  # a client that does not speak HTTP, or hung up
            logger.debug("not HTTP: {}", type(error).__name__)
        else:
            logger.opt(exception=error).log(record.levelname, "HTTP server: {}", record.getMessage())


def _http_log(section: str) -> logging.Logger:
    log = logging.Logger(f"tradebot.{section}", logging.INFO)
    log.addHandler(_HttpLog())
    return log
