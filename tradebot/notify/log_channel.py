"""Events to the log, where no chat is configured: what the chat would show is logged instead, once and in order."""

import asyncio
from collections.abc import Callable
from functools import partial

from loguru import logger

from tradebot.domain.events import Event, Severity
from tradebot.domain.strategies import Strategies
from tradebot.errors import LedgerUnavailable
from tradebot.notify.news import news
from tradebot.ports import Beat, Clock, Ledger
from tradebot.words.told import ONE, told

CHANNEL = "log"
BATCH_MAX = 200


async def log_events(ledger: Ledger, clock: Clock, beat: Beat, stop: asyncio.Event, strategies: Strategies) -> None:
    """Runs until `stop` is set and the last words are logged, or until cancelled.

    A crash between logging and marking logs the batch again: logged twice is better than never."""
    served, heard = False, ledger.news.listen()
    while True:
        beat()
        last = stop.is_set()
        heard.clear()
        try:
            if not served:
                async with ledger.begin() as books:
                    await books.serve_channels([CHANNEL])
                served = True
            delivered = await deliver_once(ledger, clock, partial(log_event, strategies=strategies))
        except LedgerUnavailable as error:
            logger.debug("events not read: {}", error)
            delivered = 0
        if delivered < BATCH_MAX:
            if last:
                return
            await news(heard, stop)


async def deliver_once(ledger: Ledger, clock: Clock, say: Callable[[Event], None]) -> int:
    """One batch; returns how many. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        events = await books.undelivered(CHANNEL, BATCH_MAX)
    if not events:
        return 0
    for event in events:
        if event.severity is not Severity.TRACE:
            say(event)
    async with ledger.begin() as books:
        await books.mark_delivered(CHANNEL, [event.id for event in events], clock.now())
    return len(events)


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
