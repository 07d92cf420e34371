"""What an alert, a fill, a start and the looks at the books cost after two years, beside a database without a history: in turns,
so that whatever else the machine does meets both."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure
from tests.bench.road import TICKERS, UNLIMITED, Bridge
from tests.bench.tap import open_tap
from tests.conftest import fresh_database
from tests.long_history import fills, next_order
from tests.servers import session_postgres
from tests.system.harness import Daemon, Gateway, running
from tests.two_years import two_years
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits, LossBasis
from tradebot.ports import Ledger
from tradebot.queries.newest import newest_alerts, newest_orders
from tradebot.queries.positions import stored_positions
from tradebot.queries.status import stored_status
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.trading.booking import Booking, Listeners

ALERTS = 1_000_000  # and a tenth as many trades
EMPTY, FULL = "empty", "full"
ROUNDS, STARTS, LOOKS, FILLS, PAUSE_S = 80, 10, 200, 40, 0.1
GOAL = 1.2
HOURS = Hours(Calendar(), always=True)
Took = Mapping[str, list[float]]


async def figures(alerts: int = ALERTS) -> AsyncIterator[Figure]:
    """Of both databases: the ratio to the empty one, by medians. With fewer `alerts` it is a quick run."""
    with tempfile.TemporaryDirectory() as folder:
        urls = {name: f"sqlite:///{Path(folder) / name}.db" for name in (EMPTY, FULL)}
        async for figure in _compared("SQLite", urls, alerts):
            yield figure
    server = await asyncio.to_thread(session_postgres)
    try:
        fresh = asynccontextmanager(fresh_database)
        async with fresh(server.url) as empty, fresh(server.url) as full:
            async for figure in _compared("PostgreSQL", {EMPTY: empty, FULL: full}, alerts):
                yield figure
    finally:
        server.close()


async def _compared(where: str, urls: Mapping[str, str], alerts: int) -> AsyncIterator[Figure]:
    for url in urls.values():
        await migrate.up(url)
    await two_years(urls[FULL], alerts)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        houses = {name: await _house(stack, folder / name, url) for name, url in urls.items()}
        yield _ratio("start to ready for orders", where, await _starts(houses))
        answered, ordered = await _road(houses)
        yield _ratio("alert to answer", where, answered)
        yield _ratio("alert to order's bytes", where, ordered)
    async with open_ledger(urls[EMPTY]) as empty, open_ledger(urls[FULL]) as full:
        ledgers = {EMPTY: empty, FULL: full}
        for what, look in LOOKS_AT.items():
            yield _ratio(what, where, await _in_turns(ledgers, look))
        yield _ratio("a fill booked", where, await _bookings(ledgers))


def _ratio(what: str, where: str, took: Took) -> Figure:
    least, ours = (statistics.median(took[name]) for name in (EMPTY, FULL))
    detail = f"{ours * 1e3:.2f} ms beside {least * 1e3:.2f} ms, n={len(took[FULL])}"
    return Figure(f"{what}, after two years", where, ours / least, "x empty", GOAL, detail=detail)


# --- the daemon as a process ----------------------------------------------------------------------------------------------------


@dataclass
class House:
    """A daemon on its database, its gateway, and the tap between them."""

    daemon: Daemon
    bridge: Bridge


async def _house(stack: AsyncExitStack, folder: Path, url: str) -> House:
    gateway = Gateway.at(folder / "gateway")
    await stack.enter_async_context(running(gateway))
    await gateway.ready()
    tap = await stack.enter_async_context(open_tap(gateway.port))
    settings = {"broker__mode": "gateway", "broker__port": str(tap.port), "broker__restart_window": "00:00-00:00"}
    settings |= {f"trading__{key}": value for key, value in UNLIMITED.items()} | {"database__url": url}
    daemon = Daemon.at(folder, gateway=None, **settings)
    await stack.enter_async_context(running(daemon))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    return House(daemon, Bridge(f"http://127.0.0.1:{daemon.port}/webhook", tap, session))


async def _starts(houses: Mapping[str, House]) -> Took:
    """From the process's start to the open gate, by its event. The last one goes on."""
    took: Took = {name: [] for name in houses}
    for number in range(STARTS + 1):  # the first start of each makes what the others find
        for name, house in houses.items():
            if number:
                assert await house.daemon.stop() == 0, house.daemon.output
            began = datetime.now(UTC)
            await house.daemon.ready()
            async with open_ledger(house.daemon.database) as ledger, ledger.read() as books:
                (opened, *_) = await books.events_since((EventKind.GATE_OPENED,), began)
            if number:
                took[name].append((opened.at - began).total_seconds())
    return took


async def _road(houses: Mapping[str, House]) -> tuple[Took, Took]:
    for number in range(len(TICKERS) + ROUNDS):  # each ticker is known after the first
        for house in houses.values():
            await house.bridge.alert(f"s{number}", TICKERS[number % len(TICKERS)])
            await asyncio.sleep(PAUSE_S)
    bridges = {name: house.bridge for name, house in houses.items()}
    known = slice(len(TICKERS), None)
    return (
        {name: bridge.answered[known] for name, bridge in bridges.items()},
        {name: bridge.ordered[known] for name, bridge in bridges.items()},
    )


# --- the books ------------------------------------------------------------------------------------------------------------------


async def _status(ledger: Ledger) -> object:
    return await stored_status(ledger, Limits(), HOURS, datetime.now(UTC), LossBasis.REALISED)


async def _alerts(ledger: Ledger) -> object:
    return await newest_alerts(ledger, 20)


async def _orders(ledger: Ledger) -> object:
    return await newest_orders(ledger, HOURS, datetime.now(UTC))


async def _positions(ledger: Ledger) -> object:
    return await stored_positions(ledger, HOURS, datetime.now(UTC))


LOOKS_AT: Mapping[str, Callable[[Ledger], Awaitable[object]]] = {
    "status": _status,
    "the newest alerts": _alerts,
    "orders of today": _orders,
    "positions": _positions,
}


async def _in_turns(ledgers: Mapping[str, Ledger], look: Callable[[Ledger], Awaitable[object]]) -> Took:
    took: Took = {name: [] for name in ledgers}
    for _ in range(LOOKS):
        for name, ledger in ledgers.items():
            took[name].append(await _timed(look(ledger)))
    return took


async def _bookings(ledgers: Mapping[str, Ledger]) -> Took:
    clock = SystemClock()
    bookings = {
        name: Booking(ledger, asyncio.Queue(), clock, Pulse(clock), Listeners()) for name, ledger in ledgers.items()
    }
    took: Took = {name: [] for name in ledgers}
    for _ in range(FILLS):
        for side in Side:
            for name, booking in bookings.items():
                order = await next_order(ledgers[name], side, clock.now())
                took[name].append(await _timed(fills(booking, order, clock.now())))
    return took


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
