"""The tables inside one transaction, a room a noun: what is written and read on the road of an alert, told, and shown."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tradebot.ports.books.alerts import AlertBook
from tradebot.ports.books.api import ApiBook
from tradebot.ports.books.deliveries import DeliveryBook
from tradebot.ports.books.events import EventBook
from tradebot.ports.books.industries import IndustryBook
from tradebot.ports.books.lots import LotBook
from tradebot.ports.books.performance import PerformanceBook
from tradebot.ports.books.settings import SettingBook
from tradebot.ports.books.trades import TradeBook


class Books(
    AlertBook,
    TradeBook,
    LotBook,
    SettingBook,
    EventBook,
    DeliveryBook,
    ApiBook,
    PerformanceBook,
    IndustryBook,
    Protocol,
):
    """The tables inside one transaction. Sequences are in id order. Raises LedgerUnavailable."""

    def remember(self) -> None:
        """From here on alerts, trades and lots are read once, and again after a change of this transaction: for who asks for
        all that it needs at one moment. Of what others commit meanwhile it sees nothing then."""

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """What is written in its block is undone alone when the block raises."""

    async def prune(self, before: datetime, limit: int) -> int:
        """One small step: takes away at most `limit` rows from before this moment; returns how many, 0 when none is left.

        Events with deliveries, job runs, the API's answers, alerts' raw bodies. Never what is still needed: `retention.sql`.
        """
