"""Protection that an exit lifts: what IB does not answer, what stops the exit, and a process that ends in between."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Contract, ErrorKind, Numbered, Order, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import OrderStuck, Stuck
from tradebot.domain.instructions import Size, SizeKind, Verb
from tradebot.domain.strategies import ExitSize, Strategy
from tradebot.domain.terms import OrderType, Terms, TimeInForce, columns
from tradebot.domain.trades import NewTrade, OrderRole, Trade, TradeStatus
from tradebot.ports import PositionReport
from tradebot.trading.second_look import position_report
from tradebot.words import events as words

D = Decimal
AAPL = Contract(CON_IDS["AAPL"], "AAPL", "NASDAQ")
STOP = Terms(OrderType.STOP, stop_price=D(95), tif=TimeInForce.GTC)
TARGET = Terms(OrderType.LIMIT, limit_price=D(110), tif=TimeInForce.GTC)
ROLES = ((OrderRole.STOP, STOP), (OrderRole.TARGET, TARGET))


def shows_what_it_takes(bot: Bot) -> None:
    """IB answers each order at once."""

    def soon(order: Order) -> None:
        asyncio.get_running_loop().call_soon(bot.broker.show, order.order_ref)

    bot.broker.on_place = soon


async def holds(bot: Bot, shares: int = 5) -> tuple[str, str]:
    """A lot with a stop and a target at work; their order refs."""
    shows_what_it_takes(bot)
    entry = await bot.owns(shares)
    bot.broker.avg_costs[AAPL.con_id] = D("100.2")
    stop, target = [await protects(bot, entry, role, terms) for role, terms in ROLES]
    bot.clock.skip(11)
    return stop, target


async def protects(bot: Bot, entry: Trade, role: OrderRole, terms: Terms) -> str:
    """An order of the entry's that IB has at work: its reference."""
    new = NewTrade(
        alert_id=entry.alert_id,
        ticker=entry.ticker,
        con_id=entry.con_id,
        side=Side.SELL,
        requested_qty=entry.filled_qty,
        order_ref=f"tb-{entry.alert_id}-{role.lower()}",
        ib_position_before=D(0),
        reserved=D(0),
        created_at=bot.clock.now(),
        strategy=entry.strategy,
        role=role,
        group_id=f"{entry.order_ref}-g",
        parent_trade_id=entry.id,
        decision={},
        **columns(terms),
    )
    order_id = bot.broker.next_order_id(100)
    async with bot.ledger.begin() as books:
        await books.save_trade(Trade.of(new, id=await books.insert_trade(new), ib_order_id=order_id))
    contract = Contract(entry.con_id, entry.ticker, "NASDAQ")
    order = Order(new.order_ref, contract, Side.SELL, new.requested_qty, terms, oca_group=new.group_id or "")
    bot.broker.place_group([Numbered(order, order_id)], bot.broker.connection.generation)
    bot.broker.sent.clear()
    await bot.turns(new.order_ref, TradeStatus.SUBMITTED)
    return new.order_ref


async def is_cancelled(bot: Bot, order_ref: str) -> None:
    """Its cancel has been asked for."""

    async def asked() -> bool:
        return order_ref in bot.broker.cancels

    await bot.sooner_or_later(asked, f"{order_ref} is cancelled")


async def ends(bot: Bot, order_ref: str) -> None:
    """IB answers its cancel."""
    await is_cancelled(bot, order_ref)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.turns(order_ref, TradeStatus.CANCELLED)


def market(bot: Bot) -> list[Order]:
    return [order for order in bot.broker.sent if order.terms.type is OrderType.MARKET]


def stops(bot: Bot) -> list[Order]:
    return [order for order in bot.broker.sent if order.terms.type is OrderType.STOP]


async def stop_again(bot: Bot) -> Order:
    """The stop that was placed anew."""

    async def placed() -> bool:
        return bool(stops(bot))

    await bot.sooner_or_later(placed, "a stop is placed anew")
    return stops(bot)[0]


async def sold(bot: Bot) -> Order:
    """The exit's order, once it was sent."""

    async def sent() -> bool:
        return bool(market(bot))

    await bot.sooner_or_later(sent, "the exit is sent")
    return market(bot)[0]


async def test_the_stop_stays_until_the_target_is_over(bot: Bot) -> None:
    """A target whose cancel hangs would leave the shares without a stop, for as long as it hangs."""
    stop, target = await holds(bot)
    await bot.alert("SELL")
    await is_cancelled(bot, target)
    await bot.seconds(45, at_once=5)  # after a minute its shares may be protected anew before the exit goes on
    assert stop not in bot.broker.cancels
    assert (market(bot), stops(bot)) == ([], [])
    await ends(bot, target)
    await ends(bot, stop)
    assert (await sold(bot)).qty == 5


async def test_a_cancel_that_is_not_answered_is_told_and_pursued(bot: Bot) -> None:
    """The exit would wait in silence, or go short beside a stop that lives."""
    stop, target = await holds(bot)
    await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    await bot.seconds(45)
    [told] = await bot.events(EventKind.ORDER_STUCK)
    assert isinstance(told.facts, OrderStuck)
    assert (told.facts.code, told.facts.order_ref) == (Stuck.EXIT_WAITS, stop)
    assert "Nothing is sold beside an order that may live" in words.text(told)
    assert bot.broker.cancels.count(stop) in (3, 4)
    assert market(bot) == []
    await ends(bot, stop)
    assert (await sold(bot)).qty == 5


async def test_a_cancel_that_ib_refuses_is_looked_into(bot: Bot) -> None:
    """A stop that has filled would be sold once more, when IB only says that it cannot be cancelled."""
    stop, target = await holds(bot)
    alert_id = await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    bot.broker.fill(stop, 5, 94, told=False)
    bot.broker.error(stop, 10148, ErrorKind.CANCEL_REFUSED)
    await bot.turns(stop, TradeStatus.FILLED)
    await bot.becomes(alert_id, AlertStatus.BLOCKED)
    assert market(bot) == []


async def test_what_a_stop_sold_before_its_end_is_taken_off(bot: Bot) -> None:
    """The exit would sell the shares that the stop has sold already, for IB's position still shows them."""
    stop, target = await holds(bot)
    await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    bot.broker.fill(stop, 2, 94)
    assert bot.broker.held is not None
    bot.broker.held[AAPL.con_id] = D(5)  # the position trails
    bot.broker.show(stop, OrderState.CANCELLED)
    await bot.turns(stop, TradeStatus.PARTIAL)
    assert (await sold(bot)).qty == 3


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_restart_goes_on(make_bot: MakeBot, *, cancelled: bool) -> None:
    """An exit whose stop is being cancelled would be forgotten with the process, and its shares stand without a stop."""
    first = await make_bot()
    await first.start()
    stop, target = await holds(first)
    await first.alert("SELL")
    await ends(first, target)
    await is_cancelled(first, stop)
    await first.stop()
    second = await after(first, make_bot)
    if cancelled:
        second.broker.completed[stop] = replace(second.broker.working.pop(stop), state=OrderState.CANCELLED)
    second.broker.cancels.clear()
    await second.start()
    if not cancelled:
        await ends(second, stop)
    order = await sold(second)
    assert (order.qty, stops(second)) == (5, [])


async def after(first: Bot, make_bot: MakeBot, later: timedelta = timedelta(0)) -> Bot:
    """Another process on the same books and the same account."""
    second = await make_bot(start=first.clock.now() + later)
    for name in ("held", "fills", "working", "completed", "avg_costs"):
        setattr(second.broker, name, getattr(first.broker, name))
    shows_what_it_takes(second)
    return second


async def test_after_a_long_absence_the_shares_are_protected_before_anything_trades(make_bot: MakeBot) -> None:
    """The process ended between the stop's cancel and the exit's order, and nobody knows when the exit can be sent."""
    first = await make_bot()
    await first.start()
    stop, target = await holds(first)
    await first.alert("SELL")
    await ends(first, target)
    await is_cancelled(first, stop)
    await first.stop()
    second = await after(first, make_bot, timedelta(minutes=5))
    second.broker.completed[stop] = replace(second.broker.working.pop(stop), state=OrderState.CANCELLED)
    await second.start()
    anew = await stop_again(second)
    assert market(second) == []
    await ends(second, anew.order_ref)
    assert (await sold(second)).qty == 5


async def test_a_kill_in_between_protects_the_shares_again(bot: Bot) -> None:
    """The kill switch stops the exit, and would leave the shares without the stop that was cancelled for it."""
    stop, target = await holds(bot)
    alert_id = await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    await bot.switch.kill("owner")
    bot.broker.show(stop, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.BLOCKED)
    assert (await stop_again(bot)).qty == 5
    assert market(bot) == []


async def test_one_that_ib_does_not_let_go_costs_the_others_nothing(bot: Bot) -> None:
    """While one stop hangs, the stops of the other lots would be lifted, placed anew and lifted again, minute after minute."""
    stop, target = await holds(bot)
    other_stop, other_target = await holds(bot)
    await bot.alert("SELL")
    for order_ref in (target, other_target, other_stop):
        await ends(bot, order_ref)
    assert (await stop_again(bot)).qty == 5
    anew = stops(bot)[0].order_ref
    await bot.seconds(180, at_once=5)
    assert anew not in bot.broker.cancels
    assert market(bot) == []
    over = {target, other_target, other_stop}

    async def goes() -> bool:
        """IB answers each cancel from now on, also of what is protected anew before the exit goes on."""
        for order_ref in set(bot.broker.cancels) - over:
            over.add(order_ref)
            bot.broker.show(order_ref, OrderState.CANCELLED)
        return bool(market(bot))

    await bot.sooner_or_later(goes, "the exit is sent")
    assert {stop, anew} <= over
    assert market(bot)[0].qty == 10


async def test_an_order_that_is_lifted_is_not_changed_any_more(bot: Bot) -> None:
    """IB would be sent the change of an order that it has just cancelled: under its id, it may take that for a new one."""
    _, target = await holds(bot)
    await bot.alert("SELL")
    await is_cancelled(bot, target)
    assert bot.broker.held is not None
    bot.broker.held[AAPL.con_id] = D(3)  # the watcher cuts what is too much
    await bot.seconds(40)
    assert target not in [order.order_ref for order in bot.broker.sent]
    await ends(bot, target)


async def asks_for_part(bot: Bot, shares: int) -> int:
    """The alert of an exit that sells so many."""
    return await bot.asks("main", Verb.EXIT, size=Size(SizeKind.SHARES, D(shares)))


def cuts(bot: Bot, order_ref: str) -> list[Decimal]:
    """The sizes that IB was sent for this order."""
    return [order.qty for order in bot.broker.sent if order.order_ref == order_ref]


def takes_no_change(bot: Bot) -> None:
    """IB goes on showing what works now as it is."""
    before = dict(bot.broker.working)

    def as_before(order_ref: str) -> None:
        if order_ref in before:
            bot.broker.working[order_ref] = before[order_ref]

    def soon(order: Order) -> None:
        asyncio.get_running_loop().call_soon(as_before, order.order_ref)

    bot.broker.on_place = soon


BY_ALERT = (Strategy(name="main", exit_size=ExitSize.ALERT),)


async def test_a_partial_exit_waits_until_ib_shows_the_stop_smaller(make_bot: MakeBot) -> None:
    """Stop and exit together would sell more shares than are held."""
    bot = await make_bot(strategies=BY_ALERT)
    await bot.start()
    stop, target = await holds(bot)
    before = dict(bot.broker.working)
    takes_no_change(bot)
    alert_id = await asks_for_part(bot, 2)

    async def are_cut() -> bool:
        return bool(cuts(bot, stop) and cuts(bot, target))

    await bot.sooner_or_later(are_cut, "stop and target are made smaller")
    await bot.seconds(5)
    assert market(bot) == []
    for order_ref in (stop, target):
        bot.broker.working[order_ref] = replace(before[order_ref], qty=D(3))
    assert (await sold(bot)).qty == 2
    bot.broker.fill(market(bot)[0].order_ref, 2)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert bot.broker.cancels == []
    assert (cuts(bot, stop), cuts(bot, target)) == ([D(3)], [D(3)])


async def test_the_exit_after_a_partial_one_is_no_alarm(make_bot: MakeBot) -> None:
    """The time since the stop was made smaller would count as time in which IB has not answered its cancel."""
    bot = await make_bot(strategies=BY_ALERT)
    await bot.start()
    stop, target = await holds(bot)
    await bot.becomes(await filled(bot, await asks_for_part(bot, 2), 2), AlertStatus.EXECUTED)
    bot.broker.sent.clear()
    bot.clock.skip(60)
    alert_id = await bot.alert("SELL")
    await ends(bot, target)
    await ends(bot, stop)
    await bot.becomes(await filled(bot, alert_id, 3), AlertStatus.EXECUTED)
    assert await bot.events(EventKind.ORDER_STUCK) == []


async def filled(bot: Bot, alert_id: int, shares: int) -> int:
    """The exit's order fills; returns the alert's id."""
    bot.broker.fill((await sold(bot)).order_ref, shares)
    return alert_id


async def test_a_stop_that_ib_does_not_make_smaller_is_cancelled(make_bot: MakeBot) -> None:
    """A partial exit would wait for ever for a change that IB has refused."""
    bot = await make_bot(strategies=BY_ALERT)
    await bot.start()
    stop, target = await holds(bot)
    takes_no_change(bot)
    await asks_for_part(bot, 2)
    await ends(bot, target)
    assert market(bot) == []
    await ends(bot, stop)
    assert (await sold(bot)).qty == 2


async def test_a_partial_exit_that_is_stopped_gives_the_stop_its_shares_back(make_bot: MakeBot) -> None:
    """The kill switch stops the exit, and a part of the shares would stay without a stop."""
    bot = await make_bot(strategies=BY_ALERT)
    await bot.start()
    stop, _ = await holds(bot)
    alert_id = await asks_for_part(bot, 2)

    async def is_cut() -> bool:
        return cuts(bot, stop) == [D(3)]

    await bot.until(is_cut, "the stop is made smaller")
    await bot.switch.kill("owner")
    await bot.becomes(alert_id, AlertStatus.BLOCKED)

    async def is_whole() -> bool:
        return cuts(bot, stop) == [D(3), D(5)]

    await bot.sooner_or_later(is_whole, "the stop protects all of them again")
    assert market(bot) == []


async def test_the_close_in_between_protects_the_shares_again(make_bot: MakeBot) -> None:
    """The exit waits for the next open, and over the night nothing would stop a loss."""
    bot = await make_bot(always=False, start=new_york(2026, 11, 20, 15, 58))
    await bot.start()
    stop, target = await holds(bot)
    alert_id = await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    bot.clock.skip((new_york(2026, 11, 20, 16, 0, 5) - bot.clock.now()).total_seconds())
    bot.broker.show(stop, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.PENDING)
    assert (await stop_again(bot)).qty == 5
    assert market(bot) == []


async def test_its_own_protection_makes_no_exit_look_twice(make_bot: MakeBot) -> None:
    """Every exit of protected shares would leave seconds later, for its shares look as if they were spoken for."""
    bot = await make_bot()
    await bot.start()
    stop, _ = await holds(bot)
    report = await bot.broker.position_report()
    asked = []

    async def ask() -> PositionReport:
        asked.append(1)
        return report

    protection = {order.order_ref for order in report.open_orders}
    assert stop in protection
    assert await position_report(ask, bot.clock, {AAPL.con_id: D(5)}, 0, protection) == report
    assert len(asked) == 1
    assert await position_report(ask, bot.clock, {AAPL.con_id: D(5)}, 0) == report
    assert len(asked) == 3
