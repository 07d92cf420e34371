"""What /risk shows: each limit with what is used of it, and where the money is. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.settings import TradingState
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import StrategyStatus
from tradebot.telegram import strategies
from tradebot.telegram.markup import bold, esc, lines
from tradebot.telegram.table import Row, bar, table, whole
from tradebot.words import figures
from tradebot.words.limits import TITLES, value_text

TICKERS_MAX = 15


def risk(found: BooksStatus, state: TradingState, fixed: FixedLimits, strategy: str | None = None) -> str:
    """`strategy`: its own limits and figures; None: the account's, over all."""
    own = next((one for one in found.strategies if one.strategy.name == strategy), None)
    now = found.exposure if own is None else own.exposure
    most = fixed.max_risk_usd or None if own is None else own.strategy.max_risk_usd
    return lines(
        bold("Risk" if own is None else f"Risk of {own.strategy.name}"),
        None
        if state is TradingState.RUNNING
        else f"{state}: {'nothing' if state is TradingState.KILLED else 'no BUY'}",
        *_limits(now, found.limits if own is None else own.limits),
        *_at_risk(now, most),
        "" if now.cost_by_ticker else None,
        _by_ticker(now),
        *_by_sector(now),
        *(_by_strategy(found.strategies) if own is None and found.several else ()),
        *blocked(found.blocked),
        "",
        "/settings shows every limit's command",
    )


def blocked(tickers: Collection[str]) -> Iterable[str]:
    """What the owner lets nothing buy; nothing where that is nothing."""
    if tickers:
        yield ""
        yield f"🚫 {bold('Blocked')}: no BUY of {esc(', '.join(sorted(tickers)))}\n   /unblock"


def _limits(now: Exposure, limits: Limits | Mapping[str, Decimal | int]) -> Iterable[str]:
    """Those of which something can be used, with a bar."""
    for title in TITLES:
        limit = limits.get(title.name) if isinstance(limits, Mapping) else getattr(limits, title.name)
        used = strategies.used(title.name, now)
        if limit is None or used is None:
            continue
        part = _used(title.name, now)
        yield ""
        yield f"{esc(title.heading)} {bold(used)} of {value_text(title.name, limit)}"
        if part is not None:
            yield _bar(part, Decimal(limit))


def _bar(part: Decimal, of: Decimal) -> str:
    warn = " ❗" if part >= of else ""
    share = "&lt;1" if 0 < part * 100 < of else f"{part / of * 100:.0f}"
    return f"{bar(part, of)} {share} %{warn}"


def _used(name: str, now: Exposure) -> Decimal | None:
    """As a number; None: not known."""
    match name:
        case "max_open_positions":
            return Decimal(now.open_positions)
        case "max_daily_buys":
            return Decimal(now.buys_today)
        case "max_total_investment":
            return now.invested
        case "max_per_ticker":
            return Decimal(now.fullest[1] if now.fullest else 0)
        case "max_daily_loss":
            return now.lost_today
    return None


def _at_risk(now: Exposure, most: Decimal | None) -> Iterable[str]:
    """What the stops leave to be lost."""
    if now.at_risk or most:
        yield ""
        yield f"At risk {bold(figures.usd(now.at_risk))}{f' of {figures.usd(most)}' if most else ''}"
    if most:
        yield _bar(now.at_risk, most)


def _by_ticker(now: Exposure) -> str | None:
    ranked = sorted(now.cost_by_ticker.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return None
    rows: list[Row] = [("Invested", "USD", "part")]
    rows += [(ticker[:10], whole(cost), _share(cost, now.invested)) for ticker, cost in ranked[:TICKERS_MAX]]
    if left := ranked[TICKERS_MAX:]:
        rest = sum((cost for _, cost in left), Decimal(0))
        rows.append((f"{len(left)} more", whole(rest), _share(rest, now.invested)))
    return table(rows)


def _by_sector(now: Exposure) -> Iterable[str]:
    rows: list[Row] = [("Sector", "USD", "part")]
    rows += [(name[:18], whole(cost), _share(cost, now.invested)) for name, cost in now.cost_by_sector.items()]
    if now.cost_by_sector:
        yield ""
        yield table(rows)


def _by_strategy(found: Sequence[StrategyStatus]) -> Iterable[str]:
    rows: list[Row] = [("Strategy", "USD", "at risk")]
    rows += [(one.strategy.name[:14], whole(one.exposure.invested), whole(one.exposure.at_risk)) for one in found]
    yield ""
    yield table(rows)


def _share(part: Decimal, of: Decimal) -> str:
    return f"{part / of * 100:.0f} %" if of else "–"
