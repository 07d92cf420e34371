"""What became of the messages, by channel: the newest deliveries with the events that they are about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tradebot.domain.delivery import STATES, Delivery
from tradebot.domain.events import Event
from tradebot.ports import Ledger


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """An event's way to one channel, with the event."""

    delivery: Delivery
    event: Event


async def newest_deliveries(
    ledger: Ledger, number: int, *, channel: str | None = None, states: Collection[str] = STATES
) -> Sequence[ListedDelivery]:
    """The newest last. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        found = await books.newest_deliveries(number, channel=channel, states=states)
        events = {event.id: event for event in await books.events_by_id({one.event_id for one in found})}
    return [ListedDelivery(one, events[one.event_id]) for one in found]
