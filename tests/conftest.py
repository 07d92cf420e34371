"""Fixtures for every test: real servers, started once a worker, and servers of one's own for tests that break them.

Rules: `make test` runs the tests in several workers, each a process with its own servers, ports and folders; nothing is shared
between them. What takes longest begins first, so that no worker is left with it at the end.
"""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from tests.midnight import seconds_until_the_day_lasts
from tests.servers import (
    GivenServer,
    PostgresServer,
    RedisServer,
    session_postgres,
    session_redis,
)

# How quick a machine is says nothing about the code: timings belong in the benchmark.
settings.register_profile("tradebot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradebot")

_numbers = count(1)
LONGEST_FIRST = ("soak", "faults", "system", "crash", "property", "security", "cli", "deploy", "trading", "runtime")
"""The folders under `tests` that begin first, in this order."""
WORKERS_A_CORE = 3  # they wait a good part of their time
WORKERS_MAX = 8

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no server and no daemon is left behind
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a script, and so by every child


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means."""
    return min(WORKERS_A_CORE * (os.cpu_count() or 1), WORKERS_MAX)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    rank = {folder: number for number, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(here).parts[0], len(rank)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Outside of the test's own time: nothing begins at the end of a day."""
    time.sleep(seconds_until_the_day_lasts(datetime.now(UTC)))
    return (yield)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[GivenServer | PostgresServer]:
    """PostgreSQL for the whole run of this worker: not to be stopped."""
    server = session_postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[GivenServer | RedisServer]:
    """Redis for the whole run of this worker: not to be stopped."""
    server = session_redis()
    yield server
    server.close()


async def fresh_database(server_url: str) -> AsyncIterator[str]:
    """The URL of a new, empty database, which is dropped afterwards."""
    name = f"tradebot_test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(server_url)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def postgres_url(postgres_server: GivenServer | PostgresServer) -> AsyncIterator[str]:
    """A fresh, empty database."""
    async for url in fresh_database(postgres_server.url):
        yield url


@pytest.fixture
async def redis_url(redis_server: GivenServer | RedisServer) -> str:
    """An empty Redis."""
    async with Redis.from_url(redis_server.url) as client:
        await client.flushdb()
    return redis_server.url


@pytest.fixture(scope="session")
def spare_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
async def own_postgres(spare_postgres: PostgresServer) -> PostgresServer:
    """A PostgreSQL of this test alone, with an empty database, to be stopped, killed, paused and started again."""
    await spare_postgres.use_fresh_database()
    return spare_postgres


@pytest.fixture
async def own_redis() -> AsyncIterator[RedisServer]:
    """A Redis of this test alone, to be stopped, killed, paused and started again."""
    server = RedisServer()
    try:
        await server.start()
        yield server
    finally:
        server.close()
