"""How the books stand, as figures for monitoring. Read only; it costs what goes on, not what ever was.

Rules: each thing is read in a transaction of its own, so that nobody waits long for the database; orders before what they have
bought, so that what fills in between counts twice, never not at all. What is made of it is what the status shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tradebot.domain import pnl
from tradebot.domain.delivery import Backlog
from tradebot.domain.exposure import recent_since
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import UNRESOLVED
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.status import BooksStatus, StatusRows, status_of
from tradebot.queries.strategies import of, with_last_alerts


@dataclass(frozen=True, slots=True)
class Measurements:
    """At one moment."""

    at: datetime
    took_s: float
    books: BooksStatus  # each strategy with its last alert
    unrealised: Mapping[str, pnl.Unrealised]  # by strategy, at IB's prices
    jobs: Mapping[str, datetime]  # the newest slot of each job that ever ran
    backlogs: Sequence[Backlog]


async def measure(queries: DaemonQueries) -> Measurements:
    """Raises LedgerUnavailable."""
    began, at = queries.clock.monotonic(), queries.clock.now()
    books = await _status(queries, at)
    async with queries.ledger.read() as reading:
        jobs = await reading.job_runs()
        backlogs = await reading.backlogs()
        strategies = await with_last_alerts(reading, books.strategies)
    prices = {con_id: one.market_price for con_id, one in (queries.broker.positions() or {}).items()}
    unrealised = {each.strategy.name: pnl.unrealised(of(each.strategy.name, books.lots), prices) for each in strategies}
    took_s = queries.clock.monotonic() - began
    return Measurements(at, took_s, replace(books, strategies=strategies), unrealised, jobs, backlogs)


async def _status(queries: DaemonQueries, now: datetime) -> BooksStatus:
    run, ledger, day_start = queries.run, queries.ledger, queries.run.hours.day_start(now)
    async with ledger.read() as books:
        settings = await books.settings()
        waiting = await books.count_waiting()
        unresolved = await books.trades(UNRESOLVED)
    async with ledger.read() as books:
        lots = await books.lots(LotStatus.OPEN)
    async with ledger.read() as books:
        recent = await books.trades_since_or_ended(recent_since(day_start))
    async with ledger.read() as books:
        closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
        industries = await books.industries()
    rows = StatusRows(settings, waiting, unresolved, lots, recent, closed, industries)
    basis, broker = run.fixed_limits.daily_loss_basis, queries.broker
    return status_of(rows, run.defaults, day_start, now, broker.account(), broker.positions(), basis, run.strategies)
