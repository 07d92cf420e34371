"""Tells open pages that something has changed: server-sent events that carry nothing but that.

Rules: one look every `LOOK_EVERY_S` for all pages together, and none when nobody looks; so many streams at most, the oldest
of which ends. A stream is no use of its session, and ends with it; after a while it ends anyway, and the browser asks anew.
"""

import asyncio
from collections.abc import Hashable
from contextlib import suppress

from aiohttp import web
from loguru import logger

from tradebot.errors import LedgerUnavailable
from tradebot.queries.search import newest_events
from tradebot.web.dashboard.door import Door
from tradebot.web.ground import Ground
from tradebot.web.guard import streams

LOOK_EVERY_S = 1.5
STREAM_S = 600.0
BEAT_EVERY_S = 15.0  # so that a page that is gone is noticed
HEARD_WITHIN_S = 10.0
STREAMS_MAX = 20
_AWAY, _BROKEN = "away", "broken"
_BEAT = b": still here\n\n"
_CHANGED = b"event: changed\ndata: \n\n"


class Live:
    """The streams."""

    def __init__(self, ground: Ground, door: Door) -> None:
        self._ground = ground
        self._door = door
        self._open: dict[asyncio.Event, None] = {}  # by age
        self._looking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._ending = False

    def table(self) -> list[web.RouteDef]:
        return [web.get("/live", streams(self._door.inside(self.stream, endless=True)))]

    async def end(self, _: web.Application) -> None:
        self._ending = True
        for changed in self._open:
            changed.set()
        if self._looking is not None:
            self._looking.cancel()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        changed = self._admitted()
        try:
            await self._begin()
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            with suppress(ConnectionError, TimeoutError):
                await response.prepare(request)
                await self._tell(request, response, changed)
            return response
        finally:
            self._open.pop(changed, None)

    def _admitted(self) -> asyncio.Event:
        """Set when something has changed, and when it has to go."""
        while len(self._open) >= STREAMS_MAX:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.set()
        changed = asyncio.Event()
        self._open[changed] = None
        return changed

    async def _begin(self) -> None:
        async with self._beginning:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(await self._now()), name="dashboard's look")

    async def _tell(self, request: web.Request, response: web.StreamResponse, changed: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + STREAM_S
        await response.write(_BEAT)
        while loop.time() < until and changed in self._open and not self._ending:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_EVERY_S):
                    await changed.wait()
            if not self._door.is_inside(request):
                return
            async with asyncio.timeout(HEARD_WITHIN_S):  # who does not read is not waited for
                await response.write(_CHANGED if changed.is_set() else _BEAT)
            changed.clear()

    async def _look(self, seen: Hashable) -> None:
        """While anybody listens: whether it is otherwise than it was. A defect is logged once, and looked at again: else the open
        pages would stand still, and look well."""
        while self._open:
            await self._ground.clock.sleep(LOOK_EVERY_S)
            try:
                now = await self._now()
            except Exception:
                if seen != _BROKEN:
                    logger.exception("the dashboard cannot see whether something has changed; it looks again and again")
                now = _BROKEN
            if now != seen:
                for changed in list(self._open):
                    changed.set()
            seen = now

    async def _now(self) -> Hashable:
        """What a page is made of, in short."""
        queries = self._ground.queries
        try:
            events = await newest_events(queries.ledger, 1)
            headline = await queries.headline()
        except LedgerUnavailable:
            return _AWAY
        return (
            events[-1].id if events else 0,
            headline.state,
            headline.connection.up,
            headline.waiting,
            headline.pending,
            headline.positions,
            headline.opens is None,
            tuple(str(reason) for reason in headline.held_up_by),
        )
