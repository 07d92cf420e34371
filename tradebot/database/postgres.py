"""PostgreSQL behind the driver: a pool, one connection a transaction.

Rules: every wait is bounded, here and by the server (so that a frozen client cannot hold a lock); a connection whose state is not
certain is thrown away, never given back; a dead pool heals itself with the next transaction.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from tradebot.database.address import PostgresAddress
from tradebot.database.driver import Row, Transaction, heed_cancellation, to_the_end
from tradebot.database.named_sql import numbered, spread, together, writes
from tradebot.errors import ConfigError, LedgerNotWritable, LedgerUnavailable

_Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
_POOL_SIZE = 8
_CONNECT_S = (
    5.0  # also for a migration, whose statements may take longer: a server that is silent is asked again instead
)
_ROLLBACK_S = 0.25  # longer is not worth waiting for: a closed connection rolls back too

_FAILED = "nothing was stored: a statement of the transaction had failed"

# Whatever asyncpg raises for the server's or the network's sake; TimeoutError is an OSError.
ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
# What asyncpg may say when the server has closed the connection, depending on how much of the goodbye it has read.
_CLOSED = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
_REMEDIES = (
    (asyncpg.ReadOnlySQLTransactionError, "it accepts no writes at present: is this a standby, or its disk full?"),
    (asyncpg.DiskFullError, "its disk is full: make room there"),
    (asyncpg.TooManyConnectionsError, "it has no connection left: raise max_connections or close other programs"),
    (asyncpg.InsufficientResourcesError, "the server is out of memory or other resources"),
    (asyncpg.InvalidAuthorizationSpecificationError, "look at the user and the password in the database URL"),
    (asyncpg.InvalidCatalogNameError, "create the database, or correct its name in the database URL"),
    (asyncpg.InsufficientPrivilegeError, "grant the bot's user this right"),
    (asyncpg.LockNotAvailableError, "another session holds a lock for too long: look at pg_stat_activity"),
    (asyncpg.QueryCanceledError, "the statement took too long: is the server overloaded?"),
    (asyncpg.TransactionRollbackError, "it collided with another transaction: try again"),
    (asyncpg.IdleInTransactionSessionTimeoutError, "this program stood still for too long within a transaction"),
    (asyncpg.OperatorInterventionError, "the server is stopping or starting: wait"),
    (asyncpg.PostgresConnectionError, "the connection broke: is the server running?"),
    (asyncpg.PostgresSystemError, "the server cannot read or write its files: look at its log"),
    (asyncpg.DataCorruptedError, "its files are damaged: look at its log, restore a backup"),
    (TimeoutError, "no answer in time: is the server reachable, or overloaded?"),
    (ConnectionError, "is the server running, and are host and port right?"),
    (OSError, "is the host name right, and the network up?"),
)
_NOT_WRITTEN = (asyncpg.ReadOnlySQLTransactionError, asyncpg.DiskFullError, asyncpg.PostgresSystemError)


def unavailable(error: Exception, place: str) -> LedgerUnavailable | None:
    """The error as "not now, and here is what to correct"; None when the mistake is ours."""
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            what = LedgerNotWritable if isinstance(error, _NOT_WRITTEN) else LedgerUnavailable
            return what(f"{place}: {str(error) or 'timed out'}: {remedy}")
    if isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError)) and not isinstance(error, ValueError):
        return LedgerUnavailable(f"{place}: the connection broke: is the server running?")
    return None


@dataclass(slots=True, eq=False)
class _Question:
    """A statement, and what it found, or why nothing."""

    sql: str
    values: Mapping[str, object]
    answer: Sequence[Row] | None = None
    error: Exception | None = None

    @property
    def reads(self) -> bool:
        return "SELECT" in self.sql and not writes(self.sql)


class PostgresTransaction:
    """See `tradebot.database.driver.Transaction`. It begins with its first statement, in one message with the first lock."""

    def __init__(self, driver: "PostgresDriver", connection: _Connection, write: bool) -> None:
        self._driver, self._write = driver, write
        self.connection, self.begun = connection, False
        self._turn = asyncio.Lock()  # a connection runs one statement at a time
        self._asked: list[_Question] = []

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        text, flat = spread(sql, values)
        question = _Question(text, flat)
        self._asked.append(question)
        async with self._turn:
            if question in self._asked:
                await self._answer_all()
        if question.error is not None:
            raise question.error
        assert question.answer is not None, "each question has its turn"
        return question.answer

    async def _answer_all(self) -> None:
        """Whatever was asked meanwhile. One that fails takes the others along, as the server does."""
        asked, self._asked = self._asked, []
        try:
            await self._begin()
            async with self._driver.translated():
                await self._answer(asked)
        except BaseException as error:
            ended = error if isinstance(error, Exception) else LedgerUnavailable(f"{self._driver.place}: {_FAILED}")
            for one in asked:
                one.error = ended if one.answer is None else None
            raise

    async def _answer(self, asked: Sequence[_Question]) -> None:
        """What only reads in one round trip."""
        reading = [one for one in asked if one.reads]
        if len(reading) > 1:
            await self._answer_together(reading)
        for one in asked:
            if one.answer is None:
                text, names = numbered(one.sql)
                found = await self.connection.fetch(text, *(one.values[name] for name in names))
                one.answer = [dict(row) for row in found]

    async def _answer_together(self, asked: Sequence[_Question]) -> None:
        """One statement for all of them: each row is JSON, which has what the columns have, as text or number."""
        text, parameters = together(*(one.sql for one in asked))
        rows = await self.connection.fetch(text, *(asked[number].values[name] for number, name in parameters))
        answers: list[list[Row]] = [[] for _ in asked]
        for row in rows:
            answers[row["of"]].append(json.loads(row["record"], parse_float=Decimal))
        for one, answer in zip(asked, answers, strict=True):
            one.answer = answer

    async def script(self, sql: str) -> None:
        async with self._turn, self._driver.translated():
            await self._begin()
            await self.connection.execute(sql)

    async def lock(self, *names: str) -> None:
        if self._write and names:
            await self._locked("; ".join(f"SELECT pg_advisory_xact_lock({lock_key(name)})" for name in names))

    async def share(self, name: str) -> None:
        if self._write:
            await self._locked(f"SELECT pg_advisory_xact_lock_shared({lock_key(name)})")

    async def _locked(self, sql: str) -> None:
        """By itself: what is read together with it would be of before it was held."""
        async with self._turn, self._driver.translated():
            if self.begun:
                await self.connection.execute(sql)
            else:
                await self._begin(sql)

    async def _begin(self, and_then: str = "") -> None:
        if self.begun:
            return
        async with self._driver.translated():
            self.connection = await self._driver.begin(self.connection, self._write, and_then)
            self.begun = True


class PostgresDriver:
    """See `tradebot.database.driver.Driver`."""

    name = "PostgreSQL"

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", place: str, timeout_s: float) -> None:
        self.place, self._pool, self._timeout_s = place, pool, timeout_s
        limit_ms, lock_ms = int(timeout_s * 1000), int(timeout_s * 800)  # the lock first: its message says more
        limits = (
            f"SET LOCAL lock_timeout = {lock_ms}; SET LOCAL statement_timeout = {limit_ms}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {limit_ms}"
        )
        self._begin_sql = {
            True: f"BEGIN; {limits}",
            False: f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {limits}",
        }

    @asynccontextmanager
    async def transaction(self, *, write: bool = True) -> AsyncIterator[Transaction]:
        async with self.translated():
            transaction = PostgresTransaction(self, await self._acquired(), write)
        try:
            heed_cancellation()
            yield transaction
        except BaseException:
            await to_the_end(self._rollback(transaction.connection))
            raise
        else:
            end = self._commit if transaction.begun else self._give_back
            await to_the_end(end(transaction.connection))

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        try:
            yield
        except ERRORS as error:
            heed_cancellation()
            if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                await self._pool.expire_connections()  # a new one may reach the server that took over
            raise unavailable(error, self.place) or error from error

    async def begin(self, connection: _Connection, write: bool, and_then: str) -> _Connection:
        """The connection on which the transaction has begun."""
        sql = f"{self._begin_sql[write]}; {and_then}"
        try:
            await self._begun(connection, sql)
        except _CLOSED:
            # After a restart of the server every idle connection is dead; nothing was done yet, so try a new one.
            await self._pool.expire_connections()
            connection = await self._acquired()
            await self._begun(connection, sql)
        return connection

    async def _begun(self, connection: _Connection, sql: str) -> None:
        try:
            await connection.execute(sql)
        except BaseException:
            await to_the_end(self._throw_away(connection))
            raise

    async def _acquired(self) -> _Connection:
        return await self._pool.acquire(timeout=self._timeout_s)

    async def _commit(self, connection: _Connection) -> None:
        async with self.translated():
            try:
                tag = await connection.execute("COMMIT")
            except BaseException:
                await self._throw_away(connection)
                raise
            await self._give_back(connection)
        if tag != "COMMIT":  # PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, not with an error
            raise LedgerUnavailable(f"{self.place}: {_FAILED}")

    async def _rollback(self, connection: _Connection) -> None:
        try:
            await connection.execute("ROLLBACK", timeout=_ROLLBACK_S)
        except ERRORS:
            await self._throw_away(connection)
        else:
            await self._give_back(connection)

    async def _throw_away(self, connection: _Connection) -> None:
        with suppress(asyncpg.InterfaceError):  # the pool has already taken back one that the server closed
            connection.terminate()
        await self._give_back(connection)

    async def _give_back(self, connection: _Connection) -> None:
        with suppress(*ERRORS):  # the transaction has ended by now, whatever becomes of the connection
            await self._pool.release(connection, timeout=_ROLLBACK_S)


@asynccontextmanager
async def open_postgres(address: PostgresAddress, timeout_s: float) -> AsyncIterator[PostgresDriver]:
    """Raises ConfigError when the URL cannot be understood, LedgerUnavailable when the server cannot be reached."""
    connect_s = min(timeout_s, _CONNECT_S)
    pool = asyncpg.create_pool(
        address.url,
        min_size=0,  # the pool would try for ever, and log each try, to keep a minimum while the server is away
        max_size=_POOL_SIZE,
        timeout=connect_s,
        command_timeout=timeout_s,
        reset=_nothing_to_reset,
        init=settled,
        server_settings={"application_name": "tradebot", "timezone": "UTC"},
    )
    with connecting(address.place):
        await pool
        await pool.release(await pool.acquire(timeout=connect_s))
    try:
        yield PostgresDriver(pool, address.place, timeout_s)
    finally:
        pool.terminate()  # nothing is in flight here; closing politely would wait for a server that may be gone


@contextmanager
def connecting(place: str) -> Iterator[None]:
    """Errors of the first connection, where the URL itself may be wrong."""
    try:
        yield
    except ValueError:  # asyncpg's too; its text may quote the password
        raise ConfigError(f"{place}: the database URL cannot be understood: look at its options and ports") from None
    except ERRORS as error:
        raise unavailable(error, place) or error from error


async def settled(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What every connection of the pool is asked once."""
    await no_idle_timeout(connection)
    # One plan for a statement, not one each time that it runs: with a history, PostgreSQL would plan anew each time, which takes
    # ten times as long as to read what a decision needs. Statements are written so that the one plan is good: `named_sql.py`. Nor
    # are other processes started, or code compiled, for the few rows that are looked at.
    with suppress(asyncpg.UndefinedObjectError):  # PostgreSQL 12 and later
        await connection.execute(
            "SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0; SET jit = off"
        )


async def no_idle_timeout(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A server that closes idle sessions would take the instance's lock along, every few seconds.

    idle_session_timeout: PostgreSQL 14 and later; any user may set it for his own session.
    """
    with suppress(asyncpg.UndefinedObjectError):
        await connection.execute("SET idle_session_timeout = 0")


async def _nothing_to_reset(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Every setting here is LOCAL and every lock ends with its transaction: this saves a round trip for each."""


def lock_key(name: str) -> int:
    """A name as the 64-bit number that advisory locks take."""
    return int.from_bytes(hashlib.sha256(f"tradebot {name}".encode()).digest()[:8], "big", signed=True)
