"""`tradebot.ports.Ledger` over a driver: transactions handed out as books."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from tradebot.database.books import SqlBooks
from tradebot.database.driver import Driver
from tradebot.database.noted import NotedBooks
from tradebot.domain.changes import Change
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, News


class SqlLedger:
    """See `tradebot.ports.Ledger`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.name = driver.name
        self.news, self.arrivals = News(), asyncio.Event()
        self.hearers: list[Callable[[Sequence[Change]], None]] = []
        self.unavailable = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        with self._counted():
            async with self._driver.transaction() as transaction:
                books = NotedBooks(transaction) if self.hearers else SqlBooks(transaction)
                yield books
        if isinstance(books, NotedBooks) and books.changes:
            for hear in self.hearers:
                asyncio.get_running_loop().call_soon(hear, books.changes)
        if books.has_news:
            self.news.tell()
        if books.has_arrivals:
            self.arrivals.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Books]:
        with self._counted():
            async with self._driver.transaction(write=False) as transaction:
                yield SqlBooks(transaction)

    async def ping(self) -> None:
        with self._counted():
            async with self._driver.transaction(write=False) as transaction:
                await transaction.rows("SELECT 1")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except LedgerUnavailable:
            self.unavailable += 1
            raise
