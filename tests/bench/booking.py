"""What it costs to book a fill of a ticker that has been traded ten times, and ten thousand times."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.bench.figures import Figure, milliseconds
from tests.bench.servers import open_servers
from tests.long_history import fills, long_history, next_order
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.trades import Trade
from tradebot.ports import Ledger
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_update import BrokerUpdate

FEW, MANY, ROUNDS, HELD = 10, 10_000, 50, 3


async def figures() -> AsyncIterator[Figure]:
    """By database: a booking after a long history beside one after a short one, and how long the loop stood meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        for figure in await _compared("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}"):
            yield figure
    async with open_servers() as servers, servers.database() as url:
        for figure in await _compared("PostgreSQL", url):
            yield figure


async def _compared(where: str, url: str) -> list[Figure]:
    await migrate.up(url)
    async with open_ledger(url) as ledger:
        booking = Booking(ledger, asyncio.Queue(), SystemClock(), Pulse(SystemClock()), Listeners())
        async with ledger.begin() as books:
            for trades in (FEW, MANY):
                await long_history(books, trades, held=HELD, ticker=f"T{trades}")
        took = await _rounds(ledger, booking)
        few, many = (statistics.median(took[trades]) for trades in (FEW, MANY))
        beside = f"{many * 1e3:.2f} ms beside {few * 1e3:.2f} ms after {FEW}, n={len(took[MANY])}"
        shown = [Figure(f"a fill booked after {MANY:,} trades, median", where, many / few, "x", 1.2, detail=beside)]
        async with _watched() as stood:
            await _rounds(ledger, booking)
        shown += milliseconds("the loop stood while fills were booked", where, stood)
        async with ledger.read() as books:
            first, *_ = await books.trades(ticker=f"T{MANY}")
        for what, change in (("commission", {"commission": Decimal(2)}), ("quantity", {"shares": Decimal(9)})):
            async with _watched() as stood:
                seconds = await _corrected(ledger, booking, first, change)
            detail = f"the loop stood for {max(stood) * 1e3:.1f} ms at most"
            name = f"{what} of the first of {MANY:,} trades corrected"
            shown.append(Figure(name, where, seconds * 1e3, "ms", detail=detail))
    return shown


async def _rounds(ledger: Ledger, booking: Booking) -> dict[int, list[float]]:
    """Seconds of each booking by the length of the history, in turns: whatever else the machine does meets both."""
    clock = SystemClock()
    took: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(ROUNDS):
        for side in Side:
            for trades, seconds in took.items():
                order = await next_order(ledger, side, clock.now(), f"T{trades}")
                seconds.append(await _timed(fills(booking, order, clock.now())))
    return took


async def _corrected(ledger: Ledger, booking: Booking, trade: Trade, change: dict[str, Decimal]) -> float:
    async with ledger.read() as books:
        (fill,) = await books.executions(trade.id)
    revised = replace(fill, exec_id=f"{fill.root}.{fill.revision + 1:02}", **change)  # type: ignore[arg-type]
    return await _timed(booking.book(trade.order_ref, BrokerUpdate(executions=[revised])))


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


@asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """For how long the loop gave no turn, each time."""
    stood: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            stood.append(max(0.0, time.perf_counter() - began - 0.001))

    watching = asyncio.create_task(watch())
    try:
        yield stood
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
