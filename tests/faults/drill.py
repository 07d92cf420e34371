"""One fault: a healthy daemon with an order at work, something breaks, alerts come all the same, it is mended; and what must
hold then.

While it is broken each alert is answered in under 3 s (TradingView hangs up then), with 200 only when it is stored, else 503.
When it is mended the daemon is well again by itself, what was refused is sent again and executed, and nothing was ordered
twice or wrongly. Two strategies hold the stock of which one sells a part meanwhile: the other's shares stay.

It heals without a restart, but for PostgreSQL: a broken connection takes the instance's lock with it, and who has lost the
lock exits; the service manager starts it again, as `_service_manager` does here. Until its database is back it does not
listen: the TLS proxy in front answers 502, and TradingView sends again.

What breaks of Telegram or of a channel beside it holds nothing up: the orders are executed meanwhile, and told when it is back;
and what breaks of a channel keeps nothing from the chat.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from tests.botapi import TOKEN
from tests.faults.cases import Fault, Surroundings
from tests.faults.stage import CHANNEL_SECRETS, CHANNELS
from tests.system.checker import check, check_orders, check_secrets
from tests.system.harness import SECRET, BooksNow, Daemon, until
from tradebot.database import open_ledger
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import Event, Severity
from tradebot.domain.trades import TradeStatus

IN_TIME_S = 3.0
"""An answer that takes longer is lost; an order while Telegram is broken was held up by it (a start has its own time before)."""
HEALS_WITHIN_S = 180.0
FILLS_AFTER_S = 1.0
ALERTS: tuple[dict[str, str], ...] = (
    {"action": "BUY", "ticker": "MSFT"},
    {"action": "SELL", "ticker": "AAPL", "strategy": "ema", "quantity": "1"},
    {"action": "BUY", "ticker": "NVDA"},
)
TELLING = ("Telegram", *CHANNELS)
"""Parts that tell: broken, they hold up nothing."""
FIRST = {"first": "main", "beside": "ema"}
"""Alerts before the fault, and whose they are."""


@dataclass
class Outcome:
    in_time_s: float
    answers: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    done_s: float | None = None
    restarts: int = 0
    ended: str = ""
    meanwhile: str = ""
    """What went on while Telegram was broken."""

    def __str__(self) -> str:
        done = "not by itself" if self.done_s is None else f"{self.done_s:.1f} s"
        answers = f"{'/'.join(self.answers)} (≤ {self.slowest_s:.2f} s)"
        return f"answers {answers}, all done {done}, {self.restarts} restarts: {self.meanwhile} {self.ended}"


async def drill(fault: Fault, all_: Surroundings, *, in_time_s: float = IN_TIME_S) -> Outcome:
    """Raises AssertionError for whatever is not as promised.

    `in_time_s` is how long an answer, or an order while Telegram is broken, may take.
    """
    outcome, daemon = Outcome(in_time_s), all_.daemon
    known: dict[str, int] = {}
    await all_.gateway.ready()
    if not fault.at_start:
        await daemon.ready()
        for name, strategy in FIRST.items():
            known[name] = await daemon.alert("BUY", "AAPL", alert_id=name, strategy=strategy)
            await daemon.ended(known[name])
        if fault.part in TELLING:
            await until(lambda: _all_delivered(daemon), "Telegram to be in use")
        if fault.heals:
            known["at work"] = await _order_at_work(all_)
    began = time.monotonic()
    async with _service_manager(daemon, outcome):
        if fault.flaps:
            await asyncio.gather(fault.begin(all_), _send_all(fault, daemon, known, outcome))
        else:
            await (_start_broken(fault, all_) if fault.at_start else fault.begin(all_))
            await _send_all(fault, daemon, known, outcome)
        await asyncio.sleep(began + fault.lasts_s - time.monotonic())  # how long it lasts is part of the fault
        if fault.part in TELLING:
            await _executed_meanwhile(fault, all_, known, outcome)
        await fault.end(all_)
        if fault.heals:
            began = time.monotonic()
            await until(lambda: _well(daemon), f"a healthy daemon; it printed {daemon.output[-3000:]}", HEALS_WITHIN_S)
            await _go_on(fault, all_, known, outcome)
            if fault.part in TELLING:
                await _told(fault, all_)
            outcome.done_s = time.monotonic() - began
    if fault.gateway_forgets:
        await _held_back(all_, known, outcome)
        return outcome
    if not fault.heals:
        await _stays_down(fault, all_, outcome)
        return outcome
    unasked = outcome.restarts - fault.restarts
    assert not unasked or fault.part == "database", f"it ended by itself: {daemon.output[-3000:]}"
    code = await daemon.stop()
    lock_lost = fault.part == "database" and "lock on the database is gone" in daemon.output[-300:]  # just then
    assert code == 0 or lock_lost, daemon.output[-3000:]
    assert "Traceback" not in daemon.output, daemon.output[-8000:]
    await check_secrets(daemon, [SECRET, TOKEN])
    await check_secrets(daemon, CHANNEL_SECRETS, but_not_in=("config.toml",))
    return outcome


async def _order_at_work(all_: Surroundings) -> int:
    """The alert whose order fills while the fault is there."""
    await all_.gateway.fault("slow_fill", delay_s=FILLS_AFTER_S)
    alert = await all_.daemon.alert("BUY", "KO", alert_id="at work")
    await until(all_.gateway.working, "the order at the gateway")
    return alert


@asynccontextmanager
async def _service_manager(daemon: Daemon, outcome: Outcome) -> AsyncIterator[None]:
    """Starts the daemon again whenever it has ended."""

    async def _started() -> bool:
        return daemon.running is not None

    async def watch() -> None:
        while True:
            await until(_started, "a start", every_s=0.2)
            assert daemon.running is not None
            await daemon.running.wait()
            outcome.restarts += 1
            await asyncio.sleep(1)
            await daemon.start()

    watching = asyncio.create_task(watch(), name="service manager")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _start_broken(fault: Fault, all_: Surroundings) -> None:
    if fault.part == "disk":  # the limit is set on the process: there has to be one
        all_.daemon.env["FILE_SIZE_MAX"] = "1"
        await all_.daemon.start()
        # Else it would be set after the disk has room again.
        await until(lambda: _is_full(all_.daemon), "the limit to be set")
    else:
        await fault.begin(all_)
        await all_.daemon.start()
    if not _is_storage(fault):
        await all_.daemon.listening()
        return
    with suppress(AssertionError):  # it does not listen before it can store: TradingView is refused, and sends again
        await until(all_.daemon.health, "the webhook to listen", 3.0)


async def _is_full(daemon: Daemon) -> bool:
    assert daemon.running is not None
    return resource.prlimit(daemon.running.pid, resource.RLIMIT_FSIZE)[0] == 1


def _is_storage(fault: Fault) -> bool:
    return fault.part == "database" or (fault.part == "disk" and (fault.at_start or not fault.heals))


async def _send_all(fault: Fault, daemon: Daemon, known: dict[str, int], outcome: Outcome) -> None:
    for alert in ALERTS:
        await _send(daemon, alert, known, outcome, may_be_down=_is_storage(fault))
        await asyncio.sleep(0.7 if fault.flaps else 0)  # between the flaps, not all before the first


async def _send(
    daemon: Daemon, alert: dict[str, str], known: dict[str, int], outcome: Outcome, *, may_be_down: bool
) -> None:
    name, began = _name(alert), time.monotonic()
    try:
        status, body = await asyncio.wait_for(daemon.post(**alert, alert_id=name), 2 * outcome.in_time_s)
    except aiohttp.ClientError as error:
        outcome.answers.append("refused")
        if may_be_down:
            return
        raise AssertionError(f"the webhook does not listen: {error}; {daemon.output[-3000:]}") from error
    took_s = time.monotonic() - began
    outcome.answers.append(str(status))
    outcome.slowest_s = max(outcome.slowest_s, took_s)
    assert took_s < outcome.in_time_s, f"answered {status} after {took_s:.1f} s"
    assert status in (200, 503), f"answered {status}: {body}"
    if status == 200:
        known[name] = int(body["alert_id"])


def _name(alert: dict[str, str]) -> str:
    return f"{alert['action']} {alert['ticker']}"


async def _well(daemon: Daemon) -> bool:
    return (await daemon.health() or {}).get("status") == 200


async def _go_on(fault: Fault, all_: Surroundings, known: dict[str, int], outcome: Outcome) -> None:
    """TradingView sends again what was refused; everything comes to its end; and trading goes on."""
    daemon = all_.daemon
    for alert in ALERTS:
        if (name := _name(alert)) not in known:
            known[name] = await _sent_until_taken(daemon, alert, name)
    known["last"] = await _sent_until_taken(daemon, {"action": "BUY", "ticker": "WMT"}, "last")
    books = await daemon.ended(*known.values(), deadline_s=60)
    await check(books, all_.gateway, acknowledged=list(known.values()))
    outcome.ended = ", ".join(f"{name} {books.alerts[one].status}" for name, one in known.items() if name not in FIRST)
    _as_expected(books, known)


async def _executed_meanwhile(fault: Fault, all_: Surroundings, known: dict[str, int], outcome: Outcome) -> None:
    """Telegram is still broken, and nothing waits for it but what is to be told."""
    daemon, switches = all_.daemon, await all_.gateway.control("GET", "/switches")
    if fault.at_start:  # it is tried only when trading goes on
        await until(lambda: _says_it_is_away(daemon), f"word that Telegram is away; {daemon.output[-3000:]}")
    books = await daemon.ended(*known.values())
    taken = {one: alert.received_at for one, alert in books.alerts.items()}
    took_s = max((t.finished_at - taken[t.alert_id]).total_seconds() for t in books.trades if t.finished_at)
    in_time_s = outcome.in_time_s + float(switches["fill_max_s"])
    assert fault.at_start or took_s < in_time_s, f"an order took {took_s:.1f} s"
    if fault.part in CHANNELS:
        await until(lambda: _all_delivered(daemon), "the chat to be told meanwhile")
        assert await _waits_beside(daemon), "what is broken has delivered everything"
    outcome.meanwhile = f"executed within {took_s:.1f} s, {len(_waiting(books))} events waiting:"


async def _says_it_is_away(daemon: Daemon) -> bool:
    return "Trading goes on; messages wait" in daemon.output


async def _told(fault: Fault, all_: Surroundings) -> None:
    """Everything that waited has reached the chat or the channel, and the chat is heard again."""
    daemon, bot = all_.daemon, all_.bot
    if fault.part in CHANNELS:
        await until(lambda: _all_beside(daemon), "what waited to be told", HEALS_WITHIN_S)
        return
    await until(lambda: _all_delivered(daemon), f"what waited to be told; {daemon.output[-3000:]}", HEALS_WITHIN_S)
    for trade in (await daemon.books()).trades:
        done = "Bought" if trade.side is Side.BUY else "Sold"
        await bot.heard(f"{done} {trade.filled_qty.normalize():f} {trade.ticker} ")
    await bot.ask("/queue", "Nothing waits", deadline_s=HEALS_WITHIN_S)


async def _all_delivered(daemon: Daemon) -> bool:
    return not _waiting(await daemon.books())


async def _waits_beside(daemon: Daemon) -> bool:
    """Whether something waits for the channels beside the chat."""
    async with open_ledger(daemon.database) as ledger, ledger.read() as books:
        return any([await books.undelivered(name, 1) for name in ("email", "hook")])


async def _all_beside(daemon: Daemon) -> bool:
    return not await _waits_beside(daemon)


def _waiting(books: BooksNow) -> list[Event]:
    return [event for event in books.events if event.id in books.untold and event.severity is not Severity.TRACE]


async def _sent_until_taken(daemon: Daemon, alert: dict[str, str], alert_id: str) -> int:
    """As TradingView does: again after 5 s, up to three times more."""
    for _ in range(4):
        with suppress(aiohttp.ClientError):
            status, body = await daemon.post(**alert, alert_id=alert_id)
            if status == 200:
                return int(body["alert_id"])
            assert status == 503, body
        await asyncio.sleep(5)
    raise AssertionError(f"{_name(alert)} was refused four times after the fault was mended")


def _as_expected(books: BooksNow, known: dict[str, int]) -> None:
    for name in known.keys() & {"at work", "last"}:
        alert = books.alerts[known[name]]
        assert alert.status is AlertStatus.EXECUTED, f"{name}: {alert.status}, {alert.reason}"
    for name, one in known.items():
        alert = books.alerts[one]
        ends = (AlertStatus.EXECUTED, AlertStatus.BLOCKED, AlertStatus.FAILED)
        assert alert.status in ends, f"{name} ended as {alert.status}: {alert.reason}"
    assert TradeStatus.UNKNOWN not in {trade.status for trade in books.trades}
    sold = books.alerts[known["SELL AAPL"]].status is AlertStatus.EXECUTED
    for name, strategy in FIRST.items():
        if name in known:
            bought = books.trade_of(known[name]).filled_qty
            assert books.held(strategy, "AAPL") == bought - (sold and strategy == "ema"), books.lots


async def _held_back(all_: Surroundings, known: dict[str, int], outcome: Outcome) -> None:
    """IB answers with nothing what the books have fills of: no BUY leaves, and no SELL where the two do not agree."""
    daemon = all_.daemon
    await until(lambda: _tells_empty(daemon), f"word of the empty answer; {daemon.output[-3000:]}", 2 * HEALS_WITHIN_S)
    books = await daemon.books()
    held = {name: books.alerts[one].status for name, one in known.items() if name not in FIRST}
    assert set(held.values()) == {AlertStatus.RECEIVED}, held
    await check_orders(books, all_.gateway)
    outcome.ended = "nothing is ordered until IB tells what the books know"
    await daemon.stop()


async def _tells_empty(daemon: Daemon) -> bool:
    return "that is no answer" in daemon.output


async def _stays_down(fault: Fault, all_: Surroundings, outcome: Outcome) -> None:
    """The books are empty: nothing is ordered on them, as a start finds orders at IB that they do not know."""
    daemon = all_.daemon
    if fault.part == "database":  # it went away under a daemon that lives on
        assert "200" not in outcome.answers, outcome.answers
        status, _ = await _post_or_dead(daemon)
        assert status in (None, 503), f"an alert was answered with {status} by a daemon without a database"
    if daemon.running is not None and daemon.running.returncode is None:
        await daemon.stop()
    await daemon.start()
    await daemon.listening()
    await daemon.alert("BUY", "WMT", alert_id="on an empty database")
    await until(lambda: _tells_aliens(daemon), f"word of the orders it does not know; {daemon.output[-3000:]}")
    books = await daemon.books()
    assert {one.status for one in books.alerts.values()} == {AlertStatus.RECEIVED}, books.alerts
    assert len(await all_.gateway.received()) == len(FIRST), "ordered on an empty database"
    outcome.ended = "nothing is ordered until the owner resumes"
    await daemon.stop()


async def _post_or_dead(daemon: Daemon) -> tuple[int | None, object]:
    try:
        return await daemon.post(action="BUY", ticker="KO", alert_id="lost database")
    except aiohttp.ClientError:
        return None, None


async def _tells_aliens(daemon: Daemon) -> bool:
    return "does not know" in daemon.output
