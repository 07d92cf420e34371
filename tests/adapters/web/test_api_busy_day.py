"""The API of a bot that has something to do: what is read of a busy day, and what is sold and cancelled once."""

import asyncio
from typing import Any

import pytest

from tests.adapters.web.conftest import OpenSite, Site
from tests.adapters.web.programs import API, bearer, once
from tests.adapters.web.samples import a_busy_bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.api_access import Scope


@pytest.fixture
async def busy(make_bot: MakeBot, open_site: OpenSite) -> Site:
    """Holds shares of two strategies, has refused an alert, and has an order at work."""
    return await open_site(await a_busy_bot(make_bot))


async def test_a_busy_day_is_read(busy: Site) -> None:
    """What happened would be missing, or would be told as something else."""
    headers = await bearer(busy)

    async def read(path: str) -> Any:
        status, told = await busy.ask(f"{API}/{path}", headers=headers)
        assert (path, status) == (path, 200), told
        return told

    held = (await read("positions"))["open"]["positions"]
    assert [(one["ticker"], one["qty"]) for one in held] == [("AAPL", "10"), ("MSFT", "20")]
    assert held[0]["price"] == "131.2"
    assert [one["ticker"] for one in (await read("positions?strategy=ema"))["open"]["positions"]] == ["MSFT"]
    (working,) = (await read("orders/working"))["items"]
    assert (working["order"]["ticker"], working["order"]["side"]) == ("TSLA", "BUY")
    (sold, *_) = (await read("trades"))["items"]
    assert (sold["order"]["ticker"], sold["order"]["side"], sold["order"]["avg_fill_price"]) == ("KO", "SELL", "97.5")
    (refused,) = (await read("alerts?status=BLOCKED"))["items"]
    assert (refused["alert"]["ticker"], refused["orders"]) == ("IBM", [])
    trace = await read(f"alerts/{sold['order']['alert_id']}")
    assert trace["orders"][0]["executions"][0]["price"] == "97.5"
    assert "sell_filled" in [one["kind"] for one in trace["events"]]
    assert await read(f"alerts/{sold['order']['order_ref']}") == trace
    assert (await read("pnl?days=1"))["days"][0]["result"]["sells"] == 1


async def test_pages_hold_everything_once(busy: Site) -> None:
    """A program that reads page by page would miss an order, or count one twice."""
    headers = await bearer(busy)
    for path, name in (("orders", "id"), ("alerts", "alert")):
        _, whole = await busy.ask(f"{API}/{path}?limit=200", headers=headers)
        found, before = [], ""
        while True:
            _, page = await busy.ask(f"{API}/{path}?limit=2{before}", headers=headers)
            found += page["items"]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert [one[name] for one in found] == [one[name] for one in whole["items"]]
        assert len(found) > 2
    seen: list[int] = []
    after = "0"
    while (told := (await busy.ask(f"{API}/events?trace=true&limit=7&after={after}", headers=headers))[1])["items"]:
        seen, after = [*seen, *(one["id"] for one in told["items"])], told["next"]
    assert seen == [event.id for event in await busy.bot.events()]


async def test_what_is_held_is_sold_once(busy: Site) -> None:
    """A request that is repeated because its answer was lost would sell twice."""
    headers, path = await bearer(busy, Scope.TRADE), f"{API}/positions/AAPL/sell"

    async def sell(key: str, shares: str | None, path: str = path) -> tuple[int, Any]:
        body = {} if shares is None else {"shares": shares}
        return await busy.ask(path, "POST", headers=once(headers, key), json=body)

    first, again = await asyncio.gather(sell("k1", "4"), sell("k1", "4"))
    (alert,) = first[1]["alert_ids"]
    assert first == again == await sell("k1", "4") == (200, {"alert_ids": [alert]})
    assert (await sell("k1", "5"))[0] == 422
    order = await busy.bot.sent(3)
    assert (order.contract.ticker, order.qty) == ("AAPL", 4)
    assert (await sell("k2", "11"))[0] == 422
    assert (await sell("k3", None, f"{API}/positions/NVDA/sell"))[0] == 409
    busy.bot.broker.fill(order.order_ref, 4, "131")
    await busy.bot.becomes(alert, AlertStatus.EXECUTED)
    events = [event for event in await busy.bot.events() if event.alert_id == alert]
    assert events[0].actor == "my script (API token trade-1)"


async def test_an_order_is_cancelled(busy: Site) -> None:
    """An order that the owner wants gone would work on."""
    headers = await bearer(busy, Scope.TRADE)
    (working,) = (await busy.ask(f"{API}/orders/working", headers=headers))[1]["items"]
    path = f"{API}/orders/{working['order']['id']}/cancel"
    assert await busy.ask(path, "POST", headers=headers) == (200, {"done": True})
    assert await busy.ask(path, "POST", headers=headers) == (200, {"done": False})
    assert (await busy.ask(f"{API}/orders/999/cancel", "POST", headers=headers))[0] == 404
    assert (await busy.ask(f"{API}/orders/1/resolve", "POST", headers=await bearer(busy, Scope.ADMIN), json={}))[
        0
    ] == 422
