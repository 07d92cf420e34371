"""What goes into the tax return: the books' own figures, exact, in a form that every program reads."""

import asyncio
import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database.samples import a_lot, a_trade, an_execution
from tests.backup.conftest import books
from tests.bot import Bot
from tests.cli.conftest import Type
from tradebot.cli.export import as_document, as_table
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.lots import LotStatus
from tradebot.queries.export import Export, LotRecord, What, export
from tradebot.queries.results import read_result

NEW_YEAR = datetime(2027, 1, 1, 4, 59, tzinfo=UTC)  # 23:59 of 31 December in New York


def rows(found: Export) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_table(found), newline="")))


async def sold(bot: Bot, shares: int, price: str) -> None:
    """A SELL that fills at this price."""
    alert, order = await bot.order("SELL")
    bot.broker.fill(order, shares, price)
    await bot.becomes(alert, AlertStatus.EXECUTED)
    bot.clock.skip(11)


async def test_the_sums_are_what_the_books_realised(bot: Bot) -> None:
    """The tax return would say another profit than the bot's own books, the daily report and /pnl."""
    await bot.bought(5, price="100.33333333")
    await bot.bought(5, price="101.1")
    await sold(bot, 10, "99.97")
    await bot.bought(5, price="100.01")
    await sold(bot, 5, "104.004")
    await bot.bought(5)
    found = await export(bot.ledger, What.LOTS, 2026)
    async with bot.ledger.read() as now:
        told = (await read_result(now, bot.options.hours, bot.clock.now(), 400)).summary
    assert told.closed == len(found.records) == 3
    assert found.sums["realised_pnl"] == told.net != 0
    assert found.sums["commissions"] == told.lot_commissions
    assert found.sums["proceeds"] - found.sums["cost_basis"] == told.gross
    table = rows(found)
    assert sum(Decimal(row["realised_pnl"]) for row in table) == told.net
    for row in table:
        left = Decimal(row["proceeds"]) - Decimal(row["cost_basis"]) - Decimal(row["commissions"])
        assert left == Decimal(row["realised_pnl"])
    everything = await export(bot.ledger, What.LOTS, None)
    assert [record.status for record in everything.records if isinstance(record, LotRecord)][-1] == LotStatus.OPEN
    fills, orders = [await export(bot.ledger, what, 2026) for what in (What.EXECUTIONS, What.TRADES)]
    assert fills.sums["commission"] == orders.sums["commission"] == told.commissions_paid
    assert len(orders.records) == 6


async def test_a_year_is_new_york_s(tmp_path: Path) -> None:
    """A lot sold on New Year's Eve would be taxed in the wrong year, or in none, or in two."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    async with books(url) as open_books:
        for number, at in enumerate((NEW_YEAR, NEW_YEAR + timedelta(minutes=2))):
            buy, sell = (
                await a_trade(open_books, created_at=at),
                await a_trade(open_books, side=Side.SELL, created_at=at),
            )
            await open_books.put_execution(sell, an_execution(f"{number}.01", side=Side.SELL, time=at))
            lot = a_lot(buy, sell, ticker=f"T{number}", entry_time=datetime(2026, 3, 2, 15, tzinfo=UTC), exit_time=at)
            await open_books.rewrite_lots("main", f"T{number}", [lot])
        assert not await export_of(open_books, What.LOTS, 2025)
        (old,), (new,) = [await export_of(open_books, What.LOTS, year) for year in (2026, 2027)]
        assert [len(await export_of(open_books, What.EXECUTIONS, year)) for year in (2025, 2026, 2027)] == [0, 1, 1]
    assert (old["ticker"], old["opened_date"], old["closed_date"]) == ("T0", "2026-03-02", "2026-12-31")
    assert (old["closed_at"], old["holding_days"]) == ("2027-01-01T04:59:00+00:00", "304")
    assert (new["ticker"], new["closed_date"]) == ("T1", "2027-01-01")


async def export_of(open_books: object, what: What, year: int | None) -> list[dict[str, str]]:
    """Through a ledger that hands out these very books."""
    return rows(await export(_Same(open_books), what, year))  # type: ignore[arg-type]


class _Same:
    def __init__(self, open_books: object) -> None:
        self._books = open_books

    def read(self) -> "_Same":
        return self

    async def __aenter__(self) -> object:
        return self._books

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_splits_and_what_was_written_off_are_noted(tmp_path: Path) -> None:
    """The tax office would see other shares than in the broker's statement without a word why, or a zero for "not known"."""
    splits = ({"at": "2026-06-10T13:30:00+00:00", "new": 4, "old": 1},)
    async with books(f"sqlite:///{tmp_path}/tradebot.db") as open_books:
        buy, sell = await a_trade(open_books), await a_trade(open_books, side=Side.SELL)
        gone = a_lot(buy, sell, exit_price=None, pnl=None, splits=splits)
        await open_books.rewrite_lots("main", "AAPL", [gone])
        found = await export(_Same(open_books), What.LOTS, None)  # type: ignore[arg-type]
    (row,) = rows(found)
    assert set(found.sums.values()) == {0}, "its cost alone is no loss"
    assert (row["proceeds"], row["exit_price"], row["realised_pnl"]) == ("", "", "")
    assert row["note"] == (
        "4 for 1 split, booked 2026-06-10: shares and entry price are those after it; "
        "written off: gone at IB, proceeds not known to the bot"
    )


@pytest.mark.parametrize(
    "evil", ['=HYPERLINK("x")', "+1", "-2+3", "@SUM(A1)", "\t=1", 'a "quoted", name\r\nand a line']
)
async def test_text_is_quoted_and_never_a_formula(tmp_path: Path, evil: str) -> None:
    """A ticker out of an alert would run as a formula in the owner's spreadsheet, or shift every column after it."""
    async with books(f"sqlite:///{tmp_path}/tradebot.db") as open_books:
        await open_books.rewrite_lots(
            "main", evil, [a_lot(await a_trade(open_books), ticker=evil, qty=Decimal("0.00000001"))]
        )
        found = await export(_Same(open_books), What.LOTS, None)  # type: ignore[arg-type]
    text = as_table(found)
    assert text.count("\r\n") == 2 + evil.count("\r\n")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["ticker"] == (evil if evil[0] == "a" else f"'{evil}")
    assert row["shares"] == "0.00000001"
    assert row["note"] == ""
    assert json.loads(as_document(found))["lots"][0]["ticker"] == evil


def test_the_command_writes_one_document(typed: Type, tmp_path: Path) -> None:
    """Another program could not read it, or half a file would be taken for all; or everybody could read it."""

    async def fill() -> None:
        async with books(f"sqlite:///{tmp_path}/data/tradebot.db") as open_books:
            buy, sell = await a_trade(open_books), await a_trade(open_books, side=Side.SELL)
            await open_books.rewrite_lots("main", "AAPL", [a_lot(buy, sell)])

    asyncio.run(fill())
    told = typed("export", "--json", "--year", "2026")
    document = json.loads(told.out)
    assert document["sums"]["realised_pnl"] == document["lots"][0]["realised_pnl"] == "24.7850001"
    assert "1 lot of 2026: proceeds 1900.0000001" in told.err
    assert json.loads(typed("export", "--json", "--what", "trades").out)["trades"] == []
    written = typed("export", "--csv", "--out", "lots.csv")
    assert (written.code, written.out) == (0, "")
    assert (
        (tmp_path / "lots.csv").read_bytes().startswith(b"ticker,con_id,currency,strategy,status,shares,opened_date,")
    )
    assert (tmp_path / "lots.csv").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"data", "lots.csv"}
    assert typed("export", "--csv", "--json").code == 2
    refused = typed("export", "--out", "nowhere/lots.csv")
    assert (refused.code, "cannot be written" in refused.err) == (2, True), refused.all
    (tmp_path / "link.csv").symlink_to("lots.csv")
    assert typed("export", "--out", "link.csv").code == 0
    assert (tmp_path / "link.csv").is_symlink()
    refused = typed("export", "--out", "data")
    assert (refused.code, "cannot be written: Is a directory" in refused.err) == (2, True), refused.all


def test_a_pipe_is_written_to_and_not_replaced(typed: Type, tmp_path: Path) -> None:
    """`--out /dev/stdout`, typed as root, would put a file in the place of the machine's own device."""
    typed("migrate", "up")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        written = typed("export", "--out", "pipe")
        assert (written.code, os.read(reader, 10)) == (0, b"ticker,con"), written.all
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
