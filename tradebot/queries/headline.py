"""The bot in one line: what the service manager shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.alerts import WAITING, AlertStatus
from tradebot.domain.gate import GateReason
from tradebot.domain.hours import Hours
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import STATE_KEY, TradingState
from tradebot.ports import Books, Connection


@dataclass(frozen=True, slots=True)
class Headline:
    """What a person wants to know first."""

    state: TradingState  # in force, which a kill that is not stored yet counts for
    by: str | None  # who set it
    connection: Connection
    held_up_by: Sequence[GateReason]  # why no order leaves
    positions: int
    waiting: int  # alerts that are on their way
    pending: int  # alerts that wait for the market
    opens: datetime | None  # None: the market is open
    always: bool = False  # the bot trades while it is closed, too


async def read_headline(
    books: Books,
    hours: Hours,
    now: datetime,
    *,
    state: TradingState,
    connection: Connection,
    held_up_by: Sequence[GateReason],
) -> Headline:
    """Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN)
    alerts = await books.alerts(WAITING)
    authors = await books.setting_authors()
    pending = sum(alert.status is AlertStatus.PENDING for alert in alerts)
    return Headline(
        state=state,
        by=authors.get(STATE_KEY),
        connection=connection,
        held_up_by=held_up_by,
        positions=len({lot.ticker for lot in lots}),
        waiting=len(alerts) - pending,
        pending=pending,
        opens=None if hours.calendar.is_open(now) else hours.calendar.next_open(now),
        always=hours.always,
    )
