"""The outbox by kind, on both databases."""

from tests.adapters.database.samples import NOON
from tests.facts import every_kind
from tradebot.domain.events import EventKind, NewEvent, Severity
from tradebot.domain.facts import kinds_of
from tradebot.ports import Ledger


async def test_the_outbox_can_be_asked_for_some_kinds(ledger: Ledger) -> None:
    """Broken, a critical message waits behind thousands of others."""
    critical = kinds_of(Severity.CRITICAL)
    kinds = [EventKind.STARTED, EventKind.MISMATCH, EventKind.STOPPED, EventKind.ORDER_UNKNOWN]
    async with ledger.begin() as books:
        ids = [await books.add_event(NewEvent(every_kind()[kind], NOON)) for kind in kinds]
    async with ledger.read() as books:
        assert [event.kind for event in await books.undelivered(10, kinds=critical)] == [kinds[1], kinds[3]]
        assert [event.kind for event in await books.undelivered(1, kinds=critical)] == [kinds[1]]
        assert [event.id for event in await books.undelivered(10)] == ids
        assert await books.undelivered(10, kinds=()) == []
