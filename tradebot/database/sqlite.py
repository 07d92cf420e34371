"""SQLite behind the driver: one connection that writes, one that reads, each taken by one task at a time.

Rules: WAL, so that reading never waits for writing; synchronous=FULL, so that a commit outlives a power cut; foreign keys on; a
writing transaction takes the file's write lock at its first statement (BEGIN IMMEDIATE) and so needs no finer lock. Money is
stored as exact text, times as ISO 8601 in UTC of a fixed width, which sort as they should.
"""

import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiosqlite

from tradebot.database.address import SqliteAddress
from tradebot.database.driver import Row, Transaction, to_the_end
from tradebot.database.named_sql import spread
from tradebot.errors import LedgerNotWritable, LedgerUnavailable

_TAKEN_AWAY = (
    "the file was deleted or replaced while it was in use: stop the daemon, put the right file back, and start it again"
)
_BUSY_MS = 50  # one wait inside SQLite; longer ones are repeated here, where a cancellation can end them
_TYPE_WORDS = {
    "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "BIGINT": "INTEGER",
    "NUMERIC": "TEXT",
    "TIMESTAMPTZ": "TEXT",
    "BYTEA": "BLOB",
}
_ANY_TYPE_WORD = re.compile(r"\b(" + "|".join(_TYPE_WORDS) + r")\b")
_MEND = {
    sqlite3.SQLITE_BUSY: "another process holds it: stop what keeps it locked (a backup, a database browser)",
    sqlite3.SQLITE_LOCKED: "another process holds it: stop what keeps it locked (a backup, a database browser)",
    sqlite3.SQLITE_FULL: "the disk is full: make room",
    sqlite3.SQLITE_IOERR: "the disk does not read or write: look at its space and health",
    sqlite3.SQLITE_READONLY: "it may not be written: look at the file's and the folder's owner and mode",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: look at the folder, its owner and mode",
    sqlite3.SQLITE_PERM: "it may not be opened: look at the file's owner and mode",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_NOTADB: "it is not a database: is the path right?",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore the last backup",
    sqlite3.SQLITE_INTERRUPT: "the statement took too long",
}
_NOT_WRITTEN = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Errors that mean "not now" become LedgerUnavailable; the rest are ours and pass."""
    try:
        yield
    except TimeoutError as error:
        raise LedgerUnavailable(
            f"{place}: no answer in time: is its disk overloaded, or does another program hold it?"
        ) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in _MEND:
            raise
        kind = LedgerNotWritable if code in _NOT_WRITTEN else LedgerUnavailable
        raise kind(f"{place}: {error}: {_MEND[code]}") from error


class SqliteTransaction:
    """See `tradebot.database.driver.Transaction`."""

    def __init__(self, connection: aiosqlite.Connection, place: str, timeout_s: float) -> None:
        self._connection, self._place, self._timeout_s = connection, place, timeout_s

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        text, flat = spread(sql, values)
        return await self._run(text, {name: _outgoing(value) for name, value in flat.items()})

    async def script(self, sql: str) -> None:
        # executescript would commit first, so the text is cut into statements.
        statement = ""
        for line in _ANY_TYPE_WORD.sub(lambda found: _TYPE_WORDS[found[1]], sql).splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                await self._run(statement, {})
                statement = ""

    async def lock(self, *names: str) -> None:
        """The write lock is held already."""

    async def share(self, name: str) -> None:
        """The write lock is held already."""

    async def _run(self, sql: str, values: Mapping[str, object]) -> Sequence[Row]:
        with translated(self._place):
            try:
                async with asyncio.timeout(self._timeout_s):
                    return list(await self._connection.execute_fetchall(sql, values))  # type: ignore[arg-type]  # made by _RowsAsDicts
            except (TimeoutError, asyncio.CancelledError):
                await self._connection.interrupt()  # its thread would work on, and the rollback wait behind it
                raise


class SqliteDriver:
    """See `tradebot.database.driver.Driver`."""

    name = "SQLite"

    def __init__(
        self, address: SqliteAddress, writer: aiosqlite.Connection, reader: aiosqlite.Connection, timeout_s: float
    ) -> None:
        self.place, self._timeout_s = address.place, timeout_s
        self._file = OpenedFile(address.path)
        self._write = (writer, asyncio.Lock())
        self._read = (reader, asyncio.Lock())

    @asynccontextmanager
    async def transaction(self, *, write: bool = True) -> AsyncIterator[Transaction]:
        connection, lock = self._write if write else self._read
        with translated(self.place):
            async with asyncio.timeout(self._timeout_s):
                await lock.acquire()
        try:
            try:
                with translated(self.place):
                    await _when_free(connection, "BEGIN IMMEDIATE" if write else "BEGIN", self._timeout_s)
                yield SqliteTransaction(connection, self.place, self._timeout_s)
            except BaseException:
                await to_the_end(_rollback(connection))
                raise
            else:
                await to_the_end(self._commit(connection))
                if write and not self._file.in_place:  # what was committed is in a file that nobody will ever read
                    raise LedgerUnavailable(f"{self.place}: {_TAKEN_AWAY}")
        finally:
            lock.release()

    async def _commit(self, connection: aiosqlite.Connection) -> None:
        try:
            with translated(self.place):
                await connection.execute_fetchall("COMMIT")
        except BaseException:
            await _rollback(connection)
            raise


class _RowsAsDicts:
    """A connection's row factory. `dict(sqlite3.Row)` compares names for each column: ten times as long."""

    def __init__(self) -> None:
        self._of: sqlite3.Cursor | None = None
        self._names: Sequence[str] = ()

    def __call__(self, cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
        if cursor is not self._of:
            self._of, self._names = cursor, [sys.intern(column[0]) for column in cursor.description]
        return dict(zip(self._names, values, strict=True))


class OpenedFile:
    """Whether a path still leads to the file that it led to: one that is deleted or replaced takes writes and keeps none."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when there is none."""
        self._path, self._opened = path.absolute(), path.stat()

    @property
    def in_place(self) -> bool:
        try:
            return os.path.samestat(self._opened, self._path.stat())
        except OSError:
            return False


async def _rollback(connection: aiosqlite.Connection) -> None:
    # SQLite has rolled back by itself after some errors; then there is no transaction left to end.
    with suppress(sqlite3.OperationalError):
        await connection.execute_fetchall("ROLLBACK")


async def _when_free(connection: aiosqlite.Connection, sql: str, timeout_s: float) -> None:
    """Runs `sql` as soon as no other process holds the lock that it needs."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        try:
            await connection.execute_fetchall(sql)
        except sqlite3.OperationalError as error:
            late = asyncio.get_running_loop().time() >= deadline
            if late or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await asyncio.sleep(0.005)  # not every BUSY has waited inside SQLite first
        else:
            return


@asynccontextmanager
async def open_sqlite(address: SqliteAddress, timeout_s: float) -> AsyncIterator[SqliteDriver]:
    """Makes the file, for its owner alone, and its folder when they are missing. Raises LedgerUnavailable."""
    try:
        address.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailable(
            f"{address.place}: its folder cannot be made: {error.strerror}: look at the path and who may write there"
        ) from error
    with suppress(OSError):  # what is wrong with the path SQLite says below; its -wal and -shm take the file's mode
        os.close(os.open(address.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with translated(address.place):
        sqlite3.connect(address.path).close()  # aiosqlite's thread survives a failed opening, and complains on its own
    async with _connect(address, timeout_s) as writer, _connect(address, timeout_s) as reader:
        await reader.execute_fetchall("PRAGMA query_only = ON")
        yield SqliteDriver(address, writer, reader, timeout_s)


@asynccontextmanager
async def _connect(address: SqliteAddress, timeout_s: float) -> AsyncIterator[aiosqlite.Connection]:
    connection = aiosqlite.connect(address.path, isolation_level=None, timeout=_BUSY_MS / 1000)
    try:
        with translated(address.place):
            await connection
            connection.row_factory = _RowsAsDicts()  # type: ignore[assignment]
            await _when_free(connection, "PRAGMA journal_mode = WAL", timeout_s)
            await connection.execute_fetchall("PRAGMA synchronous = FULL")
            await connection.execute_fetchall("PRAGMA foreign_keys = ON")
        yield connection
    finally:
        await to_the_end(connection.close())


def _outgoing(value: object) -> Any:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(timespec="microseconds")
        case _:
            return value
