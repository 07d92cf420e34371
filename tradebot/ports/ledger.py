"""The database, and the one instance that trades on it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from weakref import WeakSet

from tradebot.domain.changes import Change
from tradebot.ports.books import Books


class News:
    """That something was stored, told to all who listen; each clears its own ear, and none takes word from another."""

    def __init__(self) -> None:
        self._ears: WeakSet[asyncio.Event] = WeakSet()

    def listen(self) -> asyncio.Event:
        """Set from now on whenever there is news, for as long as somebody keeps it."""
        ear = asyncio.Event()
        self._ears.add(ear)
        return ear

    def tell(self) -> None:
        for ear in self._ears:
            ear.set()


class Ledger(Protocol):
    """The database. `begin` commits when its block ends and rolls back on any exception, cancellation included."""

    name: str  # "SQLite" or "PostgreSQL", for people
    news: News
    """Told by each commit of this process that leaves something to a channel. Others store, too."""
    arrivals: asyncio.Event
    """Set by each commit of this process that leaves an alert to be taken; who looks at those clears it."""
    hearers: list[Callable[[Sequence[Change]], None]]
    """Each is called with what a commit of this process has changed, when the loop's turn comes."""
    unavailable: int
    """Transactions so far that the database did not do, or not in time."""

    def begin(self) -> AbstractAsyncContextManager[Books]: ...

    def read(self) -> AbstractAsyncContextManager[Books]:
        """A consistent snapshot, without waiting for writers where the database can."""

    async def ping(self) -> None:
        """Whether it would take an alert that comes now. Raises LedgerUnavailable."""


class InstanceLock(Protocol):
    """Held by the one instance that trades. `epoch` is stored in `bot_settings` and rises with every holder."""

    epoch: int
    lost: asyncio.Event
    why_lost: str  # once it is lost, for people; without a full stop

    @property
    def held(self) -> bool: ...
