"""What is known at one moment, read inside the transaction that stores the decision.

Rules: what is at stake is `domain/exposure.py`'s sum over live and UNKNOWN trades and lots, never stored apart. Bookings go on
between two readings: trades in flight are read before lots and fills, so that what ends meanwhile counts twice, never not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.exposure import exposure, recent_since
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.risk import Snapshot
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus, recently_filled
from tradebot.ports import Books


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The outside as it is when an alert's turn comes."""

    now: datetime
    state: TradingState
    account: Account | None
    positions: Mapping[int, BrokerPosition] | None
    exits_only: bool = False  # IB does not tell what is over: no BUY leaves


async def take_snapshot(books: Books, ticker: str, view: BrokerView, day_start: datetime) -> Snapshot:
    """Everything that the risk checks of a BUY look at."""
    account, now = view.account, view.now
    unresolved = await books.trades(UNRESOLVED)
    lots = await books.lots(LotStatus.OPEN)
    recent = await books.trades(since=recent_since(day_start))
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    at_stake = exposure(lots, unresolved, recent, closed, account, day_start=day_start, now=now)
    mine = [trade for trade in recent if trade.ticker == ticker]
    last_buy = max((trade.created_at for trade in mine if trade.side is Side.BUY), default=None)
    return Snapshot(
        state=view.state,
        cash=account.spendable if account else None,
        reserved=at_stake.reserved,
        held=at_stake.held,
        in_flight=at_stake.in_flight,
        open_positions=at_stake.open_positions,
        ticker_positions=at_stake.by_ticker.get(ticker, 0),
        buys_today=at_stake.buys_today,
        realised_today=at_stake.realised_today,
        since_last_buy_s=(now - last_buy).total_seconds() if last_buy else None,
        unknown_order=any(t.ticker == ticker and t.status is TradeStatus.UNKNOWN for t in unresolved),
        missing_qty=missing([lot for lot in lots if lot.ticker == ticker], mine, view.positions, now),
    )


def missing(
    lots: Sequence[Lot], trades: Sequence[Trade], positions: Mapping[int, BrokerPosition] | None, now: datetime
) -> Decimal:
    """Shares in these open lots of one ticker that IB does not show; 0 while IB's position may trail a recent fill.

    NaN, which no BUY passes, while IB's positions are not known.
    """
    if positions is None:
        return Decimal("NaN")
    held = _total(lot.qty for lot in lots)
    if not held or recently_filled(trades, now):
        return Decimal(0)
    at_ib = _total(positions[con_id].qty for con_id in {lot.con_id for lot in lots} if con_id in positions)
    return max(held - at_ib, Decimal(0))


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
