"""What protects held shares, over the socket of a simulated gateway: each gap is closed, or told."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from tests.bot import Bot
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.strategies import ExitSource, OrderSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType
from tradebot.domain.trades import OrderRole, Trade
from tradebot.simgateway.model import Order

D = Decimal
AAPL = 265598
EXITS = Exits(stop_loss=Level(LevelKind.PERCENT, D(5)), take_profit=Level(LevelKind.PERCENT, D(10)))
BY_ALERT = Strategy(name="ema", orders=OrderSource.ALERT, exits=ExitSource.ALERT)


async def at_gateway(make: MakeAtGateway, arm: Any = lambda gateway: None, **setup: Any) -> AtGateway:
    return await make(None, arm, strategies=(setup.pop("strategy", BY_ALERT),), **setup)


async def buys(there: AtGateway, exits: Exits = EXITS, **asked: Any) -> int:
    return await there.bot.asks("ema", Verb.BUY, exits=exits, **asked)


async def holds(there: AtGateway, exits: Exits = EXITS) -> int:
    """Shares are bought, and everything about them is settled; how many."""
    await there.bot.becomes(await buys(there, exits), AlertStatus.EXECUTED)
    there.bot.clock.skip(11)
    return int(there.gateway.book.positions[AAPL].quantity)


def selling(there: AtGateway) -> list[Order]:
    """SELL orders that live at the gateway."""
    return [one for one in there.gateway.book.live_orders() if one.ticket.action == "SELL"]


def stops(there: AtGateway) -> list[Order]:
    return [one for one in selling(there) if one.ticket.is_stop]


async def trades(bot: Bot, role: OrderRole) -> list[Trade]:
    return [one for one in await bot.trades() if one.role is role]


async def happens(bot: Bot, so: Callable[[], bool], what: str) -> None:
    async def is_so() -> bool:
        return so()

    await bot.sooner_or_later(is_so, what)


async def unprotected(there: AtGateway) -> list[SharesUnprotected]:
    """What was told of shares without a stop, once it was."""

    async def told() -> bool:
        return bool(await there.bot.events(EventKind.SHARES_UNPROTECTED))

    await there.bot.sooner_or_later(told, "it is told that shares are unprotected")
    found = [event.facts for event in await there.bot.events(EventKind.SHARES_UNPROTECTED)]
    assert all(isinstance(one, SharesUnprotected) for one in found)
    return [one for one in found if isinstance(one, SharesUnprotected)]


async def test_a_stop_that_the_exchange_ends_is_placed_anew(make_at_gateway: MakeAtGateway) -> None:
    """Shares that are held would stand without their stop for as long as nobody looks."""
    there = await at_gateway(make_at_gateway)
    held = await holds(there)
    (old,) = stops(there)
    there.gateway.desk.end(old.perm_id, 202, "Cancelled by Exchange")
    await happens(there.bot, lambda: bool(stops(there)), "a stop works again")
    (new,) = stops(there)
    assert (new.ticket.quantity, new.ticket.stop, new.ticket.tif) == (held, old.ticket.stop, "GTC")
    assert new.ticket.parent_id == 0
    assert {one.ticket.oca_group for one in selling(there)} == {old.ticket.oca_group}
    assert len(await trades(there.bot, OrderRole.STOP)) == 2
