"""Builds the daemon and runs it: config → adapters → services → edges. The only place that knows which adapter is in use.

Rules: HTTP stops first, then what is being decided is finished, then everything closes in the reverse of its opening. A task
that dies takes the process down; the service manager starts it again, and recovery finds out what was going on.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from loguru import logger

from tradebot import __version__
from tradebot.broker import BrokerOptions, IbBroker, open_broker
from tradebot.config import GATEWAY_STATE, Settings, webhook_secret
from tradebot.database import migrate, open_instance_lock, open_ledger
from tradebot.domain.events import Facts, NewEvent
from tradebot.domain.facts.daemon import Started, Stopped
from tradebot.domain.job_plan import plans
from tradebot.domain.restart_window import NO_RESTART, RestartWindow
from tradebot.errors import LedgerUnavailable, LockHeld, LockLost
from tradebot.notify.log_channel import log_events
from tradebot.operations.limits import store_configured
from tradebot.operations.operations import Operations
from tradebot.ports import InstanceLock, Ledger, Queue
from tradebot.queries.daemon import DaemonQueries, RunSettings
from tradebot.queues import open_queue
from tradebot.runtime import systemd
from tradebot.runtime.dead_mans_switch import ping
from tradebot.runtime.jobs.jobs import Jobs
from tradebot.runtime.scheduler import Scheduler
from tradebot.simgateway import GatewaySettings, open_gateway
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.gate import Gate
from tradebot.trading.in_doubt import InDoubtOrders
from tradebot.trading.intake import Intake
from tradebot.trading.recovery import Recovery
from tradebot.trading.requeue import Requeue
from tradebot.trading.switch import TradingSwitch
from tradebot.trading.worker import Worker, WorkerOptions
from tradebot.webhook import Webhook, WebhookOptions, open_webhook
from tradebot.words import events as words
from tradebot.words.refusals import refusal

if TYPE_CHECKING:
    from tradebot.telegram import TelegramOptions

T = TypeVar("T")
DATABASE_RETRY_S = 2.0
LAST_WORDS_S = 8.0
JOBS_WAIT_S = 30.0  # for IB, at the start


def utc_now() -> datetime:
    return datetime.now(UTC)


async def run(settings: Settings, ready: Callable[[Webhook], None], *, wait: bool = False) -> None:
    """Runs until SIGTERM or SIGINT. `ready` is called once alerts are taken. `wait`: for another instance to end.

    Raises ConfigError, MigrationError, LockHeld, LockLost and GatewayError; anything else is a defect.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as house:
        with _stopping_means_giving_up() as given_up:
            adapters = await _open_adapters(settings, house, wait=wait)
            daemon = _build(settings, adapters)
            await _once_reachable(lambda: _store_limits(adapters.ledger, settings))
            await _once_reachable(daemon.switch.refresh)  # a stored kill is in force, and shown, from the first moment
        if given_up.is_set():
            logger.info("stopped before it was ready: no alert was taken, no order sent")
            return
        _on_signal(stop.set)
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(work, name=name) for name, work in daemon.background()]
            worker = group.create_task(daemon.worker.run(), name="worker")
            async with open_webhook(_webhook_options(settings), daemon.intake, daemon.queries.health) as webhook:
                await _add_event(adapters.ledger, Started(*_where(settings, adapters.broker)))
                ready(webhook)
                systemd.notify("READY=1")
                said = asyncio.Event()
                telling = group.create_task(_tell_people(settings, daemon, said), name="events told")
                await stop.wait()
                logger.info("stopping: no more alerts are taken")
                systemd.notify("STOPPING=1")
            await _end([worker])
            await _end(background)
            await _add_event(adapters.ledger, Stopped(*_where(settings, adapters.broker)))
            said.set()
            await asyncio.wait([telling], timeout=LAST_WORDS_S)
            await _end([telling])
    logger.info("stopped")


def _on_signal(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


@contextmanager
def _stopping_means_giving_up() -> Iterator[asyncio.Event]:
    """While the house is opened, a database or another instance may be waited for without end: a signal ends the wait."""
    given_up, task = asyncio.Event(), asyncio.current_task()
    assert task is not None

    def give_up() -> None:
        if not given_up.is_set():
            given_up.set()
            task.cancel()

    _on_signal(give_up)
    try:
        yield given_up
    except asyncio.CancelledError:
        if not given_up.is_set():
            raise
        task.uncancel()


# --- adapters -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adapters:
    ledger: Ledger
    lock: InstanceLock
    queue: Queue
    broker: IbBroker


async def _open_adapters(settings: Settings, house: AsyncExitStack, *, wait: bool) -> Adapters:
    url = settings.database.url.get_secret_value()
    for name in await _once_reachable(lambda: migrate.up(url)):
        logger.info("database: migration {} applied", name)
    lock = await _lock(url, house, wait=wait)
    ledger = await _once_reachable(lambda: house.enter_async_context(open_ledger(url)))
    return Adapters(
        ledger=ledger,
        lock=lock,
        queue=await house.enter_async_context(open_queue(settings.queue.url.get_secret_value())),
        broker=await house.enter_async_context(open_broker(await _broker_options(settings, house))),
    )


async def _lock(url: str, house: AsyncExitStack, *, wait: bool) -> InstanceLock:
    try:
        return await _once_reachable(lambda: house.enter_async_context(open_instance_lock(url)))
    except LockHeld as error:
        if not wait:
            raise
        logger.info("waiting until the other instance ends: {}", error)
    return await _once_reachable(lambda: house.enter_async_context(open_instance_lock(url, wait=True)))


async def _once_reachable(attempt: Callable[[], Awaitable[T]]) -> T:
    """A database that is not up yet is waited for: it often starts at the same time."""
    told = False
    while True:
        try:
            return await attempt()
        except LedgerUnavailable as error:
            if not told:
                logger.error("waiting for the database: {}", error)
            told = True
            await asyncio.sleep(DATABASE_RETRY_S)


async def _store_limits(ledger: Ledger, settings: Settings) -> None:
    """The limits in force are rows of the database from the first start on; the file's until a person changes them."""
    for one in await store_configured(ledger, settings.trading.defaults.limits(), utc_now()):
        logger.info(
            "limit {} is {}, as {} set it; {} in the configuration is not in force",
            one.name,
            one.in_force,
            one.by,
            one.configured,
        )


async def _broker_options(settings: Settings, house: AsyncExitStack) -> BrokerOptions:
    broker = settings.broker
    host, port = broker.host, broker.port
    if broker.mode == "simulated":
        gateway = await house.enter_async_context(open_gateway(GatewaySettings(port=0, state=GATEWAY_STATE)))
        host, port = "127.0.0.1", gateway.port
    return BrokerOptions(
        host=host,
        port=port,
        client_id=broker.client_id,
        account=broker.account,
        allow_live=broker.allow_live,
        connect_attempts=broker.connect_attempts,
    )


def _webhook_options(settings: Settings) -> WebhookOptions:
    webhook = settings.webhook
    previous = webhook.previous_secret
    return WebhookOptions(
        host=str(webhook.host),
        port=webhook.port,
        secret=webhook_secret(settings),
        previous_secret=previous.get_secret_value() if previous else None,
        allowed_ips=tuple(map(str, webhook.allowed_ips)),
        trusted_proxies=tuple(map(str, webhook.trusted_proxies)),
    )


# --- services -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Daemon:
    adapters: Adapters
    gate: Gate
    switch: TradingSwitch
    booking: Booking
    recovery: Recovery
    worker: Worker
    requeue: Requeue
    intake: Intake
    queries: DaemonQueries
    scheduler: Scheduler

    def background(self) -> Iterable[tuple[str, Coroutine[None, None, None]]]:
        """Everything that runs beside the worker."""
        return (
            ("booking", self.booking.run()),
            *((name, run()) for name, run in self.recovery.loops().items()),
            ("control", self.switch.watch()),
            ("requeue", self.requeue.run()),
            ("scheduler", self._scheduled()),
            ("lock", _exit_when_lost(self.adapters.lock)),
            ("watchdog", _feed_watchdog()),
        )

    async def _scheduled(self) -> None:
        """A job that is due at the start would find neither cash nor positions before books and IB are compared."""
        with suppress(TimeoutError):
            async with asyncio.timeout(JOBS_WAIT_S):
                await self.gate.wait_open()
        await self.scheduler.run()


def _build(settings: Settings, adapters: Adapters) -> Daemon:
    ledger, queue, broker, lock = adapters.ledger, adapters.queue, adapters.broker, adapters.lock
    hours, gate, switch = settings.trading.open_hours(), Gate(), TradingSwitch(adapters.ledger, utc_now)
    booking = Booking(ledger, broker.events, utc_now)
    recovery = Recovery(
        ledger,
        broker,
        InDoubtOrders(ledger, broker, booking, utc_now),
        gate=gate,
        switch=switch,
        clock=utc_now,
        order_timeout_s=settings.trading.order_timeout_s,
        hours=hours,
        restart=_restart(settings),
    )
    options = WorkerOptions(
        fixed_limits=settings.trading.fixed_limits(),
        defaults=settings.trading.defaults.limits(),
        hours=hours,
        fractional=settings.trading.fractional,
        orders_per_second=settings.trading.orders_per_second,
        say=refusal,
    )
    worker = Worker(
        ledger, queue, broker, lock, gate=gate, switch=switch, booking=booking, clock=utc_now, options=options
    )
    # Recovery and worker book through booking, and hear of what it sees.
    booking.listeners = Listeners(
        connection=recovery.connection_changed,
        ended=worker.trade_ended,
        doubt=recovery.in_doubt,
        orphan=recovery.orphan_seen,
    )
    pending_max_age = timedelta(hours=settings.trading.pending_max_age_h)
    requeue = Requeue(ledger, queue, worker, hours, utc_now, pending_max_age=pending_max_age)
    run_settings = RunSettings(
        defaults=options.defaults,
        fixed_limits=options.fixed_limits,
        hours=hours,
        simulated=settings.simulated_parts(),
        started_at=utc_now(),
        version=__version__,
    )
    queries = DaemonQueries(ledger, queue, broker, lock, gate, switch, run_settings, utc_now)
    scheduler = _scheduler(settings, ledger, queries, requeue)
    intake = Intake(ledger, queue, utc_now)
    return Daemon(adapters, gate, switch, booking, recovery, worker, requeue, intake, queries, scheduler)


def _scheduler(settings: Settings, ledger: Ledger, queries: DaemonQueries, requeue: Requeue) -> Scheduler:
    url = settings.schedule.heartbeat_url
    heartbeat = partial(ping, url.get_secret_value()) if url else None
    jobs = Jobs(ledger, queries, requeue=requeue.run_once, restart=_restart(settings), heartbeat=heartbeat)
    work = jobs.by_name()
    due = plans(settings.schedule.crons(), queries.run.hours.calendar)
    return Scheduler(ledger, [(plan, work[plan.name]) for plan in due], utc_now)


def _restart(settings: Settings) -> RestartWindow:
    return NO_RESTART if settings.broker.mode == "simulated" else RestartWindow(*settings.broker.restart_window)


# --- events told ----------------------------------------------------------------------------------------------------


async def _tell_people(settings: Settings, daemon: Daemon, stop: asyncio.Event) -> None:
    """Events to Telegram, or to the log where none is configured. Telegram takes seconds to import: trading is ready by then."""
    if settings.telegram.bot_token is not None:
        try:
            return await _serve_telegram(settings, daemon, stop)
        except Exception:
            logger.exception("Telegram has failed and stays off until the next start; messages go to the log")
    await log_events(daemon.adapters.ledger, utc_now, stop)


async def _serve_telegram(settings: Settings, daemon: Daemon, stop: asyncio.Event) -> None:
    telegram, adapters, queries = settings.telegram, daemon.adapters, daemon.queries
    assert telegram.bot_token is not None, "only called with a token"
    assert telegram.chat_id is not None, "the configuration asks for it"
    ledger = adapters.ledger
    operations = Operations(
        ledger,
        adapters.queue,
        adapters.broker,
        daemon.switch,
        daemon.intake,
        daemon.booking,
        queries.run.defaults,
        utc_now,
    )
    serve, options = await asyncio.to_thread(_import_telegram)
    await serve(
        options(telegram.bot_token.get_secret_value(), telegram.chat_id, telegram.user_ids, telegram.api_url),
        operations,
        queries,
        stop,
    )


def _import_telegram() -> (
    "tuple[Callable[[TelegramOptions, Operations, DaemonQueries, asyncio.Event], Awaitable[None]], type[TelegramOptions]]"
):
    from tradebot.telegram import TelegramOptions, serve  # noqa: PLC0415 - seconds, and 125 MB: only where it is used

    return serve, TelegramOptions


async def _exit_when_lost(lock: InstanceLock) -> None:
    await lock.lost.wait()
    raise LockLost("This instance's lock on the database is gone: it sends nothing any more and exits.")


async def _feed_watchdog() -> None:
    """Proves to systemd that the event loop turns."""
    interval_s = systemd.watchdog_interval_s()
    while interval_s is not None:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _where(settings: Settings, broker: IbBroker) -> tuple[str, str | None, bool | None]:
    """Version, the gateway's address (None: the simulated one), and whether it is a paper account."""
    if settings.broker.mode == "simulated":
        return __version__, None, None
    return __version__, f"{settings.broker.host}:{settings.broker.port}", broker.connection.paper


async def _add_event(ledger: Ledger, facts: Facts) -> None:
    event = NewEvent(facts, utc_now())
    try:
        async with ledger.begin() as books:
            await books.add_event(event)
    except LedgerUnavailable as error:
        logger.error("{} (not stored: {})", words.text(event), error)
