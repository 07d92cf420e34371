"""The one loop that serves a channel out of the database: what waits is read, sent and marked, to the log as to e-mail.

Rules:
- What cannot be sent waits in the database and nowhere else. A crash between sending and marking sends it twice: better than
  never.
- Criticals first, each lane in the order of its events.
- Each channel has a loop, time-outs and a backoff of its own: one that hangs delays no other, no order, and the end of the daemon
  by no more than its last words may take.
- What the other side refuses is tried a few times and given up, and so is what was tried in vain for a day; the other channels
  are told when a channel begins to fail, and when it is back, once each.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic

from loguru import logger

from tradebot.domain.events import Event, NewEvent, Severity
from tradebot.domain.facts.daemon import ChannelBack, ChannelFailing
from tradebot.errors import LedgerUnavailable
from tradebot.notify.channel import Channel, M, NotDelivered
from tradebot.notify.news import LOOK_EVERY_S, news
from tradebot.notify.retry import again_in_s, pause
from tradebot.ports import Beat, Clock, Ledger
from tradebot.queries.parts import ChannelState

READ_MAX = 200
MARK_EVERY_S = 0.5
"""Marks of a burst share a transaction: each is a write among the orders' own."""
SEND_WITHIN_S = 30.0
"""However the other side answers."""
REFUSALS_MAX = 5
GIVE_UP_AFTER = timedelta(hours=24)
TOLD_AFTER_S = 300.0
"""A channel that fails for so long is told on the others; so is one that refuses, at once."""
LAST_WORDS_S = 5.0
DEFECT_PAUSE_S = 5.0


@dataclass
class _Failing:
    """Since when a channel fails, and what is known of it."""

    since: datetime
    since_s: float  # by the clock that only goes on
    attempts: int = 0
    is_told: bool = False
    again_at_s: float = 0.0
    refused: Counter[int] = field(default_factory=Counter)  # by event


class Outbox(Generic[M]):
    """Serves one channel until it is stopped. `state` is how the channel is, for /health."""

    def __init__(self, channel: Channel[M], ledger: Ledger, clock: Clock, beat: Beat, state: ChannelState) -> None:
        self._channel = channel
        self._ledger = ledger
        self._clock = clock
        self._beat = beat
        self.state = state
        self._heard = ledger.news.listen()
        self._failing: _Failing | None = None
        self._sent: set[int] = set()  # and not yet marked in the database
        self._next_at_s = clock.monotonic()
        self._has_forgotten = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and everything is out, or the last words have had their time."""
        name = self._channel.name
        serving = asyncio.create_task(self._serve(stop), name=f"messages to {name}: delivery")
        stopped = asyncio.create_task(stop.wait(), name=f"messages to {name}: the end")
        try:
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([serving], timeout=LAST_WORDS_S)
        finally:
            for task in (serving, stopped):
                task.cancel()
            await asyncio.gather(serving, stopped, return_exceptions=True)
            with suppress(Exception):  # it is over
                await self._channel.close()

    async def _serve(self, stop: asyncio.Event) -> None:
        """A defect in how something is worded must not silence all the rest."""
        while True:
            try:
                return await self._rounds(stop)
            except Exception:
                logger.exception("{}: the delivery of messages has failed, it starts anew", self._channel.name)
                await pause(self._clock.monotonic() + DEFECT_PAUSE_S, stop, self._clock, self._beat)
                if stop.is_set():
                    return

    async def _rounds(self, stop: asyncio.Event) -> None:
        while True:
            self._beat()
            last = stop.is_set()
            self._heard.clear()
            try:
                again_in_s = await self.round(in_haste=last)
            except LedgerUnavailable as error:
                logger.debug("{}: events not read: {}", self._channel.name, error)
                again_in_s = None
            if last and (again_in_s is None or self._failing):
                return
            if self._failing:
                await pause(self._failing.again_at_s, stop, self._clock, self._beat)
            elif again_in_s != 0:
                await news(self._heard, stop, look_every_s=min(again_in_s or LOOK_EVERY_S, LOOK_EVERY_S))

    async def round(self, *, in_haste: bool = False) -> float | None:
        """At most one lane's share. Returns in how many seconds there is more to do; None: when there is news.

        Raises LedgerUnavailable."""
        await self._mark()
        await self._forget_traces()
        for lane in self._channel.lanes:
            if events := await self._read(lane):
                early_s = self._next_at_s - self._clock.monotonic()
                if early_s > 0 and not in_haste and Severity.CRITICAL not in lane:
                    return early_s
                await self._send_all(events)
                return 0
        return None

    async def _send_all(self, events: Sequence[Event]) -> None:
        """Messages until these are out, one was not taken, or it is time to look for what matters more."""
        if self._failing and self._failing.refused:
            events = events[:1]  # else one that is never taken would take others along
        began_s = self._clock.monotonic()
        while events and self._clock.monotonic() - began_s < MARK_EVERY_S:
            message = self._channel.fold(events, self._clock.now())
            if not await self._send(message):
                break
            self._sent |= {event.id for event in message.events}
            events = [event for event in events if event.id not in self._sent]
            if self._channel.pace_s:
                break
        await self._mark()

    async def _send(self, message: M) -> bool:
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._channel.send(message, self._beat)
        except TimeoutError:
            await self._failed(message, NotDelivered(f"no answer within {SEND_WITHIN_S:g} s"))
            return False
        except NotDelivered as error:
            await self._failed(message, error)
            return False
        finally:
            self._next_at_s = self._clock.monotonic() + self._channel.pace_s
        self.state.delivered_at = self._clock.now()
        await self._well_again()
        return True

    # --- what fails ---------------------------------------------------------------------------------------------------

    async def _failed(self, message: M, error: NotDelivered) -> None:
        now, now_s, name = self._clock.now(), self._clock.monotonic(), self._channel.name
        if self._failing is None:
            self._failing = _Failing(now, now_s)
            logger.warning("{}: {}. Trading goes on; messages wait", name, error.why)
        failing = self._failing
        failing.attempts += 1
        self.state.failing_since, self.state.error = failing.since, error.why
        failing.again_at_s = now_s + again_in_s(failing.attempts, error.retry_after_s)
        if error.is_refused:
            failing.refused.update(event.id for event in message.events)
        lost = [event.id for event in message.events if self._is_over(event, failing, now)]
        try:
            async with self._ledger.begin() as books:
                await books.delivery_failed(name, [e.id for e in message.events if e.id not in lost], error.why)
                await books.give_up_delivery(name, lost, error.why)
                due = bool(lost) or now_s - failing.since_s >= TOLD_AFTER_S
                if due and not failing.is_told:
                    await books.add_event(NewEvent(ChannelFailing(name, failing.since, error.why, bool(lost)), now))
            failing.is_told |= due
        except LedgerUnavailable as away:
            logger.debug("{}: a failed delivery was not counted: {}", name, away)

    def _is_over(self, event: Event, failing: _Failing, now: datetime) -> bool:
        if self._channel.keeps_all:
            return False
        in_vain = failing.attempts >= REFUSALS_MAX and now - event.at > GIVE_UP_AFTER
        return failing.refused[event.id] >= REFUSALS_MAX or in_vain

    async def _well_again(self) -> None:
        failing, self._failing = self._failing, None
        self.state.failing_since = self.state.error = None
        if failing is None:
            return
        logger.info("{}: messages are delivered again", self._channel.name)
        if failing.is_told:
            with suppress(LedgerUnavailable):
                async with self._ledger.begin() as books:
                    now = self._clock.now()
                    await books.add_event(NewEvent(ChannelBack(self._channel.name, failing.since), now))

    # --- the database -------------------------------------------------------------------------------------------------

    async def _read(self, severities: Collection[Severity]) -> Sequence[Event]:
        async with self._ledger.read() as books:
            events = await books.undelivered(self._channel.name, READ_MAX, severities=severities)
        return [event for event in events if event.id not in self._sent]

    async def _mark(self) -> None:
        if self._sent:
            async with self._ledger.begin() as books:
                await books.mark_delivered(self._channel.name, self._sent, self._clock.now())
            self._sent = set()

    async def _forget_traces(self) -> None:
        """Nobody waits for these; 0.1.0 may have left some."""
        if self._has_forgotten:
            return
        async with self._ledger.read() as books:
            traces = await books.undelivered(self._channel.name, READ_MAX, severities=(Severity.TRACE,))
        if traces:
            async with self._ledger.begin() as books:
                await books.mark_delivered(self._channel.name, [event.id for event in traces], self._clock.now())
        self._has_forgotten = len(traces) < READ_MAX
