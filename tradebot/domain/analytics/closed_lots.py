"""What closed lots brought: how often they won, how much, for how long. Money is Decimal (USD), shares of something are floats.

A lot's P&L is net of both its commissions, and won is what ends above zero. Lots whose shares were written off have no known
P&L: they are counted apart, and are part of no other figure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from tradebot.domain.analytics.ratios import mean, median
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.lots import Lot

LOTS_MIN = 10
"""With fewer closed lots, a rate or an average is chance."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Streaks:
    """Exits that won or lost in a row. All lots that one order closed count as one exit, by their sum."""

    won: int  # the longest
    lost: int  # the longest
    now: int  # the running one: above zero won, below zero lost, 0 none
    since: datetime | None  # its first exit


@dataclass(frozen=True, slots=True)
class LotFigures:
    """Of some closed lots. None: not yet, or not defined; from `LOTS_MIN` lots on."""

    closed: int
    won: int
    lost: int
    written_off: int
    net: Decimal  # USD
    gross: Decimal  # USD, before commissions
    commissions: Decimal  # USD, of buying and selling these lots
    traded: Decimal  # USD, what buying and selling them moved
    win_rate: float | None  # fraction: won ÷ closed
    profit_factor: float | None  # what was won ÷ what was lost, net; None where nothing was lost
    expectancy: Decimal | None  # USD a lot: net ÷ closed
    expectancy_pct: float | None  # fraction a lot: mean of P&L ÷ cost
    payoff: float | None  # average won ÷ average lost; None where there is one kind only
    average_won: Decimal | None  # USD
    average_lost: Decimal | None  # USD, above zero
    best: Lot | None
    worst: Lot | None
    streaks: Streaks
    held_s: float | None  # seconds, the median
    held_won_s: float | None
    held_lost_s: float | None
    commission_share: float | None  # of what the winning lots made before commissions, as a fraction
    commission_bps: float | None  # of what was traded, in basis points


def lot_figures(lots: Iterable[Lot]) -> LotFigures:
    ended = [lot for lot in lots if lot.exit_time is not None]
    known = [(lot, lot.pnl) for lot in ended if lot.pnl is not None]
    won = [(lot, pnl) for lot, pnl in known if pnl > 0]
    lost = [(lot, pnl) for lot, pnl in known if pnl < 0]
    made, gone = _sum(pnl for _, pnl in won), -_sum(pnl for _, pnl in lost)
    net, commissions = _sum(pnl for _, pnl in known), _sum(lot.commission for lot, _ in known)
    traded = _sum(lot.cost + lot.cost + pnl + lot.commission for lot, pnl in known)
    ranked = sorted(known, key=lambda pair: pair[1])
    enough = len(known) >= LOTS_MIN
    gross_won = _sum(pnl + lot.commission for lot, pnl in known if pnl + lot.commission > 0)
    of_cost = [float(pnl / lot.cost) for lot, pnl in known if lot.cost]
    return LotFigures(
        closed=len(known),
        won=len(won),
        lost=len(lost),
        written_off=len(ended) - len(known),
        net=net,
        gross=net + commissions,
        commissions=commissions,
        traded=traded,
        win_rate=len(won) / len(known) if enough else None,
        profit_factor=float(made / gone) if enough and gone else None,
        expectancy=net / len(known) if enough else None,
        expectancy_pct=mean(of_cost) if enough and of_cost else None,
        payoff=float(made / len(won) / (gone / len(lost))) if enough and won and lost else None,
        average_won=made / len(won) if enough and won else None,
        average_lost=gone / len(lost) if enough and lost else None,
        best=ranked[-1][0] if ranked else None,
        worst=ranked[0][0] if ranked else None,
        streaks=streaks(lot for lot, _ in known),
        held_s=_held_s(known) if enough else None,
        held_won_s=_held_s(won) if enough else None,
        held_lost_s=_held_s(lost) if enough else None,
        commission_share=float(commissions / gross_won) if enough and gross_won else None,
        commission_bps=float(commissions / traded * 10_000) if enough and traded else None,
    )


def streaks(lots: Iterable[Lot]) -> Streaks:
    """An exit that ends at exactly zero ends every streak."""
    longest = {True: 0, False: 0}
    length, winning, since = 0, True, None
    for at, pnl in exits(lots):
        if pnl == 0:
            length, since = 0, None
            continue
        if length == 0 or winning != (pnl > 0):
            length, winning, since = 0, pnl > 0, at
        length += 1
        longest[winning] = max(longest[winning], length)
    return Streaks(longest[True], longest[False], length if winning else -length, since)


def exits(lots: Iterable[Lot]) -> Sequence[tuple[datetime, Decimal]]:
    """When each order that closed lots did so, and the P&L of all that it closed; in time order."""
    sold: dict[int, tuple[datetime, Decimal]] = {}
    for lot in lots:
        if lot.exit_time is None or lot.pnl is None or lot.closing_trade_id is None:
            continue
        at, pnl = sold.get(lot.closing_trade_id, (lot.exit_time, ZERO))
        sold[lot.closing_trade_id] = (max(at, lot.exit_time), pnl + lot.pnl)
    return sorted(sold.values())


def pnl_by_day(lots: Iterable[Lot]) -> dict[date, Decimal]:
    """Net realised P&L of the New York dates on which any closed, in their order."""
    known = sorted(
        (new_york_day(lot.exit_time), lot.pnl) for lot in lots if lot.exit_time is not None and lot.pnl is not None
    )
    return {day: _sum(pnl for _, pnl in found) for day, found in groupby(known, key=lambda pair: pair[0])}


def curve(by_day: dict[date, Decimal], sessions: Sequence[date]) -> Sequence[tuple[date, Decimal]]:
    """Added up, at each session's end; what was made on another day counts for the next session."""
    total, points, made = ZERO, [], sorted(by_day.items())
    for session in sessions:
        while made and made[0][0] <= session:
            total += made.pop(0)[1]
        points.append((session, total))
    return points


def _held_s(lots: Sequence[tuple[Lot, Decimal]]) -> float | None:
    held = [(lot.exit_time - lot.entry_time).total_seconds() for lot, _ in lots if lot.exit_time is not None]
    return median(held) if held else None


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def new_york_day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
