"""The same request again, after its process died: it had done its work, and nobody heard of it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.web.conftest import OpenSite, Site
from tests.adapters.web.programs import API, bearer, once
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.api_access import Scope
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import TradeStatus
from tradebot.errors import LedgerUnavailable
from tradebot.operations import api_requests

KEY = "k1"


async def is_missing(bot: Bot) -> str:
    await bot.owns(10, at_ib=4)
    return "mismatches/AAPL/accept"


async def is_split(bot: Bot) -> str:
    await bot.owns(10, at_ib=5)
    bot.broker.avg_costs[bot.broker.con_ids["AAPL"]] = Decimal("200.20")
    return "splits/AAPL"


async def is_booked_as_split(bot: Bot) -> str:
    return f"{await is_split(bot)}/book"


async def is_denied(bot: Bot) -> str:
    return f"{await is_split(bot)}/deny"


async def is_unknown(bot: Bot) -> str:
    _, order_ref = await bot.order("BUY", "AAPL")
    bot.broker.takes_orders = False
    bot.broker.working.clear()
    async with bot.ledger.begin() as books:
        await books.save_trade(replace(await bot.trade(order_ref), status=TradeStatus.UNKNOWN))
    return f"orders/{(await bot.trade(order_ref)).id}/resolve"


async def is_unknown_in_part(bot: Bot) -> str:
    _, order_ref = await bot.order("BUY", "AAPL")
    bot.broker.fill(order_ref, 2)

    async def filled() -> bool:
        return (await bot.trade(order_ref)).filled_qty == 2

    await bot.until(filled, "a part has filled")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    return f"orders/{trade.id}/resolve"


@dataclass
class Crashing:
    """A site whose process dies before it keeps an answer."""

    site: Site
    headers: dict[str, str]
    dies: Callable[[], AbstractContextManager[pytest.MonkeyPatch]]

    async def ask(self, path: str, body: dict[str, object]) -> tuple[int, Any]:
        return await self.site.ask(f"{API}/{path}", "POST", headers=once(self.headers, KEY), json=body)

    async def first(self, path: str, body: dict[str, object]) -> tuple[int, Any]:
        async def lost(*_: object) -> None:
            raise LedgerUnavailable

        with self.dies() as crash:
            crash.setattr(api_requests, "answer", lost)
            return await self.ask(path, body)


@pytest.fixture
async def crashing(make_bot: MakeBot, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> Crashing:
    site = await open_site(await make_bot())
    await site.bot.start()
    return Crashing(site, await bearer(site, Scope.ADMIN), monkeypatch.context)


@pytest.mark.parametrize(
    ("happens", "body"),
    [
        (is_missing, {"strategy": "main", "qty": "6"}),
        (is_booked_as_split, {"new": 1, "old": 2}),
        (is_denied, {"new": 1, "old": 2}),
        (is_unknown, {"outcome": "filled"}),
        (is_unknown, {"outcome": "not_filled"}),
        (is_unknown_in_part, {"outcome": "not_filled"}),
    ],
)
async def test_what_was_decided_before_a_crash_is_answered_as_done(
    crashing: Crashing, happens: Callable[[Bot], Awaitable[str]], body: dict[str, object]
) -> None:
    """A program reads 409 of what it has done itself, and a person decides it anew by hand."""
    path = await happens(crashing.site.bot)
    first = await crashing.first(path, body)
    lots = await crashing.site.bot.lots(LotStatus.OPEN)
    assert first[0] == 200
    assert await crashing.ask(path, body) == first
    assert await crashing.site.bot.lots(LotStatus.OPEN) == lots
    assert (await crashing.ask(path, {**body, "outcome": "filled", "qty": "1"}))[0] == 422


async def test_what_the_books_do_not_show_says_where_to_look(crashing: Crashing) -> None:
    """The first request may have done it, IB's own fill was what did: a program would be told that nothing was to decide."""
    bot = crashing.site.bot
    _, order_ref = await bot.order("BUY", "AAPL")
    path = f"orders/{(await bot.trade(order_ref)).id}/resolve"
    status, told = await crashing.first(path, {"outcome": "filled"})
    assert (status, "GET" in told["detail"]) == (409, False)
    bot.broker.fill(order_ref, 5)

    async def filled() -> bool:
        return (await bot.trade(order_ref)).status is TradeStatus.FILLED

    await bot.until(filled, "it has filled")
    status, told = await crashing.ask(path, {"outcome": "filled"})
    assert (status, f"GET /alerts/{order_ref} " in told["detail"]) == (409, True)
