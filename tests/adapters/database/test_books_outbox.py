"""The outbox by kind, on both databases."""

from tests.adapters.database.samples import NOON
from tradebot.domain.model import CRITICAL, EventKind, NewEvent
from tradebot.ports import Ledger


async def test_the_outbox_can_be_asked_for_some_kinds(ledger: Ledger) -> None:
    """Broken, a critical message waits behind thousands of others."""
    kinds = [EventKind.STARTED, EventKind.MISMATCH, EventKind.STOPPED, EventKind.ORDER_UNKNOWN]
    async with ledger.begin() as books:
        ids = [await books.add_event(NewEvent(kind, NOON, kind)) for kind in kinds]
    async with ledger.read() as books:
        assert [event.kind for event in await books.undelivered("owner", 10, kinds=CRITICAL)] == [kinds[1], kinds[3]]
        assert [event.kind for event in await books.undelivered("owner", 1, kinds=CRITICAL)] == [kinds[1]]
        assert [event.id for event in await books.undelivered("owner", 10)] == ids
        assert await books.undelivered("owner", 10, kinds=()) == []
