"""What is known at one moment, read inside the transaction that stores the decision.

Rules: what is reserved is a sum over live and UNKNOWN trades, never stored apart; a BUY in flight and the lot it has
begun count once; cash that the last account update may still show although it was spent is taken off. Bookings go on
between two readings: trades in flight are read before lots and fills, so that what ends meanwhile counts twice, never not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.risk import Snapshot
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Books

ACCOUNT_LAG = timedelta(seconds=1)
"""An account update that arrived this soon after a fill was booked may have been computed before it."""
POSITION_LAG = timedelta(seconds=10)
"""IB's position may trail an execution this long; only after that is a difference taken for a mismatch."""
_BEFORE_MIDNIGHT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The outside as it is when an alert's turn comes."""

    now: datetime
    state: TradingState
    account: Account | None
    positions: Mapping[int, BrokerPosition] | None


async def take_snapshot(books: Books, ticker: str, view: BrokerView, day_start: datetime) -> Snapshot:
    """Everything that the risk checks of a BUY look at."""
    account, now = view.account, view.now
    unresolved = await books.trades(UNRESOLVED)
    lots = await books.lots(LotStatus.OPEN)
    recent = await books.trades(since=day_start - _BEFORE_MIDNIGHT)
    today = [trade for trade in recent if trade.created_at >= day_start]
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    in_flight = [trade for trade in unresolved if trade.side is Side.BUY]
    in_flight_ids = {trade.id for trade in in_flight}
    booked_lots = [lot for lot in lots if lot.opening_trade_id not in in_flight_ids]
    in_flight_value = _total(trade.reserved for trade in in_flight)
    mine = [trade for trade in recent if trade.ticker == ticker]
    last_buy = max((trade.created_at for trade in mine if trade.side is Side.BUY), default=None)
    return Snapshot(
        state=view.state,
        cash=account.spendable if account else None,
        reserved=in_flight_value + _not_yet_in_cash(recent, account, now),
        invested=_total(lot.cost for lot in booked_lots),
        open_positions=len(booked_lots) + len(in_flight),
        ticker_positions=sum(
            t == ticker for t in [lot.ticker for lot in booked_lots] + [trade.ticker for trade in in_flight]
        ),
        buys_today=sum(_counts_as_buy(trade) for trade in today),
        realised_today=_total(lot.pnl for lot in closed if lot.pnl is not None),
        in_flight_value=in_flight_value,
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


def recently_filled(trades: Sequence[Trade], now: datetime) -> bool:
    """Whether one of these trades filled so recently that IB's position may not show it yet.

    One that filled in the future did so before the clock was set back: how long ago is not known, and not for hours.
    """
    return any(t.filled_qty > 0 and (t.finished_at is None or abs(now - t.finished_at) < POSITION_LAG) for t in trades)


def _not_yet_in_cash(trades: Sequence[Trade], account: Account | None, now: datetime) -> Decimal:
    if account is None:
        return Decimal(0)
    no_telling = account.at > now  # the clock was set back since: until the next update every BUY may be missing in it
    return _total(
        trade.filled_qty * (trade.avg_fill_price or Decimal(0)) + trade.commission
        for trade in trades
        if trade.side is Side.BUY
        and trade.finished_at is not None
        and (no_telling or account.at < trade.finished_at + ACCOUNT_LAG)
    )


def _counts_as_buy(trade: Trade) -> bool:
    return trade.side is Side.BUY and (trade.filled_qty > 0 or trade.status in UNRESOLVED)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
