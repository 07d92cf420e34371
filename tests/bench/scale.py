"""What an alert, a fill, a start and the looks at the books cost after two years, beside a database without a history: in turns,
so that whatever else the machine does meets both. Fewer alerts than a million are quick: `python -m tests.bench.scale 20000`."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loguru import logger

from tests.bench.bridges import TICKERS, Bridge, open_bridge, open_gateway, unlimited
from tests.bench.figures import Figure
from tests.bench.report import line
from tests.bench.servers import open_servers
from tests.long_history import fills, next_order
from tests.system.harness import Daemon, running
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
    """Of both databases: the ratio to the empty one, by medians."""
    with tempfile.TemporaryDirectory() as folder:
        urls = {name: f"sqlite:///{Path(folder) / name}.db" for name in (EMPTY, FULL)}
        async for figure in _compared("SQLite", urls, alerts):
            yield figure
    async with open_servers() as servers, servers.database() as empty, servers.database() as full:
        async for figure in _compared("PostgreSQL", {EMPTY: empty, FULL: full}, alerts):
            yield figure


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
    tap = await stack.enter_async_context(open_gateway(folder / "gateway"))
    daemon = unlimited(tap, folder / "daemon", database__url=url)
    await stack.enter_async_context(running(daemon))
    return House(daemon, await open_bridge(stack, daemon.port, tap))


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


async def _main(alerts: int) -> None:
    async for figure in figures(alerts):
        print(line(figure), flush=True)  # noqa: T201


if __name__ == "__main__":
    logger.configure(handlers=[])
    asyncio.run(_main(int(sys.argv[1]) if sys.argv[1:] else ALERTS))
