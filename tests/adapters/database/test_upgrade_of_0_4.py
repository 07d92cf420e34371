"""From the tables of 0.4.0 to those of now and back, on a database that 0.4.0 itself filled, on every database."""

from decimal import Decimal

import pytest

from tests.adapters.database.release import TABLES_OF_0_4, catalog, content, restore, sequences, sqlite_is_whole
from tradebot.database import address, migrate, open_ledger
from tradebot.domain.terms import MARKET_DAY
from tradebot.domain.trades import UNRESOLVED, Place, TradeStatus

SINCE = ["0005_orders", "0006_history", "0007_channels", "0008_api", "0009_daily_bars", "0010_sectors"]
FIRST = Place(0, 0, 0)


@pytest.fixture
async def old(empty_url: str) -> str:
    """A database as 0.4.0 left it."""
    await restore(empty_url, "0.4.0")
    return empty_url


async def test_there_and_back_changes_nothing(old: str) -> None:
    """Otherwise who upgrades, and goes back, would have lost a row, a digit or the next id."""
    before, tables, ids = await content(old, TABLES_OF_0_4), await catalog(old), await sequences(old)
    assert (len(before["trade"]) > 15, len(before["corporate_action"])) == (True, 1), "it is filled"
    for _ in range(2):
        assert await migrate.up(old) == SINCE
        assert await migrate.down(old, steps=len(SINCE)) == SINCE[::-1]
    assert await catalog(old) == tables
    assert await content(old, TABLES_OF_0_4) == before
    assert await sequences(old) == ids
    place = address.parse(old)
    assert not isinstance(place, address.SqliteAddress) or sqlite_is_whole(place.path)


async def test_every_row_is_there_after_the_upgrade(old: str) -> None:
    """Otherwise an alert, an order, a lot or a split of the time before would be gone, or not what it was."""
    before = await content(old, TABLES_OF_0_4)
    await migrate.up(old)
    after = await content(old, TABLES_OF_0_4)
    for table in (name for name in TABLES_OF_0_4 if name != "schema_migration"):
        assert len(after[table]) == len(before[table])
        for was, now in zip(before[table], after[table], strict=True):
            assert {name: now[name] for name in was} == was, table


async def test_old_orders_are_market_orders_in_the_order_of_their_ids(old: str) -> None:
    """Otherwise lots would be computed in another order, an exit be taken for a stop, or a split come at another place."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.read() as books:
        trades = await books.trades()
        whose = sorted({(one.strategy, one.ticker) for one in trades})
        assert {strategy for strategy, _ in whose} == {"main", "ema"}
        for strategy, ticker in whose:
            mine = [one.id for one in trades if (one.strategy, one.ticker) == (strategy, ticker)]
            assert [one.id for one in await books.trades_from(strategy, ticker, FIRST, 100)] == sorted(mine)
        assert await books.protection_of([one.id for one in trades]) == []
    assert {(one.terms, one.placed_after, one.is_protective) for one in trades} == {(MARKET_DAY, None, False)}
    assert {(one.ticker, one.status) for one in trades if one.status in UNRESOLVED} == {
        ("IBM", TradeStatus.UNKNOWN),
        ("NVDA", TradeStatus.SUBMITTED),
    }
    assert all(one.reserved > 0 for one in trades if one.ticker == "IBM")


async def test_old_lots_are_what_they_were(old: str) -> None:
    """Otherwise shares that were split, or sold in part, would be others after the upgrade."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.read() as books:
        lots = await books.lots()
    held: dict[tuple[str, str], Decimal] = {}
    for lot in lots:
        if lot.status == "OPEN":
            held[lot.strategy, lot.ticker] = held.get((lot.strategy, lot.ticker), Decimal(0)) + lot.qty
    assert held == {
        ("main", "AAPL"): 2, ("ema", "AAPL"): 11, ("main", "KO"): 5, ("ema", "NVDA"): 1, ("ema", "TSLA"): 8, ("main", "TSLA"): 6
    }  # fmt: skip
