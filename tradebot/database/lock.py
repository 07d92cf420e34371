"""The lock of the one instance that trades, and its epoch.

Rules: the operating system (SQLite) or the server (PostgreSQL) holds the lock for this very process, so that it is free as soon
as the holder is dead, however it died. A lost lock is never taken again: the instance exits. Every holder takes an epoch one
above the last, stored in `bot_settings`: who finds another epoch there, within a transaction, is not the holder any more.
"""

import asyncio
import fcntl
import json
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from tradebot.database import address
from tradebot.database.books import SqlBooks
from tradebot.database.driver import to_the_end
from tradebot.database.migrate import check, open_driver
from tradebot.database.postgres import ERRORS, connecting, lock_key, no_idle_timeout
from tradebot.database.sqlite import OpenedFile
from tradebot.errors import LedgerUnavailable, LockHeld
from tradebot.ports import InstanceLock

_BEAT_S = 2.0
_STALE_S = 10.0  # without a heartbeat for so long, the lock is not trusted (this process may have stood still)
_WAIT_S = 0.25  # between two tries for a file lock, which cannot be waited for
_GOODBYE_S = 1.0
_INSTANCE = "instance"
_EPOCH = "epoch"


class _Lock(ABC):
    """`tradebot.ports.InstanceLock`, watched by a heartbeat."""

    epoch = 0
    why_lost = "This instance's lock on the database is gone"

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._last_beat = _now()

    @property
    def held(self) -> bool:
        return not self.lost.is_set() and self._connected() and _now() - self._last_beat < _STALE_S

    async def watch(self) -> None:
        """Beats until the lock is lost, or given back."""
        try:
            while await self._beat():
                self._last_beat = _now()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_BEAT_S):
                        await self.lost.wait()
                    return
        finally:
            self.lost.set()  # whatever ended the watch: a lock that nobody watches is not held

    @abstractmethod
    def database_opened(self) -> None:
        """From now on the lock is good for this very database only."""

    @abstractmethod
    def _connected(self) -> bool: ...

    @abstractmethod
    async def _beat(self) -> bool: ...


class _FileLock(_Lock):
    def __init__(self, descriptor: int, path: Path, database: Path) -> None:
        super().__init__()
        self._descriptor, self._path = descriptor, path
        self._database_path = database
        self._database: OpenedFile | None = None

    def database_opened(self) -> None:
        self._database = OpenedFile(self._database_path)

    def _connected(self) -> bool:
        """The file is still the one that others would lock, and the database the one that was opened."""
        if self._database is not None and not self._database.in_place:
            self.why_lost = (
                f"The database file {self._database_path} was deleted or replaced while the bot was running (put the right"
                " file back before the next start)"
            )
            return False
        return _same_file(self._descriptor, self._path)

    async def _beat(self) -> bool:
        return self._connected()


class _ServerLock(_Lock):
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", timeout_s: float) -> None:
        super().__init__()
        self._connection, self._timeout_s = connection, timeout_s
        connection.add_termination_listener(lambda _: self.lost.set())

    def database_opened(self) -> None:
        """The connection that holds the lock is one to the database itself."""

    def _connected(self) -> bool:
        return not self._connection.is_closed()

    async def _beat(self) -> bool:
        try:
            await self._connection.execute("SELECT 1", timeout=self._timeout_s)
        except ERRORS:
            self._connection.terminate()
            return False
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()


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
                lock.epoch = int((await books.settings()).get(_EPOCH, "0")) + 1
                await books.put_setting(_EPOCH, str(lock.epoch), _INSTANCE, now)
                await books.put_setting(_INSTANCE, me, _INSTANCE, now)
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
) -> AsyncIterator[_Lock]:
    if isinstance(place, address.PostgresAddress):
        async with _server_lock(place, wait, timeout_s) as lock:
            yield lock
    else:
        async with _file_lock(place, me, wait) as lock:
            yield lock


def _this_process() -> str:
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": since})


def _held_by(place: str, stored: str | None) -> LockHeld:
    try:
        holder = json.loads(stored or "")
        who = f"on host {holder['host']}, process {holder['pid']}, since {holder['since']}"
    except (ValueError, TypeError, KeyError):
        who = "its name is not stored yet"
    return LockHeld(
        f"{place}: another instance already trades with this database ({who}): stop it first, or give this one its own"
    )


# --- SQLite: a lock on a file beside the database ------------------------------------------------------------------------


@asynccontextmanager
async def _file_lock(place: address.SqliteAddress, me: str, wait: bool) -> AsyncIterator[_Lock]:
    path = place.path.with_name(place.path.name + ".lock")
    while (descriptor := _try_lock(path)) is None:
        if not wait:
            raise _held_by(place.place, _text(path))
        await asyncio.sleep(_WAIT_S)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, me.encode(), 0)
        yield _FileLock(descriptor, path, place.path)
    finally:
        os.close(descriptor)  # frees the lock; the file stays, for taking it away would let two lock two files


def _try_lock(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerUnavailable(
            f"the lock file {path} cannot be opened: {error.strerror}: look at its folder's owner and mode"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _same_file(descriptor, path):
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None


# --- PostgreSQL: an advisory lock on a connection of its own --------------------------------------------------------------

INSTANCE_KEY = lock_key("instance")
# A holder whose machine vanished is noticed by the server within half a minute, not after its default of two hours.
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4"}


@asynccontextmanager
async def _server_lock(place: address.PostgresAddress, wait: bool, timeout_s: float) -> AsyncIterator[_Lock]:
    with connecting(place.place):
        connection = await asyncpg.connect(
            place.url, timeout=timeout_s, server_settings={"application_name": "tradebot instance lock", **_KEEPALIVE}
        )
    try:
        with connecting(place.place):
            await no_idle_timeout(connection)
            if wait:
                await connection.execute("SELECT pg_advisory_lock($1)", INSTANCE_KEY)
            elif not await connection.fetchval("SELECT pg_try_advisory_lock($1)", INSTANCE_KEY, timeout=timeout_s):
                raise _held_by(place.place, await _stored_instance(connection, timeout_s))
        yield _ServerLock(connection, timeout_s)
    finally:
        await to_the_end(_let_go(connection))


async def _let_go(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Frees the lock now where the server answers; it frees it by itself when it notices the closed connection."""
    with suppress(*ERRORS):
        await connection.execute("SELECT pg_advisory_unlock_all()", timeout=_GOODBYE_S)
    connection.terminate()


async def _stored_instance(connection: "asyncpg.Connection[asyncpg.Record]", timeout_s: float) -> str | None:
    try:
        value = await connection.fetchval("SELECT value FROM bot_settings WHERE key = $1", _INSTANCE, timeout=timeout_s)
    except asyncpg.UndefinedTableError:
        return None
    return value if isinstance(value, str) else None
