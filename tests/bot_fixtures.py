"""Fixtures of the bot: one of the test's own, made as the test wants it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bot import Bot, Setup, open_bot
from tradebot.database import migrate

MakeBot = Callable[..., Awaitable[Bot]]


@pytest.fixture(scope="session")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    path = tmp_path_factory.mktemp("books") / "empty.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


async def _migrate(url: str) -> None:
    await migrate.up(url)


@pytest.fixture
async def make_bot(empty_books: Path, tmp_path: Path) -> AsyncIterator[MakeBot]:
    """`await make_bot(...)` with the settings of `Setup` that differ: a bot that is not running yet."""
    async with AsyncExitStack() as house:

        async def make(folder: Path = tmp_path, **setup: Any) -> Bot:
            return await house.enter_async_context(open_bot(empty_books, folder, Setup(**setup)))

        yield make


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    """A bot that runs, connected, its gate open."""
    made = await make_bot()
    await made.start()
    return made
