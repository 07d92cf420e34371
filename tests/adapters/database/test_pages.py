"""What programs read page by page, on both databases."""

from datetime import timedelta
from decimal import Decimal

from tests.adapters.database.samples import NOON, a_trade
from tests.facts import every_kind
from tradebot.domain.equity import Equity
from tradebot.domain.events import NewEvent, Severity
from tradebot.ports import Ledger
from tradebot.queries import pages


async def test_orders_are_read_page_by_page(ledger: Ledger) -> None:
    """A page begins anew, or shows another strategy's orders."""
    async with ledger.begin() as books:
        for strategy in ("main", "ema", "main", "main"):
            await a_trade(books, strategy=strategy)

    async def found(limit: int = 9, before_id: int | None = None, strategy: str | None = None) -> list[int]:
        return [one.id for one in await pages.orders_page(ledger, limit, before_id=before_id, strategy=strategy)]

    assert await found() == [4, 3, 2, 1]
    assert await found(2) == [4, 3]
    assert await found(2, 3) == [2, 1]
    assert await found(strategy="main") == [4, 3, 1]
    order = await pages.order(ledger, 2)
    assert order is not None
    assert order.strategy == "ema"
    assert await pages.order(ledger, 99) is None


async def test_events_and_equity_are_read_on(ledger: Ledger) -> None:
    """A program that reads on would miss what happened, or be told traces as news."""
    facts = list(every_kind().values())
    async with ledger.begin() as books:
        await books.add_events([NewEvent(one, NOON) for one in facts])
        for hour in range(3):
            at = NOON + timedelta(hours=hour)
            await books.add_equity(Equity("DU1", at, Decimal(100 + hour), None, None, None))
    events = await pages.events_after(ledger, 3, 5)
    assert [one.id for one in events] == [4, 5, 6, 7, 8]
    told = await pages.newest_events(ledger, len(facts), traces=False)
    assert {one.severity for one in told} == set(Severity) - {Severity.TRACE}
    assert len(await pages.newest_events(ledger, len(facts), traces=True)) == len(facts)
    worth = await pages.equity_since(ledger, "DU1", NOON + timedelta(hours=1))
    assert [one.net_liquidation for one in worth] == [101, 102]
    assert list(await pages.equity_since(ledger, "DU2", NOON)) == []
