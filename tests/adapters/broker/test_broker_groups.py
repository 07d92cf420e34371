"""Orders of every type, and groups of them, over the simulated gateway: they arrive as they were meant, whole or not at all."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import ib_async
import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected
from tests.adapters.simgateway.conftest import settings, until
from tradebot.broker import IbBroker
from tradebot.broker import client as tws
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Numbered, Order, Terms
from tradebot.domain.trades import OrderType, TimeInForce
from tradebot.errors import BrokerUnavailable
from tradebot.simgateway import Gateway, open_gateway

D = Decimal
TILL = datetime(2099, 1, 4, 20, 30, tzinfo=UTC)
GTC = TimeInForce.GTC


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway(settings()) as opened:
        opened.set_quote("AAPL", D("199.99"), D("200.01"), D(200))
        yield opened


@pytest.fixture
async def broker(gateway: Gateway) -> AsyncIterator[IbBroker]:
    async with broker_for(gateway.port) as opened:
        await connected(opened)
        yield opened


def an_order(number: int, side: Side, terms: Terms, **more: object) -> Order:
    return Order(f"tb-{number}-0a1b2c3d", AAPL, side, D(10), terms, **more)  # type: ignore[arg-type]


def bracket(broker: IbBroker) -> list[Numbered]:
    """A limit with its stop and its target."""
    first, second, third = (broker.next_order_id(1) for _ in range(3))
    tied = {"parent_id": first, "oca_group": "g1"}
    stop = Terms(OrderType.STOP, stop_price=D("195.50"), tif=GTC)
    target = Terms(OrderType.LIMIT, limit_price=D(220), tif=GTC)
    return [
        Numbered(an_order(1, Side.BUY, Terms(OrderType.LIMIT, limit_price=D(199))), first),
        Numbered(an_order(2, Side.SELL, stop, **tied), second),
        Numbered(an_order(3, Side.SELL, target, **tied), third),
    ]


@pytest.mark.parametrize(
    "terms",
    [
        Terms(),
        Terms(OrderType.LIMIT, limit_price=D("150.25"), outside_rth=True),
        Terms(OrderType.LIMIT, limit_price=D(150), tif=TimeInForce.GTD, good_till=TILL),
        Terms(OrderType.STOP, stop_price=D(250), tif=GTC),
        Terms(OrderType.STOP_LIMIT, limit_price=D(251), stop_price=D(250), tif=GTC),
        Terms(OrderType.TRAILING_STOP, stop_price=D(201), trail_amount=D("2.5"), tif=GTC),
        Terms(OrderType.TRAILING_STOP, stop_price=D(201), trail_pct=D(3), tif=GTC),
    ],
)
async def test_every_kind_of_order_arrives_and_is_shown_as_it_was_meant(
    broker: IbBroker, gateway: Gateway, terms: Terms
) -> None:
    """An order would work at another price, or for another time, than was decided; or could not be compared with what was."""
    if terms.type is OrderType.MARKET:
        gateway.faults.arm("hold")
    broker.place(an_order(1, Side.BUY, terms), broker.next_order_id(1), broker.connection.generation)
    await until("it is there", lambda: gateway.book.orders)
    (shown,) = await broker.open_orders()
    assert (shown.terms, shown.order_ref) == (terms, "tb-1-0a1b2c3d")


async def test_a_group_arrives_in_one_piece(
    broker: IbBroker, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent would go to work without its stop, or the children of another order be taken for its own."""
    group = bracket(broker)
    session = broker._link.session
    assert session is not None
    transport = session.client.conn.transport
    assert transport is not None
    writes, write = list[bytes](), transport.write

    def noted(data: bytes) -> None:
        writes.append(data)
        write(data)

    monkeypatch.setattr(transport, "write", noted)
    broker.place_group(group, broker.connection.generation)
    assert len(writes) == 1
    await until("all are there", lambda: [each.sent for each in gateway.book.orders.values()] == [True] * 3)
    tickets = [each.ticket for each in gateway.book.orders.values()]
    assert [(each.order_type, each.tif, each.parent_id, each.oca_group, each.oca_type) for each in tickets] == [
        ("LMT", "DAY", 0, "", 0),
        ("STP", "GTC", group[0].order_id, "g1", 2),
        ("LMT", "GTC", group[0].order_id, "g1", 2),
    ]
    assert [each.transmit for each in tickets] == [False, False, True]
    assert [each.terms for each in await broker.open_orders()] == [each.order.terms for each in group]


async def test_a_group_that_cannot_go_whole_does_not_go(
    broker: IbBroker, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three orders would leave, and the stop a second later, or never."""
    session = broker._link.session
    assert session is not None
    group = bracket(broker)
    while tws.has_room(session.client, len(group)):
        session.client.reqCurrentTime()
    with pytest.raises(BrokerUnavailable, match="too many messages"):
        broker.place_group(group, broker.connection.generation)
    await until("there is room again", lambda: tws.has_room(session.client, 45))
    assert not gateway.book.orders
    place, placed = session.client.placeOrder, list[int]()

    def fails_at_the_second(order_id: int, contract: ib_async.Contract, order: ib_async.Order) -> None:
        placed.append(order_id)
        if len(placed) == 2:
            raise ValueError("it cannot be written")
        place(order_id, contract, order)

    monkeypatch.setattr(session.client, "placeOrder", fails_at_the_second)
    with pytest.raises(BrokerUnavailable, match="not sent"):
        broker.place_group(group, broker.connection.generation)
    assert not await broker.open_orders()


async def test_a_working_order_is_changed_under_its_id(broker: IbBroker, gateway: Gateway) -> None:
    """A stop that is moved would be a second one, which sells the same shares again."""
    order_id, generation = broker.next_order_id(1), broker.connection.generation
    stop = Terms(OrderType.STOP, stop_price=D(195), tif=GTC)
    broker.place(an_order(1, Side.SELL, stop), order_id, generation)
    await until("it is there", lambda: gateway.book.orders)
    moved = Terms(OrderType.STOP, stop_price=D(198), tif=GTC)
    broker.place(an_order(1, Side.SELL, moved), order_id, generation)
    await until("it has moved", lambda: next(iter(gateway.book.orders.values())).stop == 198)
    (shown,) = await broker.open_orders()
    assert (shown.terms, len(gateway.book.orders)) == (moved, 1)


async def test_orders_of_other_types_are_shown_without_terms(broker: IbBroker, gateway: Gateway) -> None:
    """An order that the bot does not understand would be taken for one that it does."""
    limit = an_order(1, Side.BUY, Terms(OrderType.LIMIT, limit_price=D(150)))
    broker.place(limit, broker.next_order_id(1), broker.connection.generation)
    await until("it is there", lambda: gateway.book.orders)
    ((perm_id, order),) = gateway.book.orders.items()
    gateway.book.orders[perm_id] = replace(order, ticket=replace(order.ticket, order_type="REL"))
    (shown,) = await broker.open_orders()
    assert shown.terms is None
