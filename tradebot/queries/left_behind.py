"""Strategies that the books know and the file does not: what they hold, what is at IB, what waits. It writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.alerts import WAITING
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Ledger


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a strategy has that nobody looks after without it."""

    strategy: str
    lots: Mapping[str, Decimal]  # shares by ticker
    unresolved: Sequence[str]  # tickers of orders without an end
    waiting: Sequence[str]  # tickers of alerts


async def left_behind(ledger: Ledger, strategies: Strategies) -> Sequence[LeftBehind]:
    """By name; strategies with nothing but a past are left out. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        lots = [one for one in await books.lots(LotStatus.OPEN) if one.strategy not in strategies.names]
        trades = [one for one in await books.trades(UNRESOLVED) if one.strategy not in strategies.names]
        alerts = [one for one in await books.alerts(WAITING) if one.strategy not in strategies.names]
    found = []
    names = {lot.strategy for lot in lots} | {trade.strategy for trade in trades} | {alert.strategy for alert in alerts}
    for name in sorted(names):
        held: dict[str, Decimal] = {}
        for lot in lots:
            if lot.strategy == name:
                held[lot.ticker] = held.get(lot.ticker, Decimal(0)) + lot.qty
        unresolved = [one.ticker for one in trades if one.strategy == name]
        waiting = [str(one.ticker) for one in alerts if one.strategy == name]
        found.append(LeftBehind(name, held, unresolved, waiting))
    return found
