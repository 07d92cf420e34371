"""How the books stand, as figures for monitoring. Read only; it costs what goes on, not what ever was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain import pnl
from tradebot.domain.delivery import Backlog
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import of


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
    """In several short transactions: nobody else waits long for the database. Raises LedgerUnavailable."""
    began, at = queries.clock.monotonic(), queries.clock.now()
    books = await queries.strategies()
    async with queries.ledger.read() as reading:
        jobs = await reading.job_runs()
        backlogs = await reading.backlogs()
    prices = {con_id: one.market_price for con_id, one in (queries.broker.positions() or {}).items()}
    unrealised = {
        each.strategy.name: pnl.unrealised(of(each.strategy.name, books.lots), prices) for each in books.strategies
    }
    return Measurements(at, queries.clock.monotonic() - began, books, unrealised, jobs, backlogs)
