"""Fills in pieces with slippage, spreads, and the limit of messages a second."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.simgateway.conftest import Connect, aapl, client, errors, filled, limit, market, settings, until
from tests.adapters.simgateway.test_book import QUOTE, opened, place, ticket
from tradebot.simgateway import Gateway, natural, open_gateway, sessions
from tradebot.simgateway.model import Listing
from tradebot.simgateway.pace import Pace
from tradebot.simgateway.quotes import Quotes
from tradebot.simgateway.switches import Switches

NATURAL = Switches(fill_pieces_max=4, fill_min_s=0.05, fill_max_s=0.2, slippage_pct=0.5)


@pytest.fixture
async def pieces() -> AsyncIterator[Gateway]:
    async with open_gateway(settings(switches=NATURAL, control_port=0)) as gateway:
        yield gateway


@given(st.integers(1, 300), st.integers(1, 9), st.floats(0, 5), st.integers())
def test_pieces_make_the_whole_order(quantity: int, most: int, seconds: float, seed: int) -> None:
    """Shares would be left over or filled twice, or more pieces or time be taken than was asked for."""
    switches = Switches(fill_pieces_max=most, fill_min_s=seconds / 2, fill_max_s=seconds, slippage_pct=1)
    order = ticket(quantity=str(quantity))
    plan = natural.draw(random.Random(seed), switches, order, {})
    drawn = plan["natural"]
    assert 1 <= len(drawn) <= most
    assert sum(Decimal(each["shares"]) for each in drawn) == quantity
    assert all(Decimal(each["shares"]) > 0 and each["after_s"] >= 0 for each in drawn)
    assert seconds / 2 - 0.01 <= sum(each["after_s"] for each in drawn) <= seconds + 0.01
    book = opened("1000000")
    place(book, order, **plan)
    for each in drawn:
        at = natural.price(book.orders[1000], QUOTE, each["worse_pct"])
        assert QUOTE.bid <= at <= QUOTE.ask * Decimal("1.01")


def test_what_is_not_natural() -> None:
    """A limit order, an order with a fault about its fill, or a gateway that was not told would fill in pieces."""
    rng = random.Random(1)
    assert natural.draw(rng, Switches(), ticket(), {}) == {}
    assert natural.draw(rng, NATURAL, ticket(), {"hold": {}}) == {}
    assert natural.draw(rng, NATURAL, ticket(order_type="LMT", limit=Decimal(1)), {}) == {}


async def test_market_orders_fill_in_pieces(pieces: Gateway, connect: Connect) -> None:
    """The executions of an order would come at once, at one price, or not make its quantity."""
    ib = await connect(pieces)
    trades = [await filled(ib.placeOrder(aapl(), market("BUY", 20))) for _ in range(6)]
    trades.append(await filled(ib.placeOrder(aapl(), market("SELL", 20))))
    counts = [len(trade.fills) for trade in trades]
    assert max(counts) > 1
    assert {sum(fill.execution.shares for fill in trade.fills) for trade in trades} == {20}
    prices = {fill.execution.price for trade in trades for fill in trade.fills}
    assert len(prices) > 2
    assert all(226 < price < 229 for price in prices)
    assert pieces.book.positions[265598].quantity == 100
    placed = {line["perm_id"]: line["at"] for line in pieces.store.lines if line["kind"] == "accepted"}
    for order in pieces.book.orders.values():
        last = pieces.book.order_executions(order.perm_id)[-1].at
        assert last - datetime.fromisoformat(placed[order.perm_id]) >= timedelta(seconds=0.05)
    await filled(ib.placeOrder(aapl(), limit("BUY", 20, 300)))


async def test_a_halt_between_pieces(pieces: Gateway, connect: Connect) -> None:
    """An order would fill through a halt, or its rest never come."""
    ib = await connect(pieces)
    pieces.switches = Switches(fill_pieces_max=99, fill_min_s=0.2, fill_max_s=0.2)
    trade = ib.placeOrder(aapl(), market("BUY", 200))
    await until("first piece", lambda: trade.fills)
    sessions.halt(pieces, "AAPL")
    perm_id = trade.order.permId
    done = len(pieces.book.order_executions(perm_id))
    await until("looked at", lambda: perm_id not in pieces.desk._scheduled)
    assert len(pieces.book.order_executions(perm_id)) == done
    sessions.resume(pieces, "AAPL")
    await filled(trade)


async def test_a_restart_goes_on_with_the_same_pieces(tmp_path: Path, connect: Connect) -> None:
    """What was drawn for an order would be drawn again after a restart, and its rest fill otherwise or not at all."""
    slow = settings(
        state=tmp_path / "state.jsonl", switches=Switches(fill_pieces_max=9, fill_min_s=0.5, fill_max_s=0.5)
    )
    async with open_gateway(slow) as gateway:
        ib = await connect(gateway)
        ib.placeOrder(aapl(), market("BUY", 100))
        (order,) = await until("order", lambda: list(gateway.book.orders.values()))
    async with open_gateway(slow) as again:
        assert again.book.orders[order.perm_id].plan == order.plan
        await until("fill", lambda: again.book.orders[order.perm_id].status == "Filled")


def test_spread() -> None:
    """Quotes would keep the narrow spread that no stock but the largest has."""
    quotes = Quotes([Listing("X", 1, Decimal(200))], random.Random(1))
    while not quotes.step(0.5):
        pass
    quote = quotes["X"]
    assert quote.ask - quote.bid == pytest.approx(Decimal(1), abs=Decimal("0.02"))


@pytest.mark.parametrize(
    ("arrivals", "waited_s", "too_many"),
    [
        ([0.0] * 5, 0.0, 0),
        ([0.0] * 6, 0.0, 1),
        ([0.0] * 5 + [0.99], 0.0, 1),
        ([0.0] * 5 + [1.0] * 5, 0.0, 0),
        ([0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8], 0.0, 0),
        ([10.0] * 10, 1.0, 0),
        ([10.0] * 11, 1.0, 1),
    ],
)
def test_pace(arrivals: list[float], waited_s: float, too_many: int) -> None:
    """A client within the limit would be refused, or one beyond it served."""
    pace = Pace()
    assert sum(pace.exceeds(5, at + 100, waited_s) for at in arrivals) == too_many
    assert pace.violations == too_many


async def test_too_many_messages(gateway: Gateway, connect: Connect) -> None:
    """A client that sends too fast would be served as if nothing were, or be cut off at once."""
    ib = await connect(gateway)
    gateway.switches = Switches(messages_per_second_max=50)
    received = errors(ib)
    raw = client(ib).conn
    question = b"\0\0\0\x0549\x001\0"
    raw.sendMsg(question * 52)
    await until("refusals", lambda: len(received) == 2)
    assert [error[:2] for error in received] == [(-1, 100)] * 2
    assert received[0][2] == "Max rate of messages per second has been exceeded:max=50 rec=51 (1)"
    assert ib.isConnected()
    raw.sendMsg(question * 60)
    await until("cut off", lambda: not ib.isConnected())
