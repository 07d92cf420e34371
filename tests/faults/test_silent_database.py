"""A database server that says nothing, and one that goes away in the very moment in which the daemon is to end."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.proxy import open_proxy
from tradebot.database import migrate
from tradebot.database.address import PostgresAddress, parse
from tradebot.database.postgres import PostgresDriver, open_postgres
from tradebot.errors import LedgerUnavailable


async def test_a_start_does_not_wait_a_minute_for_a_silent_database(postgres_url: str) -> None:
    """The daemon would be back only a minute after its database is, because each try waits as long as a migration may."""
    port = urlsplit(postgres_url).port
    assert port is not None
    async with open_proxy(port) as proxy:
        proxy.go_silent()
        async with asyncio.timeout(15):
            with pytest.raises(LedgerUnavailable, match="no answer in time"):
                await migrate.up(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres")


async def _told_to_end_as_the_connection_breaks(driver: PostgresDriver) -> None:
    """What a library does that catches a cancellation and lets the error of the connection out instead."""
    task = asyncio.current_task()
    assert task is not None
    async with driver.translated():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        raise ConnectionResetError


async def _told_to_end_as_the_answer_comes(driver: PostgresDriver) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    async with driver.transaction():
        pass


@pytest.mark.parametrize("unlucky", [_told_to_end_as_the_connection_breaks, _told_to_end_as_the_answer_comes])
async def test_a_task_that_is_told_to_end_ends(postgres_url: str, unlucky) -> None:  # type: ignore[no-untyped-def]
    """A daemon that lost its lock would never exit: a task that did not hear of the end goes on, and the rest waits for it."""
    address = parse(postgres_url)
    assert isinstance(address, PostgresAddress)
    async with open_postgres(address, 5) as driver:
        task = asyncio.create_task(unlucky(driver))
        await asyncio.wait([task])
        assert task.cancelled()
