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
from tradebot.domain.corporate_actions import market_prices
from tradebot.domain.exposure import exposure, recent_since
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.risk import Snapshot
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus, recently_filled
from tradebot.ports import Books
from tradebot.trading.corporate_actions import unanswered_splits


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The outside as it is when an alert's turn comes."""

    now: datetime
    state: TradingState
    account: Account | None
    positions: Mapping[int, BrokerPosition] | None
    live: bool = False
    exits_only: bool = False  # IB does not tell what is over: no BUY leaves


async def take_snapshot(
    books: Books,
    ticker: str,
    view: BrokerView,
    day_start: datetime,
    quoted: Mapping[int, Decimal | None] | None = None,
    *,
    alert_id: int | None = None,
) -> Snapshot:
    """Everything that the risk checks of a BUY look at. `quoted`: the contract to be bought, with its price just now.

    `ticker`: as the books have it. `alert_id`: the alert that is judged, no repeat of itself.
    """
    account, now = view.account, view.now
    unresolved = await books.trades(UNRESOLVED)
    lots = await books.lots(LotStatus.OPEN)
    recent = await books.trades(since=recent_since(day_start))
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    prices = market_prices(lots, view.positions or {}, await books.settings()) | _known(quoted or {})
    at_stake = exposure(lots, unresolved, recent, closed, account, day_start=day_start, now=now, prices=prices)
    mine = [trade for trade in recent if trade.ticker == ticker]
    held = [lot for lot in lots if lot.ticker == ticker]
    splits = await unanswered_splits(books, held, view.positions or {}, now)
    buys = [trade for trade in mine if trade.side is Side.BUY and trade.alert_id != alert_id]
    last_buy = max((trade.created_at for trade in buys), default=None)
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
        missing_qty=missing(held, mine, view.positions, now),
        split=splits[0].figures if splits else None,
        other_contract=any(lot.con_id not in quoted for lot in held) if quoted else False,
        short_qty=_short({lot.con_id for lot in held} | set(quoted or {}), view.positions),
        live=view.live,
        base_currency=account.base_currency if account else None,
        base_cash=account.base_cash if account else None,
        open_change=at_stake.open_change,
        unpriced=", ".join(at_stake.unpriced),
    )


def _known(prices: Mapping[int, Decimal | None]) -> dict[int, Decimal | None]:
    return {con_id: price for con_id, price in prices.items() if price is not None}


def _short(con_ids: Iterable[int], positions: Mapping[int, BrokerPosition] | None) -> Decimal:
    """Shares of these contracts that IB shows as sold short; `missing` refuses while positions are not known."""
    return _total(max(-positions[con_id].qty, Decimal(0)) for con_id in con_ids if positions and con_id in positions)


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
