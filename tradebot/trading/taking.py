"""Where the worker's ids come from: the queue, and the database where the queue does not give what is stored.

Rules: SELL before BUY. A queue that does not give is asked again for ever, and reported when it begins and ends; meanwhile the
requeue brings what is stored straight here, so that an alert waits for no queue. An id may come twice: that is harmless.
"""

import asyncio
from collections.abc import Iterable

from loguru import logger

from tradebot.domain.alerts import Side
from tradebot.errors import QueueUnavailable
from tradebot.ports import Clock, Queue

ASK_AGAIN_S = 1.0


class Taking:
    """Ids one at a time, from both sources. One consumer."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._brought: dict[Side, dict[int, None]] = {Side.SELL: {}, Side.BUY: {}}
        self._something = asyncio.Event()
        self._from_queue: asyncio.Task[int] | None = None
        self.junk = 0
        """Ids taken so far that belong to no alert."""
        self.queue_gives = True
        """False while the queue does not give what is in it."""

    def bring(self, side: Side, alert_ids: Iterable[int]) -> None:
        """From the database; one that is here already is not brought twice."""
        self._brought[side] |= dict.fromkeys(alert_ids)
        if any(self._brought.values()):
            self._something.set()

    @property
    def brought(self) -> frozenset[int]:
        """What was brought and is not taken yet."""
        return frozenset({*self._brought[Side.SELL], *self._brought[Side.BUY]})

    async def take(self, within_s: float) -> int | None:
        """The next id, whichever source has one; None when there was none in that time. What the queue gives after a
        cancellation the requeue brings again."""
        if self._from_queue is None:
            self._from_queue = asyncio.create_task(self._ask_queue(), name="take from the queue")
        something = asyncio.create_task(self._something.wait(), name="brought from the database")
        try:
            either = {self._from_queue, something}
            await asyncio.wait(either, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._from_queue.cancel()
            raise
        finally:
            something.cancel()
        if self._brought[Side.SELL] or (self._brought[Side.BUY] and not self._from_queue.done()):
            return self._next_brought()
        if not self._from_queue.done():
            return None
        taken, self._from_queue = self._from_queue, None
        return taken.result()

    def note_junk(self, alert_id: int) -> None:
        logger.debug("{} was in the queue and is no alert: dropped", alert_id)
        self.junk += 1

    def _next_brought(self) -> int:
        ids = self._brought[Side.SELL] or self._brought[Side.BUY]
        alert_id = next(iter(ids))
        del ids[alert_id]
        if not any(self._brought.values()):
            self._something.clear()
        return alert_id

    async def _ask_queue(self) -> int:
        while True:
            try:
                taken = await self._queue.take()
            except QueueUnavailable as error:
                if self.queue_gives:  # said once, not every second of an outage
                    logger.error("queue: {}; alerts go on from the database", error)
                self.queue_gives = False
                await self._clock.sleep(ASK_AGAIN_S)
                continue
            if not self.queue_gives:
                logger.info("queue: {} gives again", self._queue.name)
            self.queue_gives = True
            return taken
