"""`tradebot performance`, `stats` and `report`, on the books of some days."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database.samples import a_lot, a_trade
from tests.cli.conftest import Type
from tests.clockwork import new_york
from tradebot.database import migrate, open_ledger
from tradebot.domain.equity import Equity
from tradebot.domain.settings import ACCOUNT_KEY

NOON = new_york(2026, 11, 4, 12)
HOUR = timedelta(hours=1)


@pytest.fixture
def books(tmp_path: Path) -> None:
    """Two lots of a week in November, and what the account was worth."""

    async def fill() -> None:
        url = f"sqlite:///{tmp_path}/data/tradebot.db"
        await migrate.up(url)
        async with open_ledger(url) as ledger, ledger.begin() as stored:
            await stored.put_setting(ACCOUNT_KEY, "DU1", "bot", NOON)
            for days, pnl in ((0, "18"), (1, "-7.5")):
                at = NOON + days * timedelta(days=1)
                opening, closing = await a_trade(stored, created_at=at), await a_trade(stored, created_at=at)
                lot = a_lot(opening, closing, pnl=Decimal(pnl), entry_time=at, exit_time=at + HOUR)
                await stored.rewrite_lots("main", "AAPL", [lot], closed_by=[closing], and_open=False)
                await stored.add_equity(Equity("DU1", at, Decimal(1000 + 10 * days), None, None, None))

    (tmp_path / "data").mkdir()
    asyncio.run(fill())


@pytest.mark.usefixtures("books")
def test_how_a_month_went(typed: Type) -> None:
    """The owner would see another month's figures, or ratios of two days."""
    shown = typed("performance", "--period", "2026-11")
    lines = {" ".join(line.split()) for line in shown.out.splitlines()}
    assert shown.code == 0, shown.all
    assert {"return +1.00 %", "Sharpe not yet", "volatility not yet, 19 more days"} <= lines
    assert any(line.startswith("Nov 2026 +1.0 % not yet not yet +$10.50 2 1") for line in lines), shown.out
    assert shown.out.startswith("1 November 2026 – ")
    assert "; known since 4 November 2026, +$10.50 realised" in " ".join(shown.out.split())
    of_one = typed("performance", "--period", "2026", "--strategy", "main", "--json")
    document = json.loads(of_one.out)
    assert document["by_strategy"]["main"]["lots"]["net"] == "10.5"
    assert document["account"]["time_weighted"] == pytest.approx(0.01)
    before = typed("performance", "--period", "2026-10")
    assert before.code != 0
    assert "Nothing is known of 2026-10. The bot's first day was 4 November 2026." in " ".join(before.all.split())


@pytest.mark.usefixtures("books")
def test_statistics_and_limits(typed: Type) -> None:
    """The owner would not find out how his limits stand, or what the road costs."""
    shown = typed("stats", thresholds__loss_streak="3", thresholds__drawdown_pct="10")
    lines = {" ".join(line.split()) for line in shown.out.splitlines()}
    assert shown.code == 0, shown.all
    assert {"won, lost 1, 1", "win rate not yet", "slippage not yet", "at IB within 1 s not yet"} <= lines
    assert any(line.startswith("losses in a row ") and line.endswith("(limit 3)") for line in lines), shown.out
    document = json.loads(typed("stats", "--json", thresholds__silent_sessions="2").out)
    assert [one["threshold"] for one in document["thresholds"]] == ["silent_sessions"]


@pytest.mark.usefixtures("books")
def test_a_page_to_keep(typed: Type, tmp_path: Path) -> None:
    """The page would be of another month, or lie somewhere else."""
    made = typed("report", "--month", "2026-11", "--out", "november.html")
    assert made.code == 0, made.all
    assert "november.html" in made.all
    page = (tmp_path / "november.html").read_text("utf-8")
    assert "<h1>November 2026</h1>" in page
    assert "+$10.50" in page
    assert typed("report", "--month", "2026").code == 0
    assert (tmp_path / "tradebot-2026-01-01-2026-12-31.html").is_file()


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("performance --period november", "is no month and no year"),
        ("report --month 2026-13", "is no month and no year"),
        ("stats --period 2099", "2099 has not begun"),
        (
            "performance --period 2026-10 --strategy main",
            "Nothing is known of 2026-10. The bot's first day was 4 November",
        ),
        ("stats --strategy emma", "emma"),
    ],
)
def test_what_cannot_be_shown_is_said(typed: Type, line: str, words: str) -> None:
    """A typing error would be answered with figures of something else."""
    ran = typed(*line.split())
    assert (ran.code, words in ran.all) == (2, True), ran.all


@pytest.mark.usefixtures("books")
def test_a_strategy_that_traded_nothing_is_said(typed: Type) -> None:
    """Of a strategy without a trade there would be a table of zeros."""
    ran = typed("performance", "--period", "2026-11", "--strategy", "quiet", strategies__quiet__size="500")
    assert (ran.code, "quiet has traded nothing in this period" in ran.all) == (2, True), ran.all
