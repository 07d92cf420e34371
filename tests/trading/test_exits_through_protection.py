"""Exits of shares that stops and targets protect, over the socket of a simulated gateway: never beside a stop that may live."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.bot import said
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import SplitSeen
from tradebot.domain.instructions import OrderTerms, Size, SizeKind, Verb
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import ExitSize, ExitSource, OrderSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.simgateway import corporate
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


async def test_an_exit_ends_the_group_that_waits_beside_its_shares(
    make_at_gateway: MakeAtGateway,
) -> None:
    """The entry would buy after its own exit, or the exit wait for days; a stop left of its group would sell what is not held."""
    there = await holds(make_at_gateway, strategies=(replace(EMA, orders=OrderSource.ALERT),))
    shares = held(there)
    waits = await there.bot.asks(
        "ema", Verb.BUY, order=OrderTerms(OrderType.LIMIT, D(200), tif=TimeInForce.GTC), exits=EXITS
    )
    await happens(there, lambda: len(there.gateway.book.live_orders()) == 5, "its group works")
    await there.bot.becomes(await exits(there), AlertStatus.EXECUTED)
    assert sold(there) == [("MKT", shares)]
    await there.bot.seconds(60, at_once=5)
    assert (held(there), there.gateway.book.live_orders()) == (0, [])
    group = [one for one in await there.bot.trades() if one.alert_id == waits]
    assert [one.status for one in group] == [TradeStatus.CANCELLED] * 3


async def test_a_stop_that_fills_as_it_is_cancelled_is_the_exit(make_at_gateway: MakeAtGateway) -> None:
    """IB refuses the cancel because the stop has just filled; a SELL after it would go short."""

    def arm(gateway: Any) -> None:
        gateway.faults.arm("fill_before_cancel", symbol="AAPL", action="SELL", order_type="STP")

    there = await holds(make_at_gateway, arm)
    shares = held(there)
    alert = await there.bot.becomes(await exits(there), AlertStatus.BLOCKED)
    assert "the stop of AAPL filled before IB could cancel it for this exit" in said(alert.reason)
    assert sold(there) == [("STP", shares)]
    await there.bot.seconds(60, at_once=5)
    assert (held(there), selling(there)) == (0, [])


async def test_what_the_target_has_sold_is_not_sold_again(make_at_gateway: MakeAtGateway) -> None:
    """The exit would sell as many shares as were bought, and go short by what the target filled."""
    there = await holds(make_at_gateway)
    shares = held(there)
    (target,) = [one for one in selling(there) if one.ticket.order_type == "LMT"]
    there.gateway.fill(target.perm_id, D(1), target.ticket.limit)
    await happens(there, lambda: held(there) == shares - 1, "the target has filled one")
    alert_id = await exits(there)
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert sold(there) == [("LMT", 1), ("MKT", shares - 1)]
    assert (held(there), selling(there)) == (0, [])


async def test_a_partial_exit_leaves_the_rest_protected(make_at_gateway: MakeAtGateway) -> None:
    """What stays held would stand without a stop, or its stop would sell more than there is."""
    there = await holds(make_at_gateway)
    shares, before = held(there), {one.perm_id for one in selling(there)}
    alert_id = await exits(there, size=Size(SizeKind.SHARES, D(1)))
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert held(there) == shares - 1
    assert {one.perm_id for one in selling(there)} == before
    assert [one.ticket.quantity for one in selling(there)] == [shares - 1, shares - 1]
    protection = [one for one in await there.bot.trades() if one.is_protective]
    assert [(one.requested_qty, one.status) for one in protection] == [(shares - 1, TradeStatus.SUBMITTED)] * 2
    await there.bot.seconds(60, at_once=5)
    assert {one.perm_id for one in selling(there)} == before


async def test_what_protects_another_strategys_shares_stays(make_at_gateway: MakeAtGateway) -> None:
    """One strategy's exit would leave the shares of another one without a stop."""
    other = Strategy(name="dca", exits=ExitSource.ALERT)
    there = await holds(make_at_gateway, strategies=(EMA, other))
    mine = {one.perm_id for one in selling(there)}
    await buys(there, "dca")
    shares = held(there) / 2
    theirs = {one.perm_id for one in selling(there)} - mine
    alert_id = await exits(there)
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert held(there) == shares
    assert {one.perm_id for one in selling(there)} == theirs


async def test_an_exit_that_is_refused_leaves_protection_in_place(make_at_gateway: MakeAtGateway) -> None:
    """Shares would lose their stop for an exit that never leaves."""
    there = await holds(make_at_gateway)
    before = {one.perm_id for one in selling(there)}
    assert await there.bot.switch.kill("owner")
    await there.bot.becomes(await exits(there), AlertStatus.BLOCKED)
    assert await there.bot.events(EventKind.PROTECTION_LIFTED) == []
    assert before <= set(there.gateway.book.orders)


async def test_an_exit_that_the_exchange_ends_is_sent_again(make_at_gateway: MakeAtGateway) -> None:
    """A stop that is placed anew meanwhile would count as the newer exit, or keep the rest from being sold."""

    def arm(gateway: Any) -> None:
        gateway.faults.arm(
            "ended", symbol="AAPL", action="SELL", order_type="MKT", reason="Cancelled by Exchange", filled=1
        )

    there = await holds(make_at_gateway, arm, options={"question_timeout_s": 10.0})
    shares = held(there)
    alert_id = await exits(there)

    async def all_sold() -> bool:
        return not held(there)

    await there.bot.sooner_or_later(all_sold, "all is sold", within_s=180)
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert sum(filled for _, filled in sold(there)) == shares
    assert selling(there) == []
    exits_sent = [one for one in await there.bot.trades() if one.role is OrderRole.EXIT]
    assert [one.status for one in exits_sent] == [TradeStatus.PARTIAL, TradeStatus.FILLED]


async def test_an_exit_beside_another_strategys_target_that_filled_in_part(make_at_gateway: MakeAtGateway) -> None:
    """A target may rest with a part of it filled for days: the exit of every other strategy would wait for it."""
    other = Strategy(name="dca", exits=ExitSource.ALERT)
    there = await holds(make_at_gateway, strategies=(EMA, other))
    mine = {one.perm_id for one in selling(there)}
    await buys(there, "dca")
    shares = held(there) / 2
    (target,) = [one for one in selling(there) if one.perm_id not in mine and one.ticket.order_type == "LMT"]
    there.gateway.fill(target.perm_id, D(1), target.ticket.limit)
    await happens(there, lambda: held(there) == 2 * shares - 1, "the target has filled one")
    there.bot.clock.skip(11)
    await there.bot.becomes(await exits(there), AlertStatus.EXECUTED)
    assert held(there) == shares - 1


async def test_protected_shares_that_were_split_are_sold(make_at_gateway: MakeAtGateway) -> None:
    """What IB ended with the split, or what is placed anew after it, would keep the shares from being sold."""
    there = await holds(make_at_gateway)
    shares = held(there)
    corporate.split(there.gateway, "AAPL", D(2), D(1))
    alert_id = await exits(there)
    facts = (await there.bot.told(EventKind.SPLIT_SEEN))[0].facts
    assert isinstance(facts, SplitSeen)
    assert await there.bot.events(EventKind.PROTECTION_LIFTED) == []
    assert await there.bot.operations.book_split(facts.split, "owner", "split:1")

    async def done() -> bool:
        return (await there.bot.row(alert_id)).status is AlertStatus.EXECUTED

    await there.bot.sooner_or_later(done, "the exit is done")
    assert sold(there) == [("MKT", shares * 2)]
    assert (held(there), selling(there)) == (0, [])


async def test_protected_shares_under_a_new_name_are_sold(make_at_gateway: MakeAtGateway) -> None:
    """The stop would not be found under the new name, and the exit sell beside it or not at all."""
    there = await holds(make_at_gateway)
    corporate.rename(there.gateway, "AAPL", "NEWCO")
    alert_id = await there.bot.asks("ema", Verb.EXIT, "NEWCO")
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert (held(there), selling(there)) == (0, [])


async def test_shares_that_are_gone_are_written_off_beside_a_stop(make_at_gateway: MakeAtGateway) -> None:
    """While a stop rests at IB, which it does for as long as shares are held, the books could never be put right."""
    there = await holds(make_at_gateway)
    shares = held(there)
    there.gateway.set_position("AAPL", shares - 1, D(228))
    await there.bot.second(11)
    found = await there.bot.queries.missing_shares("AAPL")
    assert not isinstance(found, NothingToWriteOff)
    assert await there.bot.operations.write_off(found[0], "owner", "gone")

    def cut() -> bool:
        return [one.ticket.quantity for one in selling(there)] == [shares - 1, shares - 1]

    await happens(there, cut, "stop and target are for what is left")
