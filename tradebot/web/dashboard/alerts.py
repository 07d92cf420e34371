"""Alerts that were looked for, each with what became of it and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import OrderRole, Trade
from tradebot.queries.newest import ListedAlert
from tradebot.web.dashboard import said
from tradebot.web.dashboard.rendering import joined
from tradebot.web.dashboard.said import Said
from tradebot.words import figures, instructions

PAGE = 50
NOT_TRADED = "not_traded"
"""Whatever the reason: what the first page counts."""
_FILTERS = ("ticker", "status", "day", "strategy", "before")
_AFTERWARDS = {OrderRole.STOP: "stopped out", OrderRole.TARGET: "target reached"}


@dataclass(frozen=True, slots=True)
class Row:
    """An alert."""

    id: int
    at: datetime
    what: str
    strategy: str
    word: Said
    why: str
    repeats: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An outcome to choose."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """The whole page: the newest first."""

    rows: Sequence[Row]
    older: str | None
    filtered: bool
    problem: str
    ticker: str
    status: str
    day: str
    strategy: str
    statuses: Sequence[Choice]
    strategies: Sequence[str]  # empty where there is one


def alerts(found: Sequence[ListedAlert], given: Mapping[str, str], strategies: Strategies, problem: str = "") -> Alerts:
    """`found`: the newest last, one more than a page holds where there are older ones. `given`: what was typed."""
    rows = [row(one) for one in reversed(found)]
    more = len(rows) > PAGE
    return Alerts(
        rows=rows[:PAGE],
        older=_older(given, rows[PAGE - 1].id) if more else None,
        filtered=any(given.get(name) for name in _FILTERS),
        problem=problem,
        ticker=given.get("ticker", ""),
        status=given.get("status", ""),
        day=given.get("day", ""),
        strategy=given.get("strategy", ""),
        statuses=[
            Choice(NOT_TRADED, "not traded, for any reason"),
            *(Choice(one.value, said.ALERTS[one].text) for one in AlertStatus),
        ],
        strategies=[] if strategies.only else strategies.names,
    )


def _older(given: Mapping[str, str], last: int) -> str:
    kept = {name: given[name] for name in _FILTERS if given.get(name)}
    return f"/alerts?{urlencode({**{name: text for name, text in kept.items() if name != 'before'}, 'before': last})}"


def row(one: ListedAlert) -> Row:
    alert = one.alert
    return Row(
        id=alert.id,
        at=alert.received_at,
        what=instructions.wanted(alert),
        strategy=instructions.whose(alert),
        word=said.ALERTS[alert.status],
        why=outcome(alert, one.orders),
        repeats=f"came {alert.duplicates + 1} times" if alert.duplicates else "",
    )


def outcome(alert: Alert, orders: Sequence[Trade]) -> str:
    """`4 at $200.02 = $800.08, stopped out 4 at $195.10`, or why nothing of the sort."""
    filled = [one for one in orders if one.avg_fill_price is not None and one.filled_qty]
    parts = [f"{_AFTERWARDS.get(one.role, '')} {_filled(one)}".strip() for one in filled]
    return joined([*parts, said.why(alert.reason) or None], ", ")


def _filled(order: Trade) -> str:
    assert order.avg_fill_price is not None, "only asked of what has filled"
    cost = figures.usd(order.filled_qty * order.avg_fill_price)
    return f"{figures.shares(order.filled_qty)} at {figures.price(order.avg_fill_price)} = {cost}"
