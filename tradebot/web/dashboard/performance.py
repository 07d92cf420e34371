"""How it went: the account, what was closed, months, strategies, slippage and latency. Pure. What is not known yet is None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from tradebot.domain.analytics import latency, slippage
from tradebot.domain.analytics.closed_lots import LotFigures
from tradebot.domain.analytics.latency import Latency, Stage
from tradebot.domain.analytics.performance import AccountFigures, Performance, TradingFigures
from tradebot.domain.analytics.slippage import Slippage
from tradebot.domain.analytics.spans import Span
from tradebot.web.dashboard.pictures import Curve
from tradebot.words import figures, report_page
from tradebot.words import performance as words

PERIODS = {"30": "30 days", "90": "90 days", "365": "A year", "all": "Since the start"}
DEFAULT = "90"
STAGES = {
    Stage.SENT: "TradingView to the bot",
    Stage.DECIDED: "judged and stored",
    Stage.AT_IB: "until IB shows it",
    Stage.FILLED: "until it is filled",
    Stage.ROAD: "The bot's own road",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its name; `text` None: not yet. `mood`: a gain or a loss."""

    name: str
    text: str | None
    about: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """A choice of how far back."""

    name: str
    href: str
    here: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A line of the monthly table."""

    name: str
    net: str
    mood: str
    won: str
    earned: str
    spy: str
    ahead: str


@dataclass(frozen=True, slots=True)
class Whose:
    """A strategy in one line."""

    name: str
    net: Decimal
    closed: int
    won: str
    factor: str
    expectancy: str
    fall: str
    fell: bool
    slippage: str


@dataclass(frozen=True, slots=True)
class Cost:
    """A part of the slippage."""

    name: str
    text: str
    about: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage of an order's road."""

    name: str
    median: str
    p95: str
    longest: str


@dataclass(frozen=True, slots=True)
class Slips:
    """The slippage: of how many orders, and where it comes from."""

    about: str
    rows: Sequence[Cost]
    least: int = slippage.ORDERS_MIN


@dataclass(frozen=True, slots=True)
class Road:
    """The latency: the service level, and each stage."""

    about: str
    rows: Sequence[Stretch]
    least: int = latency.ORDERS_MIN


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page. The charts are the names of pictures."""

    about: str
    periods: Sequence[Period]
    keep: str  # the same as a file to keep
    equity_chart: str | None
    equity_alt: str
    account: Sequence[Figure]
    worth_now: Decimal | None  # USD, by IB: for who has no worth of this period
    closed: int
    pnl_chart: str | None
    pnl_alt: str
    lots: Sequence[Figure]
    months: Sequence[Month]
    strategies: Sequence[Whose]
    slippage: Slips
    latency: Road


def performance(
    found: Performance,
    chosen: str,
    worth_now: Decimal | None,
    name: Callable[[Curve], str | None],
    since: date | None = None,
) -> Page:
    """`worth_now`: the account's, USD. `name`: by which a picture of the curve is asked for. `since`: the first day of which
    anything is known."""
    lots, several = found.trading.lots, len(found.by_strategy) > 1
    net = figures.signed_usd(lots.net)
    worth = (
        f"from {figures.usd(found.account.days[0].value)} to {figures.usd(found.account.value)}"
        if found.account
        else ""
    )
    span = f"{found.first:%d %b %Y} to {found.last:%d %b %Y}, {figures.some(found.sessions, 'sessions')}"
    return Page(
        about=f"{span}{report_page.known_since(found, since)}",
        periods=[Period(text, f"/performance?period={key}", key == chosen) for key, text in PERIODS.items()],
        keep=f"/performance/keep?period={chosen}",
        equity_chart=name(equity_curve(found.account)) if found.account else None,
        equity_alt=f"Equity by day, {worth}",
        account=_account(found.account) if found.account else [],
        worth_now=worth_now,
        closed=lots.closed + lots.written_off,
        pnl_chart=name(Curve(found.trading.curve, from_zero=True)) if lots.closed else None,
        pnl_alt=f"Realised P&L added up by day: {net}",
        lots=_lots(found.trading),
        months=[_month(one) for one in reversed(found.months)],
        strategies=[_strategy(key, one) for key, one in found.by_strategy.items()] if several else [],
        slippage=_slippage(found.trading.slippage),
        latency=_latency(found.latency),
    )


def equity_curve(account: AccountFigures) -> Curve:
    """With how far the index, which knows no deposits, stands under its best."""
    best, below = 0.0, []
    for day in account.days:
        best = max(best, day.index)
        below.append(1 - day.index / best if best else 0.0)
    return Curve([(day.day, day.value) for day in account.days], below)


def _account(one: AccountFigures) -> list[Figure]:
    worst, now = one.drawdown.worst, one.drawdown.now
    several = len(one.days) > 1  # before, nothing can be told of ups and downs
    none = words.signed(0.0) if several else None
    fell = "" if worst is None else f"{worst.peak:%d %b} to {worst.trough:%d %b}"
    flows = f"without {figures.signed_usd(one.flows)} paid in or out" if one.flows else ""
    return [
        Figure("Gain", figures.signed_usd(one.gain) if several else None, flows, _mood(float(one.gain))),
        _part("Return", one.time_weighted, "time-weighted"),
        _part("Return on money", one.money_weighted, "by when it was paid in"),
        _part("Ahead of SPY", one.benchmark.ahead, _spy(one.benchmark.total)),
        Figure("Deepest fall", words.signed(-worst.depth) if worst else none, fell, "loss" if worst else ""),
        Figure(
            "Below its best now",
            words.signed(-now.depth) if now else none,
            "" if now is None else f"since {now.peak:%d %b}",
            "loss" if now else "",
        ),
        Figure("Sharpe", _known(one.ratios.sharpe, words.ratio)),
        Figure("Sortino", _known(one.ratios.sortino, words.ratio)),
        Figure("Calmar", _known(one.ratios.calmar, words.ratio)),
        Figure("Volatility", _known(one.ratios.volatility, _percent), "a year"),
        Figure("Beta", _known(one.benchmark.beta, words.ratio), "against SPY"),
    ]


def _spy(total: float | None) -> str:
    return "" if total is None else f"SPY {words.signed(total)}"


def _lots(one: TradingFigures) -> list[Figure]:
    lots, use = one.lots, one.use
    worst = one.drawdown.worst
    return [
        Figure(
            "Realised",
            figures.signed_usd(lots.net),
            f"after {figures.usd(lots.commissions)} of commissions",
            _mood(float(lots.net)),
        ),
        Figure("Won", _known(lots.win_rate, _percent), f"{lots.won} of {lots.closed} closed"),
        Figure("Profit factor", _known(lots.profit_factor, words.ratio), "won ÷ lost"),
        Figure("A lot brings", _known(lots.expectancy, words.money), "on average", _mood(float(lots.expectancy or 0))),
        Figure("Payoff", _known(lots.payoff, words.ratio), _won_and_lost(lots)),
        Figure(
            "Deepest fall",
            figures.signed_usd(-worst.depth) if worst else figures.usd(Decimal(0)) if _days(one) else None,
            "of what was realised, by day",
            "loss" if worst else "",
        ),
        Figure("Streak", _streak(lots.streaks.now), f"longest: {lots.streaks.won} won, {lots.streaks.lost} lost"),
        Figure("Held", _known(lots.held_s, words.time), "the median"),
        Figure("In the market", _known(use.in_market, _percent), "of its trading hours"),
        Figure("Exposure", _known(use.exposure, _percent), "invested ÷ equity, on average"),
        Figure("Turnover", None if use.turnover is None else f"{use.turnover:.2f} ×", "of the equity"),
        Figure("Commissions", _known(lots.commission_share, _percent), "of what was won"),
    ]


def _days(one: TradingFigures) -> bool:
    """Whether there are enough to tell a fall from none."""
    return len(one.curve) > 1


def _won_and_lost(lots: LotFigures) -> str:
    if lots.average_won is None or lots.average_lost is None:
        return "average won ÷ lost"
    return f"{figures.usd(lots.average_won)} ÷ {figures.usd(lots.average_lost)}"


def _streak(now: int) -> str:
    return "none" if not now else f"{abs(now)} {'won' if now > 0 else 'lost'}"


def _month(one: Span) -> Month:
    return Month(
        name=f"{one.first:%b %Y}",
        net=figures.signed_usd(one.net) if one.closed else "–",
        mood={1: "up", -1: "down"}.get((one.net > 0) - (one.net < 0), ""),
        won=f"{one.won} of {one.closed}" if one.closed else "–",
        earned=_or_dash(one.earned),
        spy=_or_dash(one.spy),
        ahead=_or_dash(one.ahead),
    )


def _strategy(name: str, one: TradingFigures) -> Whose:
    lots, worst = one.lots, one.drawdown.worst
    return Whose(
        name=name,
        net=lots.net,
        closed=lots.closed,
        won=words.share(lots.win_rate, 1),
        factor=words.ratio(lots.profit_factor),
        expectancy=words.money(lots.expectancy),
        fall=figures.signed_usd(-worst.depth) if worst else "none" if _days(one) else words.NOT_YET,
        fell=worst is not None,
        slippage=words.bps(one.slippage.bps.total if one.slippage.bps else None),
    )


def _slippage(found: Slippage) -> Slips:
    about = f"{figures.some(found.orders, 'orders')}, {figures.usd(found.usd)} in all"
    if found.unsplit:
        about += f"; without a quote {figures.some(found.unsplit, 'orders')}, {words.bps(found.unsplit_bps)}"
    if found.bps is None:
        return Slips(about, [])
    parts = found.bps
    rows = [
        ("Signal", parts.signal, "the market moved between the alert's price and the decision"),
        ("Wait", parts.wait, "the same, where the alert had to wait or the order worked on"),
        ("Spread", parts.spread, "half of it: what a market order pays for not waiting"),
        ("Impact", parts.impact, "filled at another price than the quote"),
        ("Total", parts.total, "basis points of what was traded; above zero is a cost"),
    ]
    return Slips(about, [Cost(name, words.bps(value), text) for name, value, text in rows])


def _latency(found: Latency) -> Road:
    about = figures.some(found.orders, "orders")
    if found.share is not None:
        about = f"{words.service(found.share)} of {about} at IB within {found.within_s:g} s"
    rows = [
        Stretch(STAGES[stage], words.time(times.median), words.time(times.p95), words.time(times.longest))
        for stage, times in found.stages.items()
        if times.median is not None
    ]
    return Road(about, rows)


# --- figures ----------------------------------------------------------------------------------------------------------


def _mood(value: float) -> str:
    return "gain" if value > 0 else "loss" if value < 0 else ""


def _part(name: str, value: float | None, about: str) -> Figure:
    return Figure(name, _known(value, words.signed), about, "" if value is None else _mood(value))


def _known(value: T | None, say: Callable[[T], str]) -> str | None:
    """None where it is not known yet: a page says that in a colour of its own."""
    return None if value is None else say(value)


def _percent(value: float) -> str:
    return words.share(value, 1)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else words.signed(value)
