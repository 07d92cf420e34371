"""A lock of the instance that trades, as long as it is held: watched by a heartbeat, and never taken again once it is lost."""

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import suppress

from tradebot.errors import LockHeld

_BEAT_S = 2.0
_STALE_S = 10.0  # without a heartbeat for so long, the lock is not trusted (this process may have stood still)


class Held(ABC):
    """`tradebot.ports.InstanceLock`, watched by a heartbeat."""

    epoch = 0
    why_lost = "This instance's lock on the database is gone"

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._last_beat = _now()

    @property
    def held(self) -> bool:
        return not self.lost.is_set() and self._connected() and _now() - self._last_beat < _STALE_S

    async def watch(self) -> None:
        """Beats until the lock is lost, or given back."""
        try:
            while await self._beat():
                self._last_beat = _now()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_BEAT_S):
                        await self.lost.wait()
                    return
        finally:
            self.lost.set()  # whatever ended the watch: a lock that nobody watches is not held

    @abstractmethod
    def database_opened(self) -> None:
        """From now on the lock is good for this very database only."""

    @abstractmethod
    def _connected(self) -> bool: ...

    @abstractmethod
    async def _beat(self) -> bool: ...


def _now() -> float:
    return asyncio.get_running_loop().time()


def held_by(place: str, stored: str | None) -> LockHeld:
    try:
        holder = json.loads(stored or "")
        who = f"on host {holder['host']}, process {holder['pid']}, since {holder['since']}"
    except (ValueError, TypeError, KeyError):
        who = "its name is not stored yet"
    return LockHeld(
        f"{place}: another instance already trades with this database ({who}): stop it first, or give this one its own"
    )
