"""Whose turn it is to be judged: SELLs before BUYs, each in the order in which they were taken from the queue.

Rules: alerts are prepared at once and answers come in any order, so each has its place from being taken to being judged. A
BUY waits for every SELL that has a place; nothing waits for a BUY but the BUYs behind it. Waiting ends with the broker's own
time-outs: whatever happens to an alert, it leaves its place.
"""

import asyncio

from tradebot.domain.alerts import Side


class Sequencer:
    """Places in the order of taking; `wait` returns when it is an alert's turn."""

    def __init__(self) -> None:
        self._places: dict[int, Side | None] = {}  # in the order taken; None: not read yet
        self._moved = asyncio.Event()

    def take_place(self, alert_id: int) -> None:
        self._places[alert_id] = None

    def is_a(self, alert_id: int, side: Side | None) -> None:
        self._places[alert_id] = side
        self._tell()

    async def wait(self, alert_id: int) -> None:
        """Returns when it is this alert's turn. It must have a place."""
        while not self._is_first(alert_id):
            await self._moved.wait()

    def leave(self, alert_id: int) -> None:
        self._places.pop(alert_id, None)
        self._tell()

    def _is_first(self, alert_id: int) -> bool:
        mine, before = self._places[alert_id], True
        for other, side in self._places.items():
            if other == alert_id:
                before = False
            elif (before and side in (None, mine)) or (side is Side.SELL and mine is Side.BUY):
                return False
        return True

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
