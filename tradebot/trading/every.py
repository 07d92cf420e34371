"""Runs a step for ever, with a pause after each run: the one loop of everything that looks again after some seconds.

Rules: a part of the bot that is away (broker, database, queue) is logged once until a run has worked again, and the loop goes on;
its health is shown elsewhere. Any other error is a defect and ends the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from loguru import logger

from tradebot.errors import BrokerUnavailable, LedgerUnavailable, QueueUnavailable
from tradebot.ports import Clock

Step = Callable[[], Awaitable[float | None]]
"""One run. May return how many seconds to wait after it, in place of the usual."""


async def every(seconds: float, step: Step, *, what: str, clock: Clock, wake: asyncio.Event | None = None) -> None:
    """Runs `step` at once and again after `seconds`, until cancelled. `what` names it in the log.

    `wake`: ends a pause early; who wants that sets it.
    """
    failing = False
    while True:
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
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    wake.clear()
