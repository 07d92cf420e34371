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
from tradebot.domain.trades import TradeStatus
from tradebot.errors import LedgerUnavailable
from tradebot.operations import api_requests
from tradebot.trading.intake import Intake


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


async def _lost(*_: object, **__: object) -> None:
    raise LedgerUnavailable("the process was killed before the answer was stored")


async def test_who_asks_again_after_a_crash_hears_of_the_sale(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shares are sold and gone, and whoever asks again is told that there never was anything to sell; or it is sold twice."""
    headers, bot = await bearer(busy, Scope.TRADE), busy.bot

    async def ask(path: str, body: dict[str, str]) -> tuple[int, Any]:
        return await busy.ask(
            f"{API}/positions/{path}", "POST", headers=once(headers, path.replace("/", "-")), json=body
        )

    (at_work,) = bot.broker.working
    with monkeypatch.context() as crash:
        crash.setattr(api_requests, "answer", _lost)
        part, whole = await ask("MSFT/sell", {"shares": "4"}), await ask("sell", {"strategy": "main"})
    for nth, (told, price) in enumerate([(part, "88"), (whole, "131")], 3):
        order = await bot.sent(nth)
        bot.broker.fill(order.order_ref, int(order.qty), price)
        (alert,) = told[1]["alert_ids"]
        await bot.becomes(alert, AlertStatus.EXECUTED)
    bot.broker.fill(at_work, int(bot.broker.working[at_work].qty))  # a BUY of `main`
    await bot.turns(at_work, TradeStatus.FILLED)
    assert await ask("MSFT/sell", {"shares": "4"}) == part
    assert await ask("sell", {"strategy": "main"}) == whole  # and not what was bought since


async def test_a_sale_that_a_crash_cut_short_is_finished(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what was to be sold is kept, and the answer says that all is sold."""
    headers = once(await bearer(busy, Scope.TRADE), "k1")
    own = busy.bot.intake.own

    async def first_only(*wanted: Any, **more: Any) -> Any:
        monkeypatch.setattr(Intake, "own", _lost)
        return await own(*wanted, **more)

    with monkeypatch.context():
        monkeypatch.setattr(Intake, "own", lambda _, *wanted, **more: first_only(*wanted, **more))
        assert (await busy.ask(f"{API}/positions/sell", "POST", headers=headers, json={}))[0] == 503
    monkeypatch.undo()
    status, told = await busy.ask(f"{API}/positions/sell", "POST", headers=headers, json={})
    sold = [(await busy.bot.row(one)).ticker for one in told["alert_ids"]]
    assert (status, sold) == (200, ["AAPL", "MSFT"])


async def test_who_asks_again_after_a_crash_hears_of_the_buy(
    make_bot: MakeBot, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that does not learn which alert is its own cannot tell what became of its money, and buys again."""
    site = await open_site(await make_bot(allow_buy=True))
    headers, body = once(await bearer(site, Scope.TRADE), "k1"), {"ticker": "AAPL", "usd": "500"}
    with monkeypatch.context() as crash:
        crash.setattr(api_requests, "answer", _lost)
        first = await site.ask(f"{API}/buy", "POST", headers=headers, json=body)
    assert first == (200, {"alert_id": 1})
    assert await site.ask(f"{API}/buy", "POST", headers=headers, json=body) == first
    other = await site.ask(f"{API}/buy", "POST", headers=once(headers, "k1:x"), json=body)
    assert other == (200, {"alert_id": 2})


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
