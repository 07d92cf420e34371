"""The HTTP server: see `routes` for what is answered, `access` for who may ask.

Rules:
- A connection without a whole request is worth nothing: it is closed after `IDLE_S`, and when `CONNECTIONS_MAX` are open the
  oldest such one makes room. Slow clients cannot keep an alert out.
- HTTP stops first: closing waits for requests under way, then for what is being stored.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from loguru import logger

from tradebot.errors import ConfigError
from tradebot.queries.health import Health
from tradebot.trading.intake import Intake
from tradebot.webhook.access import Addresses, Secrets
from tradebot.webhook.routes import BODY_BYTES_MAX, Routes, always_json

__all__ = ["Webhook", "WebhookOptions", "open_webhook"]

CONNECTIONS_MAX = 512
IDLE_S = 10.0  # for a whole header, and between two requests of one connection
STOP_S = 3.0  # TradingView waits no longer for an answer


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """`allowed_ips` and `trusted_proxies` are addresses or networks; no `allowed_ips` means TradingView's own."""

    host: str
    port: int  # 0: any free one
    secret: str = field(repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    allowed_ips: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    host: str
    port: int  # the real one


@asynccontextmanager
async def open_webhook(
    options: WebhookOptions, intake: Intake, health: Callable[[], Awaitable[Health]]
) -> AsyncIterator[Webhook]:
    """Serves until the block ends. Raises ConfigError when an option is wrong or the port cannot be had."""
    routes = Routes(
        Addresses(options.allowed_ips, options.trusted_proxies),
        Secrets(options.secret, options.previous_secret),
        intake,
        health,
    )
    crowd = _Crowd()
    app = web.Application(middlewares=[crowd.mark_busy, always_json], client_max_size=BODY_BYTES_MAX)
    app.add_routes(routes.table())
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_http_log(),
        keepalive_timeout=IDLE_S,
        lingering_time=1.0,
        shutdown_timeout=STOP_S,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        server = await _listen(options, lambda: crowd.admit(runner))
        try:
            port = server.sockets[0].getsockname()[1]
            logger.info("webhook listens on http://{}:{}/webhook", options.host, port)
            yield Webhook(options.host, port)
        finally:
            server.close()
    finally:
        await runner.cleanup()
        await intake.finish()


async def _listen(options: WebhookOptions, factory: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(factory, options.host, options.port)
    except OSError as error:
        raise ConfigError(
            f"[webhook] cannot listen on {options.host}:{options.port}: {error.strerror or error}. Choose another host or port."
        ) from error


class _Crowd:
    """Who is in the house: a connection is busy while one of its requests is being answered."""

    def __init__(self) -> None:
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
        house = runner.server
        if house is None:
            return _Closed()
        inside = [connection for connection in house.connections if connection.transport is not None]
        if len(inside) >= CONNECTIONS_MAX:
            oldest = next((connection for connection in inside if connection not in self._busy), None)
            if oldest is None:
                return _Closed()
            oldest.force_close()
        return house()


class _Closed(asyncio.Protocol):
    """A connection there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _HttpLog(logging.Handler):
    """aiohttp's own log: what a client sent wrongly is his affair, and its text may hold the secret; the rest is ours."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            logger.debug("not HTTP: {}", type(error).__name__)
        else:
            logger.opt(exception=error).log(record.levelname, "HTTP server: {}", record.getMessage())


def _http_log() -> logging.Logger:
    log = logging.Logger("tradebot.webhook", logging.INFO)
    log.addHandler(_HttpLog())
    return log
