"""`tradebot.ports.Ledger` over a driver: transactions handed out as books."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradebot.database.books import SqlBooks
from tradebot.database.driver import Driver
from tradebot.ports import Books, News


class SqlLedger:
    """See `tradebot.ports.Ledger`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.name = driver.name
        self.news, self.arrivals = News(), asyncio.Event()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        async with self._driver.transaction() as transaction:
            books = SqlBooks(transaction)
            yield books
        if books.has_news:
            self.news.tell()
        if books.has_arrivals:
            self.arrivals.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Books]:
        async with self._driver.transaction(write=False) as transaction:
            yield SqlBooks(transaction)

    async def ping(self) -> None:
        async with self._driver.transaction(write=False) as transaction:
            await transaction.rows("SELECT 1")
