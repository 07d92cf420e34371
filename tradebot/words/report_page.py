"""A period's performance as a page to keep: one HTML file that needs nothing else, for a browser or for print. Pure.

Rules: the same words as in chat and command line; what is not known yet says so; nothing is loaded from anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from tradebot.domain.analytics.correlation import Correlation
from tradebot.domain.analytics.performance import AccountFigures, Performance, TradingFigures
from tradebot.domain.analytics.spans import Span
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.calendar_units import Unit
from tradebot.words import performance as words
from tradebot.words.figures import local, signed_usd, some, usd
from tradebot.words.svg import Line, chart

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure at the top of the page."""

    name: str
    value: str
    tone: str  # a class: gain, loss, or nothing


def page(
    found: Performance, title: str, made_at: datetime, simulated: Sequence[str] = (), since: date | None = None
) -> str:
    """HTML. `simulated`: what of it is no real money, in words. `since`: the first day of which anything is known."""
    return _template().render(
        title=title,
        period=period(found, made_at, since),
        made_at=local(made_at),
        simulated=simulated,
        headlines=headlines(found),
        equity=_equity(found.account) if found.account else "",
        drawdown=_fall(found.account) if found.account else "",
        realised=realised(found.trading),
        month_headings=MONTH_HEADINGS,
        months=month_cells(found.months),
        account=words.account_rows(found),
        trading=words.trading_rows(found.trading),
        strategies=[(name, strategy_cells(one)) for name, one in found.by_strategy.items()]
        if len(found.by_strategy) > 1
        else [],
        strategy_headings=STRATEGY_HEADINGS,
        slippage=words.slippage_rows(found.trading.slippage),
        service=words.service_rows(found.latency),
        stage_headings=words.STAGE_HEADINGS,
        stages=words.stage_rows(found.latency),
        together=[*_pairs("Strategies", found.strategies_together), *_pairs("Positions", found.positions_together)],
    )


def period(found: Performance, now: datetime, since: date | None) -> str:
    """Up to today, and since when anything is known of it."""
    last = min(found.last, now.astimezone(NEW_YORK).date())
    known = known_since(found, since)
    return f"{_day(found.first)} – {_day(last)}, {some(found.sessions, 'sessions')}{known}"


def known_since(found: Performance, since: date | None) -> str:
    """`; known since 27 November 2026`; nothing where all of the period is known."""
    return "" if since is None or since <= found.first else f"; known since {_day(since)}"


def _day(one: date) -> str:
    return f"{one.day} {one:%B %Y}"


def headlines(found: Performance) -> Sequence[Headline]:
    """What the page is opened for."""
    lots, account = found.trading.lots, found.account
    told = [Headline("realised", signed_usd(lots.net), _tone(lots.net))]
    if account is not None:
        told.append(Headline("account", words.signed(account.time_weighted), _tone(account.time_weighted)))
        ahead = account.benchmark.ahead
        told.append(Headline("against SPY", words.signed(ahead), _tone(ahead)))
        worst = account.drawdown.worst
        none = "none" if len(account.days) > 1 else words.NOT_YET
        told.append(Headline("deepest drawdown", words.share(worst.depth, 1) if worst else none, ""))
    told.append(Headline("lots won", f"{lots.won} of {lots.closed}", ""))
    told.append(Headline("at IB within 1 s", words.service(found.latency.share), ""))
    return told


def realised(found: TradingFigures) -> str:
    """Realised P&L added up."""
    points = [(day, float(total)) for day, total in found.curve]
    return chart([Line(points, "one", filled=True)], _dollars, "Realised P&L, net, added up")


def _equity(account: AccountFigures) -> str:
    mine = [(one.day, 100 * (one.index - 1)) for one in account.days]
    spy = [(day, 100 * (index - 1)) for day, index in account.benchmark.index]
    return chart([Line(mine, "one", "account"), Line(spy, "two", "SPY")], _percent, "Return of the account, beside SPY")


def _fall(account: AccountFigures) -> str:
    best, points = 0.0, []
    for one in account.days:
        best = max(best, one.index)
        points.append((one.day, 100 * (one.index / best - 1)))
    return chart([Line(points, "three", filled=True)], _percent, "Below its best")


def _percent(value: float) -> str:
    return f"{'−' if value < 0 else ''}{abs(value):g} %"


def _dollars(value: float) -> str:
    return (
        f"{'−' if value < 0 else ''}${abs(value):,.0f}" if abs(value) >= 10 or value == 0 else usd(Decimal(repr(value)))
    )


MONTH_HEADINGS = ("month", "account", "SPY", "ahead", "realised", "closed", "won")


def month_cells(found: Sequence[Span]) -> Sequence[Sequence[tuple[str, str]]]:
    """Text and class of each cell, a row a month."""
    return [_month(one) for one in found]


def _month(one: Span) -> Sequence[tuple[str, str]]:
    return [
        (f"{one.first:%b %Y}", ""),
        (words.signed(one.earned), _tone(one.earned)),
        (words.signed(one.spy), ""),
        (words.signed(one.ahead), _tone(one.ahead)),
        (signed_usd(one.net), _tone(one.net)),
        (str(one.closed), ""),
        (f"{one.won}", ""),
    ]


STRATEGY_HEADINGS = (
    "realised",
    "closed",
    "won",
    "win rate",
    "expectancy",
    "profit factor",
    "deepest",
    "invested",
    "slippage",
)


def strategy_cells(one: TradingFigures) -> Sequence[tuple[str, str]]:
    lots = one.lots
    parts = one.slippage.bps
    return [
        (signed_usd(lots.net), _tone(lots.net)),
        (str(lots.closed), ""),
        (str(lots.won), ""),
        (words.share(lots.win_rate), ""),
        (words.money(lots.expectancy), ""),
        (words.ratio(lots.profit_factor), ""),
        (words.deepest_fall(one), ""),
        (usd(one.use.average_invested) if one.use.average_invested is not None else words.NOT_YET, ""),
        (words.bps(None if parts is None else parts.total), ""),
    ]


def _pairs(what: str, found: Sequence[Correlation]) -> Sequence[tuple[str, str, str]]:
    return [(what, f"{one.one} and {one.other}", words.ratio(one.value)) for one in found]


def _tone(value: Decimal | float | None) -> str:
    return "" if not value else "gain" if value > 0 else "loss"


def title_of(found: Performance) -> str:
    """The month or the year that it is about."""
    if found.first.day == 1 and Unit.MONTH.end(found.first) == found.last:
        return f"{found.first:%B %Y}"
    whole = (found.first.month, found.first.day, found.last.month, found.last.day) == (1, 1, 12, 31)
    return f"{found.first:%Y}" if whole and found.first.year == found.last.year else "Performance"


def name_of(first: date, last: date) -> str:
    """The file's name."""
    return f"tradebot-{first:%Y-%m-%d}-{last:%Y-%m-%d}.html"


@cache
def _template() -> "Template":
    from jinja2 import Environment  # noqa: PLC0415 - only where a page is made

    text = files(__package__).joinpath("report.html.jinja").read_text("utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
