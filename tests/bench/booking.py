"""What it costs to book a fill of a ticker that has been traded ten times, and ten thousand times."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.conftest import fresh_database
from tests.long_history import fills, long_history, next_order
from tests.servers import session_postgres
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.trades import Trade
from tradebot.ports import Ledger
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_update import BrokerUpdate

FEW, MANY, ROUNDS, HELD = 10, 10_000, 50, 3
Row = Callable[[str, list[float]], None]


async def bookings(row: Row) -> None:
    """One row a history and database, and the longest time for which the loop stood meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        await _compared("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}", row)
    server = await asyncio.to_thread(session_postgres)
    try:
        async with asynccontextmanager(fresh_database)(server.url) as url:
            await _compared("PostgreSQL", url, row)
    finally:
        server.close()


async def _compared(name: str, url: str, row: Row) -> None:
    await migrate.up(url)
    async with open_ledger(url) as ledger:
        booking = Booking(ledger, asyncio.Queue(), SystemClock(), Pulse(SystemClock()), Listeners())
        async with ledger.begin() as books:
            for trades in (FEW, MANY):
                await long_history(books, trades, held=HELD, ticker=f"T{trades}")
        took = await _rounds(ledger, booking)
        for trades, seconds in took.items():
            row(f"{name}: a fill booked after {trades:,} trades", seconds)
        async with _watched(row):
            await _rounds(ledger, booking)
        async with ledger.read() as books:
            first, *_ = await books.trades(ticker=f"T{MANY}")
        for what, change in (("commission", {"commission": Decimal(2)}), ("quantity", {"shares": Decimal(9)})):
            async with _watched(row):
                row(
                    f"{name}: {what} of the first of {MANY:,} corrected",
                    [await _corrected(ledger, booking, first, change)],
                )


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
async def _watched(row: Row) -> AsyncIterator[None]:
    """Shows for how long the loop gave no turn, each time."""
    stood: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            stood.append(max(0.0, time.perf_counter() - began - 0.001))

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    row("  the loop stood meanwhile", stood)
