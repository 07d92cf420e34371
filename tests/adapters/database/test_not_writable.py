"""A database whose disk is full: it answers, and takes nothing."""

import pytest

from tests.adapters.database.samples import an_alert
from tradebot.database import ledger as ledger_module
from tradebot.database import migrate
from tradebot.database.address import SqliteAddress, parse
from tradebot.database.ledger import SqlLedger
from tradebot.database.sqlite import SqliteDriver, open_sqlite
from tradebot.errors import LedgerNotWritable


async def _full(driver: SqliteDriver, *, full: bool) -> None:
    async with driver.transaction() as transaction:
        (found,) = await transaction.rows("PRAGMA page_count")
        await transaction.rows(f"PRAGMA max_page_count = {found['page_count'] if full else 1_000_000}")


async def _store_much(ledger: SqlLedger) -> None:
    async with ledger.begin() as books:
        await books.insert_alert(an_alert(raw_body=b"x" * 1_000_000))


async def test_a_full_disk_is_no_good_health(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """/health said that an alert is stored while each was refused: who relied on it learnt of that from his losses."""
    await migrate.up(sqlite_url)
    address = parse(sqlite_url)
    assert isinstance(address, SqliteAddress)
    async with open_sqlite(address, 5) as driver:
        ledger = SqlLedger(driver)
        await _full(driver, full=True)
        await ledger.ping()  # nobody has tried to write
        with pytest.raises(LedgerNotWritable, match="make room"):
            await _store_much(ledger)
        for _ in range(2):  # though a small write is still taken
            with pytest.raises(LedgerNotWritable, match="make room"):
                await ledger.ping()
        await _full(driver, full=False)
        monkeypatch.setattr(ledger_module, "NOT_WRITTEN_FOR_S", 0.0)
        await ledger.ping()
        await _store_much(ledger)
