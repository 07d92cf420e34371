"""Looks at the instance lock from outside, without wanting it: who holds it and who waits, by the server's own word."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from tradebot.database import address
from tradebot.database.postgres import connecting
from tradebot.database.server_lock import LOCK_KEY
from tradebot.errors import ConfigError

# An advisory lock's 64-bit key stands in two columns. A holder asks for nothing but its heartbeat.
_LOOK = """
SELECT locks.pid, locks.granted, sessions.client_addr, clock_timestamp() AS now,
       greatest(extract(epoch FROM clock_timestamp() - sessions.state_change), 0) AS silent_s
FROM pg_locks AS locks JOIN pg_stat_activity AS sessions ON sessions.pid = locks.pid
WHERE locks.locktype = 'advisory' AND locks.objsubid = 1
  AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((CAST(locks.classid AS bigint) << 32) | CAST(locks.objid AS bigint)) = $1
ORDER BY locks.pid
"""


@dataclass(frozen=True, slots=True)
class LockSession:
    """A session at the server that holds the lock, or waits for it."""

    pid: int  # of the server's process
    address: str  # the instance's, as the server sees it
    silent_s: float  # since it last asked anything; a holder does every two seconds


@dataclass(frozen=True, slots=True)
class LockSeen:
    """The lock at one moment, by the server's clock."""

    at: datetime
    holder: LockSession | None
    waiting: Sequence[LockSession]


class LockWatch:
    """A connection of its own to the server."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", place: str) -> None:
        self._connection, self._place = connection, place

    async def look(self) -> LockSeen:
        """Raises LedgerUnavailable."""
        with connecting(self._place):
            rows = await self._connection.fetch(_LOOK, LOCK_KEY, timeout=5)
            at = rows[0]["now"] if rows else await self._connection.fetchval("SELECT clock_timestamp()", timeout=5)
        sessions = [
            (row["granted"], LockSession(row["pid"], _shown(row["client_addr"]), float(row["silent_s"])))
            for row in rows
        ]
        holder = next((session for granted, session in sessions if granted), None)
        return LockSeen(at, holder, [session for granted, session in sessions if not granted])


def _shown(client: object) -> str:
    return "the server's own machine" if client is None else str(client)


@asynccontextmanager
async def open_lock_watch(url: str) -> AsyncIterator[LockWatch]:
    """Raises ConfigError where two machines cannot share the database, LedgerUnavailable."""
    place = address.parse(url)
    if not isinstance(place, address.PostgresAddress):
        raise ConfigError(
            f"[database] url is a {place.place}, which two machines cannot share: a standby needs PostgreSQL"
        )
    with connecting(place.place):
        connection = await asyncpg.connect(place.url, timeout=5, server_settings={"application_name": "tradebot drill"})
    try:
        yield LockWatch(connection, place.place)
    finally:
        connection.terminate()
