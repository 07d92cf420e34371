"""What a savepoint takes back on PostgreSQL: advisory locks too."""

import asyncio
from contextlib import suppress

from tests.adapters.database.samples import NOON
from tests.servers import PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import AlertUnreadable


async def test_channels_are_locked_again_after_a_savepoint_was_taken_back(own_postgres: PostgresServer) -> None:
    """Otherwise an event may be left to a channel that is closed meanwhile, and nobody is told."""
    await migrate.up(own_postgres.url)
    event = NewEvent(AlertUnreadable("no JSON", "10.0.0.1", 0), NOON)

    async with open_ledger(own_postgres.url) as ledger:

        async def change_over() -> None:
            async with ledger.begin() as books:
                await books.serve_channels(["new"])

        async with ledger.begin() as books:
            await books.serve_channels(["old"])
        async with ledger.begin() as books:
            with suppress(ValueError):
                async with books.savepoint():
                    await books.add_event(event)
                    raise ValueError
            await books.add_event(event)
            changing = asyncio.create_task(change_over())
            await asyncio.wait([changing], timeout=0.5)
        await changing
        async with ledger.read() as books:
            assert len(await books.undelivered("new", 10)) == 1
