"""What the owner is notified of about the connection to IB: lost, back, out of reach, refused, silent; its clock.

Rules:
- A loss is notified once, when it lasts, and its end only if the loss was.
- During the gateway's restart nothing is; what is still so when the window is over is notified then.
- A question that IB does not answer is notified once, when that lasts, and its end only if the silence was.
- A clock that is off is notified at connection, and again only when it is off by another figure.
"""

import asyncio
from datetime import datetime

from loguru import logger

from tradebot.domain.brokerage import (
    BrokerEvent,
    Connected,
    Disconnected,
    ErrorKind,
    OrderError,
    OrdersTaken,
    Refused,
    UpstreamBack,
    UpstreamLost,
)
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import (
    BrokerConnected,
    BrokerLost,
    BrokerUnreachable,
    ClockOff,
    QuestionAnswered,
    QuestionSilent,
    TradingAllowed,
    TradingRefused,
)
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.questions import Question, Silent
from tradebot.ports import Broker, Clock, Pulse
from tradebot.trading.notices import Notices
from tradebot.trading.questions import Questions
from tradebot.trading.restart_pause import RestartPause

LOSS_NOTIFIED_AFTER_S = 30.0
CLOCK_OFF_S = 10.0
CLOCK_MOVED_S = 5.0


class ConnectionNotices:
    """Watches the connection, and stores a notice of each change that the owner should know of."""

    def __init__(
        self,
        notices: Notices,
        broker: Broker,
        *,
        restart: RestartPause,
        questions: Questions,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._notices = notices
        self._broker = broker
        self._questions = questions
        self._restart = restart
        self._clock = clock
        self._pulse = pulse
        self._changes: asyncio.Queue[BrokerEvent | GateReason] = asyncio.Queue()
        self._lost_since: float | None = None  # loop time
        self._loss_notified = False
        self._unreachable: NewEvent | None = None  # waits for the end of the restart window
        self._silences: dict[Question, Silent] = {}  # that were notified
        self._clock_ahead_s = 0.0  # as notified

    # --- what booking reports: enqueue and return -------------------------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        self._changes.put_nowait(event)

    def order_in_doubt(self, error: OrderError | None) -> None:
        if error is not None and error.kind is ErrorKind.READ_ONLY:
            self._changes.put_nowait(GateReason(GateCode.READ_ONLY))

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Notifies of each change as it comes, and every second of a loss that lasts and of what could not be stored."""
        beat = self._pulse.of("connection notices")
        while True:
            beat()
            try:
                async with asyncio.timeout(1):
                    event = await self._changes.get()
            except TimeoutError:
                pass
            else:
                for notice in (self._notice_of(event), self._notice_of_clock(event)):
                    if notice is not None:
                        await self._notices.store(notice)
            await self._notify_of_lasting_loss()
            await self._notify_of_silence()
            await self._notices.store_late()

    def _notice_of(self, event: BrokerEvent | GateReason) -> NewEvent | None:
        match event:
            case Connected():
                return self._connected(event)
            case Disconnected(exhausted=True):
                self._begin_loss()
                notice = unreachable(event, self._clock.now())
                self._unreachable = notice if self._restart.active else None
                return None if self._restart.active else notice
            case Disconnected() | UpstreamLost():
                self._begin_loss()
            case UpstreamBack():
                away_s, notified = self._end_loss()
                return upstream_back(away_s or 0, self._clock.now()) if notified else None
            case _:
                return self._refusal(event)
        return None

    def _refusal(self, event: BrokerEvent | GateReason) -> NewEvent | None:
        """What only a person could have changed: a refusal, or its end."""
        match event:
            case Refused(reason=reason):
                return refused(GateReason(GateCode.REFUSED, {"reason": reason}), self._clock.now())
            case GateReason():
                return refused(event, self._clock.now())
            case OrdersTaken():
                return NewEvent(TradingAllowed(), self._clock.now())
        return None

    def _connected(self, event: Connected) -> NewEvent | None:
        away_s, notified = self._end_loss()
        self._unreachable = None
        if self._restart.active and away_s is not None and not notified:
            logger.info("connected to IB again after its restart: account {}", event.account)
            return None
        return connected(event, away_s if notified else None, self._clock.now())

    def _notice_of_clock(self, event: BrokerEvent | GateReason) -> NewEvent | None:
        if not isinstance(event, Connected) or event.clock_ahead_s is None:
            return None
        ahead_s = event.clock_ahead_s if abs(event.clock_ahead_s) >= CLOCK_OFF_S else 0.0
        told_s, self._clock_ahead_s = self._clock_ahead_s, ahead_s
        if not ahead_s or abs(ahead_s - told_s) < CLOCK_MOVED_S:
            return None
        return NewEvent(ClockOff(ahead_s), self._clock.now())

    async def _notify_of_silence(self) -> None:
        connection = self._broker.connection
        silent = {one.question for one in self._questions.silent}
        for question in self._silences.keys() - silent:
            answered = QuestionAnswered(question, self._silences.pop(question).since)
            await self._notices.store(NewEvent(answered, self._clock.now()))
        if self._restart.active or not (connection.up and connection.upstream):
            return
        for one in self._questions.lasting:
            if one.question not in self._silences:
                self._silences[one.question] = one
                told = QuestionSilent(one.question, one.since, one.empty)
                await self._notices.store(NewEvent(told, self._clock.now()))

    async def _notify_of_lasting_loss(self) -> None:
        if self._restart.active or self._lost_since is None:
            return
        if self._unreachable is not None:
            await self._notices.store(self._unreachable)
            self._unreachable = None
        away_s = self._clock.monotonic() - self._lost_since
        if self._loss_notified or away_s < LOSS_NOTIFIED_AFTER_S:
            return
        self._loss_notified = True
        await self._notices.store(lost(away_s, self._broker.connection.why_not, self._clock.now()))

    def _begin_loss(self) -> None:
        if self._lost_since is None:
            self._lost_since = self._clock.monotonic()

    def _end_loss(self) -> tuple[float | None, bool]:
        """How long it lasted in seconds (None: there was none), and whether the owner was notified of it."""
        away_s = None if self._lost_since is None else self._clock.monotonic() - self._lost_since
        notified = self._loss_notified
        self._lost_since, self._loss_notified = None, False
        return away_s, notified


# --- notices --------------------------------------------------------------------------------------------------------


def connected(event: Connected, away_s: float | None, at: datetime) -> NewEvent:
    """`away_s`: how long the loss lasted that the owner was notified of."""
    return NewEvent(BrokerConnected(event.account, event.paper, away_s), at)


def upstream_back(away_s: float, at: datetime) -> NewEvent:
    return NewEvent(BrokerConnected(None, None, away_s), at)


def lost(away_s: float, why_not: str | None, at: datetime) -> NewEvent:
    return NewEvent(BrokerLost(away_s, why_not), at)


def unreachable(event: Disconnected, at: datetime) -> NewEvent:
    return NewEvent(BrokerUnreachable(event.attempt, event.reason), at)


def refused(reason: GateReason, at: datetime) -> NewEvent:
    return NewEvent(TradingRefused(reason.code, reason.facts), at)
