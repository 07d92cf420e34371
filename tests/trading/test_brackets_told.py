"""A bracket's life over the socket of a simulated gateway, as its owner is told of it."""

from decimal import Decimal

from tests.bot_fixtures import AtGateway, MakeAtGateway
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.domain.instructions import Verb
from tradebot.domain.strategies import ExitSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind
from tradebot.domain.trades import OrderRole, Trade
from tradebot.words import events as words

EXITS = Exits(stop_loss=Level(LevelKind.PERCENT, Decimal(5)), take_profit=Level(LevelKind.PERCENT, Decimal(10)))


async def bracketed(make: MakeAtGateway) -> AtGateway:
    """An entry has filled, and what protects it is told."""
    there = await make(None, strategies=(Strategy(name="ema", exits=ExitSource.ALERT),))
    await there.bot.becomes(await there.bot.asks("ema", Verb.BUY, exits=EXITS), AlertStatus.EXECUTED)
    await there.bot.told(EventKind.PROTECTION_WORKS)
    there.bot.clock.skip(11)
    return there


async def order(there: AtGateway, role: OrderRole) -> Trade:
    (one,) = [one for one in await there.bot.trades() if one.role is role]
    return one


async def told(there: AtGateway, kind: EventKind) -> Event:
    async def is_told() -> bool:
        return bool(await there.bot.events(kind))

    await there.bot.sooner_or_later(is_told, f"{kind} is told")
    (event,) = await there.bot.events(kind)
    return event


async def test_what_protects_is_told_with_its_prices_once(make_at_gateway: MakeAtGateway) -> None:
    """The owner would not know where his shares are sold, or hear of it with each word of IB's."""
    there = await bracketed(make_at_gateway)
    stop, target = await order(there, OrderRole.STOP), await order(there, OrderRole.TARGET)
    said = words.text(await told(there, EventKind.PROTECTION_WORKS))
    assert said.startswith(f"AAPL: stop ${stop.stop_price:.2f}, target ${target.limit_price:.2f} working for "), said
    await there.bot.seconds(30, at_once=10)
    await told(there, EventKind.PROTECTION_WORKS)


async def test_a_stop_out_is_one_message_and_no_alarm(make_at_gateway: MakeAtGateway) -> None:
    """A loss that was planned would come as a row of warnings; or its target's end as a failure."""
    there = await bracketed(make_at_gateway)
    stop, before = await order(there, OrderRole.STOP), len(await there.bot.events())
    assert stop.stop_price is not None
    low = stop.stop_price - 1
    there.gateway.set_quote("AAPL", low, low, low)
    said = words.text(await told(there, EventKind.STOPPED_OUT))
    assert said.startswith(f"Stopped out {stop.requested_qty:f} AAPL at $"), said
    assert f"It stood at ${stop.stop_price:.2f}." in said
    await told(there, EventKind.PROTECTION_ENDED)
    await there.bot.seconds(30, at_once=10)
    since = (await there.bot.events())[before:]
    assert {one.severity for one in since} <= {Severity.TRACE, Severity.INFO}, [words.text(one) for one in since]


async def test_a_stop_that_a_person_cancels_here_is_not_put_back(make_at_gateway: MakeAtGateway) -> None:
    """The button would do nothing for longer than a moment: the bot would place another stop in its place."""
    there = await bracketed(make_at_gateway)
    stop = await order(there, OrderRole.STOP)
    assert await there.bot.operations.cancel_order(stop.id, "Ann")
    unprotected = (await told(there, EventKind.SHARES_UNPROTECTED)).facts
    assert isinstance(unprotected, SharesUnprotected)
    assert unprotected.code is Unprotected.AS_ASKED
    await there.bot.seconds(60, at_once=10)
    assert len([one for one in await there.bot.trades() if one.role is OrderRole.STOP]) == 1
    cancelling = await told(there, EventKind.ORDER_CANCELLING)
    assert "is being cancelled, as Ann asked." in words.text(cancelling)
