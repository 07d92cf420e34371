"""`tradebot reassign`, and the start that asks for it."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from tests.cli.conftest import Type
from tests.cli.shell import tradebot
from tests.operations.test_strategies import bought
from tradebot.database import migrate, open_instance_lock, open_ledger
from tradebot.domain.events import EventKind
from tradebot.ports import Books

T = TypeVar("T")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Books in which strategy old holds three AAPL and four MSFT, and strategy ema five KO and one MSFT."""
    url = f"sqlite:///{tmp_path / 'books.db'}"

    async def fill(books: Books) -> None:
        await bought(books, "old", "AAPL", 3)
        await bought(books, "old", "MSFT", 4)
        await bought(books, "ema", "KO", 5)
        await bought(books, "ema", "MSFT", 1)

    async def up() -> None:
        await migrate.up(url)

    asyncio.run(up())
    in_books(url, fill)
    return url


def in_books(url: str, work: Callable[[Books], Awaitable[T]]) -> T:
    async def done() -> T:
        async with open_ledger(url) as ledger, ledger.begin() as books:
            return await work(books)

    return asyncio.run(done())


def held(url: str) -> list[tuple[str, str, Decimal]]:
    async def read(books: Books) -> list[tuple[str, str, Decimal]]:
        return sorted((lot.strategy, lot.ticker, lot.qty) for lot in await books.lots())

    return in_books(url, read)


UNTOUCHED = [("ema", "KO", 5), ("ema", "MSFT", 1), ("old", "AAPL", 3), ("old", "MSFT", 4)]


def test_what_would_move_is_told_before_it_does(typed: Type, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the hand would give all of one strategy to another, without a word of what that is."""
    settings = {"database__url": url, "strategies__ema__enabled": "true"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    left = typed("reassign", "old", "ema", "--ticker", "aapl", **settings)
    assert (left.code, held(url)) == (1, UNTOUCHED), left.all
    assert "From strategy old to strategy ema, with all orders, lots, splits and alerts:" in left.out
    assert "AAPL: 3 shares held, 1 order, 1 alert" in left.out
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    done = typed("reassign", "old", "ema", "--ticker", "AAPL", **settings)
    assert (done.code, "Done: strategy ema goes on with it" in done.out) == (0, True), done.all
    assert held(url) == [("ema", "AAPL", 3), *UNTOUCHED[:2], ("old", "MSFT", 4)]
    again = typed("reassign", "old", "ema", "--ticker", "AAPL", "--yes", **settings)
    assert (again.code, "there is nothing to reassign" in again.out) == (1, True), again.all

    async def actors(books: Books) -> list[str]:
        return [event.actor for event in await books.events() if event.kind is EventKind.REASSIGNED]

    assert in_books(url, actors) == ["command line"]


def test_why_nothing_moves_is_told(typed: Type, url: str) -> None:
    """The owner would not know that one of the tickers stands in the way of all."""
    refused = typed("reassign", "old", "ema", "--yes", database__url=url, strategies__ema__enabled="true")
    assert (refused.code, "strategy ema has traded MSFT itself" in refused.out) == (1, True), refused.all
    assert held(url) == UNTOUCHED


def test_nothing_moves_under_a_running_daemon(typed: Type, url: str) -> None:
    """The daemon would book a fill for a strategy whose lots are another one's by then."""

    async def beside() -> tuple[int, str]:
        async with open_instance_lock(url):
            ran = await asyncio.to_thread(
                typed, "reassign", "old", "ema", "--yes", database__url=url, strategies__ema__enabled="true"
            )
            return ran.code, ran.err

    code, said = asyncio.run(beside())
    assert (code, "another instance already trades with this database" in said) == (1, True), said
    assert held(url) == UNTOUCHED


async def test_a_strategy_left_behind_ends_the_start(url: str, tmp_path: Path) -> None:
    """Shares would lie in the books with no alert that can sell them, and the owner would think that all is well."""
    ran = await tradebot(tmp_path, "run", database__url=url, webhook__port="0", strategies__ema__enabled="true")
    assert ran.code == 2, ran.all
    assert (
        "strategy old holds 3 AAPL, 4 MSFT, and the configuration has no [strategies.old]: nobody would look"
        in ran.words
    )
    assert "`tradebot reassign old NAME`" in ran.words
    assert "/sell_all old in the chat sells what it holds" in ran.words
