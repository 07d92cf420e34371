"""Where what is measured keeps what it knows: in files of its own, or in a real PostgreSQL and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.asyncio import Redis

from tests.conftest import fresh_database
from tests.servers import session_postgres, session_redis

EMBEDDED, SERVERS = "SQLite", "PostgreSQL + Redis"


@dataclass(frozen=True, slots=True)
class Servers:
    postgres: str
    redis: str

    def database(self) -> AbstractAsyncContextManager[str]:
        """The URL of a new, empty one."""
        return asynccontextmanager(fresh_database)(self.postgres)

    async def queue(self, number: int) -> str:
        """The URL of one of Redis's numbered databases, emptied."""
        url = urlsplit(self.redis)._replace(path=f"/{number}").geturl()
        async with Redis.from_url(url) as client:
            await client.flushdb()
        return url


@asynccontextmanager
async def open_servers() -> AsyncIterator[Servers]:
    postgres = await asyncio.to_thread(session_postgres)
    try:
        redis = await asyncio.to_thread(session_redis)
        try:
            yield Servers(postgres.url, redis.url)
        finally:
            redis.close()
    finally:
        postgres.close()
