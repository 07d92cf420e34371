"""When a channel that has failed is tried again: the same for the chat as for e-mail."""

import asyncio
from contextlib import suppress

from tradebot.ports import IDLE_S, Beat, Clock

BACKOFF_MAX_S = 60.0
_DOUBLINGS = 10
"""More than enough for the longest; two to the power of a day's failures is no number."""
RETRY_AFTER_MAX_S = 3600.0
"""Longer nobody is waited for, whatever he asks for: a mistake of his would silence a channel for good."""


def again_in_s(failures: int, asked_s: float | None = None) -> float:
    """After so many failures in a row; `asked_s`: what the other side asks for."""
    wait_s = min(2.0 ** min(failures - 1, _DOUBLINGS), BACKOFF_MAX_S)
    return wait_s if asked_s is None else min(max(wait_s, asked_s), RETRY_AFTER_MAX_S)


async def pause(until_s: float, stop: asyncio.Event, clock: Clock, beat: Beat) -> None:
    """In small steps, beating: what the other side asks to wait for may be an hour. The end of the daemon ends it.

    `until_s`: by the clock that only goes on."""
    while (left_s := until_s - clock.monotonic()) > 0 and not stop.is_set():
        beat()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, IDLE_S)):
                await stop.wait()
