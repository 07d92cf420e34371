"""When a channel looks at what waits for it: as soon as this process has stored something, and seldom else."""

import asyncio
from contextlib import suppress

AT_MOST_EVERY_S = 0.5
"""However much happens: a look and its mark take their turn among the orders' transactions."""
LOOK_EVERY_S = 2.0
"""What another process has stored, a command or an instance that has ended, waits for this."""


async def news(heard: asyncio.Event, stop: asyncio.Event, *, look_every_s: float = LOOK_EVERY_S) -> None:
    """Returns when it is time to look again, and at once when `stop` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(AT_MOST_EVERY_S):
            await stop.wait()
            return
    waits = [
        asyncio.create_task(event.wait(), name=f"messages: {what}")
        for event, what in ((stop, "the end"), (heard, "news"))
    ]
    try:
        await asyncio.wait(waits, timeout=look_every_s - AT_MOST_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
