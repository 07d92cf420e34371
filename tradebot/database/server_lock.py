"""PostgreSQL's instance lock: an advisory lock on a connection of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from tradebot.database.address import PostgresAddress
from tradebot.database.driver import to_the_end
from tradebot.database.held import Held, held_by
from tradebot.database.postgres import ERRORS, connecting, lock_key, no_idle_timeout
from tradebot.domain.instance import INSTANCE_KEY

LOCK_KEY = lock_key("instance")
_GOODBYE_S = 1.0
# A holder whose machine vanished is noticed by the server within half a minute, not after its default of two hours.
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4"}


class _ServerLock(Held):
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


@asynccontextmanager
async def server_lock(place: PostgresAddress, wait: bool, timeout_s: float) -> AsyncIterator[Held]:
    with connecting(place.place):
        connection = await asyncpg.connect(
            place.url, timeout=timeout_s, server_settings={"application_name": "tradebot instance lock", **_KEEPALIVE}
        )
    try:
        with connecting(place.place):
            await no_idle_timeout(connection)
            if wait:
                await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
            elif not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY, timeout=timeout_s):
                raise held_by(place.place, await _stored_instance(connection, timeout_s))
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
        value = await connection.fetchval(
            "SELECT value FROM bot_settings WHERE key = $1", INSTANCE_KEY, timeout=timeout_s
        )
    except asyncpg.UndefinedTableError:
        return None
    return value if isinstance(value, str) else None
