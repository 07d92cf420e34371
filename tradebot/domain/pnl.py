"""Profit and loss of New York dates, from closed lots and trades, and what open lots are worth at the broker's prices.

Rules: a lot's P&L is net of both its commissions and belongs to the New York date on which it closed; a trade belongs to the date
on which it was decided. What is not known (a market price, the exit of a lot that was written off) is never shown as zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.lots import PRICE_STEP, Lot, LotStatus
from tradebot.domain.trades import Trade

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Summary:
    """What some New York dates brought, in USD. `gross − lot_commissions = net`."""

    buys: int  # trades that filled anything
    sells: int
    commissions_paid: Decimal  # by those trades: what left the account on these dates
    gross: Decimal  # of the lots closed, before commissions
    lot_commissions: Decimal  # of the lots closed: buying and selling, the former perhaps paid earlier
    net: Decimal
    by_ticker: Mapping[str, Decimal]  # net, in the tickers' order
    closed: int  # lots closed with a known P&L
    wins: int  # of these, net above zero
    best: Lot | None
    worst: Lot | None
    written_off: int  # lots closed without a known P&L: part of no other figure here
    cost: Decimal = ZERO  # of the lots closed, commissions excluded: what `net` is compared with

    @property
    def win_rate(self) -> Decimal | None:
        """Wins by lots closed, 0 to 1; None when nothing closed."""
        return Decimal(self.wins) / self.closed if self.closed else None


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """All open lots of one contract. `price` is the broker's; None: unknown, and so is what follows from it."""

    ticker: str
    con_id: int
    lots: int
    qty: Decimal
    cost: Decimal  # commissions excluded
    price: Decimal | None

    @property
    def entry_price(self) -> Decimal:
        """Average, USD a share, with as many digits as stored prices have."""
        return (self.cost / self.qty).quantize(PRICE_STEP).normalize()

    @property
    def value(self) -> Decimal | None:
        return None if self.price is None else self.price * self.qty

    @property
    def pnl(self) -> Decimal | None:
        """Unrealised, commissions excluded."""
        return None if self.price is None else self.price * self.qty - self.cost


@dataclass(frozen=True, slots=True)
class Unrealised:
    """Open positions in their tickers' order. `pnl` adds up the priced ones; `unknown` names the others."""

    positions: tuple[OpenPosition, ...]
    pnl: Decimal
    unknown: tuple[str, ...]


def realised_on(day: date, lots: Iterable[Lot]) -> Decimal:
    """Net realised P&L of a New York date: the figure the daily loss limit goes by."""
    return sum((lot.pnl for lot in _closed(lots, day, day) if lot.pnl is not None), ZERO)


def summarise(first: date, last: date, lots: Iterable[Lot], trades: Iterable[Trade]) -> Summary:
    """The New York dates from `first` to `last`, both included. Lots and trades of other dates are left out."""
    closed = list(_closed(lots, first, last))
    known = [(lot, lot.pnl) for lot in closed if lot.pnl is not None]
    ranked = sorted(known, key=lambda pair: pair[1])
    by_ticker: dict[str, Decimal] = {}
    for lot, pnl in sorted(known, key=lambda pair: pair[0].ticker):
        by_ticker[lot.ticker] = by_ticker.get(lot.ticker, ZERO) + pnl
    net = sum((pnl for _, pnl in known), ZERO)
    commissions = sum((lot.commission for lot, _ in known), ZERO)
    filled = [trade for trade in trades if trade.filled_qty > 0 and first <= _done_on(trade) <= last]
    return Summary(
        buys=sum(trade.side is Side.BUY for trade in filled),
        sells=sum(trade.side is Side.SELL for trade in filled),
        commissions_paid=sum((trade.commission for trade in filled), ZERO),
        gross=net + commissions,
        lot_commissions=commissions,
        net=net,
        by_ticker=by_ticker,
        closed=len(known),
        wins=sum(pnl > 0 for _, pnl in known),
        best=ranked[-1][0] if ranked else None,
        worst=ranked[0][0] if ranked else None,
        written_off=len(closed) - len(known),
        cost=sum((lot.cost for lot, _ in known), ZERO),
    )


def unrealised(lots: Iterable[Lot], prices: Mapping[int, Decimal | None]) -> Unrealised:
    """Open lots by contract at the market prices given by con_id; no price, or one that is no number, is unknown."""
    held: dict[tuple[str, int], list[Lot]] = {}
    for lot in lots:
        if lot.status is LotStatus.OPEN:
            held.setdefault((lot.ticker, lot.con_id), []).append(lot)
    positions = []
    for (ticker, con_id), owned in sorted(held.items()):
        price = prices.get(con_id)
        positions.append(
            OpenPosition(
                ticker=ticker,
                con_id=con_id,
                lots=len(owned),
                qty=sum((lot.qty for lot in owned), ZERO),
                cost=sum((lot.cost for lot in owned), ZERO),
                price=price if price is not None and price.is_finite() else None,
            )
        )
    return Unrealised(
        positions=tuple(positions),
        pnl=sum((position.pnl for position in positions if position.pnl is not None), ZERO),
        unknown=tuple(position.ticker for position in positions if position.pnl is None),
    )


def _closed(lots: Iterable[Lot], first: date, last: date) -> Iterable[Lot]:
    return (lot for lot in lots if lot.exit_time is not None and first <= _date(lot.exit_time) <= last)


def _done_on(trade: Trade) -> date:
    """What waited for its price was placed on another day, maybe; what still works counts for that."""
    return _date(trade.finished_at or trade.created_at)


def _date(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
