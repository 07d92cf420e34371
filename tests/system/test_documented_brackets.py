"""Brackets that people's services ask for end as these services mean it: over HTTP, at a gateway that works their orders."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.system.brackets import (
    CONFIG,
    EXAMPLES,
    KEPT,
    Example,
    Holds,
    Market,
    Says,
    Step,
    Told,
    Works,
)
from tests.system.checker import check
from tests.system.documented import own
from tests.system.harness import DEADLINE_S, BooksNow, Daemon, Gateway, running, until
from tests.system.protected import settled
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.errors import LedgerUnavailable
from tradebot.words import events as words
from tradebot.words.reasons import reason

CENT = Decimal("0.01")
EVERY_S = 0.5
ON_THE_WAY = (AlertStatus.RECEIVED, AlertStatus.PROCESSING)


async def test_documented_brackets_end_as_their_services_mean_it(tmp_path: Path) -> None:
    """A stop or target that came with an alert is missing, sells too much, outlives its shares, or stands in an exit's way."""
    async with everybodys(tmp_path) as (daemon, gateway):
        await _over_a_restart(daemon, gateway)


async def test_documented_brackets_on_servers(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    """The same brackets end otherwise on PostgreSQL and Redis."""
    async with everybodys(tmp_path, database__url=postgres_url, queue__url=redis_url) as (daemon, gateway):
        await _over_a_restart(daemon, gateway)


@asynccontextmanager
async def everybodys(tmp_path: Path, **settings: str) -> AsyncIterator[tuple[Daemon, Gateway]]:
    """A fresh bot whose users' brackets have all come to their ends, at once."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__repeat_window_s="0", **settings)
    (tmp_path / "config.toml").write_text(CONFIG)
    async with running(daemon, gateway):
        await gateway.ready()
        for one in EXAMPLES:
            await _market(gateway, one.ticker, "100")
        await daemon.ready()
        view = _View(daemon, gateway)
        looking = asyncio.create_task(view.look(), name="the view of all examples")
        ends = await asyncio.gather(*(_Played(view, one).to_its_end() for one in EXAMPLES), return_exceptions=True)
        looking.cancel()
        assert not any(ends), "\n".join(f"{type(end).__name__}: {end}" for end in ends if end)
        books = await _all_is_right(daemon, gateway)
        alarms = [words.text(one) for one in books.events if one.severity is Severity.CRITICAL and not _is_slow(one)]
        assert alarms == [], "brackets that end as they should are nobody's alarm"
        yield daemon, gateway


@dataclass(frozen=True)
class _Now:
    """The books and the gateway's account; `asked` when, by the loop's clock."""

    asked: float
    books: BooksNow
    state: Mapping[str, Any]


class _View:
    """One look for all examples: if each asked for itself, a busy machine would do nothing else."""

    def __init__(self, daemon: Daemon, gateway: Gateway) -> None:
        self.daemon = daemon
        self.gateway = gateway
        self._now: _Now | None = None
        self._changed = asyncio.Condition()

    async def look(self) -> None:
        while True:
            asked = asyncio.get_running_loop().time()
            with suppress(LedgerUnavailable):  # too busy just now
                self._now = _Now(asked, await self.daemon.books(), await self.gateway.control("GET", "/state"))
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(EVERY_S)

    async def shows(self, what: Callable[[_Now], object], wanted: object, where: str) -> BooksNow:
        """Waits until it is so, seen from now on; fails with what it is instead."""
        since, found = asyncio.get_running_loop().time(), None

        def so() -> bool:
            nonlocal found
            if self._now is None or self._now.asked < since:
                return False
            found = what(self._now)
            return bool(found == wanted)

        try:
            async with asyncio.timeout(DEADLINE_S), self._changed:
                await self._changed.wait_for(so)
        except TimeoutError:
            raise AssertionError(f"{where}: is {found}, not {wanted}") from None
        assert self._now is not None
        return self._now.books


class _Played:
    """An example, step by step: each when what the one before has led to is there."""

    def __init__(self, view: _View, example: Example) -> None:
        self._view = view
        self._example = example

    async def to_its_end(self) -> None:
        for number, step in enumerate(self._example.steps, 1):
            await self._take(step, f"{self._example}, step {number}: {step}")

    async def _take(self, step: Step, where: str) -> None:
        strategy, ticker = self._example.strategy, self._example.ticker
        match step:
            case Says():
                await self._says(step, where)
            case Market(ask):
                await _market(self._view.gateway, ticker, ask)
            case Works(orders):
                await self._view.shows(lambda now: works(now.state, ticker), list(orders), where)
            case Holds(shares):
                both = Decimal(shares), Decimal(shares)
                await self._view.shows(
                    lambda now: (now.books.held(strategy, ticker), at_ib(now.state, ticker)), both, where
                )
            case Told(beginning):
                await self._view.shows(lambda now: _is_told(now.books, beginning), True, where)

    async def _says(self, step: Says, where: str) -> None:
        path = f"/webhook/{self._example.strategy}{self._example.query}"

        async def taken() -> tuple[int, dict[str, Any]] | None:
            """As TradingView sends: again when a busy machine could not store it in time, or could not say so."""
            status, body = await self._view.daemon.message(step.message, path)
            return None if status == 503 else (status, body)

        status, body = await until(taken, where, every_s=1)
        if status == 400:
            assert step.why, f"{where} was refused: {body}"
            assert step.why in body["error"], f"{where} was refused in other words: {body}"
            return
        assert (status, body.get("status") in ("queued", "duplicate")) == (200, True), f"{where}: {status} {body}"
        if step.waits:
            return
        alert = int(body["alert_id"])
        books = await self._view.shows(lambda now: now.books.alerts[alert].status in ON_THE_WAY, False, where)
        ended = books.alerts[alert]
        said = reason(ended.reason) if ended.reason else ""
        assert ended.status is (AlertStatus.BLOCKED if step.why else AlertStatus.EXECUTED), f"{where}: {said}"
        assert step.why in said, f"{where} did not trade for another reason: {said}"


def _is_told(books: BooksNow, beginning: str) -> bool:
    return any(words.text(event).startswith(beginning) for event in books.events)


async def _over_a_restart(daemon: Daemon, gateway: Gateway) -> None:
    """What protects at night is the same after the bot was away, and still gives way to an exit."""
    [kept] = [one for one in EXAMPLES if one.name == KEPT]
    before, sent = await _works(gateway, kept.ticker), len(await gateway.received())
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert await _works(gateway, kept.ticker) == before
    await daemon.ready()
    assert await _works(gateway, kept.ticker) == before
    assert len(await gateway.received()) == sent, "nothing is placed anew"
    status, body = await daemon.message(own(kept.ticker, "sell"), f"/webhook/{kept.strategy}")
    assert status == 200, body
    books = await daemon.ended(int(body["alert_id"]))
    assert books.alerts[int(body["alert_id"])].status is AlertStatus.EXECUTED
    assert await _works(gateway, kept.ticker) == []
    await _all_is_right(daemon, gateway)
    assert not await gateway.working()
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert "Traceback" not in daemon.output, daemon.output[-6000:]


async def _all_is_right(daemon: Daemon, gateway: Gateway) -> BooksNow:
    """By the checker; and what was won, less what is invested, is what the gateway's cash has changed by."""
    books = await settled(daemon, gateway)
    await check(books, gateway)
    fills = (await gateway.control("GET", "/state"))["executions"]
    signs = {"BUY": -1, "SELL": 1}
    values = [
        Decimal(one["shares"]) * Decimal(one["price"]) * signs[one["action"]] - Decimal(one["commission"])
        for one in fills
    ]
    won = sum((lot.pnl for lot in books.lots if lot.pnl is not None), Decimal(0))
    invested = sum((lot.qty * lot.entry_price + lot.commission for lot in books.lots if lot.pnl is None), Decimal(0))
    assert abs(won - invested - sum(values)) < CENT, (
        f"{won} won, {invested} invested, the cash changed by {sum(values)}"
    )
    return books


def _is_slow(event: Event) -> bool:
    """An alarm that ten seconds have passed, as they may on a busy machine."""
    facts = event.facts
    late = isinstance(facts, SharesUnprotected) and facts.code is Unprotected.NOT_TRIGGERED
    return late or event.kind is EventKind.ORDER_STUCK


def works(state: Mapping[str, Any], ticker: str) -> list[str]:
    """What the gateway works of this stock, in the order in which it came: "SELL 10 STP 95"."""
    live = ("PreSubmitted", "Submitted", "PendingCancel")
    orders = [one for one in state["orders"] if one["symbol"] == ticker and one["status"] in live]
    parts = [
        (one["action"], one["quantity"], one["order_type"], one["stop"], one["limit"])
        for one in sorted(orders, key=lambda one: int(one["perm_id"]))
    ]
    return [" ".join(part for part in order if part) for order in parts]


def at_ib(state: Mapping[str, Any], ticker: str) -> Decimal:
    return Decimal(next((one["quantity"] for one in state["positions"] if one["symbol"] == ticker), 0))


async def _works(gateway: Gateway, ticker: str) -> list[str]:
    return works(await gateway.control("GET", "/state"), ticker)


async def _market(gateway: Gateway, ticker: str, ask: str) -> None:
    bid = str(Decimal(ask) - CENT)
    await gateway.control("POST", "/quotes", symbol=ticker, bid=bid, ask=ask, last=ask)
