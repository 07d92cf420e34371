"""Whose turn it is to be judged: SELLs before BUYs, each in the order in which they were taken from the queue.

Rules: alerts are prepared at once and answers come in any order, so each has its place from being taken to being judged. A
BUY waits for every SELL that has a place; nothing waits for a BUY but the BUYs behind it: they are prepared a number at a time,
while SELLs are always prepared at once. Waiting ends with the broker's own time-outs: whatever happens to an alert, it leaves its
place.
"""

import asyncio
from itertools import islice

from tradebot.domain.alerts import Side


class Sequencer:
    """Places in the order of taking; `wait` returns when it is an alert's turn."""

    def __init__(self) -> None:
        self._places: dict[int, Side | None] = {}  # in the order taken; None: not read yet
        self._sells = 0
        self._moved = asyncio.Event()

    def take_place(self, alert_id: int) -> None:
        self._places[alert_id] = None

    def is_a(self, alert_id: int, side: Side | None) -> None:
        self._places[alert_id] = side
        self._sells += side is Side.SELL
        self._tell()

    async def near(self, alert_id: int, buys_max: int) -> None:
        """Returns at once for a SELL; for a BUY when it is among so many next ones. It must have a place, and a side."""
        while not self._is_near(alert_id, buys_max):
            await self._moved.wait()

    async def wait(self, alert_id: int) -> None:
        """Returns when it is this alert's turn. It must have a place."""
        while not self._is_first(alert_id):
            await self._moved.wait()

    def leave(self, alert_id: int) -> None:
        self._sells -= self._places.pop(alert_id, None) is Side.SELL
        self._tell()

    def _is_first(self, alert_id: int) -> bool:
        mine = self._places[alert_id]
        if mine is not Side.SELL and self._sells:
            return False
        ahead = next((other for other, side in self._places.items() if other == alert_id or side in (None, mine)), None)
        return ahead == alert_id

    def _is_near(self, alert_id: int, buys_max: int) -> bool:
        if self._places[alert_id] is Side.SELL:
            return True
        buys = (other for other, side in self._places.items() if side is not Side.SELL)
        return alert_id in islice(buys, buys_max)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
