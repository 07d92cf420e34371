"""Runs a step for ever, with a pause after each run: the one loop of everything that looks again after some seconds.

Rules: a part of the bot that is away (broker, database, queue) is logged once until a run has worked again, and the loop goes on;
its health is shown elsewhere. Any other error is a defect and ends the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from tradebot.errors import BrokerUnavailable, LedgerUnavailable, QueueUnavailable
from tradebot.ports import Beat, Clock

Step = Callable[[], Awaitable[float | None]]
"""One run. May return how many seconds to wait after it, in place of the usual."""


async def every(
    seconds: float, step: Step, *, what: str, clock: Clock, beat: Beat, wake: asyncio.Event | None = None
) -> None:
    """Runs `step` at once and again after `seconds`, until cancelled. `what` names it in the log; `beat` is called each time.

    `wake`: ends a pause early; who wants that sets it.
    """
    failing = False
    while True:
        beat()
        pause_s: float | None = None
        try:
            pause_s = await step()
            failing = False
        except (BrokerUnavailable, LedgerUnavailable, QueueUnavailable) as error:
            if not failing:
                logger.warning("{}: {}; tried again every {:g} s", what, error, seconds)
            failing = True
        await _pause(seconds if pause_s is None else pause_s, clock, wake)


async def _pause(seconds: float, clock: Clock, wake: asyncio.Event | None) -> None:
    if wake is None:
        await clock.sleep(seconds)
        return
    await happens(wake, seconds)
    wake.clear()


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """False when it was not set in that time."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
