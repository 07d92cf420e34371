"""Entries that wait at IB for their price: how long they may, and what ends them."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeAtGateway, MakeBot
from tests.clockwork import new_york
from tests.trading.moments import gate_closed
from tests.trading.test_rehearsal import told
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import ErrorKind, OrderState, OrderUpdate
from tradebot.domain.events import EventKind, Severity
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.strategies import ExitSource, OnNewSignal, OrderSource, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.words import events as words
from tradebot.words.lines import lines
from tradebot.words.said import Said

D, A, T = Decimal, AlertStatus, TradeStatus
EMA = Strategy(name="ema", orders=OrderSource.ALERT, exits=ExitSource.ALERT)
RSI = Strategy(name="rsi", orders=OrderSource.ALERT, exits=ExitSource.ALERT)
REPLACING = Strategy(name="ema", orders=OrderSource.ALERT, on_new_signal=OnNewSignal.REPLACE)
LIMIT = OrderTerms(OrderType.LIMIT, D(95))
GTC = OrderTerms(OrderType.LIMIT, D(95), tif=TimeInForce.GTC)
BELOW = Exits(stop_loss=Level(LevelKind.PRICE, D(180)))
STOPPED = Exits(stop_loss=Level(LevelKind.PRICE, D(90)))


async def running(make_bot: MakeBot, *strategies: Strategy, **setup: Any) -> Bot:
    bot: Bot = await make_bot(strategies=strategies or (EMA, RSI), **setup)
    await bot.start()
    return bot


async def rests(bot: Bot, order: OrderTerms = LIMIT, strategy: str = "ema", **asked: Any) -> tuple[int, str]:
    """An entry that IB shows at work: alert id and order ref."""
    before = len(bot.broker.sent)
    alert_id = await bot.asks(strategy, Verb.BUY, order=order, **asked)

    async def placed() -> bool:
        return len(bot.broker.sent) > before

    await bot.until(placed, "the entry is sent")
    for one in bot.broker.sent[before:]:
        bot.broker.show(one.order_ref)
    order_ref = bot.broker.sent[before].order_ref
    await bot.turns(order_ref, T.SUBMITTED)
    return alert_id, order_ref


async def cancel_is_sent(bot: Bot, order_ref: str, within_s: int = 10) -> None:
    async def sent() -> bool:
        return order_ref in bot.broker.cancels

    await bot.sooner_or_later(sent, f"{order_ref} is cancelled", within_s=within_s)


async def code(bot: Bot, alert_id: int) -> str:
    row = await bot.becomes(alert_id, A.BLOCKED)
    assert isinstance(row.reason, Reason)
    return row.reason.code


# --- how long ---------------------------------------------------------------------------------------------------------


async def test_an_entry_that_waits_for_its_price_has_no_time_out(make_bot: MakeBot) -> None:
    """A limit order would be cancelled after half a minute, long before the market comes to its price."""
    bot = await running(make_bot)
    _, order_ref = await rests(bot)
    await bot.seconds(900, at_once=20)
    assert bot.broker.cancels == []
    assert (await bot.trade(order_ref)).status is T.SUBMITTED


async def test_one_that_ib_lists_as_inactive_is_cancelled(make_bot: MakeBot) -> None:
    """An entry that IB does not work on would wait for ever, its cash reserved."""
    bot = await running(make_bot)
    _, order_ref = await rests(bot)
    bot.broker.working[order_ref] = inactive = replace(bot.broker.working[order_ref], state=OrderState.INACTIVE)
    bot.broker.events.put_nowait(OrderUpdate(inactive))
    await bot.seconds(10)
    assert bot.broker.cancels == []
    await cancel_is_sent(bot, order_ref, within_s=60)


async def test_one_that_ib_never_shows_is_asked_about_and_not_cancelled(make_bot: MakeBot) -> None:
    """What IB has lost would count as waiting, and an order that it merely has not shown would be cancelled."""
    bot = await running(make_bot)
    bot.broker.takes_orders = False
    alert_id = await bot.asks("ema", Verb.BUY, order=GTC)
    order_ref = (await bot.sent()).order_ref
    await bot.turns(order_ref, T.FAILED)
    assert bot.broker.cancels == []
    assert said((await bot.becomes(alert_id, A.FAILED)).reason)


CLOSE = new_york(2026, 11, 20, 16)


@pytest.mark.parametrize(
    ("order", "ended"),
    [
        (LIMIT, True),  # IB ends it at the close; only where it has not is it cancelled
        (OrderTerms(OrderType.LIMIT, D(95), outside_rth=True), False),  # until 20:00
        (GTC, False),
        (OrderTerms(OrderType.STOP, stop_price=D(105), tif=TimeInForce.GTC), False),
    ],
)
async def test_the_close_ends_what_is_for_the_day(make_bot: MakeBot, order: OrderTerms, *, ended: bool) -> None:
    """An order for the day would buy at the next open, or one that is good till cancelled be cancelled every evening."""
    bot = await running(make_bot, start=CLOSE - timedelta(seconds=20), always=False)
    _, order_ref = await rests(bot, order)
    await until(bot, CLOSE + timedelta(seconds=20))
    assert bot.broker.cancels == []
    await until(bot, CLOSE + timedelta(seconds=90))
    assert set(bot.broker.cancels) == ({order_ref} if ended else set())


async def until(bot: Bot, moment: datetime) -> None:
    while bot.clock.now() < moment:
        await bot.second(5)


async def test_extended_hours_end_too(make_bot: MakeBot) -> None:
    """An order outside regular hours would work on into the night."""
    bot = await running(make_bot, start=CLOSE - timedelta(seconds=20), always=False)
    _, order_ref = await rests(bot, OrderTerms(OrderType.LIMIT, D(95), outside_rth=True))
    bot.clock.skip(4 * 3600 - 10)
    await bot.second()
    assert bot.broker.cancels == []
    bot.clock.skip(100)
    await cancel_is_sent(bot, order_ref)


async def test_what_is_good_until_a_moment_ends_then(make_bot: MakeBot) -> None:
    """An entry that was to wait for ten minutes would wait for as long as IB forgets to end it."""
    bot = await running(make_bot)
    minutes = timedelta(minutes=10)
    _, order_ref = await rests(bot, OrderTerms(OrderType.LIMIT, D(95), cancel_after=minutes))
    trade = await bot.trade(order_ref)
    assert (trade.tif, trade.good_till) == (TimeInForce.GTD, trade.created_at.replace(microsecond=0) + minutes)
    await bot.seconds(600, at_once=20)
    assert bot.broker.cancels == []
    await cancel_is_sent(bot, order_ref, within_s=120)
    assert "the time that it was good for is over" in words.text((await bot.told(EventKind.ORDER_CANCELLING))[0])


async def test_the_end_of_what_is_good_till_cancelled_is_told_a_week_ahead(make_bot: MakeBot) -> None:
    """IB would take an order, or a stop, away at a quarter's end, and nobody had known."""
    bot = await running(make_bot, start=new_york(2026, 7, 1, 12))
    _, order_ref = await rests(bot, GTC, exits=STOPPED)
    bot.clock.skip((new_york(2026, 12, 23, 12) - bot.clock.now()).total_seconds())
    await bot.seconds(3)
    assert await bot.events(EventKind.ORDER_EXPIRES) == []
    bot.clock.skip(24 * 3600)
    events = await bot.told(EventKind.ORDER_EXPIRES, 2)
    await bot.seconds(5)
    assert len(await bot.events(EventKind.ORDER_EXPIRES)) == 2
    entry, stop = (words.text(one) for one in events)
    assert "BUY 5 AAPL limit $95.00 ends at IB with the session of Thu 31 Dec 2026" in entry
    assert "unprotected" in stop
    assert (await bot.trade(order_ref)).status is T.SUBMITTED


# --- kill and pause ---------------------------------------------------------------------------------------------------


async def test_kill_cancels_entries_and_leaves_stops(make_bot: MakeBot) -> None:
    """The kill switch would take away what protects a position, or leave an entry that buys after it."""
    bot = await running(make_bot)
    _, bought = await rests(bot, exits=STOPPED)
    bot.broker.fill(bought, 5, 95)
    await bot.turns(bought, T.FILLED)
    _, waits = await rests(bot, ticker="MSFT", exits=STOPPED)
    await bot.switch.kill("owner")
    await cancel_is_sent(bot, waits)
    await bot.seconds(40, at_once=5)
    assert set(bot.broker.cancels) == {waits}


async def test_pause_leaves_what_works(make_bot: MakeBot) -> None:
    """A pause would cancel orders that the owner wants to keep."""
    bot = await running(make_bot)
    await rests(bot, exits=STOPPED)
    await bot.operations.pause("owner", "key")
    await bot.seconds(60, at_once=5)
    assert bot.broker.cancels == []


# --- a newer signal ---------------------------------------------------------------------------------------------------


async def test_a_second_entry_beside_one_that_waits_is_refused(make_bot: MakeBot) -> None:
    """Two signals would become two orders where one position is meant; or other tickers and strategies wait behind it."""
    bot = await running(make_bot)
    first, _ = await rests(bot)
    second = await bot.asks("ema", Verb.BUY, order=LIMIT)
    assert await code(bot, second) == RefusalCode.ENTRY_AT_WORK
    reason = said((await bot.row(second)).reason)
    assert (await told(bot, "BUY", strategy="ema"))[0] == f"It would not be traded: {reason}."
    assert f"5 AAPL still waits for its price at IB (alert {first})" in reason
    assert bot.broker.cancels == []
    await bot.asks("ema", Verb.BUY, "MSFT")
    await bot.sent(2)
    await bot.asks("rsi", Verb.BUY)
    await bot.sent(3)


async def test_a_newer_signal_replaces_the_one_that_waits(make_bot: MakeBot) -> None:
    """The new order would leave while the old one may still fill, or never."""
    bot = await running(make_bot, REPLACING)
    _, old = await rests(bot)
    second = await bot.asks("ema", Verb.BUY, order=OrderTerms(OrderType.LIMIT, D(97)))
    await cancel_is_sent(bot, old)
    await bot.seconds(5)
    assert len(bot.broker.sent) == 1
    bot.broker.show(old, OrderState.CANCELLED)
    await bot.turns(old, T.CANCELLED)
    new = await bot.sent(2)
    assert (new.terms.limit_price, (await bot.row(second)).status) == (D(97), A.PROCESSING)
    (event,) = await bot.events(EventKind.ORDER_CANCELLING)
    assert f"a newer signal comes in its place (alert {second})" in words.text(event)


@pytest.mark.parametrize("strategy", [EMA, REPLACING])
async def test_what_waits_does_not_count_against_what_comes_in_its_place(make_bot: MakeBot, strategy: Strategy) -> None:
    """With room for one position nothing could ever be replaced, or the refusal would name a limit that is not the reason."""
    bot = await running(make_bot, strategy, limits=Limits(max_open_positions=1, max_daily_buys=1))
    _, old = await rests(bot)
    second = await bot.asks("ema", Verb.BUY, order=LIMIT)
    if strategy is EMA:
        assert await code(bot, second) == RefusalCode.ENTRY_AT_WORK
    else:
        await cancel_is_sent(bot, old)


async def test_one_that_is_refused_itself_replaces_nothing(make_bot: MakeBot) -> None:
    """A signal that is not traded would take away the order of the one before."""
    bot = await running(make_bot, REPLACING)
    await rests(bot)
    await bot.operations.pause("owner", "key")
    assert await code(bot, await bot.asks("ema", Verb.BUY, order=LIMIT)) == RefusalCode.PAUSED
    await bot.seconds(5)
    assert bot.broker.cancels == []


# --- exits ------------------------------------------------------------------------------------------------------------


async def test_an_exit_ends_the_entry_that_waits_and_then_sells(make_bot: MakeBot) -> None:
    """The exit would be followed by its own entry, or wait for as long as that one does."""
    bot = await running(make_bot)
    await bot.owns(5, strategy="ema")
    _, entry = await rests(bot)
    _, others = await rests(bot, strategy="rsi")
    await bot.asks("ema", Verb.EXIT)
    await cancel_is_sent(bot, entry)
    await bot.seconds(3)
    assert len(bot.broker.sent) == 2
    bot.broker.show(entry, OrderState.CANCELLED)
    await bot.leaves(3)
    assert (bot.broker.sent[-1].side, bot.broker.sent[-1].qty) == (Side.SELL, D(5))
    assert bot.broker.cancels == [entry]
    assert (await bot.trade(others)).status is T.SUBMITTED


async def test_an_exit_that_is_sent_again_leaves_a_newer_entry_alone(make_bot: MakeBot) -> None:
    """The rest of an exit would be kept for as long as an entry of a signal after it waits for its price."""
    bot = await running(make_bot)
    await bot.owns(5, strategy="ema")
    await bot.asks("ema", Verb.EXIT)
    first = (await bot.sent()).order_ref
    bot.broker.show(first)
    bot.broker.error(first, 202, ErrorKind.CANCELLED, "Order Canceled - reason:Cancelled by Exchange")
    bot.broker.show(first, OrderState.CANCELLED)
    await bot.turns(first, T.CANCELLED)
    await rests(bot)
    await bot.leaves(3)
    assert (bot.broker.sent[-1].side, bot.broker.sent[-1].qty) == (Side.SELL, D(5))
    assert bot.broker.cancels == []


async def test_an_exit_while_the_market_is_closed_ends_the_entry_at_once(make_bot: MakeBot) -> None:
    """An order that works in the evening would buy what the exit has called off."""
    bot = await running(make_bot, start=CLOSE - timedelta(seconds=20), always=False)
    _, entry = await rests(bot, GTC)
    await until(bot, CLOSE + timedelta(seconds=5))
    alert_id = await bot.asks("ema", Verb.EXIT)
    await bot.becomes(alert_id, A.PENDING)
    await cancel_is_sent(bot, entry)


async def test_a_cancel_that_is_wanted_outlives_a_restart(make_bot: MakeBot) -> None:
    """An order that somebody has called off would work on because the bot was started anew in between."""
    first = await running(make_bot)
    _, entry = await rests(first)
    first.broker.disconnect()
    await gate_closed(first)
    assert await first.operations.cancel_order((await first.trade(entry)).id, "owner")
    assert not await first.operations.cancel_order((await first.trade(entry)).id, "owner")
    await first.stop()
    second: Bot = await make_bot(strategies=(EMA, RSI))
    second.broker.working = first.broker.working
    await second.start()
    await cancel_is_sent(second, entry)


async def test_a_clock_that_is_set_back_loses_no_cancel(make_bot: MakeBot) -> None:
    """What the owner called off would work on, for it seems to have been asked for before the order was made."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    bot.clock.set_back(3600)
    assert await bot.operations.cancel_order((await bot.trade(entry)).id, "owner")
    await cancel_is_sent(bot, entry)


# --- cancel alerts ----------------------------------------------------------------------------------------------------


async def test_a_cancel_alert_ends_what_works_of_its_strategy_and_ticker(make_bot: MakeBot) -> None:
    """What the sender called off would be bought, or be said to have ended before it has."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    await rests(bot, strategy="rsi")
    await rests(bot, ticker="MSFT")
    alert_id = await bot.asks("ema", Verb.CANCEL)
    await cancel_is_sent(bot, entry)
    assert (await bot.row(alert_id)).status is A.RECEIVED
    bot.broker.fill(entry, 2, 95)
    bot.broker.show(entry, OrderState.CANCELLED)
    await bot.turns(entry, T.PARTIAL)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED
    (event,) = await bot.told(EventKind.ENTRIES_CANCELLED)
    assert words.text(event) == "AAPL: 1 entry cancelled, 2 shares had filled before. What is held stays held."
    assert bot.broker.cancels == [entry]


async def owner_is_told(bot: Bot) -> list[EventKind | str]:
    """What of orders and alerts has come to the chat and the channels, beside that entries wait."""
    beside = (EventKind.ORDER_WAITS, EventKind.ALERT_PENDING)
    told = [one for one in await bot.events() if one.severity is not Severity.TRACE and one.alert_id is not None]
    return [one.kind for one in told if one.kind not in beside]


async def test_a_cancel_alert_is_told_in_one_message(make_bot: MakeBot) -> None:
    """One alert would ring three times for each order that it ends: that it is being cancelled, that it is, and that all are."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    await cancel_is_sent(bot, entry)
    bot.broker.show(entry, OrderState.CANCELLED)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED
    (event,) = await bot.told(EventKind.ENTRIES_CANCELLED)
    assert lines(event) == Said("✂️ Entries of AAPL cancelled", "1 entry cancelled. What is held stays held.")
    assert await owner_is_told(bot) == [EventKind.ENTRIES_CANCELLED]
    kept = await bot.events(EventKind.ORDER_CANCELLING, EventKind.ORDER_FAILED)
    assert [one.kind for one in kept] == [
        EventKind.ORDER_CANCELLING,
        EventKind.ORDER_FAILED,
    ]  # in the books and the trace
    async with bot.ledger.read() as books:
        waiting = await books.undelivered("telegram", 100, severities=tuple(Severity))
    assert {one.kind for one in waiting}.isdisjoint({one.kind for one in kept})


async def test_what_filled_before_the_cancel_came_is_told(make_bot: MakeBot) -> None:
    """The owner would read that an entry is cancelled, and hold its shares."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    await cancel_is_sent(bot, entry)
    bot.broker.fill(entry, 5, 95)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED
    (event,) = await bot.told(EventKind.ENTRIES_CANCELLED)
    too_late = "1 entry was filled before the cancel came. What is held stays held."
    assert lines(event) == Said("🟡 Cancel of AAPL came too late", too_late)
    assert await owner_is_told(bot) == [EventKind.BUY_FILLED, EventKind.ENTRIES_CANCELLED]


async def test_the_end_of_an_order_is_told_where_its_cancel_was_cleared(make_bot: MakeBot) -> None:
    """The order would end without a word, for the alert that was to tell it was taken out of the queue."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    await cancel_is_sent(bot, entry)
    assert await bot.operations.clear_queue([alert_id], "owner")
    bot.broker.show(entry, OrderState.CANCELLED)
    await bot.turns(entry, T.CANCELLED)
    assert await owner_is_told(bot) == [EventKind.ALERT_CLEARED, EventKind.ORDER_FAILED]


async def test_a_cancel_alert_is_obeyed_under_the_kill_switch(make_bot: MakeBot) -> None:
    """What lowers risk would be refused, or wait, because the bot is killed."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    await bot.switch.kill("owner")
    await cancel_is_sent(bot, entry)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    bot.broker.show(entry, OrderState.CANCELLED)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED


async def test_an_unknown_order_is_cancelled_when_it_comes_to_life(make_bot: MakeBot) -> None:
    """A cancel alert would be done with an order that nobody knows the fate of, and that buys an hour later."""
    bot = await running(make_bot)
    _, entry = await rests(bot)
    order = bot.broker.working.pop(entry)
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.connect()
    await bot.turns(entry, T.UNKNOWN)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED
    assert "1 UNKNOWN" in said((await bot.row(alert_id)).reason)
    assert bot.broker.cancels == []
    bot.broker.working[entry] = order
    bot.broker.show(entry)
    await cancel_is_sent(bot, entry)


async def test_a_cancel_alert_ends_buys_that_wait_and_sells_nothing(make_bot: MakeBot) -> None:
    """A BUY that waits for the open would leave after it was called off, or what is held be sold."""
    bot = await running(make_bot, start=CLOSE + timedelta(hours=1), always=False)
    await bot.owns(5, strategy="ema")
    waits = await bot.asks("ema", Verb.BUY, order=LIMIT)
    await bot.becomes(waits, A.PENDING)
    alert_id = await bot.asks("ema", Verb.CANCEL)
    assert await code(bot, alert_id) == RefusalCode.ENTRIES_CANCELLED
    assert said((await bot.row(waits)).reason) == f"superseded by the cancel of alert {alert_id}"
    assert bot.broker.sent == []
    (event,) = await bot.told(EventKind.ENTRIES_CANCELLED)
    assert lines(event).below == "1 waiting BUY ended. What is held stays held."
    assert await owner_is_told(bot) == [EventKind.BUY_FILLED, EventKind.ENTRIES_CANCELLED]  # what is held was bought
    nothing = await bot.asks("ema", Verb.CANCEL)
    assert await code(bot, nothing) == RefusalCode.ENTRIES_CANCELLED
    assert "there was nothing to cancel" in said((await bot.row(nothing)).reason)


# --- nights and restarts ----------------------------------------------------------------------------------------------


async def test_an_order_that_open_orders_show_is_known_after_a_night(make_bot: MakeBot) -> None:
    """Each order that is good till cancelled would freeze its ticker after every restart."""
    bot = await running(make_bot)
    _, entry = await rests(bot, GTC)
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.clock.skip(24 * 3600)
    bot.broker.connect()
    await bot.is_open()
    assert (await bot.trade(entry)).status is T.SUBMITTED
    assert await bot.events(EventKind.ORDER_UNKNOWN) == []
    bot.broker.fill(entry, 5, 95)
    await bot.turns(entry, T.FILLED)


async def test_one_that_is_gone_after_a_night_is_unknown_with_its_own_price(make_bot: MakeBot) -> None:
    """A fill of another day, which IB does not list any more, would be called a cancel, or be booked at the ask of then."""
    bot = await running(make_bot)
    _, entry = await rests(bot, GTC)
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.clock.skip(24 * 3600)
    bot.broker.working.clear()
    assert bot.broker.held is not None
    bot.broker.held[265598] = D(5)
    bot.broker.connect()
    trade = await bot.turns(entry, T.UNKNOWN)
    presumed = await bot.queries.presumed_fill(trade.id)
    assert presumed is not None
    assert (presumed.qty, presumed.price) == (D(5), D(95))


@pytest.mark.parametrize(("next_order_id", "status"), [(1, T.FAILED), (None, T.UNKNOWN)])
async def test_a_group_that_ib_does_not_list(make_bot: MakeBot, next_order_id: int | None, status: TradeStatus) -> None:
    """A bracket whose first part waits at IB for the rest, and is in no list, would be called not sent, and sent twice."""
    bot = await running(make_bot)
    bot.broker.takes_orders = False
    await bot.asks("ema", Verb.BUY, order=LIMIT, exits=STOPPED)

    async def placed() -> bool:
        return len(bot.broker.sent) == 2

    await bot.until(placed, "the group is sent")
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.connect()
    bot.broker.now = replace(bot.broker.now, next_order_id=next_order_id)
    first, second = bot.broker.sent
    entry, stop = await bot.turns(first.order_ref, status), await bot.trade(second.order_ref)
    assert (entry.role, stop.role) == (OrderRole.ENTRY, OrderRole.STOP)
    assert stop.status is (T.FAILED if status is T.FAILED else T.SUBMITTING)
    if status is T.UNKNOWN:
        await cancel_is_sent(bot, entry.order_ref)
        await bot.seconds(60, at_once=5)
    assert bot.broker.cancels == ([entry.order_ref] if status is T.UNKNOWN else [])


# --- over the socket of a gateway -------------------------------------------------------------------------------------


async def test_a_gateway_ends_what_an_exit_calls_off(make_at_gateway: MakeAtGateway) -> None:
    """What the fake does not know: IB's own end of a bracket whose entry is cancelled, and the exit that goes on at that."""
    there = await make_at_gateway(strategies=(EMA,))
    bot, orders = there.bot, there.gateway.book.orders
    bought = await bot.asks("ema", Verb.BUY)
    await bot.becomes(bought, A.EXECUTED)
    bot.clock.skip(11)
    waits = await bot.asks("ema", Verb.BUY, order=OrderTerms(OrderType.LIMIT, D(200), tif=TimeInForce.GTC), exits=BELOW)

    async def rest() -> bool:
        return any(one.alert_id == waits and one.role is OrderRole.ENTRY and one.rests for one in await bot.trades())

    await bot.until(rest, "the entry rests")
    assert len(orders) == 3
    sell = await bot.asks("ema", Verb.EXIT)

    async def sold() -> bool:
        return (await bot.row(sell)).status is A.EXECUTED

    await bot.sooner_or_later(sold, "the exit has sold", within_s=30)
    states = {(one.role, one.status) for one in await bot.trades()}
    assert {(OrderRole.ENTRY, T.CANCELLED), (OrderRole.STOP, T.CANCELLED), (OrderRole.EXIT, T.FILLED)} < states
