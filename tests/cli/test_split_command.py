"""`tradebot split`: the question of the chat, answered where there is no chat."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from tests.adapters.database.samples import a_trade, an_execution
from tests.cli.conftest import Type
from tests.facts import a_split
from tradebot.database import migrate, open_ledger
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.account import SplitBooked, SplitSeen
from tradebot.domain.trades import TradeStatus
from tradebot.ports import Books
from tradebot.trading.refold import refold

T = TypeVar("T")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Books with ten AAPL at $100, of which IB was seen to show a hundred."""
    url = f"sqlite:///{tmp_path / 'books.db'}"
    asyncio.run(_migrate(url))
    in_books(url, _told)
    return url


async def _migrate(url: str) -> None:
    await migrate.up(url)


async def _told(books: Books) -> None:
    trade_id = await a_trade(books)
    await books.put_execution(trade_id, an_execution(price=Decimal(100), commission=Decimal(1)))
    trade = await books.trade(trade_id)
    assert trade is not None
    trade = replace(trade, filled_qty=Decimal(10), status=TradeStatus.FILLED, finished_at=trade.created_at)
    await books.save_trade(trade)
    await refold(books, trade)
    await books.add_event(NewEvent(SplitSeen(a_split()), datetime.now(UTC)))


def in_books(url: str, work: Callable[[Books], Awaitable[T]]) -> T:
    async def done() -> T:
        async with open_ledger(url) as ledger, ledger.begin() as books:
            return await work(books)

    return asyncio.run(done())


def lots(url: str) -> list[tuple[Decimal, Decimal]]:
    async def read(books: Books) -> list[tuple[Decimal, Decimal]]:
        return [(lot.qty, lot.entry_price) for lot in await books.lots()]

    return in_books(url, read)


def test_a_split_is_booked_after_a_question(typed: Type, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no chat could not answer, and his exits would wait for ever; or a slip of the hand would change the books."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    left = typed("split", "aapl", database__url=url)
    assert (left.code, "AAPL: 10 @ $100.00 → 100 @ $10.00 (10 for 1), seen" in left.out) == (1, True), left.all
    assert lots(url) == [(10, 100)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    done = typed("split", "AAPL", database__url=url)
    assert (done.code, "Stored." in done.out) == (0, True), done.all
    assert lots(url) == [(100, 10)]
    again = typed("split", "AAPL", "--yes", database__url=url)
    assert (again.code, "there is nothing to answer" in again.out) == (1, True), again.all

    async def actors(books: Books) -> list[str]:
        return [
            event.actor
            for event in await books.events_since((EventKind.SPLIT_BOOKED,), datetime(2026, 1, 1, tzinfo=UTC))
        ]

    assert in_books(url, actors) == ["command line"]


def test_a_split_that_was_booked_is_not_asked_about_again(typed: Type, url: str) -> None:
    """As many shares as before, bought since, would go through the same split once more."""

    async def booked(books: Books) -> None:
        await books.add_event(NewEvent(SplitBooked(a_split()), datetime.now(UTC)))

    in_books(url, booked)
    again = typed("split", "AAPL", "--yes", database__url=url)
    assert (again.code, "there is nothing to answer" in again.out) == (1, True), again.all
    assert lots(url) == [(10, 100)]


def test_a_split_is_denied(typed: Type, url: str) -> None:
    """What only looks like a split would hold exits for ever where there is no chat."""
    assert typed("split", "AAPL", "--no", "--yes", database__url=url).code == 0
    assert lots(url) == [(10, 100)]
    again = typed("split", "AAPL", "--yes", database__url=url)
    assert (again.code, "there is nothing to answer" in again.out) == (1, True), again.all
    assert lots(url) == [(10, 100)]
