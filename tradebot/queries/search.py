"""Alerts that fit what is looked for, page by page, and what was told last; the newest last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.calendar import DAY
from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.hours import Hours
from tradebot.ports import Ledger
from tradebot.queries.newest import ListedAlert

_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""No alert came in a year beyond these, and their days have no moments everywhere."""
_TOLD = tuple(one for one in Severity if one is not Severity.TRACE)


@dataclass(frozen=True, slots=True)
class AlertSearch:
    """What is looked for; None, and no status, admit all. `day` is New York's. `before_id`: the page before that alert."""

    ticker: str | None = None
    statuses: Sequence[AlertStatus] = ()
    day: date | None = None
    strategy: str | None = None
    before_id: int | None = None


async def search_alerts(ledger: Ledger, hours: Hours, wanted: AlertSearch, limit: int) -> Sequence[ListedAlert]:
    """With their orders. Raises LedgerUnavailable."""
    day = wanted.day
    if day is not None and not _FIRST_YEAR < day.year < _LAST_YEAR:
        return []
    begins = hours.calendar.day_start
    async with ledger.read() as books:
        alerts = await books.search_alerts(
            tuple(wanted.statuses) or tuple(AlertStatus),
            limit,
            received=None if day is None else (begins(day), begins(day + DAY)),
            ticker=wanted.ticker,
            strategy=wanted.strategy,
            before_id=wanted.before_id,
        )
        orders = await books.orders_of_alerts([alert.id for alert in alerts])
    return [ListedAlert(alert, [one for one in orders if one.alert_id == alert.id]) for alert in alerts]


async def conflicts_of(ledger: Ledger, hours: Hours, now: datetime) -> Sequence[Event]:
    """Of this New York date: messages refused for another alert's "alert_id", which have no row; the newest first. Raises
    LedgerUnavailable."""
    async with ledger.read() as books:
        return (await books.events_since((EventKind.ALERT_CONFLICT,), hours.day_start(now)))[::-1]


async def newest_events(ledger: Ledger, limit: int) -> Sequence[Event]:
    """Those that were told: traces are left out. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.newest_events(limit, _TOLD)
