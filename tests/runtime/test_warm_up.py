"""What is tried before any alert comes leaves no trace: not in the books, not at IB, not in the queue."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.fakes import WatchedLedger
from tradebot.ports import Books
from tradebot.runtime.warm_up import warm_up


class CountedLedger(WatchedLedger):
    """Counts its transactions by what they may do."""

    reads = writes = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        self.writes += 1
        async with super().begin() as books:
            yield books

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Books]:
        self.reads += 1
        async with super().read() as books:
            yield books


def _rows(bot: Bot) -> Sequence[str]:
    with closing(sqlite3.connect(bot.url.removeprefix("sqlite:///"))) as database:
        return list(database.iterdump())


async def test_it_stores_and_sends_and_asks_nothing(make_bot: MakeBot) -> None:
    """Broken, each start of the daemon trades, or leaves an alert that nobody sent, or asks IB before anybody wants it."""
    bot: Bot = await make_bot()
    bot.broker.connect()
    counted, before = CountedLedger(bot.ledger), _rows(bot)
    await warm_up(replace(bot.built.outside, ledger=counted), bot.options)
    assert (counted.reads > 0, counted.writes) == (True, 0)
    assert _rows(bot) == before
    assert (bot.broker.sent, bot.broker.cancels, bot.broker.asked) == ([], [], [])
    listed = await bot.queue.contents()
    assert not (*listed.sell, *listed.buy, *listed.pending)


async def test_a_database_that_is_away_holds_no_start_up(make_bot: MakeBot) -> None:
    """Broken, a start ends because of something that nobody needs."""
    bot: Bot = await make_bot()
    bot.ledger.away = True
    await warm_up(bot.built.outside, bot.options)
