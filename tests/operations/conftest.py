"""The bot that these tests drive: one that runs, and one on either database that does nothing by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.adapters.database.conftest import (  # noqa: F401 - fixtures
    empty_url,
    home,
    kept_postgres_url,
    ledger,
    sqlite_url,
    url,
)
from tests.bot import Bot, Setup
from tests.bot_fixtures import bot, empty_books, make_bot  # noqa: F401 - fixtures
from tradebot.database import open_ledger


@asynccontextmanager
async def process_on(database: str) -> AsyncIterator[Bot]:
    """The bot of a process of its own, of which nothing runs but what is asked of it."""
    # The loop's clock is set ahead: a statement's own deadline must not take that for a dead disk.
    async with open_ledger(database, timeout_s=100_000) as opened:
        made = Bot(opened, database, Setup())
        try:
            yield made
        finally:
            await made.stop()


@pytest.fixture
async def still(url: str) -> AsyncIterator[Bot]:  # noqa: F811 - the fixture above
    """On SQLite and on PostgreSQL."""
    async with process_on(url) as made:
        yield made
