"""What waits for which channel, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tradebot.domain.delivery import Backlog, Delivery, Wanted
from tradebot.domain.events import Event, Severity


class DeliveryBook(Protocol):
    """A part of `Books`."""

    async def serve_channels(self, channels: Sequence[str], wanted: Mapping[str, Wanted] = ...) -> None:
        """From now on each event beyond a trace waits for each of these channels that wants it; one that `wanted` does not name
        wants all. There is one at least; the first is the owner's, and wants all.

        What waits for any other one waits for the first instead, if it did not have it already; what another one delivered
        stays delivered. Until the first call, events wait for the channel that is served first.
        """

    async def undelivered(
        self, channel: str, limit: int, *, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]:
        """What waits for this channel and matters so much, the oldest first."""

    async def backlogs(self) -> Sequence[Backlog]:
        """What waits for each channel that is served."""

    async def deliveries(self, event_ids: Collection[int]) -> Sequence[Delivery]:
        """On every channel, by event."""

    async def mark_delivered(self, channel: str, event_ids: Collection[int], at: datetime) -> None:
        """The first time counts."""

    async def delivery_failed(self, channel: str, event_ids: Collection[int], error: str) -> None:
        """Counts an attempt that did not work, with why; the events wait on. `error` must hold no secret."""

    async def give_up_delivery(self, channel: str, event_ids: Collection[int], error: str) -> None:
        """These are not tried again on this channel: FAILED, with why. `error` must hold no secret."""

    async def newest_deliveries(
        self, limit: int, *, channel: str | None = None, states: Collection[str] = ...
    ) -> Sequence[Delivery]:
        """The newest last; `channel` None: of all."""

    async def untold_since(self, channels: Collection[str]) -> datetime | None:
        """When the oldest critical event happened that waits for one of these channels and was delivered by none of them."""
