"""Many small writes in one commit: what comes while a transaction is under way goes together into the next one.

Rules: nobody is answered before the commit. Nobody waits for company: what finds no transaction under way begins one. What fails
takes no other along: then each is written alone, with a savepoint. A transaction takes what waits when it begins, `ROWS_MAX` at
most: kill switch, bookings and decisions, which get the database in the order in which they ask for it, go before the next one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tradebot.ports import Books, Ledger

Item = TypeVar("Item")
Result = TypeVar("Result")
ROWS_MAX = 64


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    """What is to be stored, and who waits for it."""

    item: Item
    stored: "asyncio.Future[Result]"

    def ends(self, outcome: "Result | Exception") -> None:
        if self.stored.done():  # nobody waits any more
            return
        if isinstance(outcome, Exception):
            self.stored.set_exception(outcome)
        else:
            self.stored.set_result(outcome)


class GroupCommit(Generic[Item, Result]):
    """Stores what several tasks bring, one transaction after another."""

    def __init__(
        self,
        ledger: Ledger,
        write: Callable[[Books, Item], Awaitable[Result]],
        write_all: Callable[[Books, Sequence[Item]], Awaitable[Sequence[Result]]],
    ) -> None:
        self._ledger, self._write, self._write_all = ledger, write, write_all
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def store(self, item: Item) -> Result:
        """What writing it returns, once committed. Raises LedgerUnavailable, and what writing raises: it is not stored then."""
        stored: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all(), name="store alerts")
        return await stored

    async def _store_all(self) -> None:
        while self._waiting:
            taken: list[_Waiting[Item, Result]] = []
            try:
                async with self._ledger.begin() as books:
                    while self._waiting and len(taken) < ROWS_MAX:
                        taken.append(self._waiting.popleft())
                    outcomes = await self._written(books, [one.item for one in taken])
            except Exception as error:
                if not taken:  # it did not even begin: who waits now would hear the same, later
                    taken.extend(self._waiting)
                    self._waiting.clear()
                outcomes = [error] * len(taken)
            for one, outcome in zip(taken, outcomes, strict=True):
                one.ends(outcome)

    async def _written(self, books: Books, items: Sequence[Item]) -> Sequence[Result | Exception]:
        """Raises what undoes all of it."""
        if len(items) <= 1:
            return [await self._write(books, item) for item in items]
        outcomes = await _tried(books, lambda: self._write_all(books, items))
        if not isinstance(outcomes, Exception):
            return outcomes
        return [await _tried(books, lambda item=item: self._write(books, item)) for item in items]  # type: ignore[misc]


async def _tried(books: Books, write: Callable[[], Awaitable[Result]]) -> Result | Exception:
    """Its own error is undone and returned; one of the savepoint is the whole transaction's, and raised."""
    failed: Exception | None = None
    try:
        async with books.savepoint():
            try:
                return await write()
            except Exception as error:
                failed = error
                raise
    except Exception as error:
        if error is not failed:
            raise
        return error
