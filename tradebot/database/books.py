"""The tables inside one transaction: `tradebot.ports.Books` in SQL, the same for PostgreSQL and SQLite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradebot.database.alerts import AlertRows
from tradebot.database.api import ApiRows
from tradebot.database.deliveries import DeliveryRows
from tradebot.database.events import EventRows
from tradebot.database.industries import IndustryRows
from tradebot.database.lots import LotRows
from tradebot.database.performance import PerformanceRows
from tradebot.database.retention import RetentionRows
from tradebot.database.settings import SettingRows
from tradebot.database.trades import TradeRows
from tradebot.errors import LedgerUnavailable


class SqlBooks(
    AlertRows,
    TradeRows,
    LotRows,
    SettingRows,
    EventRows,
    DeliveryRows,
    ApiRows,
    PerformanceRows,
    IndustryRows,
    RetentionRows,
):
    """See `tradebot.ports.Books`; each room has the statements of the `.sql` file of its name."""

    def remember(self) -> None:
        self._remembers = True

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self._transaction.rows("SAVEPOINT one")
        try:
            yield
        except BaseException as error:
            self._known.clear()
            self._shares_channels = False  # a lock that was taken since is gone, too
            try:
                await self._transaction.rows("ROLLBACK TO SAVEPOINT one")
                await self._transaction.rows("RELEASE SAVEPOINT one")
            except Exception:  # some errors end the whole transaction, a full disk for one
                raise LedgerUnavailable(str(error)) from error
            raise
        await self._transaction.rows("RELEASE SAVEPOINT one")
