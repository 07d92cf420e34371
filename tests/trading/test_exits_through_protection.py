"""Exits of shares that stops and targets protect, over the socket of a simulated gateway: never beside a stop that may live."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.bot import said
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import OrderStuck, Stuck
from tradebot.domain.instructions import Size, SizeKind, Verb
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import ExitSize, ExitSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.simgateway import entries as e
from tradebot.simgateway.model import Order

D = Decimal
AAPL = 265598
EXITS = Exits(stop_loss=Level(LevelKind.PERCENT, D(5)), take_profit=Level(LevelKind.PERCENT, D(10)))
EMA = Strategy(name="ema", exits=ExitSource.ALERT, exit_size=ExitSize.ALERT)


async def holds(make: MakeAtGateway, arm: Any = lambda gateway: None, **setup: Any) -> AtGateway:
    """Shares are bought, with a stop and a target at work, and everything about them is settled."""
    there = await make(None, arm, strategies=setup.pop("strategies", (EMA,)), **setup)
    await buys(there)
    return there


async def buys(there: AtGateway, strategy: str = "ema") -> None:
    alert_id = await there.bot.asks(strategy, Verb.BUY, exits=EXITS)
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    there.bot.clock.skip(11)


async def exits(there: AtGateway, strategy: str = "ema", **wanted: Any) -> int:
    return await there.bot.asks(strategy, Verb.EXIT, **wanted)


def selling(there: AtGateway) -> list[Order]:
    """SELL orders that live at the gateway."""
    return [one for one in there.gateway.book.live_orders() if one.ticket.action == "SELL"]


def sold(there: AtGateway) -> list[tuple[str, Decimal]]:
    """What has sold, in the order of the orders: type and shares."""
    orders = there.gateway.book.orders.values()
    return [(one.ticket.order_type, one.filled) for one in orders if one.ticket.action == "SELL" and one.filled]


def held(there: AtGateway) -> Decimal:
    position = there.gateway.book.positions.get(AAPL)
    return position.quantity if position is not None else D(0)


async def happens(there: AtGateway, so: Callable[[], bool], what: str, within_s: int = 120) -> None:
    async def is_so() -> bool:
        return so()

    await there.bot.sooner_or_later(is_so, what, within_s)


async def test_protected_shares_are_sold_and_nothing_is_left_at_ib(make_at_gateway: MakeAtGateway) -> None:
    """A SELL beside a stop that works would sell the shares twice; or it would be refused, for they are spoken for."""
    there = await holds(make_at_gateway)
    shares = held(there)
    alert_id = await exits(there)
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert sold(there) == [("MKT", shares)]
    assert (held(there), selling(there)) == (0, [])
    assert await there.bot.lots(LotStatus.OPEN) == []
    assert len(await there.bot.events(EventKind.PROTECTION_LIFTED)) == 2
    await there.bot.seconds(60, at_once=5)
    assert (held(there), selling(there)) == (0, [])
