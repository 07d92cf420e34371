"""The queue inside the process: three lists in memory. Nothing is kept over a restart; the requeue fills it from the database."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable

from tradebot.domain.alerts import Side
from tradebot.ports import QueueContents


class EmbeddedQueue:
    """See `tradebot.ports.Queue`."""

    name = "embedded"
    junk = 0

    def __init__(self) -> None:
        self._sell: deque[int] = deque()
        self._buy: deque[int] = deque()
        self._pending: deque[int] = deque()
        self._filled = asyncio.Condition()

    async def push(self, side: Side, alert_ids: Iterable[int]) -> None:
        async with self._filled:
            (self._sell if side is Side.SELL else self._buy).extend(alert_ids)
            self._filled.notify_all()

    async def take(self) -> int:
        async with self._filled:
            await self._filled.wait_for(lambda: self._sell or self._buy)
            return (self._sell or self._buy).popleft()

    async def put_pending(self, alert_ids: Iterable[int]) -> None:
        self._pending.extend(alert_ids)

    async def contents(self) -> QueueContents:
        return QueueContents(tuple(self._sell), tuple(self._buy), tuple(self._pending))

    async def remove(self, alert_ids: Collection[int]) -> None:
        gone = frozenset(alert_ids)
        for ids in (self._sell, self._buy, self._pending):
            kept = [alert_id for alert_id in ids if alert_id not in gone]
            ids.clear()
            ids.extend(kept)

    async def ping(self) -> None:
        """Always there."""
