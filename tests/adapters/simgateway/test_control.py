"""The control port over HTTP."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from ib_async import IB

from tests.adapters.simgateway.conftest import Connect, aapl, errors, filled, limit, market, settings, until
from tradebot.errors import GatewayError
from tradebot.simgateway import Gateway, open_gateway
from tradebot.simgateway.control import ROUTES


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.control_port}") as session:
        yield session


async def post(http: aiohttp.ClientSession, path: str, **body: Any) -> Any:
    async with http.post(path, json=body) as answer:
        assert answer.status in (200, 201), await answer.text()
        return await answer.json()


async def get(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_off_by_default() -> None:
    """A gateway would open a control port that nobody asked for."""
    async with open_gateway(settings()) as gateway:
        assert gateway.control_port is None


async def test_state_and_journal(http: aiohttp.ClientSession, ib: IB) -> None:
    """An independent checker could not see what the gateway received and did."""
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1")))
    state = await get(http, "/state")
    assert (state["cash"], state["clients"]) == ("97723.9", [7])
    (order,), (execution,), (position,) = state["orders"], state["executions"], state["positions"]
    assert (order["order_ref"], order["status"], order["filled"]) == ("tb-1", "Filled", "10")
    assert (execution["perm_id"], execution["commission"], execution["realised"]) == (trade.order.permId, "1", None)
    assert (position["symbol"], position["quantity"], position["avg_cost"]) == ("AAPL", "10", "227.61")
    journal = await get(http, "/journal")
    assert [line["kind"] for line in journal] == ["opened", "received", "accepted", "executed", "commission"]
    assert journal[1]["fields"]["orderRef"] == "tb-1"
    assert await get(http, "/journal?after=4") == journal[4:]


async def test_faults(http: aiohttp.ClientSession, ib: IB) -> None:
    """Faults could not be armed, listed or cleared from outside."""
    armed = await post(http, "/faults", fault="partial", filled=3, symbol="AAPL")
    assert armed == {"id": 1, "fault": "partial", "times": 1, "symbol": "AAPL", "filled": 3}
    await post(http, "/faults", fault="hold", times=0)
    assert [each["fault"] for each in await get(http, "/faults")] == ["partial", "hold"]
    async with http.delete("/faults?fault=hold") as answer:
        assert [each["fault"] for each in await answer.json()] == ["partial"]
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("part", lambda: trade.filled() == 3)
    await post(http, f"/orders/{trade.order.permId}/fill", shares="2", price="99")
    await until("more", lambda: trade.filled() == 5)
    await post(http, f"/orders/{trade.order.permId}/cancel")
    await until("cancel", lambda: trade.orderStatus.status == "Cancelled")


async def test_owner(http: aiohttp.ClientSession, ib: IB) -> None:
    """The owner's own trading beside the bot could not be simulated."""
    await post(http, "/cash", cash="5000")
    await post(http, "/positions", symbol="AAPL", quantity="10", avg_cost="200")
    await until(
        "account",
        lambda: {each.value for each in ib.accountValues("") if each.tag == "TotalCashBalance"} == {"5000.00"},
    )
    await until("position", lambda: [each.position for each in ib.positions()] == [10])
    made = await post(http, "/orders", symbol="AAPL", action="SELL", quantity="5", limit="300")
    (trade,) = await ib.reqAllOpenOrdersAsync()
    assert (trade.order.permId, trade.order.clientId, trade.order.orderId) == (made["perm_id"], 0, 0)
    await post(http, "/quotes", symbol="AAPL", bid="300", ask="300.02")
    await until("owner's fill", lambda: [each.position for each in ib.positions()] == [5])
    assert not ib.fills()
    assert (await get(http, "/state"))["cash"] == "6499"


async def test_the_exchange(http: aiohttp.ClientSession, gateway: Gateway, ib: IB) -> None:
    """Sessions, late opens and halts could not be set from outside, or not end by themselves."""
    await post(http, "/market", open=False)
    await post(http, "/market/late", symbol="MSFT", seconds=600)
    await post(http, "/halts", symbol="AAPL", halted=True, kind=1)
    waiting = ib.placeOrder(aapl(), market("BUY", 1))
    await until("order", lambda: gateway.book.orders)
    await post(http, "/market", open=True)
    assert (await get(http, "/state"))["market"] == {"open": True, "late": ["MSFT"], "halted": ["AAPL"]}
    await post(http, "/halts", symbol="AAPL", halted=False)
    await filled(waiting)
    await post(http, "/halts", symbol="AAPL", halted=True, seconds="0.01")
    await until("resumed", lambda: not gateway.market.halts)
    await post(http, "/market", open=False, seconds="0.01")
    await until("open again", lambda: gateway.market.open)


async def test_ib_ends_an_order(http: aiohttp.ClientSession, ib: IB) -> None:
    """What the close, or IB at any time, does to an order could not be chosen from outside."""
    await post(http, "/faults", fault="hold", times=0)
    received = errors(ib)
    trades = [ib.placeOrder(aapl(), market("BUY", 1)) for _ in range(3)]
    await until("working", lambda: all(trade.orderStatus.status == "Submitted" for trade in trades))
    await post(http, f"/orders/{trades[0].order.permId}/end", reason="Account closed")
    await post(http, f"/orders/{trades[1].order.permId}/end", code=0)
    await post(http, "/market", open=False, code=201, reason="Session over")
    await until("ends", lambda: all(trade.orderStatus.status == "Cancelled" for trade in trades) and len(received) == 2)
    first, last = trades[0].order.orderId, trades[2].order.orderId
    assert received == [(first, 202, "Order Canceled - reason:Account closed"), (last, 201, "Session over")]
    async with http.post(f"/orders/{trades[0].order.permId}/end") as answer:
        assert "is Cancelled" in (await answer.json())["error"]


async def test_drop_and_pause(http: aiohttp.ClientSession, gateway: Gateway, ib: IB, connect: Connect) -> None:
    """A lost connection, or a gateway that is away for a while, could not be simulated."""
    await post(http, "/connections/drop")
    await until("drop", lambda: not ib.isConnected())
    again = await connect(gateway)
    await post(http, "/listening/pause", seconds=1)
    await until("drop", lambda: not again.isConnected())
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", gateway.port)
    await until("listening again", lambda: _listens(gateway))
    await connect(gateway, 9)


def _listens(gateway: Gateway) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", gateway.port)) == 0


async def test_link_errors(http: aiohttp.ClientSession, ib: IB) -> None:
    """The loss of IB's own link could not be simulated."""
    received = errors(ib)
    await post(http, "/errors", code=1100)
    await post(http, "/errors", code=1102)
    await until("errors", lambda: [error[:2] for error in received] == [(-1, 1100), (-1, 1102)])
    assert "lost" in received[0][2]


async def test_frozen_quotes(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    """Quotes could not be made to stand still."""
    await post(http, "/quotes/frozen", frozen=True)
    assert gateway.quotes.step() == []
    await post(http, "/quotes/frozen", frozen=False)
    assert gateway.quotes.step()


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/faults", {"fault": "boom"}, "no such fault"),
        ("/faults", {}, "fault is missing"),
        ("/quotes", {"symbol": "AAPL", "bid": "2", "ask": "1"}, "0 < bid <= ask"),
        ("/quotes", {"symbol": "AAPL", "bid": "x", "ask": "1"}, "not a number"),
        ("/positions", {"symbol": "NOSUCH", "quantity": 1, "avg_cost": 1}, "no such ticker"),
        ("/orders", {"symbol": "AAPL", "action": "BUY", "quantity": "1.5"}, "10243"),
        ("/orders/1/fill", {}, "no such order"),
        ("/orders/x/cancel", {}, "invalid literal"),
        (
            "/quotes",
            {"symbol": "AAPL", "bid": "1", "ask": "2", "lats": "1"},
            "there is no lats here; there is ask, bid",
        ),
        ("/connections/degrade", {"fault": "hold"}, "no such fault of a connection"),
        ("/upstream", {"up": False, "orders": "x"}, "later or lost"),
        ("/splits", {"symbol": "AAPL", "new": 2, "old": 2}, "two different figures"),
        ("/splits", {"symbol": "AAPL", "new": 1, "old": 2, "con_id": 272093}, "MSFT's"),
        ("/renames", {"symbol": "AAPL", "to": "MSFT"}, "no stock has"),
        ("/listings", {"symbol": "NEW", "con_id": 0, "price": 1}, "above 0"),
        ("/halts", {"symbol": "AAPL", "halted": True, "kind": 3}, "kind 1 (general) or 2"),
        ("/halts", {"symbol": "NOSUCH", "halted": True}, "no such ticker"),
        ("/market/late", {"symbol": "NOSUCH", "seconds": 1}, "no such ticker"),
        ("/market/late", {"symbol": "AAPL", "seconds": -1}, "not 1.0 s before it"),
        ("/orders/1/end", {}, "no such order"),
        ("/restart", {"seconds": "x"}, "not a number"),
    ],
)
async def test_mistakes(http: aiohttp.ClientSession, path: str, body: dict[str, Any], why: str) -> None:
    """A wrong request would answer 500, or look as if it had worked."""
    async with http.post(path, json=body) as answer:
        assert answer.status == 400
        assert why in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "routes"),
    [
        ("GET", "/nowhere", 404, set(ROUTES)),
        ("POST", "/", 404, set(ROUTES)),
        ("POST", "/orders/1/nonsense", 404, set(ROUTES)),
        ("PUT", "/faults", 405, {"DELETE /faults", "GET /faults", "POST /faults"}),
        ("GET", "/orders/7/fill", 405, {"POST /orders/7/fill"}),
    ],
)
async def test_unknown_routes(
    http: aiohttp.ClientSession, *, method: str, path: str, status: int, routes: set[str]
) -> None:
    """A script with a misspelt route would get a page of text, and no word of the routes there are."""
    async with http.request(method, path) as answer:
        assert (answer.status, answer.content_type) == (status, "application/json")
        found = await answer.json()
    assert set(found["routes"]) == routes
    assert f"there is no {method} {path}" in found["error"]
    assert all(route in found["error"] for route in routes)
    allowed = {route.split()[0] for route in routes} if status == 405 else set()
    assert set(answer.headers.get("Allow", "").split(", ")) - {""} == allowed


@pytest.mark.parametrize("body", [b"not json", b"[1]", b"\xff"])
async def test_bodies_that_are_no_object(http: aiohttp.ClientSession, body: bytes) -> None:
    """A body that cannot be read would be answered with a page of text, or 500."""
    async with http.post("/faults", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_too_large_a_body(http: aiohttp.ClientSession) -> None:
    """An error of the HTTP server's own would be answered with a page of text."""
    async with http.post("/faults", data=io.BytesIO(b"x" * ((1 << 20) + 1))) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]


async def test_a_failure_of_the_gateway(
    http: aiohttp.ClientSession, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that cannot write its journal would answer with a page of text that names no reason."""

    def full(*_: object) -> None:
        raise GatewayError("cannot write the gateway's state file: No space left on device")

    monkeypatch.setattr(gateway.store, "append", full)
    async with http.post("/cash", json={"cash": "1"}) as answer:
        assert answer.status == 500
        assert "No space left" in (await answer.json())["error"]


async def test_control_port_in_use(gateway: Gateway) -> None:
    """A control port in use would fail without naming the port, or leave the gateway half open."""
    with pytest.raises(GatewayError, match=f"control port {gateway.control_port}"):
        async with open_gateway(settings(control_port=gateway.control_port)):
            pass


async def test_limit_order_of_a_client_stays_its_own(http: aiohttp.ClientSession, ib: IB) -> None:
    """A cancel by the account's owner would not be reported to the client whose order it was."""
    trade = ib.placeOrder(aapl(), limit("BUY", 1, 1.0))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    await post(http, f"/orders/{trade.order.permId}/cancel")
    await until("cancel", lambda: trade.orderStatus.status == "Cancelled")
