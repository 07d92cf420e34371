"""All figures of a period, put together: of the account, of all closed lots, and of each strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tradebot.domain.analytics import closed_lots, drawdown, equity_curve
from tradebot.domain.analytics.benchmark import Benchmark, benchmark, closes, daily_returns
from tradebot.domain.analytics.capital import CapitalUse, capital_use
from tradebot.domain.analytics.closed_lots import LotFigures, lot_figures
from tradebot.domain.analytics.correlation import Correlation, correlations
from tradebot.domain.analytics.drawdown import Drawdown
from tradebot.domain.analytics.equity_curve import EquityDay, equity_days
from tradebot.domain.analytics.latency import Latency, latency
from tradebot.domain.analytics.ratios import Ratios, ratios, sharpe, sortino
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.analytics.slippage import Slippage, slippage
from tradebot.domain.analytics.spans import Span, spans
from tradebot.domain.calendar import DAY, Calendar, Session
from tradebot.domain.calendar_units import Unit
from tradebot.domain.daily_bars import SPY, DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus

DAY_SHARE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Known:
    """What the figures are made of: everything that the books know of a period, and of what reaches into it."""

    first: date  # New York dates
    last: date
    now: datetime
    equity: Sequence[Equity]  # in time order, of one account; also from before the period
    lots: Sequence[Lot]  # bought before its end; closed in it or later, or open
    orders: Sequence[SentOrder]  # decided in the period
    bars: Mapping[str, Sequence[DailyBar]]  # by ticker: SPY's, and of what is held


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """The whole account's, the owner's own shares included. Fractions are floats; None: not yet."""

    days: Sequence[EquityDay]
    value: Decimal  # USD, at the end
    flows: Decimal  # USD paid in, less what was taken out
    gain: Decimal  # USD, flows left out
    time_weighted: float | None  # return over the period
    money_weighted: float | None  # return over the period
    ratios: Ratios
    drawdown: Drawdown[float]
    benchmark: Benchmark


@dataclass(frozen=True, slots=True)
class TradingFigures:
    """Of the bot's lots alone: of one strategy, or of all. None: not yet.

    `sharpe` and `sortino` are those of daily realised P&L in USD: whatever the capital is, as long as it is the same every
    day, it cancels out.
    """

    lots: LotFigures
    curve: Sequence[tuple[date, Decimal]]  # USD realised, added up, at each session's end
    drawdown: Drawdown[Decimal]  # of the curve
    sharpe: float | None
    sortino: float | None
    money_weighted: float | None  # return a year on what its closed lots had invested, by the days they had it
    use: CapitalUse
    slippage: Slippage


@dataclass(frozen=True, slots=True)
class Performance:
    """How a period went."""

    first: date
    last: date
    sessions: int  # that have begun
    account: AccountFigures | None  # None: its worth was not stored in this period
    trading: TradingFigures
    by_strategy: Mapping[str, TradingFigures]  # of each that has lots or orders, in the order of names
    months: Sequence[Span]
    strategies_together: Sequence[Correlation]  # of daily realised P&L
    positions_together: Sequence[Correlation]  # of daily returns of what is held
    latency: Latency


@dataclass(frozen=True, slots=True)
class _Frame:
    """What everybody's lots are measured by."""

    sessions: Sequence[Session]
    traded: Sequence[Session]  # the hours in which alerts were executed
    average: Decimal | None  # USD, the account's worth


def performance(known: Known, hours: Hours) -> Performance:
    """`hours`: when alerts were executed."""
    sessions = sessions_between(hours.calendar, known.first, known.last, known.now)
    days = equity_curve.days_between(equity_days(known.equity), known.first, known.last)
    spy = closes(known.bars.get(SPY, ()))
    frame = _Frame(sessions, _traded(known, hours, sessions), _average(days))
    names = sorted({one.strategy for one in known.lots} | {one.strategy for one in known.orders})
    all_of_them = _trading(known.lots, known.orders, known, frame)
    only = len(names) == 1
    each = {name: all_of_them if only else _of(name, known, frame) for name in names}
    closed = [lot for lot in known.lots if within(known, lot)]
    return Performance(
        first=known.first,
        last=known.last,
        sessions=len(sessions),
        account=_account(days, spy) if days else None,
        trading=all_of_them,
        by_strategy=each,
        months=spans(days, spy, closed, Unit.MONTH),
        strategies_together=correlations({name: _steps(one.curve) for name, one in each.items()}),
        positions_together=correlations(_positions(known)),
        latency=latency(known.orders, hours.is_open),
    )


def spans_of(known: Known, calendar: Calendar, unit: Unit) -> Sequence[Span]:
    """Day by day, week by week or month by month: each that had a session, and each in which anything closed."""
    days = equity_curve.days_between(equity_days(known.equity), known.first, known.last)
    closed = [lot for lot in known.lots if within(known, lot)]
    found = {one.first: one for one in spans(days, closes(known.bars.get(SPY, ())), closed, unit)}
    for session in sessions_between(calendar, known.first, known.last, known.now):
        first = unit.begin(session.date)
        found.setdefault(first, Span(first, unit.end(first), None, None, Decimal(0), 0, 0))
    return [found[first] for first in sorted(found)]


def sessions_between(calendar: Calendar, first: date, last: date, now: datetime) -> Sequence[Session]:
    """Those that have begun."""
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    found = (calendar.session(day) for day in days)
    return [one for one in found if one is not None and one.open <= now]


def _traded(known: Known, hours: Hours, sessions: Sequence[Session]) -> Sequence[Session]:
    """When alerts were executed, from the first day on of which anything is known: whole days, where it is always."""
    begun = [
        *(one.at for one in known.equity[:1]),
        *(one.created_at for one in known.orders[:1]),
        *(one.entry_time for one in known.lots),
    ]
    if not begun:
        return []
    first = max(known.first, closed_lots.new_york_day(min(begun)))
    if not hours.always:
        return [one for one in sessions if one.date >= first]
    starts = hours.calendar.day_start
    days = (date.fromordinal(number) for number in range(first.toordinal(), known.last.toordinal() + 1))
    return [Session(day, starts(day), starts(day + DAY), False, None) for day in days if starts(day) <= known.now]


def within(known: Known, lot: Lot) -> bool:
    """Whether it closed in the period."""
    return lot.exit_time is not None and known.first <= closed_lots.new_york_day(lot.exit_time) <= known.last


def _account(days: Sequence[EquityDay], spy: Mapping[date, float]) -> AccountFigures:
    earned = equity_curve.returns(days)
    flows = sum((one.flow for one in days), Decimal(0))
    return AccountFigures(
        days=days,
        value=days[-1].value,
        flows=flows,
        gain=days[-1].value - days[0].value - flows,
        time_weighted=ratios(earned).total,
        money_weighted=equity_curve.money_weighted(days),
        ratios=ratios(earned),
        drawdown=drawdown.of_index([(one.day, one.index) for one in days]),
        benchmark=benchmark(days, spy),
    )


def _of(name: str, known: Known, frame: _Frame) -> TradingFigures:
    lots = [lot for lot in known.lots if lot.strategy == name]
    orders = [order for order in known.orders if order.strategy == name]
    return _trading(lots, orders, known, frame)


def _trading(lots: Sequence[Lot], orders: Sequence[SentOrder], known: Known, frame: _Frame) -> TradingFigures:
    closed = [lot for lot in lots if within(known, lot)]
    curve = closed_lots.curve(closed_lots.pnl_by_day(closed), _traded_on(lots, frame.sessions))
    steps = list(_steps(curve).values())
    return TradingFigures(
        lots=lot_figures(closed),
        curve=curve,
        drawdown=drawdown.of_pnl([(curve[0][0], Decimal(0)), *curve] if curve else []),
        sharpe=sharpe(steps),
        sortino=sortino(steps),
        money_weighted=_on_invested(closed),
        use=capital_use(lots, frame.traded, known.now, frame.average),
        slippage=slippage(orders),
    )


def _traded_on(lots: Sequence[Lot], sessions: Sequence[Session]) -> Sequence[date]:
    """From the session on in which the first of these lots was bought: before it there was nothing to be judged."""
    if not lots:
        return []
    begin = min(closed_lots.new_york_day(lot.entry_time) for lot in lots)
    return [one.date for one in sessions if one.date >= begin]


def _steps(curve: Sequence[tuple[date, Decimal]]) -> dict[date, float]:
    before, steps = Decimal(0), {}
    for day, total in curve:
        steps[day] = float(total - before)
        before = total
    return steps


def _on_invested(lots: Sequence[Lot]) -> float | None:
    """Net P&L ÷ (cost × days held), a year of 365.25 days: simple, not compounded (Modified Dietz 1968, each lot paid for at
    its entry and paid back at its exit). From `LOTS_MIN` lots on that span a quarter of a year; a lot of less than a day
    counts as held for one."""
    known = [(lot, lot.pnl) for lot in lots if lot.pnl is not None and lot.exit_time is not None]
    if len(known) < closed_lots.LOTS_MIN:
        return None
    begin = min(closed_lots.new_york_day(lot.entry_time) for lot, _ in known)
    end = max(closed_lots.new_york_day(lot.exit_time) for lot, _ in known if lot.exit_time)
    if (end - begin).days < 91:
        return None
    invested = sum(float(lot.cost) * _held_days(lot) for lot, _ in known)
    made = sum(float(pnl) for _, pnl in known)
    return made / invested * equity_curve.YEAR_DAYS if invested else None


def _held_days(lot: Lot) -> float:
    assert lot.exit_time is not None, "only closed lots are asked for"
    return max(1.0, (lot.exit_time - lot.entry_time).total_seconds() / 86_400)


def _average(days: Sequence[EquityDay]) -> Decimal | None:
    return (sum((one.value for one in days), Decimal(0)) / len(days)).quantize(DAY_SHARE) if days else None


def _positions(known: Known) -> dict[str, Mapping[date, float]]:
    held = sorted({lot.ticker for lot in known.lots if lot.status is LotStatus.OPEN})
    return {ticker: daily_returns(closes(known.bars[ticker])) for ticker in held if ticker in known.bars}
