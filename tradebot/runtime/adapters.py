"""Opens what is outside, in an order in which a start that fails leaves nothing behind; and reads the settings into values.

Rules:
- The ports come first: only then is a file made, and only at the very end is IB connected to.
- Another instance on the same database is likely to have them: that it runs is then the better thing to say, and with
  `--wait` they are taken when it has ended.
- A database that is not up yet is waited for: it often starts at the same time.
- What the books hold of a strategy that the file does not name would be looked after by nobody: that ends the start.
- Everything opened is closed in the reverse order, by the stack that it is put on.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from loguru import logger

from tradebot import __version__
from tradebot.broker import BrokerOptions, open_broker
from tradebot.config import GATEWAY_SOCKET, GATEWAY_STATE, Settings, api_key, webhook_secret
from tradebot.config.shown import shown
from tradebot.database import is_new, migrate, open_instance_lock, open_ledger
from tradebot.domain.restart_window import NO_RESTART, RestartWindow
from tradebot.errors import ConfigError, LedgerUnavailable, LockHeld, MigrationError
from tradebot.listener import TakenPort, take_port
from tradebot.ports import InstanceLock
from tradebot.queries.left_behind import left_behind
from tradebot.queues import open_queue
from tradebot.runtime import log, systemd
from tradebot.runtime.build import Options, Outside
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.dead_mans_switch import ping
from tradebot.runtime.newest_lines import NewestLines
from tradebot.runtime.pulse import Pulse
from tradebot.webhook import WebhookOptions
from tradebot.words.strategies import not_in_the_file

T = TypeVar("T")
DATABASE_RETRY_S = 2.0
PATIENCE_S = 60.0
"""While a start waits for what may come later, it asks systemd for this much more, again and again."""
STANDING_BY_S = 15.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Those that are taken. `web`: None where it is off."""

    webhook: TakenPort
    web: TakenPort | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open: the adapters, and the ports with who may call the webhook's."""

    outside: Outside
    ports: Ports
    webhook: WebhookOptions
    broker_at: str  # host:port


async def open_outside(settings: Settings, opened: AsyncExitStack, *, wait: bool) -> Opened:
    """Everything that is outside, put on the stack. `wait`: for another instance to end.

    Raises ConfigError, MigrationError, LockHeld and GatewayError.
    """
    ports = await _ports(settings, opened, wait=wait)
    secret = webhook_secret(settings)
    signing = [api_key()] if settings.web.on else []
    log.setup(settings.log, [*settings.secrets(), secret, *signing])
    url = settings.database.url.get_secret_value()
    lock = await _lock(url, opened, wait=wait)
    ports = ports or opened.enter_context(_take_ports(settings))
    ledger = await once_reachable(lambda: opened.enter_async_context(open_ledger(url)))
    left = await once_reachable(lambda: left_behind(ledger, settings.strategies()))
    if left:
        raise ConfigError(not_in_the_file(left))
    queue = await opened.enter_async_context(open_queue(settings.queue.url.get_secret_value()))
    clock = SystemClock()
    pulse = Pulse(clock)
    broker_options = await _broker_options(settings, opened)
    broker = await opened.enter_async_context(open_broker(broker_options, pulse))
    return Opened(
        outside=Outside(ledger, lock, queue, broker, clock, secrets.token_hex, pulse),
        ports=ports,
        webhook=_webhook_options(settings, secret),
        broker_at=f"{broker_options.host}:{broker_options.port}",
    )


async def _ports(settings: Settings, opened: AsyncExitStack, *, wait: bool) -> Ports | None:
    """None: the instance that is waited for still has them."""
    try:
        return opened.enter_context(_take_ports(settings))
    except ConfigError:
        url = settings.database.url.get_secret_value()
        if is_new(url):
            raise
        if wait:
            return None
        with suppress(LedgerUnavailable, MigrationError):
            async with open_instance_lock(url):  # raises LockHeld where it is another instance that has it
                pass
        raise


@contextmanager
def _take_ports(settings: Settings) -> Iterator[Ports]:
    webhook, second = settings.webhook, settings.web
    with ExitStack() as stack:
        alerts = stack.enter_context(take_port("webhook", webhook.host, webhook.port))
        web = stack.enter_context(take_port("web", second.host, second.port)) if second.on else None
        yield Ports(alerts, web)


async def _lock(url: str, opened: AsyncExitStack, *, wait: bool) -> InstanceLock:
    """Held before the tables are brought up to this version: another instance may be working on them."""

    async def bring_up() -> None:
        for name in await migrate.up(url):
            logger.info("database: migration {} applied", name)

    async def take(*, waiting: bool) -> InstanceLock:
        return await opened.enter_async_context(open_instance_lock(url, wait=waiting, prepare=bring_up))

    try:
        return await once_reachable(lambda: take(waiting=False))
    except LockHeld as held:
        if not wait:
            raise
        error = held
        logger.info("waiting until the other instance ends: {}", error)
    async with _standing_by(f"Waiting until the other instance ends: {error}"):
        return await once_reachable(lambda: take(waiting=True))


@asynccontextmanager
async def _standing_by(what: str) -> AsyncIterator[None]:
    """Who waits for the other instance is ready to take over: a start or an update is done then, and no watchdog ends it."""

    async def tell() -> None:
        while True:
            systemd.status(what, "READY=1\nWATCHDOG=1")
            await asyncio.sleep(min(systemd.watchdog_interval_s() or STANDING_BY_S, STANDING_BY_S))

    telling = asyncio.create_task(tell(), name="standing by")
    try:
        yield
    finally:
        telling.cancel()


async def once_reachable(attempt: Callable[[], Awaitable[T]]) -> T:
    """The first answer of a database that may not be up yet."""
    reported = False
    while True:
        try:
            return await attempt()
        except LedgerUnavailable as error:
            if not reported:
                logger.error("waiting for the database: {}", error)
            reported = True
            patience = f"{systemd.patience(PATIENCE_S)}\nWATCHDOG=1"  # who has stood by is watched already
            systemd.status(f"Waiting for the database, no alert is taken yet: {error}", patience)
            await asyncio.sleep(DATABASE_RETRY_S)


# --- settings as values ---------------------------------------------------------------------------------------------


def options(settings: Settings) -> Options:
    """What the bot is built from."""
    trading, url = settings.trading, settings.schedule.heartbeat_url
    return Options(
        hours=trading.open_hours(),
        defaults=trading.defaults.limits(),
        fixed_limits=trading.fixed_limits(),
        fractional=trading.fractional,
        orders_per_second=trading.orders_per_second,
        order_timeout_s=trading.order_timeout_s,
        pending_max_age=timedelta(hours=trading.pending_max_age_h),
        restart=_restart(settings),
        crons=settings.schedule.crons(),
        thresholds=settings.thresholds.limits(),
        keep=settings.database.keep(),
        simulated=settings.simulated_parts(),
        strategies=settings.strategies(),
        version=__version__,
        allow_buy=settings.telegram.allow_buy,
        log=NewestLines(Path(settings.log.dir)),
        configured=shown(settings),
        heartbeat=partial(ping, url.get_secret_value()) if url else None,
    )


def _restart(settings: Settings) -> RestartWindow:
    return NO_RESTART if settings.broker.mode == "simulated" else RestartWindow(*settings.broker.restart_window)


async def _broker_options(settings: Settings, opened: AsyncExitStack) -> BrokerOptions:
    broker = settings.broker
    host, port = broker.host, broker.port
    if broker.mode == "simulated":
        from tradebot.simgateway import GatewaySettings, open_gateway  # noqa: PLC0415 - loaded where it is simulated only

        simulated = GatewaySettings(port=0, state=GATEWAY_STATE, control_socket=GATEWAY_SOCKET)
        gateway = await opened.enter_async_context(open_gateway(simulated))
        host, port = "127.0.0.1", gateway.port
    return BrokerOptions(
        host=host,
        port=port,
        client_id=broker.client_id,
        account=broker.account,
        allow_live=broker.allow_live,
        connect_attempts=broker.connect_attempts,
        restart=_restart(settings),
    )


def _webhook_options(settings: Settings, secret: str) -> WebhookOptions:
    webhook = settings.webhook
    previous = webhook.previous_secret
    return WebhookOptions(
        secret=secret,
        previous_secret=previous.get_secret_value() if previous else None,
        allowed_ips=tuple(map(str, webhook.allowed_ips)),
        trusted_proxies=tuple(map(str, webhook.trusted_proxies)),
        accepted_secrets=settings.accepted_secrets(secret),
    )
