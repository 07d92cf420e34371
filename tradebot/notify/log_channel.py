"""Events to the log, where no chat is configured: what the chat would show is logged instead, once and in order.

A crash between logging and marking logs the batch again: logged twice is better than never."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loguru import logger

from tradebot.domain.events import Event, Severity
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import Lanes
from tradebot.ports import Beat
from tradebot.words.told import ONE, told

CHANNEL = "log"


@dataclass(frozen=True, slots=True)
class Lines:
    """Events, a line of the log each."""

    events: Sequence[Event]


class LogChannel:
    """See `tradebot.notify.channel.Channel`."""

    def __init__(self, strategies: Strategies = ONE) -> None:
        self._strategies = strategies
        self.name = CHANNEL
        self.lanes: Lanes = ((Severity.CRITICAL, Severity.WARNING, Severity.INFO),)
        self.pace_s = 0.0
        self.keeps_all = True

    def fold(self, events: Sequence[Event], now: datetime) -> Lines:
        return Lines(events)

    async def send(self, message: Lines, beat: Beat) -> None:
        for event in message.events:
            log_event(event, self._strategies)

    async def check(self) -> str:
        return "there"

    async def close(self) -> None:
        pass


_LEVELS = {
    Severity.TRACE: "DEBUG",
    Severity.INFO: "SUCCESS",
    Severity.WARNING: "WARNING",
    Severity.CRITICAL: "CRITICAL",
}


def log_event(event: Event, strategies: Strategies = ONE) -> None:
    order_ref = getattr(event.facts, "order_ref", None)
    keyed = logger.bind(alert_id=event.alert_id, ticker=event.ticker, order_ref=order_ref)
    keyed.log(_LEVELS[event.severity], "{}", told(event, strategies))
