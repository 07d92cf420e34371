"""The lock of the one instance that trades, and its epoch.

Rules: the operating system (SQLite) or the server (PostgreSQL) holds the lock for this very process, so that it is free as soon
as the holder is dead, however it died. A lost lock is never taken again: the instance exits. Every holder takes an epoch one
above the last, stored in `bot_settings`: who finds another epoch there, within a transaction, is not the holder any more.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tradebot.database import address
from tradebot.database.books import SqlBooks
from tradebot.database.file_lock import file_lock
from tradebot.database.held import Held
from tradebot.database.migrate import check, open_driver
from tradebot.domain.instance import EPOCH_KEY, INSTANCE_KEY
from tradebot.ports import InstanceLock


@asynccontextmanager
async def open_instance_lock(
    url: str, *, wait: bool = False, prepare: Callable[[], Awaitable[None]] | None = None, timeout_s: float = 5.0
) -> AsyncIterator[InstanceLock]:
    """Takes the lock of this database, or raises LockHeld, which names the holder; `wait` waits for it instead.

    `prepare` runs once nobody else holds the lock, before the tables are looked at: they are not changed under a holder.

    Raises LedgerUnavailable, MigrationError. A holder must watch `lost`, and compare `epoch` in what it decides.
    """
    place = address.parse(url)
    me = _this_process()
    async with _locked(place, me, wait, timeout_s) as lock:
        if prepare is not None:
            await prepare()
        async with open_driver(url, timeout_s) as driver:
            await check(driver)
            async with driver.transaction() as transaction:
                books, now = SqlBooks(transaction), datetime.now(UTC)
                lock.epoch = int((await books.settings()).get(EPOCH_KEY, "0")) + 1
                await books.put_setting(EPOCH_KEY, str(lock.epoch), INSTANCE_KEY, now)
                await books.put_setting(INSTANCE_KEY, me, INSTANCE_KEY, now)
        lock.database_opened()
        watch = asyncio.create_task(lock.watch(), name="instance lock")
        try:
            yield lock
        finally:
            watch.cancel()
            await asyncio.wait([watch])


@asynccontextmanager
async def alone(url: str, *, timeout_s: float = 5.0) -> AsyncIterator[None]:
    """Nobody trades with this database meanwhile; its tables are not looked at. Raises LockHeld, LedgerUnavailable."""
    async with _locked(address.parse(url), _this_process(), False, timeout_s):
        yield


@asynccontextmanager
async def _locked(
    place: address.SqliteAddress | address.PostgresAddress, me: str, wait: bool, timeout_s: float
) -> AsyncIterator[Held]:
    if isinstance(place, address.PostgresAddress):
        from tradebot.database.server_lock import server_lock  # noqa: PLC0415 - loaded where there is a PostgreSQL only

        async with server_lock(place, wait, timeout_s) as lock:
            yield lock
    else:
        async with file_lock(place, me, wait) as lock:
            yield lock


def _this_process() -> str:
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": since})
