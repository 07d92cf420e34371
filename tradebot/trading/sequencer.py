"""Whose turn it is to be judged: SELLs before BUYs, each in the order in which they were taken from the queue.

Rules: alerts are prepared at once and answers come in any order, so each has its place from being taken to being judged. A
BUY waits for every SELL that has a place; nothing waits for a BUY but the BUYs behind it: they are prepared a number at a time,
while SELLs are always prepared at once. Waiting ends with the broker's own time-outs: whatever happens to an alert, it leaves its
place. Who is far is not woken before he is near: what a move costs does not grow with the BUYs that wait.
"""

import asyncio
from collections.abc import Callable
from itertools import islice

from tradebot.domain.alerts import Side


class Sequencer:
    """Places in the order of taking; `wait` returns when it is an alert's turn. `buys_max`: so many BUYs are near at once."""

    def __init__(self, buys_max: int) -> None:
        self._places: dict[int, Side | None] = {}  # in the order taken; None: not read yet
        self._sells = 0
        self._moved = asyncio.Event()
        self._far: dict[int, asyncio.Event] = {}  # BUYs that are not near yet
        self._buys_max = buys_max

    def take_place(self, alert_id: int) -> None:
        self._places[alert_id] = None

    def is_a(self, alert_id: int, side: Side | None) -> None:
        self._places[alert_id] = side
        self._sells += side is Side.SELL
        self._tell()

    async def near(self, alert_id: int) -> None:
        """Returns at once for a SELL; for a BUY when it is among the next ones. It must have a place, and a side."""
        if self._places[alert_id] is Side.SELL or alert_id in self._next_buys():
            return
        near = self._far[alert_id] = asyncio.Event()
        try:
            await near.wait()
        finally:
            del self._far[alert_id]

    async def wait(self, alert_id: int, *, unless: Callable[[], bool]) -> None:
        """Returns when it is this alert's turn, or `unless` says at a move that it need not wait. It must have a place."""
        while not (self.is_first(alert_id) or unless()):
            await self._moved.wait()

    def is_first(self, alert_id: int) -> bool:
        """Whether it is this alert's turn. It must have a place."""
        mine = self._places[alert_id]
        if mine is not Side.SELL and self._sells:
            return False
        ahead = next((other for other, side in self._places.items() if other == alert_id or side in (None, mine)), None)
        return ahead == alert_id

    def look_up(self) -> None:
        """A move that changes no place: who waits looks again."""
        self._tell()

    def leave(self, alert_id: int) -> None:
        self._sells -= self._places.pop(alert_id, None) is Side.SELL
        self._tell()

    def _next_buys(self) -> list[int]:
        """What is not read yet may be one."""
        return list(islice((other for other, side in self._places.items() if side is not Side.SELL), self._buys_max))

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
        if self._far:
            for alert_id in self._next_buys():
                if alert_id in self._far:
                    self._far[alert_id].set()
