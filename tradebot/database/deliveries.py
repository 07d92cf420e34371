"""What waits for which channel and what became of it, as `tradebot.ports.Books` has it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from tradebot.database import values
from tradebot.database.events import event_of
from tradebot.database.rows import Rows, in_chunks, names
from tradebot.domain.delivery import EVERYTHING, STATES, Backlog, Delivery, Wanted
from tradebot.domain.events import Event, Severity

_ALL_OF_THEM: Mapping[str, Wanted] = {}
BACKLOG_MAX = 10_000  # deliveries that are counted


class DeliveryRows(Rows):
    """A part of `SqlBooks`."""

    async def serve_channels(self, channels: Sequence[str], wanted: Mapping[str, Wanted] = _ALL_OF_THEM) -> None:
        if not channels:
            raise ValueError("events would wait for nobody")
        await self._transaction.lock("channels")
        for name in channels:
            choice = wanted.get(name, EVERYTHING)
            await self._rows(
                "open_channel",
                channel=name,
                severities=_listed(choice.severities),
                kinds=None if choice.kinds is None else _listed(choice.kinds),
            )
        await self._rows("close_channels", channels=list(channels))
        await self._rows("take_over", channels=list(channels), heir=channels[0])
        await self._rows("give_up_taken_over", channels=list(channels))

    async def undelivered(
        self, channel: str, limit: int, *, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]:
        rows = await self._rows("undelivered", channel=channel, limit=limit, severities=names(severities))
        return [event_of(row) for row in rows]

    async def backlogs(self) -> Sequence[Backlog]:
        rows = await self._rows("backlogs", most=BACKLOG_MAX)
        return [values.read(Backlog, row) for row in rows]

    async def deliveries(self, event_ids: Collection[int]) -> Sequence[Delivery]:
        return await self._of_ids(Delivery, "deliveries", "ids", event_ids)

    async def mark_delivered(self, channel: str, event_ids: Collection[int], at: datetime) -> None:
        for chunk in in_chunks(event_ids):
            await self._rows("mark_delivered", channel=channel, ids=chunk, at=values.outgoing(at))

    async def delivery_failed(self, channel: str, event_ids: Collection[int], error: str) -> None:
        for chunk in in_chunks(event_ids):
            await self._rows("delivery_failed", channel=channel, ids=chunk, error=values.outgoing(error))

    async def give_up_delivery(self, channel: str, event_ids: Collection[int], error: str) -> None:
        for chunk in in_chunks(event_ids):
            await self._rows("give_up_delivery", channel=channel, ids=chunk, error=values.outgoing(error))

    async def newest_deliveries(
        self, limit: int, *, channel: str | None = None, states: Collection[str] = STATES
    ) -> Sequence[Delivery]:
        found = await self._all(
            Delivery, "newest_deliveries", channel=values.outgoing(channel or ""), states=names(states), limit=limit
        )
        return found[::-1]

    async def untold_since(self, channels: Collection[str]) -> datetime | None:
        row = await self._row("untold_since", channels=list(channels))
        return None if row is None or row["at"] is None else values.time(row["at"])


def _listed(names: Iterable[str]) -> str:
    """A list in one column, in which a name is found with the blanks around it."""
    return f" {' '.join(sorted(names))} "
