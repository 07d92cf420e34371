"""What protects held shares, over the socket of a simulated gateway: each gap is closed, or told."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.database.samples import an_alert
from tests.bot import Bot
from tests.bot_fixtures import AtGateway, MakeAtGateway, MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import OrderState
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.orders import Changed, ProtectionChanged, SharesUnprotected, Unprotected
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import ExitSource, OrderSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType
from tradebot.domain.trades import NewTrade, OrderRole, Trade, TradeStatus
from tradebot.simgateway import Gateway, entries
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
    return await found(there)


async def found(there: AtGateway) -> list[SharesUnprotected]:
    events = await there.bot.events(EventKind.SHARES_UNPROTECTED)
    return [event.facts for event in events if isinstance(event.facts, SharesUnprotected)]


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


async def test_a_stop_that_the_owner_cancels_stays_cancelled_and_is_told(make_at_gateway: MakeAtGateway) -> None:
    """The bot would put back what its owner took away; or keep silent about shares without a stop."""
    there = await at_gateway(make_at_gateway)
    held = await holds(there)
    there.gateway.desk.end(stops(there)[0].perm_id)
    (told,) = await unprotected(there)
    assert (told.code, told.left) == (Unprotected.CANCELLED, held)
    await there.bot.seconds(60, at_once=10)
    assert not stops(there)
    assert len(await unprotected(there)) == 1


async def test_the_owner_has_it_protected_again(make_at_gateway: MakeAtGateway) -> None:
    """The button under that message would do nothing, or more than once."""
    there = await at_gateway(make_at_gateway)
    held = await holds(there)
    there.gateway.desk.end(stops(there)[0].perm_id)
    await unprotected(there)
    (entry,) = await trades(there.bot, OrderRole.ENTRY)
    assert await there.bot.operations.protect_again(entry.id, "owner", "button-1")
    assert not await there.bot.operations.protect_again(entry.id, "owner", "button-1")
    await happens(there.bot, lambda: bool(stops(there)), "a stop works again")
    assert [one.ticket.quantity for one in stops(there)] == [held]


LIMIT = OrderTerms(OrderType.LIMIT, limit_price=D(220))


def armed(name: str, **how: Any) -> Any:
    """The next stop meets this fault."""

    def arm(gateway: Any) -> None:
        gateway.faults.arm(name, symbol="AAPL", order_type="STP", **how)

    return arm


async def test_a_group_of_which_ib_shows_a_part_is_cancelled(make_at_gateway: MakeAtGateway) -> None:
    """An entry without its stop would buy, or the stop that is in no list come to life one day."""
    there = await at_gateway(make_at_gateway, armed("swallow"))
    await buys(there, order=LIMIT)
    live = there.gateway.book.live_orders

    async def group_is_there() -> bool:
        return len(live()) == 2

    await there.bot.until(group_is_there, "entry and target are at the gateway")
    await happens(there.bot, lambda: not live(), "nothing of it is left")
    assert {one.ticket.order_type for one in there.gateway.book.orders.values()} == {"LMT"}
    assert len(await there.bot.trades()) == 3  # not judged again


@pytest.mark.parametrize("lost", ["STP", "LMT"])
async def test_what_ib_never_showed_ends_with_an_entry_that_bought_nothing(
    make_at_gateway: MakeAtGateway, lost: str
) -> None:
    """A lost child would stay in doubt for good: its ticker frozen, and with two of them all BUYs paused."""

    def arm(gateway: Gateway) -> None:
        gateway.faults.arm("swallow", action="SELL", order_type=lost)
        gateway.switches = replace(gateway.switches, untransmitted_listed=True)

    there = await at_gateway(make_at_gateway, arm)
    await buys(there, order=LIMIT)

    async def is_over() -> bool:
        return {one.status for one in await there.bot.trades()} == {TradeStatus.CANCELLED, TradeStatus.FAILED}

    await there.bot.sooner_or_later(is_over, "all of its group is over")
    assert not there.gateway.book.live_orders()
    assert not await there.bot.events(EventKind.ORDER_UNKNOWN)
    assert await holds(there)  # it trades on


async def test_shares_whose_stop_ib_rejects_get_another_one(make_at_gateway: MakeAtGateway) -> None:
    """A bracket's child that IB rejects would leave what was bought without a stop."""
    there = await at_gateway(make_at_gateway, armed("reject", code=201))
    held = await holds(there)
    await happens(there.bot, lambda: bool(stops(there)), "another stop works")
    (stop,) = stops(there)
    assert (stop.ticket.quantity, stop.ticket.parent_id) == (held, 0)


async def test_a_stop_that_comes_as_day_is_replaced(make_at_gateway: MakeAtGateway) -> None:
    """A preset that turns GTC into DAY would leave the shares alone at night."""
    there = await at_gateway(make_at_gateway, armed("tif_becomes", tif="DAY"))
    await holds(there)
    await happens(
        there.bot, lambda: [one.ticket.tif for one in stops(there)] == ["GTC"], "the stop is good till cancelled"
    )


async def test_a_stop_that_never_triggers_is_told(make_at_gateway: MakeAtGateway) -> None:
    """The market falls through the stop, and nobody hears of it."""
    there = await at_gateway(make_at_gateway, armed("never_triggers"))
    await holds(there)
    there.gateway.set_quote("AAPL", D(200), D("200.02"), D(200))
    (told,) = await unprotected(there)
    assert told.code is Unprotected.NOT_TRIGGERED
    assert len(stops(there)) == 1


async def test_what_the_owner_sells_is_taken_off_the_stop_at_once(make_at_gateway: MakeAtGateway) -> None:
    """The stop would sell what the owner has sold already, and go short; the kill switch is no excuse."""
    there = await at_gateway(make_at_gateway, limits=Limits(buy_amount_usd=D(2000)))
    held = await holds(there)
    await there.bot.operations.kill("owner")
    there.gateway.owner_order("AAPL", "SELL", D(3))
    await happens(
        there.bot,
        lambda: {one.ticket.quantity for one in selling(there)} == {held - 3},
        "stop and target are as large as what is held",
    )
    assert len(selling(there)) == 2
    await there.bot.seconds(30, at_once=5)
    assert [(one.ticket.quantity, one.status) for one in stops(there)] == [(held - 3, "PreSubmitted")]


async def test_what_the_owner_moves_in_tws_stands(make_at_gateway: MakeAtGateway) -> None:
    """The books would show another stop than the one that works, or the bot move it back."""
    there = await at_gateway(make_at_gateway)
    await holds(there)
    (stop,) = stops(there)
    await there.bot.seconds(6)
    there.gateway.commit(entries.Modified(stop.accepted_at, stop.perm_id, stop.ticket.quantity, None, D(210)))

    async def followed() -> bool:
        (trade,) = await trades(there.bot, OrderRole.STOP)
        return trade.stop_price == D(210)

    await there.bot.sooner_or_later(followed, "the books have the owner's price")
    (told,) = await there.bot.events(EventKind.PROTECTION_CHANGED)
    assert isinstance(told.facts, ProtectionChanged)
    assert told.facts.code is Changed.BY_OWNER
    assert [one.stop for one in stops(there)] == [D(210)]


async def test_what_is_bought_of_an_entry_that_ends_is_protected(make_at_gateway: MakeAtGateway) -> None:
    """Of an entry that is cancelled when it is filled in part, IB may take the stop along."""
    there = await at_gateway(make_at_gateway, limits=Limits(buy_amount_usd=D(2000)))
    there.gateway.switches = replace(there.gateway.switches, cut_parent="cancels")
    await buys(there, order=LIMIT)

    async def waits() -> bool:
        return len(there.gateway.book.live_orders()) == 3

    await there.bot.until(waits, "the group is at the gateway")
    entry = next(one for one in there.gateway.book.live_orders() if one.ticket.action == "BUY")
    there.gateway.fill(entry.perm_id, D(4), D(220))
    there.gateway.desk.end(entry.perm_id)
    await happens(there.bot, lambda: bool(stops(there)), "what was bought has a stop")
    assert [one.ticket.quantity for one in stops(there)] == [4]


async def test_a_target_in_part_leaves_a_stop_for_the_rest(make_at_gateway: MakeAtGateway) -> None:
    """A stop that IB made smaller would be taken for unfilled when it has sold all there was."""
    there = await at_gateway(make_at_gateway, limits=Limits(buy_amount_usd=D(2000)))
    held = await holds(there)
    target = next(one for one in selling(there) if not one.ticket.is_stop)
    there.gateway.fill(target.perm_id, D(3), D(251))
    there.gateway.set_quote("AAPL", D(200), D("200.02"), D(200))
    (stop,) = await trades(there.bot, OrderRole.STOP)
    done = await there.bot.turns(stop.order_ref, TradeStatus.FILLED)
    assert (done.filled_qty, done.requested_qty) == (held - 3, held - 3)
    assert not there.gateway.book.positions[AAPL].quantity
    await happens(there.bot, lambda: not selling(there), "nothing is left to sell")


async def test_what_went_missing_while_ib_was_away_is_mended_before_anything_trades(
    make_at_gateway: MakeAtGateway,
) -> None:
    """After a break of the connection orders would leave while held shares stand without their stop."""
    there = await at_gateway(make_at_gateway)
    await holds(there)
    (stop,) = stops(there)
    opened = len(await there.bot.events(EventKind.GATE_OPENED))
    there.gateway.drop_all()
    there.gateway.desk.end(stop.perm_id, 202, "Cancelled by Exchange")

    async def open_again() -> bool:
        return len(await there.bot.events(EventKind.GATE_OPENED)) > opened

    await there.bot.sooner_or_later(open_again, "the gate is open again")
    events = await there.bot.events(EventKind.GATE_OPENED, EventKind.SHARES_UNPROTECTED)
    # Nobody was there to hear why it had ended: that is told, before the gate opens.
    assert [event.kind for event in events[-2:]] == [EventKind.SHARES_UNPROTECTED, EventKind.GATE_OPENED]


async def test_an_intent_that_did_not_leave_is_followed_by_another_one(make_at_gateway: MakeAtGateway) -> None:
    """A process that dies between the intent and its frame would leave the shares alone, or another one send it twice."""
    there = await at_gateway(make_at_gateway)
    held = await holds(there)
    there.gateway.desk.end(stops(there)[0].perm_id, 202, "Cancelled by Exchange")

    async def lost() -> None:
        there.gateway.drop_all()
        while there.broker.connection.up:
            await there.bot.moment()

    await there.bot.after_decision(lost)
    await happens(there.bot, lambda: bool(stops(there)), "a stop works again")
    assert [one.ticket.quantity for one in stops(there)] == [held]
    first, lost_one, *later = await trades(there.bot, OrderRole.STOP)
    assert (first.status, lost_one.status) == (TradeStatus.CANCELLED, TradeStatus.FAILED)
    assert len(later) == 1


async def test_an_exit_that_comes_between_keeps_the_stop_from_leaving(make_at_gateway: MakeAtGateway) -> None:
    """Stop and exit would both sell the same shares."""
    there = await at_gateway(make_at_gateway)
    await holds(there)
    (stop,) = await trades(there.bot, OrderRole.STOP)
    there.gateway.desk.end(stops(there)[0].perm_id, 202, "Cancelled by Exchange")

    async def exit_is_decided() -> None:
        async with there.bot.ledger.begin() as books:
            alert_id = await books.insert_alert(an_alert(action=Side.SELL, strategy="ema"))
            assert alert_id is not None
            known = {name: getattr(stop, name) for name in NewTrade.__dataclass_fields__ if name != "decision"}
            known |= {"alert_id": alert_id, "role": OrderRole.EXIT, "order_ref": f"tb-{alert_id}-exit"}
            await books.insert_trade(NewTrade(**{**known, "parent_trade_id": None}, decision={}))

    await there.bot.after_decision(exit_is_decided)

    async def not_sent() -> bool:
        return [one.status for one in await trades(there.bot, OrderRole.STOP)][1:] == [TradeStatus.FAILED]

    await there.bot.sooner_or_later(not_sent, "the new stop is not sent")
    assert not stops(there)


async def test_the_stop_goes_to_the_entry_price_after_the_gain(make_at_gateway: MakeAtGateway) -> None:
    """A gain that was to be kept from becoming a loss is not."""
    strategy = replace(BY_ALERT, break_even_after=Level(LevelKind.PERCENT, D(2)))
    there = await at_gateway(make_at_gateway, strategy=strategy)
    await holds(there)
    bought = (await there.bot.lots())[0].entry_price
    there.gateway.set_quote("AAPL", D(240), D("240.02"), D(240))
    await happens(
        there.bot, lambda: [one.stop for one in stops(there)] == [bought], "the stop stands at the entry price"
    )
    (trade,) = await trades(there.bot, OrderRole.STOP)
    assert trade.stop_price == bought


async def test_a_stop_that_ib_never_shows_is_not_sent_twice(make_at_gateway: MakeAtGateway) -> None:
    """Behind a dialog it may still leave: with another one in its place the shares would be sold twice."""
    there = await at_gateway(make_at_gateway)
    await holds(there)
    there.gateway.faults.arm("swallow", symbol="AAPL", order_type="STP")
    there.gateway.desk.end(stops(there)[0].perm_id, 202, "Cancelled by Exchange")

    async def told() -> bool:
        codes = [one.code for one in await found(there)]
        return codes[-1:] in ([Unprotected.NOT_SHOWN], [Unprotected.IN_DOUBT])

    await there.bot.sooner_or_later(told, "it is told that IB does not show the stop")
    await there.bot.seconds(90, at_once=10)
    assert len(await trades(there.bot, OrderRole.STOP)) == 2
    assert not stops(there)


@pytest.mark.parametrize("level", [Level(LevelKind.PERCENT, D(5)), Level(LevelKind.PRICE, D(216))], ids=str)
async def test_a_change_that_never_left_is_not_taken_for_the_owners(
    make_at_gateway: MakeAtGateway, level: Level
) -> None:
    """A process that died between a stored change and its frame would tell the owner of what he never did."""
    there = await at_gateway(make_at_gateway)
    await holds(there, Exits(stop_loss=level))
    (stop,) = await trades(there.bot, OrderRole.STOP)
    changed = replace(stop.terms, stop_price=D(220))
    before, after = (f"{stop.requested_qty:f} {terms}" for terms in (stop.terms, changed))
    async with there.bot.ledger.begin() as books:
        await books.change_terms(stop.id, changed, stop.requested_qty)
        facts = ProtectionChanged.of(stop, code=Changed.BREAK_EVEN, role=stop.role, before=before, after=after)
        await books.add_event(NewEvent(facts, there.bot.clock.now(), stop.alert_id, stop.id))

    async def as_at_ib() -> bool:
        return (await there.bot.trade(stop.order_ref)).terms == stop.terms

    await there.bot.sooner_or_later(as_at_ib, "the books have what works at IB")
    changes = [event.facts for event in await there.bot.events(EventKind.PROTECTION_CHANGED)]
    codes = [facts.code for facts in changes if isinstance(facts, ProtectionChanged)]
    assert codes == [Changed.BREAK_EVEN, Changed.NOT_TAKEN]


async def test_a_stop_is_placed_also_under_the_kill_switch(make_at_gateway: MakeAtGateway) -> None:
    """The kill switch is to keep the bot from trading, not to leave what is held alone."""
    there = await at_gateway(make_at_gateway)
    held = await holds(there)
    await there.bot.operations.kill("owner")
    for one in selling(there):
        there.gateway.desk.end(one.perm_id, 202, "Cancelled by Exchange")
    await happens(there.bot, lambda: bool(stops(there)), "a stop works again")
    await there.bot.seconds(30, at_once=5)
    assert [(one.ticket.order_type, one.ticket.quantity) for one in selling(there)] == [("STP", held)]  # and no target


async def test_what_ib_does_not_make_smaller_is_cancelled(make_bot: MakeBot) -> None:
    """A stop whose change IB does not take would go on to sell more than is held."""
    bot = await make_bot(strategies=(BY_ALERT,), limits=Limits(buy_amount_usd=D(1000)))
    await bot.start()
    alert_id = await bot.asks("ema", Verb.BUY, exits=EXITS)
    await bot.sent(3)
    entry, *children = await bot.trades()
    bot.broker.fill(entry.order_ref, int(entry.requested_qty), 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    for one in children:
        bot.broker.show(one.order_ref, OrderState.WORKING)
        await bot.turns(one.order_ref, TradeStatus.SUBMITTED)
    bot.clock.skip(11)
    bot.broker.held = {entry.con_id: entry.requested_qty - 3}
    bot.broker.takes_orders = False

    async def cancelled() -> bool:
        return {one.order_ref for one in children} <= set(bot.broker.cancels)

    await bot.sooner_or_later(cancelled, "stop and target are cancelled")
    changes = [order.qty for order in bot.broker.sent[3:]]
    assert changes == [entry.requested_qty - 3] * 4  # twice each, before


async def test_one_answer_of_ib_s_cancels_nothing(make_at_gateway: MakeAtGateway) -> None:
    """An answer without the position, as IB gives one now and then, would cost the shares their stop."""
    there = await at_gateway(make_at_gateway)
    await holds(there)
    before = [one.perm_id for one in selling(there)]
    there.gateway.faults.arm("leave_out", question="reqPositions", symbol="AAPL")

    async def met() -> bool:
        return not there.gateway.faults.armed()

    await there.bot.sooner_or_later(met, "the answer has come")
    await there.bot.seconds(20, at_once=5)
    assert [one.perm_id for one in selling(there)] == before
    assert not await there.bot.events(EventKind.ORDER_CANCELLING, EventKind.SHARES_UNPROTECTED)
