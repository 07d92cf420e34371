"""PostgreSQL and SQLite behind the ledger: tables, migrations, and the lock of the one instance that trades."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradebot.database import address
from tradebot.database.ledger import SqlLedger
from tradebot.database.lock import open_instance_lock
from tradebot.database.migrate import check, open_driver
from tradebot.ports import Ledger

__all__ = ["is_new", "open_instance_lock", "open_ledger"]


def is_new(url: str) -> bool:
    """Whether it is a file that is not there yet, so that nobody can be using it. Raises ConfigError."""
    place = address.parse(url)
    return isinstance(place, address.SqliteAddress) and not place.path.exists()


@asynccontextmanager
async def open_ledger(url: str, *, timeout_s: float = 5.0) -> AsyncIterator[Ledger]:
    """The database of this URL, its tables checked.

    `timeout_s` bounds each wait for a connection or a lock and each statement; on PostgreSQL also how long a transaction
    may stand still, so that a process that hangs cannot keep `kill` out.

    Raises ConfigError, LedgerUnavailable, and MigrationError when the tables are missing, older or newer than the program.
    """
    async with open_driver(url, timeout_s) as driver:
        await check(driver)
        yield SqlLedger(driver)
