"""Every test of the contract runs on a real SQLite file and on a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tradebot.database import migrate, open_ledger
from tradebot.ports import Ledger


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'folder' / 'test.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def url(empty_url: str) -> str:
    """A database with all tables."""
    await migrate.up(empty_url)
    return empty_url


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(url) as opened:
        yield opened
