"""The machine's own clock: `tradebot.ports.Clock` for everything but tests."""

import asyncio
import time
from datetime import UTC, datetime

from tradebot.ports import Clock


class SystemClock(Clock):
    """See `tradebot.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
