"""Events out to the chat: the table is the outbox, and an event is marked when Telegram has taken it.

Rules: criticals first, each lane in the order of its events, within a message the gravest first; what cannot be sent waits in
the database and nowhere else; an event is logged when it is first met, whether Telegram takes it or not. A crash between
sending and marking sends it twice: better than never. After a message that Telegram refuses however it is written, one event at
a time is sent; one that is refused again and again is set aside for a while, and what follows goes on. What the answers to the
chat's own commands have said is not said again (`answers.py`). What the owner has turned off is logged, and marked as
delivered.
"""

import asyncio
from collections.abc import Collection, Sequence

from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from loguru import logger

from tradebot.domain.event_groups import Telling
from tradebot.domain.events import Event, Severity
from tradebot.domain.settings import tellings_in
from tradebot.domain.strategies import Strategies
from tradebot.errors import LedgerUnavailable
from tradebot.notify.log_channel import log_event
from tradebot.notify.news import news
from tradebot.notify.retry import again_in_s, pause
from tradebot.ports import Beat, Clock, Ledger
from tradebot.telegram.answers import Answers
from tradebot.telegram.markup import esc
from tradebot.telegram.messages import Folded, fold, nets_of
from tradebot.telegram.pictures import Sessions, Theme, draw
from tradebot.telegram.sender import CHAT_NOT_FOUND, Sender
from tradebot.telegram.sound import QuietHours, Tellings, rings, telling_of
from tradebot.words import zone

CHANNEL = "telegram"
READ_MAX = 200
REFUSALS_MAX = 4
ASIDE_S = 600.0
LAST_WORDS_S = 3.0
"""How long the end of the daemon waits for its last messages."""
LANES = ((Severity.CRITICAL,), (Severity.WARNING, Severity.INFO))


class Delivery:
    """The channel `telegram`."""

    def __init__(
        self,
        ledger: Ledger,
        sender: Sender,
        answers: Answers,
        clock: Clock,
        beat: Beat,
        strategies: Strategies,
        theme: Theme = "dark",
        quiet_hours: QuietHours | None = None,
    ) -> None:
        self._ledger = ledger
        self._heard = ledger.news.listen()
        self._answers = answers
        answers.heard = self._heard.set
        self._sender = sender
        self._clock = clock
        self._beat = beat
        self._strategies = strategies
        self._theme = theme
        self._quiet_hours = quiet_hours
        self._tellings: Tellings = {}  # as they were when what is told now was read
        self._logged: set[int] = set()
        self._unmarked: set[int] = set()  # sent, not yet marked in the database
        self._aside: dict[int, float] = {}  # events that Telegram refuses, until when: monotonic time
        self._refusals = 0
        self._failures = 0
        self._again_at_s = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and everything is out, or Telegram takes nothing then."""
        while True:
            self._beat()
            await pause(max(self._again_at_s, self._sender.silent_until_s), stop, self._clock, self._beat)
            self._heard.clear()
            # Before the look: what is stored meanwhile, the last words among it, is looked for once more.
            ending = stop.is_set()
            if ending and self._sender.silent_until_s - self._clock.monotonic() > LAST_WORDS_S:
                return
            try:
                busy = await self.round()
            except LedgerUnavailable as error:
                logger.debug("events not read: {}", error)
                busy = False
            if ending and (not busy or self._failures):
                return
            if not busy:
                await news(self._heard, stop)

    async def round(self) -> bool:
        """At most one message; False when there was nothing to send. Raises LedgerUnavailable."""
        await self._mark_what_was_sent()
        await self._mark(await self._read((Severity.TRACE,)))  # nobody waits for these; 0.1.0 may have left some
        for lane in LANES:
            if events := await self._read(lane):
                self._log(events)
                said = {event.id: self._answers.said(event) for event in events}
                if untold := [event for event in events if said[event.id] or self._is_off(event)]:
                    await self._mark(untold)
                    self._logged -= {event.id for event in untold}
                    return True
                if known := [event for event in events if said[event.id] is not None]:
                    fresh = [event for event in known if event.id not in self._aside]
                    alone = self._refusals > 0 or known[0].id in self._aside
                    await self._send(fold(known[:1] if alone else fresh, self._clock.now(), self._strategies))
                    return True
        return False

    async def _send(self, message: Folded) -> None:
        only = message.events[0] if len(message.events) == 1 else None
        with logger.contextualize(alert_id=only and only.alert_id, ticker=only and only.ticker):
            await self._try_to_send(message)

    async def _try_to_send(self, message: Folded) -> None:
        now = self._clock.now().astimezone(zone.owners())
        silent = not rings(message.events, now, self._quiet_hours, self._tellings)
        try:
            await self._sender.deliver(message.html, message.buttons, self._beat, silent=silent)
        except TelegramRetryAfter as error:
            logger.warning("Telegram wants {} s of silence; events wait", error.retry_after)
            await self._count_failure(message, error)
            return  # the sender knows until when
        except (AiogramError, OSError) as error:
            self._failures += 1
            level = "WARNING" if self._failures == 1 else "DEBUG"
            logger.log(
                level, "an event was not delivered, it waits in the database: {}", self._sender.error_text(error)
            )
            await self._count_failure(message, error)
            self._refusals = self._refusals + 1 if _is_refused(error) else 0
            if self._refusals > REFUSALS_MAX:
                self._set_aside(message.events[0], error)
                return
            self._again_at_s = self._clock.monotonic() + again_in_s(self._failures)
            return
        self._failures = self._refusals = 0
        self._unmarked |= {event.id for event in message.events}
        await self._mark_what_was_sent()
        await self._picture(message.events[-1])

    def _set_aside(self, event: Event, error: Exception) -> None:
        self._failures = self._refusals = 0
        self._aside[event.id] = self._clock.monotonic() + ASIDE_S
        logger.error(
            "Telegram refuses a message however it is written, it waits {:.0f} min and what follows goes on: {}",
            ASIDE_S / 60,
            self._sender.error_text(error),
        )

    async def _count_failure(self, message: Folded, error: Exception) -> None:
        try:
            async with self._ledger.begin() as books:
                ids = [event.id for event in message.events]
                await books.delivery_failed(CHANNEL, ids, self._sender.error_text(error))
        except LedgerUnavailable as away:
            logger.debug("a failed delivery was not counted: {}", away)

    async def _picture(self, event: Event) -> None:
        nets = nets_of(event)
        if nets and (png := await draw(Sessions("Realised P&L by session", nets), self._theme)) is not None:
            await self._sender.picture(png, esc("Realised P&L, added up"))

    async def _read(self, severities: Collection[Severity]) -> Sequence[Event]:
        async with self._ledger.read() as books:
            events = await books.undelivered(CHANNEL, READ_MAX, severities=severities)
            if events:
                self._tellings = tellings_in(await books.settings())
        now = self._clock.monotonic()
        return [event for event in events if event.id not in self._unmarked and self._aside.get(event.id, now) <= now]

    def _is_off(self, event: Event) -> bool:
        return telling_of(event, self._tellings) is Telling.OFF

    async def _mark_what_was_sent(self) -> None:
        if self._unmarked:
            async with self._ledger.begin() as books:
                await books.mark_delivered(CHANNEL, self._unmarked, self._clock.now())
            self._logged -= self._unmarked
            for event_id in self._unmarked:
                self._aside.pop(event_id, None)
            self._unmarked = set()

    async def _mark(self, events: Sequence[Event]) -> None:
        if events:
            async with self._ledger.begin() as books:
                await books.mark_delivered(CHANNEL, [event.id for event in events], self._clock.now())

    def _log(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.id not in self._logged:
                log_event(event, self._strategies)
                self._logged.add(event.id)


def _is_refused(error: Exception) -> bool:
    """For what it is; a chat that is not found takes nothing, and is asked again until it does."""
    return isinstance(error, TelegramBadRequest) and CHAT_NOT_FOUND not in error.message
