"""What performance is measured by: page by page, so that no history, however long, holds a transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.equity import Equity
from tradebot.domain.lots import Lot


class PerformanceBook(Protocol):
    """A part of `Books`."""

    async def add_equity(self, equity: Equity) -> None:
        """One row a moment and account: a second one is not stored."""

    async def equity(self, account: str, since: datetime, until: datetime | None = None) -> Sequence[Equity]:
        """From this moment on, in time order; before `until`, where it is given."""

    async def first_equity(self, account: str) -> datetime | None:
        """The first moment of which the account's worth is stored."""

    async def closed_lots(self, at: datetime, after_id: int, limit: int) -> Sequence[Lot]:
        """The first so many that closed at this moment or later, in the order of exits; of those of the very moment only ids
        above `after_id`."""

    async def sent_orders(self, at: datetime, after_id: int, limit: int) -> Sequence[SentOrder]:
        """The same of orders, by when they were decided."""

    async def alert_outcomes(self, strategy: str, since: datetime, until: datetime) -> Mapping[AlertStatus, int]:
        """How many alerts that came in this time stand where; tests are left out."""

    async def put_daily_bars(self, bars: Sequence[DailyBar]) -> None:
        """One a ticker and day: a newer one takes the older one's place."""

    async def daily_bars(self, ticker: str, since: date) -> Sequence[DailyBar]:
        """From this day on, in order."""
