"""Many small writes in one commit: what is asked for while a transaction is under way goes together into the next one.

Rules: nobody is answered before the commit. Nobody waits for company: a write that finds none under way begins at once. A write
that fails takes no other along: each has a savepoint. A transaction takes no more after `ROWS_MAX` writes or `OPEN_S`, so that
kill switch, bookings and decisions, which get the database in the order in which they ask for it, go before the next one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tradebot.ports import Books, Ledger

T = TypeVar("T")
ROWS_MAX = 64
OPEN_S = 0.005
"""From the first write of a transaction to the last one that it takes."""


@dataclass(slots=True)
class _Write:
    """What is to be stored, and who waits for it."""

    write: Callable[[Books], Awaitable[Any]]
    stored: asyncio.Future[Any]
    result: Any = None  # holds once it is committed

    def fail(self, error: Exception) -> None:
        if not self.stored.done():
            self.stored.set_exception(error)


class GroupCommit:
    """Stores what several tasks write, one transaction after another."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[_Write] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def store(self, write: Callable[[Books], Awaitable[T]]) -> T:
        """What `write` returns, once committed. Raises LedgerUnavailable, and what `write` raises: it is not stored then."""
        stored: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(write, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all(), name="store alerts")
        return await stored

    async def _store_all(self) -> None:
        while self._waiting:
            taken: list[_Write] = []
            try:
                async with self._ledger.begin() as books:
                    await self._take(books, taken)
            except Exception as error:
                if not taken:  # it did not even begin: who waits now would hear the same, later
                    taken.extend(self._waiting)
                    self._waiting.clear()
                for one in taken:
                    one.fail(error)
            else:
                for one in taken:
                    if not one.stored.done():
                        one.stored.set_result(one.result)

    async def _take(self, books: Books, taken: list[_Write]) -> None:
        """Writes what waits, as far as this transaction takes it. Raises what undoes all of it."""
        loop = asyncio.get_running_loop()
        last = loop.time() + OPEN_S
        while self._waiting and len(taken) < ROWS_MAX and (not taken or loop.time() < last):
            one = self._waiting.popleft()
            taken.append(one)
            if len(taken) == 1 and not self._waiting:  # alone: undone with its transaction
                one.result = await one.write(books)
            else:
                await _write(one, books)


async def _write(one: _Write, books: Books) -> None:
    """Its own error is its own alone; one of the savepoint is the whole transaction's, and raised."""
    failed: Exception | None = None
    try:
        async with books.savepoint():
            try:
                one.result = await one.write(books)
            except Exception as error:
                failed = error
                raise
    except Exception as error:
        if error is not failed:
            raise
        one.fail(error)
