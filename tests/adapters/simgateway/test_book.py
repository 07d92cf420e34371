"""The exchange without sockets: money, orders and refusals, and that the journal gives the same state again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.simgateway import entries as e
from tradebot.simgateway import exchange
from tradebot.simgateway.book import Book, commission, trade
from tradebot.simgateway.faults import ORDER_FAULTS
from tradebot.simgateway.model import ZERO, Position, Quote, Ticket

D = Decimal
NOW = datetime(2025, 4, 15, 15, 0, tzinfo=UTC)
QUOTE = Quote(*[D(each) for each in ("99.99", "100.01", "100", "100", "100", "100", "100")])


def opened(cash: str = "100000") -> Book:
    book = Book()
    book.apply(e.Opened(NOW, "DU1", D(cash), 1000))
    return book


def ticket(action: str = "BUY", quantity: str = "10", order_id: int = 1, **more: Any) -> Ticket:
    return replace(Ticket(7, order_id, 265598, "AAPL", action, D(quantity), "MKT"), **more)


def run(book: Book, entries: list[e.Entry]) -> list[e.Entry]:
    for entry in entries:
        book.apply(entry)
    return entries


def place(book: Book, order: Ticket, **plan: object) -> list[e.Entry]:
    return run(book, exchange.place(book, order, lambda _: QUOTE.ask, plan, NOW))


def fill(book: Book, perm_id: int, shares: str, price: str) -> list[e.Entry]:
    return run(book, exchange.fill(book, book.orders[perm_id], D(shares), D(price), venue="IEX", now=NOW))


@pytest.mark.parametrize(
    ("shares", "fee"), [("1", "1"), ("200", "1.000"), ("201", "1.005"), ("1000", "5.000"), ("0", "0")]
)
def test_commission(shares: str, fee: str) -> None:
    """The fee would not be IB's fixed tariff: half a cent a share, at least a dollar."""
    assert commission(D(shares)) == D(fee)


def test_partial_fills_pay_the_minimum_once() -> None:
    """Each partial fill would be charged the order's minimum."""
    book = opened()
    place(book, ticket(quantity="300"))
    for shares in ("100", "100", "100"):
        fill(book, 1000, shares, "10")
    assert [each.commission for each in book.order_executions(1000)] == [D(1), ZERO, D("0.5")]
    assert book.cash == D(100000) - 3000 - D("1.5")
    assert [each.cum_qty for each in book.order_executions(1000)] == [100, 200, 300]


def test_round_trip() -> None:
    """A closed trade's result would differ from the change in cash."""
    book = opened()
    place(book, ticket())
    fill(book, 1000, "10", "100")
    place(book, ticket("SELL", order_id=2))
    fill(book, 1001, "10", "110")
    bought, sold = book.executions.values()
    assert (bought.realised, sold.realised) == (None, D(98))
    assert book.cash == D(100098)
    assert book.positions[265598].quantity == 0


def test_sell_beyond_the_position_is_a_short() -> None:
    """A margin account would refuse a short that IB accepts, or get its cost wrong."""
    book = opened()
    place(book, ticket())
    fill(book, 1000, "10", "100")
    entries = place(book, ticket("SELL", "15", order_id=2))
    assert [entry.kind for entry in entries] == ["accepted"]
    fill(book, 1001, "15", "90")
    held = book.positions[265598]
    assert held.quantity == -5
    assert held.avg_cost == pytest.approx(D(90) - D(1) / 15)
    assert book.cash == D(100000) - 1001 + 1350 - 1


def test_correction_replaces() -> None:
    """A corrected execution would be counted twice, in the order, the position or the cash."""
    book = opened()
    place(book, ticket())
    fill(book, 1000, "10", "100")
    place(book, ticket("SELL", "4", order_id=2))
    fill(book, 1001, "4", "110")
    root = next(iter(book.executions))
    (corrected,) = run(book, exchange.correct(book, root, D(10), D("101"), NOW))
    assert isinstance(corrected, e.Corrected)
    assert corrected.exec_id == f"{root}.02"
    assert (book.orders[1000].filled, book.orders[1000].avg_price) == (D(10), D(101))
    assert book.positions[265598].quantity == 6
    assert book.cash == D(100000) - 1010 - 1 + 440 - 1
    assert book.executions[next(reversed(book.executions))].realised == 4 * (110 - D("101.1")) - 1


def test_margin() -> None:
    """An account could spend what it does not have, by one order or by many."""
    book = opened("2000")
    assert [entry.kind for entry in place(book, ticket())] == ["accepted"]
    second = place(book, ticket(order_id=2))
    assert [entry.kind for entry in second] == ["accepted", "refused"]
    assert isinstance(second[1], e.Refused)
    assert second[1].code == 201
    assert second[1].text.startswith("Order rejected - reason:")
    assert book.orders[1001].status == "Inactive"
    run(book, exchange.cancel(book.orders[1000], NOW))
    assert [entry.kind for entry in place(book, ticket(order_id=3))] == ["accepted"]


def test_covering_a_short_needs_no_funds() -> None:
    """A short could not be closed by an account without free cash."""
    book = opened("0")
    run(book, [e.PositionSet(NOW, 265598, "AAPL", D(-10), D(100))])
    assert [entry.kind for entry in place(book, ticket())] == ["accepted"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (ticket(quantity="1.5"), 10243),
        (ticket(quantity="0"), 434),
        (ticket(quantity="-1"), 434),
        (ticket("HOLD"), 321),
        (ticket(order_id=2**31), 321),
        (ticket(quantity="1e12"), 321),
        (ticket(tif="SOON"), 321),
        (ticket(order_type="MOC"), 387),
        (ticket(order_type="STP"), 110),
        (ticket(order_type="LMT"), 110),
        (ticket(order_type="LMT", limit=D(-1)), 110),
        (ticket(), None),
        (ticket(order_type="LMT", limit=D(50)), None),
    ],
)
def test_refusals(order: Ticket, code: int | None) -> None:
    """An order that IB refuses would be taken, or refused under another code."""
    refused = exchange.refusal(opened(), order)
    assert (refused and refused[0]) == code


def test_order_ids() -> None:
    """A used id would make a second order; or a working order could not be changed under its id."""
    book = opened()
    limit = ticket(order_type="LMT", limit=D(50))
    place(book, limit)
    assert exchange.refusal(book, replace(limit, action="SELL")) == (103, "Duplicate order id")
    changed = replace(limit, limit=D(51))
    assert exchange.refusal(book, changed) is None
    assert [entry.kind for entry in place(book, changed)] == ["modified"]
    assert (len(book.orders), book.orders[1000].ticket.limit) == (1, D(51))
    fill(book, 1000, "10", "50")
    assert exchange.refusal(book, changed) == (103, "Duplicate order id")
    assert exchange.refusal(book, replace(changed, client_id=8)) is None
    assert (book.next_id(7), book.next_id(8)) == (2, 1)


@pytest.mark.parametrize(
    ("action", "limit", "fills"), [("BUY", "100.01", 10), ("BUY", "100", 0), ("SELL", "99.99", 10), ("SELL", "100", 0)]
)
def test_limit_orders_need_a_crossing_quote(action: str, limit: str, fills: int) -> None:
    """A limit order would fill at a price beyond its limit."""
    book = opened()
    place(book, ticket(action, order_type="LMT", limit=D(limit)))
    assert exchange.due(book.orders[1000], QUOTE) == fills


def test_cancel_refusals() -> None:
    """Cancels of strangers' or finished orders would be taken."""
    book = opened()
    place(book, ticket())
    refused = [exchange.cancel_refusal(book, *who) for who in ((7, 1), (8, 1), (7, 2))]
    assert [each and each[0] for each in refused] == [None, 10147, 10147]
    fill(book, 1000, "10", "100")
    late = exchange.cancel_refusal(book, 7, 1)
    assert late == (10148, "OrderId 1 that needs to be cancelled can not be cancelled, state: Filled.")


def test_no_more_than_ordered() -> None:
    """An order could fill beyond its quantity."""
    book = opened()
    place(book, ticket())
    with pytest.raises(ValueError, match="10 shares left"):
        fill(book, 1000, "11", "100")


trades = st.lists(st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 500)), min_size=1, max_size=30)


@given(trades)
def test_cash_and_positions_agree(steps: list[tuple[int, int]]) -> None:
    """Money would appear or vanish: results and costs must add up to the cash flow, whatever the order of trades."""
    position, cash = Position(1, "X", ZERO, ZERO), ZERO
    for shares, price in steps:
        position = trade(position, D(shares), D(price), D(1))
        cash -= D(shares) * price + 1
    assert abs(cash + position.quantity * position.avg_cost - position.realised) < D("1e-15")
    assert position.quantity == sum(shares for shares, _ in steps)


actions = st.lists(
    st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 50), st.integers(0, 50), st.sampled_from("ncxr")),
    max_size=25,
)


@given(actions)
def test_replay(steps: list[tuple[str, int, int, str]]) -> None:
    """A restart would give another account: the journal's lines, read back, must give the same state."""
    book = Book()
    written: list[e.Entry] = [e.Opened(NOW, "DU1", D(5000), 1000)]
    run(book, list(written))
    for number, (action, quantity, shares, then) in enumerate(steps, start=1):
        plan = {"reject": ORDER_FAULTS["reject"] | {"listed": True}} if then == "r" else {}
        written += place(book, ticket(action, str(quantity), order_id=number), **plan)
        perm_id = book.perm_next - 1
        order = book.orders[perm_id]
        if order.live and shares:
            written += fill(book, perm_id, str(min(shares, quantity)), "100.01")
            root = next(reversed(book.executions))
            if then == "x":
                written += run(book, exchange.correct(book, root, D(1), D(99), NOW))
        if then == "c" and book.orders[perm_id].live:
            written += run(book, exchange.cancel(book.orders[perm_id], NOW))
    again = Book()
    run(again, [e.from_json(json.loads(json.dumps(e.to_json(entry)))) for entry in written])
    assert vars(again) == vars(book)
