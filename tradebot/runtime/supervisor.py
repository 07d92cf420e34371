"""Starts the bot, serves until a signal, and stops it: what runs, and in which order, as prose.

Rules: ports are taken first and IB is connected to last (`adapters`); alerts are taken once everything that handles them runs.
The webhook stops first, then what is being decided is finished, then the rest ends, then the last words are delivered, and all
that was opened closes in the reverse of its opening; the web ends beside all of that, and has as long as the last words. A task
that dies takes the process down; the service manager starts it again, and recovery finds out what was going on.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress

from loguru import logger

from tradebot import __version__
from tradebot.config import Settings
from tradebot.domain.events import Facts, NewEvent
from tradebot.domain.facts.daemon import Started, Stopped
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies
from tradebot.errors import LedgerUnavailable, LockLost
from tradebot.listener import TakenPort
from tradebot.operations.limits import store_configured
from tradebot.ports import IDLE_S, Beat, InstanceLock
from tradebot.runtime import systemd
from tradebot.runtime.adapters import Opened, once_reachable, open_outside, options
from tradebot.runtime.build import Run, Tradebot, build
from tradebot.runtime.channels import AnyChannel, channels_of
from tradebot.runtime.messages import send_messages, serve_channels
from tradebot.runtime.second_listener import serve_web
from tradebot.runtime.status_line import StatusLine
from tradebot.runtime.warm_up import warm_up
from tradebot.runtime.watchdog import Watchdog, look_at_webhook
from tradebot.trading.every import every, happens
from tradebot.webhook import Webhook, open_webhook
from tradebot.words import events as words
from tradebot.words import strategies as words_of_strategies

LAST_WORDS_S = 8.0
STORING_S = 60.0
DECIDING_S = 60.0
"""How long these take at most with a database that answers late: so long systemd is asked not to cut the ending short."""
STATUS_EVERY_S = 2.0
ASK_ITSELF_EVERY_S = 15.0
JOBS_WAIT_S = 30.0  # for IB, at the start

Ready = Callable[[Webhook, TakenPort | None], None]
"""Told where alerts are taken, and where the dashboard is; None: it is off."""


async def run(settings: Settings, ready: Ready, *, wait: bool = False) -> None:
    """Runs until SIGTERM or SIGINT. `ready` is called once alerts are taken. `wait`: for another instance to end.

    Raises ConfigError, MigrationError, LockHeld, LockLost and GatewayError; anything else is a defect.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        with _stopping_means_giving_up(stop):
            systemd.status("Starting")
            opened = await open_outside(settings, stack, wait=wait)
            chosen = options(settings)
            bot = build(opened.outside, chosen)
            channels = await _channels(settings, opened)
            await serve_channels(settings, bot)
            _warn_of_strategies(settings.strategies())
            await once_reachable(lambda: _store_limits(settings, bot))
            await once_reachable(bot.switch.refresh)  # a stored kill is in force, and shown, from the first moment
            if bot.switch.state is not TradingState.RUNNING:
                logger.warning("trading is {}, as it was stored; `tradebot resume` lifts it", bot.switch.state)
            await warm_up(opened.outside, chosen)
        if stop.is_set():
            logger.info("stopped before it was ready: no alert was taken, no order sent")
            return
        await _serve(settings, opened, bot, channels, ready, stop)


async def _serve(
    settings: Settings,
    opened: Opened,
    bot: Tradebot,
    channels: Sequence[AnyChannel],
    ready: Ready,
    stop: asyncio.Event,
) -> None:
    last_words = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(work(), name=name) for name, work in _background(bot).items()]
        worker = group.create_task(bot.worker.run(), name="worker")
        async with open_webhook(opened.webhook, opened.ports.webhook, bot.intake, bot.queries.health) as webhook:
            await _add_event(bot, Started(*_where(settings, bot)))
            logger.info("{}", _what_is_on(settings, opened, webhook))
            ready(webhook, opened.ports.web)
            systemd.notify("READY=1")
            messages = group.create_task(send_messages(settings, bot, channels, last_words), name="messages")
            web = group.create_task(serve_web(settings, opened.ports.web, bot), name="web")
            said = [group.create_task(run(), name=name) for name, run in _said_of_itself(bot, webhook).items()]
            await stop.wait()
            logger.info("stopping: no more alerts are taken")
            for task in (*said, web):
                task.cancel()  # and not waited for yet: browsers that hang would keep the webhook open
            systemd.status("Stopping: what is being stored is stored", f"STOPPING=1\n{systemd.patience(STORING_S)}")
        systemd.status("Stopping: what is being decided is finished", systemd.patience(DECIDING_S))
        await _end([worker])
        await _end(background)
        systemd.status("Stopping: the last messages are delivered", systemd.patience(2 * LAST_WORDS_S))
        await _add_event(bot, Stopped(*_where(settings, bot)))
        last_words.set()
        await asyncio.wait([messages, *said, web], timeout=LAST_WORDS_S)
        await _end([messages, *said, web])


async def _channels(settings: Settings, opened: Opened) -> Sequence[AnyChannel]:
    """In a thread: their libraries take a moment. Without channels nothing of it is done."""
    return await asyncio.to_thread(channels_of, settings, opened.outside.clock) if settings.channel_sections else ()


def _warn_of_strategies(strategies: Strategies) -> None:
    for strategy in strategies:
        if strategy.lacks_stops:
            logger.warning("{}", words_of_strategies.needs_stops(strategy))


async def _store_limits(settings: Settings, bot: Tradebot) -> None:
    """The limits in force are rows of the database from the first start on; the file's until a person changes them."""
    configured, strategies = settings.trading.defaults.limits(), settings.strategies()
    for one in await store_configured(bot.outside.ledger, configured, bot.outside.clock.now(), strategies):
        logger.warning(
            "limit {}{} is {}, as {} set it: the configuration's {} is not in force; it is changed from the chat",
            *(one.name, f" of strategy {one.strategy}" if one.strategy else "", one.in_force, one.by, one.configured),
        )


def _on_signal(act: Callable[[], object]) -> None:
    """The handler outlives the loop: a second signal, while the program ends, must not cut the ending short.

    One handler from the first moment to the last: between two of them a signal would be acted on by the wrong one."""
    loop = asyncio.get_running_loop()

    def handle(*_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: it is ending already
            loop.call_soon_threadsafe(act)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


@contextmanager
def _stopping_means_giving_up(stop: asyncio.Event) -> Iterator[None]:
    """A signal sets `stop`. At the start a database or another instance may be waited for without end: it ends the wait too."""
    starting, task = True, asyncio.current_task()
    assert task is not None

    def act() -> None:
        if starting and not stop.is_set():
            task.cancel()
        stop.set()

    _on_signal(act)
    try:
        yield
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        task.uncancel()
    finally:
        starting = False


# --- what runs ------------------------------------------------------------------------------------------------------


def _background(bot: Tradebot) -> Mapping[str, Run]:
    """Everything that runs beside the worker, by task name."""
    return {
        **bot.trading(),
        "scheduler": lambda: _scheduled(bot),
        "instance lock": lambda: _exit_when_lost(bot.outside.lock, bot.outside.pulse.of("instance lock")),
        "watchdog": lambda: _watchdog(bot).run(),
    }


def _said_of_itself(bot: Tradebot, webhook: Webhook) -> Mapping[str, Run]:
    """What looks at the bot as others do, once it can be looked at; it ends when the bot begins to."""
    clock, pulse = bot.outside.clock, bot.outside.pulse
    line, shown = StatusLine(bot.queries.headline, pulse), pulse.of("status line")

    async def ask() -> None:
        await look_at_webhook(webhook, bot.outside.pulse)

    return {
        "webhook": lambda: every(ASK_ITSELF_EVERY_S, ask, what="webhook", clock=clock, beat=lambda: None),
        "status line": lambda: every(STATUS_EVERY_S, line.show, what="status line", clock=clock, beat=shown),
    }


async def _scheduled(bot: Tradebot) -> None:
    """A job that is due at the start would find neither cash nor positions before books and IB are compared."""
    with suppress(TimeoutError):
        async with asyncio.timeout(JOBS_WAIT_S):
            await bot.gate.wait_open()
    await bot.scheduler.run()


async def _exit_when_lost(lock: InstanceLock, beat: Beat) -> None:
    while not await happens(lock.lost, IDLE_S):
        if lock.held:
            beat()
    raise LockLost(f"{lock.why_lost}: this instance sends nothing any more and exits.")


def _watchdog(bot: Tradebot) -> Watchdog:
    async def tell(facts: Facts) -> None:
        await _add_event(bot, facts)

    return Watchdog(bot.outside.pulse, bot.outside.clock, tell, fed_every_s=systemd.watchdog_interval_s())


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# --- first and last messages -------------------------------------------------------------------------------------------


def _what_is_on(settings: Settings, opened: Opened, webhook: Webhook) -> str:
    broker = "simulated gateway" if settings.broker.mode == "simulated" else "IB Gateway"
    return (
        f"on: webhook {webhook.host}:{webhook.port}, {broker} {opened.broker_at}, database {opened.outside.ledger.name}, "
        f"queue {opened.outside.queue.name}, "
        f"web {_web_at(opened)}, Telegram {_on(settings.telegram.bot_token)}, "
        f"channels {', '.join(settings.channel_sections) or 'off'}, heartbeat {_on(settings.schedule.heartbeat_url)}"
    )


def _web_at(opened: Opened) -> str:
    web = opened.ports.web
    return "off" if web is None else f"{web.host}:{web.port}"


def _on(configured: object | None) -> str:
    return "off" if configured is None else "on"


def _where(settings: Settings, bot: Tradebot) -> tuple[str, str | None, bool | None]:
    """Version, the gateway's address (None: the simulated one), and whether it is a paper account."""
    if settings.broker.mode == "simulated":
        return __version__, None, None
    at = f"{settings.broker.host}:{settings.broker.port}"
    return __version__, at, bot.outside.broker.connection.paper


async def _add_event(bot: Tradebot, facts: Facts) -> None:
    event = NewEvent(facts, bot.outside.clock.now())
    try:
        async with bot.outside.ledger.begin() as books:
            await books.add_event(event)
    except LedgerUnavailable as error:
        logger.error("{} (not stored: {})", words.text(event), error)
