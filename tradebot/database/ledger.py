"""`tradebot.ports.Ledger` over a driver: transactions handed out as books."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from tradebot.database.books import SqlBooks
from tradebot.database.driver import Driver
from tradebot.database.noted import NotedBooks
from tradebot.domain.changes import Change
from tradebot.errors import LedgerNotWritable, LedgerUnavailable
from tradebot.ports import Books, News

NOT_WRITTEN_FOR_S = 15.0
"""So long a database that did not take a write is taken for one that takes none."""


class SqlLedger:
    """See `tradebot.ports.Ledger`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.name = driver.name
        self.news, self.arrivals = News(), asyncio.Event()
        self.hearers: list[Callable[[Sequence[Change]], None]] = []
        self.unavailable = 0
        self._not_written: tuple[float, LedgerNotWritable] | None = None  # the newest time, by the loop's clock

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
        if self._not_written is not None:
            return await self._ping_by_writing(*self._not_written)
        with self._counted():
            async with self._driver.transaction(write=False) as transaction:
                await transaction.rows("SELECT 1")

    async def _ping_by_writing(self, failed_at: float, error: LedgerNotWritable) -> None:
        """Reading goes on with a full disk, and so does a write that is small enough: for a while its error stands."""
        with self._counted():
            async with self._driver.transaction() as transaction:
                await transaction.rows("UPDATE schema_migration SET applied_at = applied_at")
        if asyncio.get_running_loop().time() - failed_at < NOT_WRITTEN_FOR_S:
            raise error
        self._not_written = None

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except LedgerUnavailable as error:
            self.unavailable += 1
            if isinstance(error, LedgerNotWritable):
                self._not_written = (asyncio.get_running_loop().time(), error)
            raise
