"""Brackets that people's services ask for end as these services mean it: over HTTP, at a gateway that works their orders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.system.harness import BooksNow, Daemon, Gateway, running, until
from tests.system.protected import settled
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.words import events as words
from tradebot.words.reasons import reason

CENT = Decimal("0.01")


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
        ends = await asyncio.gather(
            *(_Played(daemon, gateway, one).to_its_end() for one in EXAMPLES), return_exceptions=True
        )
        assert not any(ends), "\n".join(f"{type(end).__name__}: {end}" for end in ends if end)
        books = await _all_is_right(daemon, gateway)
        alarms = [words.text(one) for one in books.events if one.severity is Severity.CRITICAL and not _is_slow(one)]
        assert alarms == [], "brackets that end as they should are nobody's alarm"
        yield daemon, gateway


class _Played:
    """An example, step by step: each when what the one before has led to is there."""

    def __init__(self, daemon: Daemon, gateway: Gateway, example: Example) -> None:
        self._daemon = daemon
        self._gateway = gateway
        self._example = example

    async def to_its_end(self) -> None:
        for number, step in enumerate(self._example.steps, 1):
            await self._take(step, f"{self._example}, step {number}: {step}")

    async def _take(self, step: Step, where: str) -> None:
        ticker = self._example.ticker
        match step:
            case Says():
                await self._says(step, where)
            case Market(ask):
                await _market(self._gateway, ticker, ask)
            case Works(orders):
                await _is(lambda: works(self._gateway, ticker), list(orders), where)
            case Holds(shares):
                await _is(self._held, (Decimal(shares), Decimal(shares)), where)
            case Told(beginning):
                await until(lambda: self._told(beginning), where, every_s=0.5)

    async def _says(self, step: Says, where: str) -> None:
        path = f"/webhook/{self._example.strategy}{self._example.query}"

        async def taken() -> tuple[int, dict[str, Any]] | None:
            """As TradingView sends: again when a busy machine could not store it in time, or could not say so."""
            status, body = await self._daemon.message(step.message, path)
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
        ended = (await self._daemon.ended(alert)).alerts[alert]
        said = reason(ended.reason) if ended.reason else ""
        assert ended.status is (AlertStatus.BLOCKED if step.why else AlertStatus.EXECUTED), f"{where}: {said}"
        assert step.why in said, f"{where} did not trade for another reason: {said}"

    async def _held(self) -> tuple[Decimal, Decimal]:
        books = await self._daemon.books()
        at_ib = Decimal(await self._gateway.position(self._example.ticker))
        return books.held(self._example.strategy, self._example.ticker), at_ib

    async def _told(self, beginning: str) -> bool:
        books = await self._daemon.books()
        return any(words.text(event).startswith(beginning) for event in books.events)


async def _over_a_restart(daemon: Daemon, gateway: Gateway) -> None:
    """What protects at night is the same after the bot was away, and still gives way to an exit."""
    [kept] = [one for one in EXAMPLES if one.name == KEPT]
    before, sent = await works(gateway, kept.ticker), len(await gateway.received())
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert await works(gateway, kept.ticker) == before
    await daemon.ready()
    assert await works(gateway, kept.ticker) == before
    assert len(await gateway.received()) == sent, "nothing is placed anew"
    status, body = await daemon.message(own(kept.ticker, "sell"), f"/webhook/{kept.strategy}")
    assert status == 200, body
    books = await daemon.ended(int(body["alert_id"]))
    assert books.alerts[int(body["alert_id"])].status is AlertStatus.EXECUTED
    await _is(lambda: works(gateway, kept.ticker), [], "nothing to work on after the exit")
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


async def works(gateway: Gateway, ticker: str) -> list[str]:
    """What the gateway works of this stock, in the order in which it came: "SELL 10 STP 95"."""
    live = ("PreSubmitted", "Submitted", "PendingCancel")
    orders = [one for one in await gateway.orders() if one["symbol"] == ticker and one["status"] in live]
    prices = {one["perm_id"]: [one["stop"], one["limit"]] for one in orders}
    return [
        " ".join(
            [one["action"], one["quantity"], one["order_type"], *(price for price in prices[one["perm_id"]] if price)]
        )
        for one in sorted(orders, key=lambda one: int(one["perm_id"]))
    ]


async def _market(gateway: Gateway, ticker: str, ask: str) -> None:
    bid = str(Decimal(ask) - CENT)
    await gateway.control("POST", "/quotes", symbol=ticker, bid=bid, ask=ask, last=ask)


async def _is(look: Any, wanted: object, where: str) -> None:
    """Waits until it is so."""
    found: object = None

    async def so() -> bool:
        nonlocal found
        found = await look()
        return bool(found == wanted)

    try:
        await until(so, where, every_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"{where}: is {found}") from error
