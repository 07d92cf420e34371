"""Events as they happen (server-sent events), to a few clients at once.

Rules:
- One reader for all clients, while there are any: it wakes with the ledger's news and reads on from where it was.
- Each client has a short queue of its own. Who does not read is cut off, and comes back with `Last-Event-ID` for what he missed;
  neither the reader nor anybody else waits for him.
- A silent stream sends a comment now and then: so a client that is gone is noticed. As often a stream looks at its token: it ends
  with it, however much happens.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web
from loguru import logger

from tradebot.domain.api_access import ApiToken
from tradebot.domain.events import Event
from tradebot.errors import LedgerUnavailable
from tradebot.queries import pages
from tradebot.queries.api_tokens import api_token
from tradebot.web.api.reading import event
from tradebot.web.ground import Ground
from tradebot.web.problems import Problem

CLIENTS_MAX = 16
WAITING_MAX = 256  # events, of one client
READ_AT_ONCE = 200
LOOK_EVERY_S = 5.0  # others than this process store events, too
HEARTBEAT_S = 15.0
WRITE_WITHIN_S = 5.0
RETRY_MS = 3000


class _Client:
    """One open stream."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Event] = asyncio.Queue(WAITING_MAX)
        self.ended = asyncio.Event()

    def give(self, events: Sequence[Event]) -> None:
        try:
            for one in events:
                self.waiting.put_nowait(one)
        except asyncio.QueueFull:
            self.ended.set()


class Stream:
    """Of one listener."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._clients: set[_Client] = set()
        self._reader: asyncio.Task[None] | None = None
        self._position = 0

    async def close(self, _: web.Application) -> None:
        """Every stream ends: the daemon does."""
        for client in self._clients:
            client.ended.set()
        if self._reader is not None:
            self._reader.cancel()

    async def serve(
        self, request: web.Request, token: ApiToken, after: int | None, *, traces: bool
    ) -> web.StreamResponse:
        if len(self._clients) >= CLIENTS_MAX:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{CLIENTS_MAX} clients listen already: try again later.",
                headers={"Retry-After": "30"},
            )
        client = _Client()
        self._clients.add(client)
        try:
            await self._begin()
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            await response.prepare(request)
            with contextlib.suppress(ConnectionError, TimeoutError, LedgerUnavailable):  # he is gone, or comes back
                await self._send(client, response, token, self._position if after is None else after, traces=traces)
            if request.transport is not None:
                request.transport.abort()  # what he has not read by now is not waited for
            return response
        finally:
            self._clients.discard(client)
            if not self._clients and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def _begin(self) -> None:
        if self._has_no_reader:
            newest = await pages.newest_events(self._ground.queries.ledger, 1, traces=True)
            if self._has_no_reader:  # another client may have come meanwhile
                self._position = newest[-1].id if newest else 0
                self._reader = asyncio.create_task(self._read(), name="events for the API")

    @property
    def _has_no_reader(self) -> bool:
        return self._reader is None or self._reader.done()

    async def _read(self) -> None:
        """A defect ends every stream, so that its client comes back: else all would be silent, and look well."""
        try:
            await self._read_on()
        except Exception:
            logger.exception("events for the API could not be read; their clients are asked to come back")
            for client in self._clients:
                client.ended.set()

    async def _read_on(self) -> None:
        ledger = self._ground.queries.ledger
        ear = ledger.news.listen()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await ear.wait()
            ear.clear()
            try:
                while found := await pages.events_after(ledger, self._position, READ_AT_ONCE):
                    self._position = found[-1].id
                    for client in self._clients:
                        client.give(found)
            except LedgerUnavailable as error:
                logger.debug("events for the API: {}", error)

    async def _send(
        self, client: _Client, response: web.StreamResponse, token: ApiToken, sent: int, *, traces: bool
    ) -> None:
        await _write(response, f"retry: {RETRY_MS}\n\n")
        while missed := await pages.events_after(self._ground.queries.ledger, sent, READ_AT_ONCE):
            sent = missed[-1].id
            await _write(response, "".join(_text(one) for one in missed if traces or one.severity in pages.TOLD))
        now = asyncio.get_running_loop().time
        looked = now()
        while not client.ended.is_set():
            one = await _next(client)
            if one is None or now() - looked >= HEARTBEAT_S:
                if client.ended.is_set() or not await self._still_good(token):
                    return
                looked = now()
            if one is None:
                await _write(response, ": still here\n\n")
            elif one.id > sent and (traces or one.severity in pages.TOLD):
                sent = one.id
                await _write(response, _text(one))

    async def _still_good(self, token: ApiToken) -> bool:
        try:
            stored = await api_token(self._ground.queries.ledger, token.id)
        except LedgerUnavailable:
            return True
        return stored is not None and stored.is_good(self._ground.clock.now())


async def _next(client: _Client) -> Event | None:
    """None: nothing happened for a while, or the stream ends."""
    getting = asyncio.create_task(client.waiting.get(), name="events for the API: the next one")
    ending = asyncio.create_task(client.ended.wait(), name="events for the API: the end")
    try:
        done, _ = await asyncio.wait({getting, ending}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        return getting.result() if getting in done else None
    finally:
        getting.cancel()
        ending.cancel()


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_WITHIN_S):
        await response.write(text.encode())


def _text(one: Event) -> str:
    return f"id: {one.id}\nevent: {one.kind}\ndata: {event(one).model_dump_json()}\n\n"
