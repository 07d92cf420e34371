"""Brokers for tests, and waiting for what they tell."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any, TypeVar

from tradebot.broker import BrokerOptions, IbBroker, open_broker
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerEvent, Connected, Contract, Order
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse

AAPL = Contract(265598, "AAPL", "NASDAQ")
DEADLINE_S = 60.0
_E = TypeVar("_E", bound=BrokerEvent)


def broker_for(port: int, **options: Any) -> AbstractAsyncContextManager[IbBroker]:
    """A broker that loses little time on failures."""
    quick = {"backoff_s": (0.01, 0.05), "question_timeout_s": 2.0, "connect_timeout_s": 2.0, "quote_timeout_s": 0.5}
    return open_broker(BrokerOptions("127.0.0.1", port, **{**quick, **options}), Pulse(SystemClock()))


async def event(broker: IbBroker, kind: type[_E], fits: Callable[[_E], bool] = lambda _: True) -> _E:
    """The next event of that kind that fits; those before it are taken too."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            told = await broker.events.get()
            if isinstance(told, kind) and fits(told):
                return told


async def events_until(broker: IbBroker, last: Callable[[BrokerEvent], bool]) -> list[BrokerEvent]:
    """Everything told, up to and including the one that is the last."""
    told: list[BrokerEvent] = []
    async with asyncio.timeout(DEADLINE_S):
        while not told or not last(told[-1]):
            told.append(await broker.events.get())
    return told


async def connected(broker: IbBroker) -> Connected:
    return await event(broker, Connected)


def waiting(broker: IbBroker) -> list[BrokerEvent]:
    """Events that have come and were not taken."""
    return [broker.events.get_nowait() for _ in range(broker.events.qsize())]


def order(number: int = 1, side: Side = Side.BUY, qty: str = "10", contract: Contract = AAPL) -> Order:
    return Order(f"tb-{number}-0a1b2c3d", contract, side, Decimal(qty))


def place(broker: IbBroker, wanted: Order) -> int:
    """Place on the connection there is; the order id."""
    order_id = broker.next_order_id(1)
    broker.place(wanted, order_id, broker.connection.generation)
    return order_id
