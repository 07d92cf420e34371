"""What is known at one moment, read inside the transaction that stores the decision.

Rules: what is at stake is `domain/exposure.py`'s sum over live and UNKNOWN trades and lots, never stored apart; of a strategy it
is the same sum over its own rows. Bookings go on between two readings: trades in flight are read before lots and fills, so that
what ends meanwhile counts twice, never not at all. What IB has is shared: an UNKNOWN order, shares that are missing, a split or
another contract under the ticker are looked at over the rows of every strategy.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.brokerage import Account, BrokerPosition, Quote
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.corporate_actions import market_prices
from tradebot.domain.exposure import Exposure, exposure, recent_since
from tradebot.domain.instructions import Instruction
from tradebot.domain.lots import Lot, LotStatus, shares_by_contract
from tradebot.domain.positions import as_last_filled, owners_last_known
from tradebot.domain.settings import TradingState, blocked_tickers
from tradebot.domain.snapshot import Snapshot
from tradebot.domain.strategy_rules import OwnFigures, StrategyTerms, StrategyView
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus, recently_filled
from tradebot.ports import Books
from tradebot.trading.corporate_actions import unanswered_splits

Row = TypeVar("Row", Lot, Trade)


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The outside as it is when an alert's turn comes."""

    now: datetime
    state: TradingState
    account: Account | None
    positions: Mapping[int, BrokerPosition] | None
    live: bool = False
    exits_only: bool = False  # IB does not tell what is over: no BUY leaves
    kept_quote: Callable[[int], Quote | None] = lambda con_id: None  # by contract, what is at hand


@dataclass(frozen=True, slots=True)
class Judged:
    """The alert that is judged, and the terms of its strategy."""

    alert: Alert
    instruction: Instruction | None
    terms: StrategyTerms
    max_alert_age_s: int  # so long before it a SELL may have come, and still overtake it


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the sums are over: of all strategies."""

    unresolved: Sequence[Trade]
    lots: Sequence[Lot]
    recent: Sequence[Trade]
    closed: Sequence[Lot]
    without: Collection[int]  # trades that reserve nothing

    @classmethod
    async def read(cls, books: Books, day_start: datetime, without: Collection[int]) -> "_Rows":
        """Trades in flight before lots and fills."""
        return cls(
            unresolved=await books.trades(UNRESOLVED),
            lots=await books.lots(LotStatus.OPEN),
            recent=await books.trades_since_or_ended(recent_since(day_start)),
            closed=await books.lots(LotStatus.CLOSED, closed_since=day_start),
            without=without,
        )

    def at_stake(
        self, view: BrokerView, day_start: datetime, prices: Mapping[int, Decimal | None], strategy: str | None = None
    ) -> Exposure:
        """Of one strategy, or of all."""
        return exposure(
            _of(self.lots, strategy),
            _of([trade for trade in self.unresolved if trade.id not in self.without], strategy),
            _of([trade for trade in self.recent if trade.id not in self.without], strategy),
            _of(self.closed, strategy),
            view.account,
            day_start=day_start,
            now=view.now,
            prices=prices,
        )


async def take_snapshot(
    books: Books,
    ticker: str,
    view: BrokerView,
    day_start: datetime,
    quoted: Mapping[int, Decimal | None] | None = None,
    *,
    judged: Judged | None = None,
    without: Collection[int] = (),
) -> Snapshot:
    """Everything that the risk checks of a BUY look at. `quoted`: the contract to be bought, with its price just now.

    `ticker`: as the books have it. Without `judged` no rule of a strategy is looked at. `without`: trades that reserve nothing.
    """
    account, now, quoted = view.account, view.now, quoted or {}
    rows = await _Rows.read(books, day_start, without)
    lots = rows.lots
    settings = await books.settings()
    prices = market_prices(lots, view.positions or {}, settings) | _known(quoted)
    everything = rows.at_stake(view, day_start, prices)
    shared = [trade for trade in rows.recent if trade.ticker == ticker or trade.con_id in quoted]
    fills = await books.executions_of([trade.id for trade in shared if trade.rests and trade.filled_qty])
    held = [lot for lot in lots if lot.ticker == ticker or lot.con_id in quoted]
    splits = await unanswered_splits(books, held, view.positions or {}, now)
    own = None
    if judged is not None:
        figures = _own_figures(rows.at_stake(view, day_start, prices, judged.alert.strategy), ticker)
        own = await _strategy_view(books, ticker, now, day_start, judged, lots, figures)
    return Snapshot(
        state=view.state,
        cash=account.spendable if account else None,
        reserved=everything.reserved,
        held=everything.held,
        in_flight=everything.in_flight,
        open_positions=everything.open_positions,
        ticker_positions=everything.by_ticker.get(ticker, 0),
        buys_today=everything.buys_today,
        realised_today=everything.realised_today,
        since_last_buy_s=_since_last_buy_s(shared, judged, now),
        unknown_order=any(
            t.status is TradeStatus.UNKNOWN and (t.ticker == ticker or t.con_id in quoted) for t in rows.unresolved
        ),
        missing_qty=missing(held, as_last_filled(shared, fills), view.positions, now),
        split=splits[0].figures if splits else None,
        blocked=_blocked(settings, ticker, judged),
        other_contract=any(lot.con_id not in quoted for lot in held) if quoted else False,
        short_qty=_short({lot.con_id for lot in held} | set(quoted), view.positions),
        live=view.live,
        base_currency=account.base_currency if account else None,
        base_cash=account.base_cash if account else None,
        open_change=everything.open_change,
        unpriced=", ".join(everything.unpriced),
        at_risk=everything.at_risk,
        own=own,
    )


async def position_before(books: Books, order: Trade) -> Decimal:
    """What IB's position was by the books when the order was decided, the owner's shares as they were last compared included.

    Raises LedgerUnavailable.
    """
    since = [one for one in await books.trades(since=order.created_at) if one.con_id == order.con_id]
    moved = sum((one.filled_qty if one.side is Side.BUY else -one.filled_qty for one in since), Decimal(0))
    booked = shares_by_contract(await books.lots(LotStatus.OPEN)).get(order.con_id, Decimal(0))
    return booked - moved + owners_last_known(await books.settings(), order.con_id)


def _of(rows: Sequence[Row], strategy: str | None) -> Sequence[Row]:
    return rows if strategy is None else [row for row in rows if row.strategy == strategy]


def _own_figures(own: Exposure, ticker: str) -> OwnFigures:
    return OwnFigures(
        held=own.held,
        in_flight=own.in_flight,
        open_positions=own.open_positions,
        ticker_positions=own.by_ticker.get(ticker, 0),
        buys_today=own.buys_today,
        realised_today=own.realised_today,
        open_change=own.open_change,
        unpriced=", ".join(own.unpriced),
        at_risk=own.at_risk,
    )


async def _strategy_view(
    books: Books,
    ticker: str,
    now: datetime,
    day_start: datetime,
    judged: Judged,
    lots: Sequence[Lot],
    figures: OwnFigures,
) -> StrategyView:
    alert, strategy = judged.alert, judged.terms.strategy
    since = alert.received_at - timedelta(seconds=judged.max_alert_age_s)
    exits = [
        await books.newest_alert_time(alert.strategy, name, Side.SELL, since)
        for name in {ticker, alert.ticker or ticker}
    ]
    return StrategyView(
        terms=judged.terms,
        new_york=now.astimezone(NEW_YORK),
        instruction=judged.instruction,
        held_qty=_total(lot.qty for lot in lots if (lot.strategy, lot.ticker) == (alert.strategy, ticker)),
        alert_time=alert.alert_time,
        newest_exit=max((at for at in exits if at is not None), default=None),
        since_entry_s=await _since_entry_s(books, ticker, now, judged) if strategy.cooldown_s else None,
        alerts_today=(
            await books.count_alerts(alert.strategy, Side.BUY, day_start, up_to_id=alert.id)
            if strategy.max_alerts_per_day is not None
            else 0
        ),
        figures=figures,
    )


async def _since_entry_s(books: Books, ticker: str, now: datetime, judged: Judged) -> float | None:
    """Entries are counted from their decision on. One that is decided in the future was so before the clock was set back."""
    alert, since = judged.alert, now - timedelta(seconds=judged.terms.strategy.cooldown_s)
    entries = [
        trade
        for trade in await books.trades(ticker=ticker, strategy=alert.strategy, since=since)
        if trade.side is Side.BUY and trade.alert_id != alert.id and (trade.filled_qty or trade.status in UNRESOLVED)
    ]
    return min((abs((now - trade.created_at).total_seconds()) for trade in entries), default=None)


def _since_last_buy_s(trades: Sequence[Trade], judged: Judged | None, now: datetime) -> float | None:
    """Since the strategy's last decided BUY; the alert that is judged is no repeat of itself."""
    mine = _of(trades, judged.alert.strategy) if judged is not None else trades
    alert_id = judged.alert.id if judged is not None else None
    buys = [trade.created_at for trade in mine if trade.side is Side.BUY and trade.alert_id != alert_id]
    return (now - max(buys)).total_seconds() if buys else None


def _blocked(settings: Mapping[str, str], ticker: str, judged: Judged | None) -> str | None:
    """By the name of the books or by the alert's: a stock that IB has renamed has two."""
    names = {ticker, judged.alert.ticker if judged is not None else None}
    return next((name for name in sorted(blocked_tickers(settings)) if name in names), None)


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
