"""How fast many orders leave, inside IB's message limit: the simulated gateway counts, and refuses what is above 50 a second.

Each burst begins with its first request and ends with the last order's bytes. Of a SELL among others it is compared with what the
same SELL takes while nothing else waits.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure
from tests.bench.servers import EMBEDDED, SERVERS, open_servers
from tests.bench.tap import Tap, open_tap
from tests.system.harness import SECRET, Daemon, Gateway, running

TICKERS = tuple(f"T{ten}{one}" for ten in "ABCDEFGHIJ" for one in "ABCDEFGHIJ")
HANGING = tuple(f"H{ten}{one}" for ten in "ABCD" for one in "ABCDEFGHIJ")
IN_USE = TICKERS[:40]
HELD = TICKERS[50:]
PRICE, FIRST_CON_ID = "100", 900_000_000
AT_ONCE = 100
MINUTE_S, A_SECOND, WAITING_MAX = 60.0, 35, 100
SETTINGS = {
    "orders_per_second": "40",
    "repeat_window_s": "0",
    "hours": "always",
    "price_collar_pct": "0",
    "defaults__buy_amount_usd": "150",
    "defaults__max_per_ticker": "10000",
    "defaults__max_daily_buys": "10000",
    "defaults__max_open_positions": "10000",
    "defaults__max_total_investment": "10000000",
}


@dataclass
class Stage:
    """A daemon, and its gateway behind a tap."""

    daemon: Daemon
    gateway: Gateway
    tap: Tap
    session: aiohttp.ClientSession
    sent: int = 0  # alerts

    async def answered(self, action: str, ticker: str) -> int:
        """The alert's id; sent again where a busy machine could not store it, as TradingView does."""
        self.sent += 1
        body = {"secret": SECRET, "action": action, "ticker": ticker, "alert_id": f"b{self.sent}"}
        while True:
            with suppress(aiohttp.ClientConnectionError):  # the daemon has ended a connection that was kept
                async with self.session.post(f"http://127.0.0.1:{self.daemon.port}/webhook", json=body) as answer:
                    told = await answer.json()
                    if answer.status == 200:
                        return int(told["alert_id"])
                    assert answer.status == 503, told
            await asyncio.sleep(1)

    async def ordered(self, action: str, tickers: Sequence[str]) -> tuple[float, int]:
        """Seconds until the last order of a burst is at the gateway, and how many messages were written for all of them."""
        began, before = time.perf_counter(), self.tap.messages
        ids = await asyncio.gather(*(self.answered(action, ticker) for ticker in tickers))
        last = max([await self.tap.order(one) for one in ids])
        took, messages = last - began, self.tap.messages - before
        await self.daemon.ended(*ids)
        return took, messages

    async def idle(self) -> None:
        """Waits until the daemon has looked up what it wants to, and writes nothing any more."""
        before = -1
        while self.tap.messages != before:
            before = self.tap.messages
            await asyncio.sleep(2)

    async def exits(self, tickers: Sequence[str], pause_s: float) -> list[float]:
        """Seconds from each SELL to its order, one after another."""
        took = []
        for ticker in tickers:
            began = time.perf_counter()
            took.append(await self.tap.order(await self.answered("SELL", ticker)) - began)
            await asyncio.sleep(pause_s)
        return took

    async def refused(self) -> int:
        """Messages that were above IB's limit."""
        lines = await self.gateway.control("GET", "/journal")
        return sum(1 for line in lines if line["kind"] == "denied" and line["code"] == 100)


async def figures() -> AsyncIterator[Figure]:
    async with open_servers() as servers, servers.database() as database:
        kept = {"database__url": database, "queue__url": await servers.queue(0)}
        for where, settings in ((EMBEDDED, {}), (SERVERS, kept)):
            async for figure in _measured(where, settings):
                yield figure


async def _measured(where: str, settings: dict[str, str]) -> AsyncIterator[Figure]:
    async with AsyncExitStack() as stack:
        stage = await _stage(stack, Path(stack.enter_context(tempfile.TemporaryDirectory())), settings)
        for part in (_bursts, _sustained, _exits_among_others):
            async for figure in part(stage, where):
                yield figure
        yield Figure("messages above IB's limit", where, await stage.refused(), "", goal=0)


async def _stage(stack: AsyncExitStack, folder: Path, settings: dict[str, str]) -> Stage:
    gateway = Gateway.at(folder / "gateway")
    await stack.enter_async_context(running(gateway))
    await gateway.ready()
    for number, ticker in enumerate(TICKERS + HANGING):
        await gateway.control("POST", "/listings", symbol=ticker, con_id=FIRST_CON_ID + number, price=PRICE)
    await gateway.control("POST", "/cash", cash="50000000")
    await gateway.control("POST", "/switches", messages_per_second_max=50)
    tap = await stack.enter_async_context(open_tap(gateway.port))
    settings |= {"broker__mode": "gateway", "broker__port": str(tap.port), "broker__restart_window": "00:00-00:00"}
    settings |= {f"trading__{key}": value for key, value in SETTINGS.items()}
    daemon = Daemon.at(folder / "daemon", gateway=None, **settings)
    await stack.enter_async_context(running(daemon))
    await daemon.ready()
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    return Stage(daemon, gateway, tap, session)


async def _bursts(stage: Stage, where: str) -> AsyncIterator[Figure]:
    """The same tickers, first as nobody knows them, then as the books do, then as they are in use."""
    for what in ("never seen", "seen before the start", "in use"):
        if what == "seen before the start":
            await stage.daemon.stop()
            await stage.daemon.ready()
            await stage.idle()
        took, messages = await stage.ordered("BUY", TICKERS)
        detail = f"{messages} messages"
        yield Figure(f"100 BUYs of 100 tickers {what}: the last order", where, took, "s", 3.5, detail=detail)
    took, messages = await stage.ordered("SELL", HELD)
    yield Figure(f"{len(HELD)} SELLs at once: the last order", where, took, "s", 2.0, detail=f"{messages} messages")


async def _sustained(stage: Stage, where: str) -> AsyncIterator[Figure]:
    """Alerts come a little faster than the goal; while many wait, no more come."""
    began, before, had = time.perf_counter(), stage.tap.messages, stage.tap.orders
    posted: list[asyncio.Task[int]] = []
    for number in range(int(MINUTE_S * A_SECOND)):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
        if len(posted) - (stage.tap.orders - had) < WAITING_MAX:
            posted.append(asyncio.create_task(stage.answered("BUY", IN_USE[number % len(IN_USE)])))
    await asyncio.sleep(max(0.0, began + MINUTE_S - time.perf_counter()))
    orders, messages = stage.tap.orders - had, stage.tap.messages - before
    detail = f"{messages / MINUTE_S:.1f} messages a second, for {len(posted) / MINUTE_S:.1f} alerts a second"
    yield Figure("orders for a minute", where, orders / MINUTE_S, "a second", 30, at_least=True, detail=detail)
    await stage.daemon.ended(*await asyncio.gather(*posted))


async def _exits_among_others(stage: Stage, where: str) -> AsyncIterator[Figure]:
    await stage.ordered("BUY", HELD)
    idle = await stage.exits(HELD[:10], pause_s=1.0)
    waiting = [asyncio.create_task(stage.answered("BUY", IN_USE[number % len(IN_USE)])) for number in range(500)]
    ids = await asyncio.gather(*waiting)
    behind = await stage.exits(HELD[10:20], pause_s=0.5)
    yield _compared("a SELL behind 500 waiting BUYs", where, behind, idle)
    await stage.daemon.ended(*ids)
    await stage.gateway.fault("no_answer", question="reqContractDetails", times=len(HANGING))
    hanging = await asyncio.gather(*(stage.answered("BUY", ticker) for ticker in HANGING))
    await asyncio.sleep(1)
    yield _compared("a SELL behind 40 hanging look-ups", where, await stage.exits(HELD[20:28], pause_s=0.5), idle)
    await stage.daemon.ended(*hanging)


def _compared(what: str, where: str, behind: Sequence[float], idle: Sequence[float]) -> Figure:
    alone = statistics.median(idle)
    detail = f"{statistics.median(behind) * 1e3:.0f} ms, at most {max(behind) * 1e3:.0f}, alone {alone * 1e3:.0f}"
    return Figure(
        f"{what}: later than alone", where, (statistics.median(behind) - alone) * 1e3, "ms", 50, detail=detail
    )
