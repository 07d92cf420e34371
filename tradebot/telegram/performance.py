"""What /performance, /stats and /daily, /weekly and /monthly show. Pure: figures in, HTML out."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from tradebot.domain.analytics.performance import Performance, TradingFigures
from tradebot.domain.analytics.spans import Span
from tradebot.domain.analytics.thresholds import Reading
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.calendar_units import Unit
from tradebot.telegram.markup import bold, esc, lines
from tradebot.telegram.table import WIDTH, Row, table, whole
from tradebot.words import performance as words
from tradebot.words import report_page
from tradebot.words.figures import signed_usd, some

MONTHS_SHOWN = 12
_LABELS = {Unit.DAY: "%a %d %b", Unit.WEEK: "%d %b", Unit.MONTH: "%b %Y"}
_NAMES = {Unit.DAY: "days", Unit.WEEK: "weeks", Unit.MONTH: "months"}


def performance(found: Performance, only: str | None) -> str:
    """The account beside SPY, and the strategies; or one strategy."""
    if only is not None:
        one = found.by_strategy.get(only)
        if one is None:
            return f"{esc(only)} has traded nothing yet."
        return lines(*_of_one(only, one), _since(found), _rows(words.trading_rows(one)))
    account = found.account
    ahead = f" (SPY {words.signed(account.benchmark.total)})" if account and account.benchmark.total is not None else ""
    first = f"Account {words.signed(account.time_weighted)}{ahead}" if account else _result(found.trading)
    several = found.by_strategy if len(found.by_strategy) > 1 else {}
    return lines(
        bold(first),
        _since(found),
        _rows(words.account_rows(found)),
        bold("By strategy") if several else None,
        _strategies(several) if several else None,
        bold("Month by month") if found.months else None,
        _months(found.months[-MONTHS_SHOWN:]) if found.months else None,
        "/stats has trades, slippage, latency; /report the whole page.",
    )


def stats(
    found: Performance,
    only: str | None,
    readings: Sequence[Reading] = (),
    crossed: Mapping[str, datetime] | None = None,
) -> str:
    """What was traded, what the road costs and how long it takes, and how the owner's limits stand."""
    one = found.trading if only is None else found.by_strategy.get(only)
    if one is None:
        return f"{esc(only)} has traded nothing yet."
    limits = [f"• {esc(line)}" for line in words.readings(readings, crossed or {})]
    return lines(
        *(_of_one(only, one) if only else [bold(_result(one))]),
        _since(found),
        _rows(words.trading_rows(one)),
        bold("What the road costs"),
        _rows(words.slippage_rows(one.slippage)),
        None if only else bold("How long it takes"),
        None if only else _rows(words.service_rows(found.latency)),
        None if only else table([words.STAGE_HEADINGS, *words.stage_rows(found.latency)]),
        bold("Your limits") if limits else None,
        *limits,
    )


def spans(found: Sequence[Span], unit: Unit) -> str:
    """A line each, the newest last, with the account's return where it is known."""
    net, closed = sum((one.net for one in found), Decimal(0)), sum(one.closed for one in found)
    rows: list[Row] = [["", "net $", "closed", "acct %"]]
    rows += [
        [f"{one.first:{_LABELS[unit]}}", whole(one.net, signed=True), _closed(one), _rate(one.earned)] for one in found
    ]
    return lines(
        bold(f"The last {some(len(found), _NAMES[unit])}: {signed_usd(net)}"),
        f"{some(closed, 'lots')} closed, net of commissions" if closed else "Nothing was closed.",
        table(rows, without=((3,), (2, 3))),
    )


def caption(found: Performance, now: datetime, since: date | None) -> str:
    """Under the page to keep: what it is about, up to today; below, since when anything is known of it."""
    last = min(found.last, now.astimezone(NEW_YORK).date())
    known = report_page.known_since(found, since)
    return lines(
        f"{found.first:%d %b %Y} – {last:%d %b %Y}, {some(found.sessions, 'sessions')}",
        known.removeprefix("; ") or None,
    )


def _closed(one: Span) -> str:
    return f"{one.won}/{one.closed}" if one.closed else "–"


def _rate(earned: float | None) -> str:
    return "–" if earned is None else words.signed(earned).removesuffix(" %")


def _result(one: TradingFigures) -> str:
    lots = one.lots
    return f"{signed_usd(lots.net)} realised, {lots.won} of {lots.closed} won"


def _of_one(strategy: str, one: TradingFigures) -> Sequence[str]:
    """The same in two lines: a strategy's name may be long."""
    return bold(f"{strategy}: {signed_usd(one.lots.net)} realised"), f"{one.lots.won} of {one.lots.closed} won"


def _since(found: Performance) -> str:
    return f"since {found.first:%d %b %Y}, {some(found.sessions, 'sessions')}"


def _rows(found: words.Rows) -> str:
    """Two columns; what is too long for its line goes on below it."""
    rows: list[Row] = []
    for name, value in found:
        if len(name) + len(value) < WIDTH:
            rows.append(f"{name}{value.rjust(WIDTH - len(name))}")
        else:
            rows += [name, *(f"  {line}" for line in textwrap.wrap(value, WIDTH - 2))]
    return table(rows)


def _strategies(found: Mapping[str, TradingFigures]) -> str:
    rows: list[Row] = [["", "net $", "won", "bps"]]
    for name, one in found.items():
        parts = one.slippage.bps
        cost = "–" if parts is None else f"{parts.total:.1f}".replace("-", "−")
        rows.append([name[:14], whole(one.lots.net, signed=True), f"{one.lots.won}/{one.lots.closed}", cost])
    return table(rows, without=((3,),))


def _months(found: Sequence[Span]) -> str:
    rows: list[Row] = [["", "acct %", "SPY %", "net $"]]
    rows += [[f"{one.first:%b %y}", _rate(one.earned), _rate(one.spy), whole(one.net, signed=True)] for one in found]
    return table(rows, without=((2,),))
