"""Books to keep, on a SQLite file and on a PostgreSQL whose own programs are found first."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database.samples import a_lot, a_trade, an_alert, an_execution
from tests.bot_fixtures import bot, empty_books, make_bot  # noqa: F401  # fixtures
from tests.cli.conftest import typed  # noqa: F401  # a fixture
from tests.conftest import fresh_database
from tests.servers import GivenServer, PostgresServer, postgres_programs
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.ports import Books

NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """The folder with pg_dump, pg_restore and psql of the test kit's PostgreSQL."""
    with pytest.MonkeyPatch.context() as environment:
        folder = postgres_programs()
        environment.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/tradebot.db"
    request.getfixturevalue("programs")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def second_postgres(postgres_server: GivenServer | PostgresServer, programs: Path) -> AsyncIterator[str]:
    """Another empty database of the same server."""
    async for url in fresh_database(postgres_server.url):
        yield url


@asynccontextmanager
async def books(url: str) -> AsyncIterator[Books]:
    """One transaction on the migrated database."""
    await migrate.up(url)
    async with open_ledger(url) as ledger, ledger.begin() as opened:
        yield opened


async def bought(into: Books, ticker: str = "AAPL", shares: int = 10, at: datetime = NOW - timedelta(hours=3)) -> int:
    """An alert, its filled order and the open lot of it."""
    trade = await a_trade(into, ticker=ticker, created_at=at, side=Side.BUY)
    await into.put_execution(
        trade, an_execution(f"{ticker}.{trade}.01", ticker=ticker, shares=Decimal(shares), time=at)
    )
    await into.rewrite_lots(
        "main",
        ticker,
        [*await into.lots(ticker=ticker), a_lot(trade, ticker=ticker, qty=Decimal(shares), entry_time=at)],
    )
    return trade


async def waits(into: Books, at: datetime = NOW - timedelta(hours=2)) -> int:
    """An alert whose turn has not come."""
    number = await into.insert_alert(an_alert(received_at=at))
    assert number is not None
    return number
