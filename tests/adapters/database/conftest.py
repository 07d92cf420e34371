"""Every test of the contract runs on a real SQLite file and on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import fresh_database
from tests.servers import GivenServer, PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.ports import Ledger


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'folder' / 'test.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def kept_postgres_url(postgres_server: GivenServer | PostgresServer) -> Iterator[str]:
    """A database with all tables, made once: to empty the tables is quicker than to make a database."""
    with asyncio.Runner() as runner:
        made = asynccontextmanager(fresh_database)(postgres_server.url)
        url = runner.run(made.__aenter__())
        runner.run(migrate.up(url))
        yield url
        runner.run(made.__aexit__(None, None, None))


@pytest.fixture(params=["sqlite", "kept_postgres"])
def home(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def url(home: str) -> str:
    """A database with all tables, which are empty."""
    await migrate.up(home)
    if home.startswith("postgres"):
        async with migrate.open_driver(home, 5) as driver, driver.transaction() as transaction:
            tables = await transaction.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            names = ", ".join(row["tablename"] for row in tables if row["tablename"] != "schema_migration")
            await transaction.rows(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    return home


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(url) as opened:
        yield opened
