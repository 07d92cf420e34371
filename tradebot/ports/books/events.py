"""Events; each is left to the channels that want it as it is added."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from tradebot.domain.events import Event, EventKind, NewEvent, Severity


class EventBook(Protocol):
    """A part of `Books`."""

    async def add_event(self, event: NewEvent) -> int: ...

    async def add_events(self, events: Sequence[NewEvent]) -> None: ...

    async def events(self, *, alert_id: int | None = None, after_id: int = 0, limit: int = 1000) -> Sequence[Event]: ...

    async def events_since(self, kinds: Collection[EventKind], since: datetime) -> Sequence[Event]:
        """Every event of these kinds at or after `since`."""

    async def newest_events(
        self, limit: int, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]: ...

    async def events_by_id(self, event_ids: Collection[int]) -> Sequence[Event]:
        """Those of them that are there, the oldest first."""
