"""The lists of alerts that wait for their turn."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tradebot.domain.alerts import Side


@dataclass(frozen=True, slots=True)
class QueueContents:
    """The ids in each list, the next one first."""

    sell: Sequence[int]
    buy: Sequence[int]
    pending: Sequence[int]


class Queue(Protocol):
    """Lists of alert ids. Losing them costs nothing: requeue pushes what is stored and in no list. Raises QueueUnavailable."""

    name: str  # "Redis" or "embedded"
    junk: int  # entries dropped so far that no bot has put there

    async def push(self, side: Side, alert_ids: Iterable[int]) -> None: ...

    async def take(self) -> int:
        """Waits, without polling, for the next id: SELL before BUY, each in the order of arrival."""

    async def put_pending(self, alert_ids: Iterable[int]) -> None: ...

    async def contents(self) -> QueueContents: ...

    async def remove(self, alert_ids: Collection[int]) -> None:
        """Takes ids out of every list."""

    async def ping(self) -> None:
        """Whether it would take an id."""
