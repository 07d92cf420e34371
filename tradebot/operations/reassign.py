"""Gives all that a strategy has traded of a ticker to another one: the whole history, or nothing.

Rules: only without the daemon, under the instance lock. Lots are a fold over the strategy's trades of the ticker, so they move
with them, and two histories are never merged. While an order has no end nothing moves: it is booked for whom it was sent. A stop
or target that rests at IB goes with the shares that it protects.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import Moved, Reassigned
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Books, Ledger


@dataclass(frozen=True, slots=True)
class Plan:
    """What would move, and what stands against it."""

    moved: tuple[Moved, ...]
    traded_already: tuple[str, ...] = ()  # tickers that the other strategy has traded
    unresolved: tuple[str, ...] = ()  # tickers of orders without an end

    @property
    def possible(self) -> bool:
        return bool(self.moved) and not self.traded_already and not self.unresolved


async def plan(ledger: Ledger, from_strategy: str, to_strategy: str, ticker: str | None) -> Plan:
    """Without a ticker: all of them. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await _plan(books, from_strategy, to_strategy, ticker)


async def carry_out(
    ledger: Ledger, from_strategy: str, to_strategy: str, ticker: str | None, actor: str, key: str, now: datetime
) -> Plan:
    """In one transaction, judged anew in it; what was possible then is done. A second time finds nothing that would move.

    Raises LedgerUnavailable.
    """
    async with ledger.begin() as books:
        found = await _plan(books, from_strategy, to_strategy, ticker)
        if not found.possible or not await books.claim(key, "reassign", actor, now):
            return found
        for one in found.moved:
            await books.reassign(from_strategy, to_strategy, one.ticker)
        await books.add_event(NewEvent(Reassigned(from_strategy, to_strategy, found.moved), now, actor=actor))
    return found


async def _plan(books: Books, from_strategy: str, to_strategy: str, ticker: str | None) -> Plan:
    histories = [one for one in await books.histories(from_strategy) if ticker in (None, one.ticker)]
    lots = await books.lots(LotStatus.OPEN, strategy=from_strategy)
    qty = {one.ticker: sum((lot.qty for lot in lots if lot.ticker == one.ticker), Decimal(0)) for one in histories}
    theirs = {one.ticker for one in await books.histories(to_strategy) if one.trades}
    orders = await books.trades(UNRESOLVED, strategy=from_strategy)
    unresolved = {trade.ticker for trade in orders if not (trade.is_protective and trade.rests)}
    return Plan(
        tuple(Moved(one.ticker, qty[one.ticker], one.trades, one.alerts) for one in histories),
        tuple(one.ticker for one in histories if one.trades and one.ticker in theirs),
        tuple(one.ticker for one in histories if one.ticker in unresolved),
    )
