"""Fixtures for every test: real servers, started once a session, and servers of one's own for tests that break them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.servers import (
    GivenServer,
    PostgresServer,
    RedisServer,
    session_postgres,
    session_redis,
)

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[GivenServer | PostgresServer]:
    """PostgreSQL for the whole session: not to be stopped."""
    server = session_postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[GivenServer | RedisServer]:
    """Redis for the whole session: not to be stopped."""
    server = session_redis()
    yield server
    server.close()


@pytest.fixture
async def postgres_url(postgres_server: GivenServer | PostgresServer) -> AsyncIterator[str]:
    """A fresh, empty database."""
    name = f"tradebot_test_{asyncio.get_running_loop().time():.0f}_{next(_numbers)}"
    admin = await asyncpg.connect(postgres_server.url)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield urlsplit(postgres_server.url)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def redis_url(redis_server: GivenServer | RedisServer) -> str:
    """An empty Redis."""
    async with Redis.from_url(redis_server.url) as client:
        await client.flushdb()
    return redis_server.url


@pytest.fixture
async def own_postgres() -> AsyncIterator[PostgresServer]:
    """A PostgreSQL of this test alone, to be stopped, killed, paused and started again."""
    server = PostgresServer()
    try:
        await server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
async def own_redis() -> AsyncIterator[RedisServer]:
    """A Redis of this test alone, to be stopped, killed, paused and started again."""
    server = RedisServer()
    try:
        await server.start()
        yield server
    finally:
        server.close()
