"""Events to the log, where no chat is configured: what the owner would be told is logged instead, once and in order."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loguru import logger

from tradebot.domain.events import CRITICAL, SILENT, WARNING, Event
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Clock, Ledger

LOOK_EVERY_S = 0.5
BATCH_MAX = 200


async def log_events(ledger: Ledger, clock: Clock, stop: asyncio.Event) -> None:
    """Runs until `stop` is set and the last words are logged, or until cancelled.

    A crash between logging and marking logs the batch again: told twice is better than never."""
    while True:
        last = stop.is_set()
        try:
            delivered = await deliver_once(ledger, clock, log_event)
        except LedgerUnavailable as error:
            logger.debug("events not read: {}", error)
            delivered = 0
        if delivered < BATCH_MAX:
            if last:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def deliver_once(ledger: Ledger, clock: Clock, say: Callable[[Event], None]) -> int:
    """One batch; returns how many. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        events = await books.undelivered(BATCH_MAX)
    if not events:
        return 0
    for event in events:
        if event.kind not in SILENT:
            say(event)
    async with ledger.begin() as books:
        await books.mark_delivered([event.id for event in events], clock.now())
    return len(events)


def log_event(event: Event) -> None:
    level = "CRITICAL" if event.kind in CRITICAL else "WARNING" if event.kind in WARNING else "SUCCESS"
    logger.bind(alert_id=event.alert_id).log(level, "{}", event.text)
