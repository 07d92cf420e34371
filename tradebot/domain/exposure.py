"""What is at stake: money and places taken by open lots and by BUYs in flight. Pure.

Rules: one function for what is enforced (`risk.Snapshot`) and for what is shown (status, limits, daily report), so that the two
cannot part. A BUY in flight or UNKNOWN and the lot it has begun count once: as the order, with all it reserves. A BUY of today
counts once it has filled anything, and while it may still. The caller chooses the rows: of all, or of one strategy only.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account
from tradebot.domain.limits import LossBasis
from tradebot.domain.lots import Lot
from tradebot.domain.trades import LIVE, UNRESOLVED, OrderRole, Trade

ACCOUNT_LAG = timedelta(seconds=1)
"""An account update that arrived this soon after a fill was booked may have been computed before it."""
UNKNOWN_SECTOR = "unknown"
"""Of what IB names no industry for, or was not asked about yet."""
_BEFORE_MIDNIGHT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Exposure:
    """At one moment. USD are Decimal, in cost basis without commission; counts are of the New York date where they say today."""

    held: Decimal  # open lots, without those that a BUY in flight has begun
    in_flight: Decimal  # what BUYs in flight or UNKNOWN may still cost, as reserved when they were decided
    not_yet_in_cash: Decimal  # paid by BUYs that the account's last update may not contain
    by_ticker: Mapping[str, int]  # open lots + BUYs in flight
    buys_today: int
    realised_today: Decimal  # net of commissions
    open_change: Decimal | None = Decimal(0)  # what open lots add to it, see `open_change`; None: a price is not known
    unpriced: tuple[str, ...] = ()  # the tickers without one
    loss_basis: LossBasis = LossBasis.REALISED
    at_risk: Decimal = Decimal(
        0
    )  # what lots and BUYs in flight lose where their stops sell; without a stop all they cost

    sells_today: int = 0
    cost_by_ticker: Mapping[str, Decimal] = field(default_factory=dict)  # of which `invested` is the sum
    cost_by_sector: Mapping[str, Decimal] = field(
        default_factory=dict
    )  # the same, largest first; only where it is shown

    @property
    def invested(self) -> Decimal:
        """What counts towards `max_total_investment`."""
        return self.held + self.in_flight

    @property
    def reserved(self) -> Decimal:
        """What must be taken off the cash that IB reports."""
        return self.in_flight + self.not_yet_in_cash

    @property
    def open_positions(self) -> int:
        return sum(self.by_ticker.values())

    @property
    def fullest(self) -> tuple[str, int] | None:
        """The ticker with the most positions, and how many."""
        return max(self.by_ticker.items(), key=lambda item: item[1], default=None)

    @property
    def lost_today(self) -> Decimal | None:
        """What counts towards `max_daily_loss`, as a positive figure; 0 after a gain, None where it is not known."""
        counted = self.realised_today
        if self.loss_basis is LossBasis.TOTAL:
            if self.open_change is None:
                return None
            counted += self.open_change
        return max(-counted, Decimal(0))

    def at_daily_loss(self, limit: Decimal) -> bool:
        """Whether nothing is bought any more today; False while it is not known."""
        lost = self.lost_today
        return lost is not None and lost >= limit


def recent_since(day_start: datetime) -> datetime:
    """How far back `exposure` looks at trades: a BUY of shortly before midnight may be missing in the cash of shortly after."""
    return day_start - _BEFORE_MIDNIGHT


def exposure(
    open_lots: Sequence[Lot],
    unresolved: Sequence[Trade],
    recent: Sequence[Trade],
    closed_today: Sequence[Lot],
    account: Account | None,
    *,
    day_start: datetime,
    now: datetime,
    prices: Mapping[int, Decimal | None] | None = None,
    loss_basis: LossBasis = LossBasis.REALISED,
    industries: Mapping[int, str] | None = None,
) -> Exposure:
    """Sums up the rows as they were read, trades in flight before lots and recent trades.

    So what ends between the readings counts twice, never not at all. `recent`: trades since `recent_since(day_start)`. `prices`:
    IB's, by contract; they count for `open_change` alone. `industries`: the same; None: nobody looks at sectors.
    """
    change, unpriced = open_change(open_lots, prices or {}, day_start)
    in_flight = [trade for trade in unresolved if trade.side is Side.BUY]
    begun = {trade.id for trade in in_flight}
    lots = [lot for lot in open_lots if lot.opening_trade_id not in begun]
    return Exposure(
        held=_total(lot.cost for lot in lots),
        in_flight=_total(trade.reserved for trade in in_flight),
        not_yet_in_cash=_not_yet_in_cash(recent, account, now),
        by_ticker=Counter([lot.ticker for lot in lots] + [trade.ticker for trade in in_flight]),
        buys_today=sum(_counts_as_buy(trade) for trade in recent if trade.created_at >= day_start),
        realised_today=_total(lot.pnl for lot in closed_today if lot.pnl is not None),
        open_change=change,
        unpriced=unpriced,
        loss_basis=loss_basis,
        at_risk=_at_risk(lots, in_flight, unresolved),
        sells_today=sum(_counts_as_sell(trade, day_start) for trade in recent),
        cost_by_ticker=_cost_by_ticker(lots, in_flight),
        cost_by_sector={} if industries is None else _cost_by_sector(lots, in_flight, industries),
    )


def open_change(
    lots: Iterable[Lot], prices: Mapping[int, Decimal | None], day_start: datetime
) -> tuple[Decimal | None, tuple[str, ...]]:
    """What the bot's open lots have won or lost by IB's prices, the BUY's commission included; and the tickers without a price.

    A lot of an earlier day counts where it has lost since it was bought: yesterday's close is not known, and an old gain must not
    pay for today's losses. None where a price is missing.
    """
    total, unpriced = Decimal(0), set[str]()
    for lot in lots:
        price = prices.get(lot.con_id)
        if price is None or not price.is_finite() or price <= 0:
            unpriced.add(lot.ticker)
            continue
        change = lot.qty * (price - lot.entry_price) - lot.commission
        total += change if lot.entry_time >= day_start else min(change, Decimal(0))
    return (None if unpriced else total), tuple(sorted(unpriced))


def _at_risk(lots: Sequence[Lot], in_flight: Sequence[Trade], unresolved: Sequence[Trade]) -> Decimal:
    """Down to the stops that IB has, or is being sent. What no stop covers may lose all that it costs; a stop above what was
    paid loses nothing, and pays for no other."""
    stops: dict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for stop in unresolved:
        if stop.role is OrderRole.STOP and stop.status in LIVE and stop.parent_trade_id is not None and stop.stop_price:
            stops[stop.parent_trade_id].append((stop.requested_qty - stop.filled_qty, stop.stop_price))
    total = Decimal(0)
    for lot in lots:
        total += _lost(lot.qty, lot.entry_price, stops[lot.opening_trade_id])
    for trade in in_flight:
        each = trade.reserved / trade.requested_qty if trade.requested_qty else Decimal(0)
        total += _lost(trade.requested_qty, each, stops[trade.id])
    return total


def _lost(qty: Decimal, price: Decimal, stops: list[tuple[Decimal, Decimal]]) -> Decimal:
    """Of shares that cost this; the stops that cover them are used up, the lowest first."""
    total, stops[:] = Decimal(0), sorted(stops, key=lambda one: one[1])
    while qty > 0 and stops:
        left, at = stops.pop(0)
        covered = min(left, qty)
        total += covered * max(price - at, Decimal(0))
        qty -= covered
        if left > covered:
            stops.insert(0, (left - covered, at))
    return total + qty * price


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


def _counts_as_sell(trade: Trade, day_start: datetime) -> bool:
    """Of the day on which it filled: a stop may have been placed weeks before."""
    return trade.side is Side.SELL and trade.filled_qty > 0 and (trade.finished_at or day_start) >= day_start


def _cost_by_ticker(lots: Iterable[Lot], in_flight: Iterable[Trade]) -> Mapping[str, Decimal]:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for lot in lots:
        total[lot.ticker] += lot.cost
    for trade in in_flight:
        total[trade.ticker] += trade.reserved
    return total


def _cost_by_sector(
    lots: Iterable[Lot], in_flight: Iterable[Trade], industries: Mapping[int, str]
) -> Mapping[str, Decimal]:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for con_id, cost in [(lot.con_id, lot.cost) for lot in lots] + [(one.con_id, one.reserved) for one in in_flight]:
        total[industries.get(con_id, UNKNOWN_SECTOR)] += cost
    ranked = sorted(total.items(), key=lambda item: (item[0] == UNKNOWN_SECTOR, -item[1], item[0]))
    return {name: cost for name, cost in ranked if cost}


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
