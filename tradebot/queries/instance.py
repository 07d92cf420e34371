"""The instance that trades with this database, as it has left its name; and how far one that took over has come. Read only."""

from collections.abc import Mapping
from datetime import datetime

from tradebot.domain.events import EventKind
from tradebot.domain.instance import Instance, instance_in
from tradebot.ports import Ledger

COMES_UP = (EventKind.STARTED, EventKind.GATE_OPENED)


async def last_instance(ledger: Ledger) -> Instance | None:
    """Who took the lock last, whether it still holds it or not; None when nobody ever did. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return instance_in(await books.settings())


async def came_up(ledger: Ledger, since: datetime) -> Mapping[int, EventKind]:
    """By event id: STARTED (alerts are taken from then on) and GATE_OPENED (orders may leave). Raises LedgerUnavailable."""
    async with ledger.read() as books:
        events = await books.events_since(COMES_UP, since)
    return {event.id: EventKind(event.kind) for event in events}
