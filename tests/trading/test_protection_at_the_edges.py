"""Protection where IB does more than it was asked for, or less; and where the owner sells beside it."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.adapters.database.samples import an_alert
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.trading.test_changes_refused import AAPL, STOPPED, told
from tests.trading.test_changes_refused import holds as with_stop
from tests.trading.test_lifting import STOP, ends, holds, is_cancelled, market, protects, sold, stop_again, stops
from tests.trading.test_resting_entries import EMA, cancel_is_sent
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import ErrorKind, OrderState, OrderUpdate
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import Changed, ProtectionChanged, Unprotected
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.settings import TradingState
from tradebot.domain.terms import OrderType, TimeInForce
from tradebot.domain.trades import NewTrade, OrderRole, Trade, TradeStatus

D = Decimal


async def test_a_stop_that_ends_with_its_cancelled_target_comes_back(bot: Bot) -> None:
    """Reports have it that IB ends a whole group with one that is cancelled: it would be taken for the owner's doing."""
    stop, target = await holds(bot)
    alert_id = await bot.alert("SELL")
    await is_cancelled(bot, target)
    await bot.switch.kill("owner")
    for one in (target, stop):
        bot.broker.show(one, OrderState.CANCELLED)
        bot.broker.error(one, 202, ErrorKind.CANCELLED, "Order Canceled - reason:")
    await bot.becomes(alert_id, AlertStatus.BLOCKED)
    assert (await stop_again(bot)).qty == 5
    assert market(bot) == []


async def test_a_cancel_that_was_given_up_is_sent_again_on_a_new_connection(bot: Bot) -> None:
    """What a connection has lost would work on for ever, for shares that are sold: the next fall would go short."""
    stop, _ = await holds(bot)
    assert bot.broker.held is not None
    bot.broker.held[AAPL] = D(0)
    await is_cancelled(bot, stop)
    await bot.seconds(200, at_once=5)
    asked = bot.broker.cancels.count(stop)
    await bot.seconds(60, at_once=5)
    assert bot.broker.cancels.count(stop) == asked
    bot.broker.disconnect()
    bot.broker.connect()

    async def again() -> bool:
        return bot.broker.cancels.count(stop) > asked

    await bot.sooner_or_later(again, "the stop is cancelled again")
    await ends(bot, stop)


async def test_an_entry_whose_shares_the_owner_sells_is_cancelled_so_that_its_stop_can_be_made_smaller(
    make_bot: MakeBot,
) -> None:
    """Beside an entry that still buys nothing is made smaller: its stop would sell what the owner has sold already."""
    bot = await make_bot(strategies=(EMA,), limits=Limits(buy_amount_usd=D(1100)))
    await bot.start()
    limit = OrderTerms(OrderType.LIMIT, D(100), tif=TimeInForce.GTC)
    await bot.asks("ema", Verb.BUY, order=limit, exits=STOPPED)
    await bot.sent(2)
    entry, stop = (one.order_ref for one in bot.broker.sent)
    for one in (entry, stop):
        bot.broker.show(one)
        await bot.turns(one, TradeStatus.SUBMITTED)
    bot.broker.fill(entry, 4)
    await bot.seconds(20, at_once=5)
    assert bot.broker.cancels == []
    bot.broker.held = {AAPL: D(1)}
    await cancel_is_sent(bot, entry, within_s=60)
    bot.broker.show(entry, OrderState.CANCELLED)

    async def cut() -> bool:
        return [one.qty for one in bot.broker.sent[2:]][-1:] == [D(1)]

    await bot.sooner_or_later(cut, "the stop is as small as what is held")


async def test_prices_are_asked_for_all_at_once(bot: Bot) -> None:
    """Each stock without a price would hold the gate closed for some seconds more, and every exit with it."""
    await holds(bot)
    other = await bot.owns(3, "MSFT")
    await protects(bot, other, OrderRole.STOP, STOP)
    bot.broker.asked.clear()
    answers = bot.broker.waits["quote"] = asyncio.Event()
    bot.broker.disconnect()
    bot.broker.connect()

    async def both() -> bool:
        return bot.broker.asked.count("quote") >= 2

    await bot.sooner_or_later(both, "both are asked for")
    answers.set()
    await bot.is_open()


async def test_an_unknown_order_leaves_no_stop_larger_than_what_ib_holds(bot: Bot) -> None:
    """As long as one order of the stock is UNKNOWN, a stop would go on to sell what the owner has sold already."""
    stop, target = await holds(bot)
    alert_id = await bot.alert("BUY")
    await bot.sent()
    unknown = bot.broker.sent[0].order_ref
    bot.broker.show(unknown)
    await bot.turns(unknown, TradeStatus.SUBMITTED)
    del bot.broker.working[unknown]
    bot.recovery.ask_about_in_doubt()
    await bot.becomes(alert_id, AlertStatus.UNKNOWN)
    bot.clock.skip(30)
    bot.broker.held = {AAPL: D(0)}
    for one in (stop, target):
        await is_cancelled(bot, one)


async def test_a_stop_that_ib_holds_for_a_short_locate_is_not_placed_for_ever(bot: Bot) -> None:
    """Placed and cancelled every half minute, with a message each time, and the shares unprotected meanwhile."""
    stop, _ = await holds(bot)
    bot.broker.on_place = lambda order: None
    refs = [stop]
    for _ in range(2):
        bot.broker.error(
            refs[-1], 404, ErrorKind.HELD, "Shares for this order are not immediately available for short sale"
        )
        await ends(bot, refs[-1])
        await bot.seconds(60, at_once=5)
        refs = [stop, *(order.order_ref for order in stops(bot))]
    assert len(refs) == 2
    assert await told(bot) == [Unprotected.REFUSED]


async def test_an_exit_that_comes_between_keeps_a_stop_from_growing_a_second_time(make_bot: MakeBot) -> None:
    """What IB has not made larger yet is larger in the books: the last look would take it for one that sells no more."""
    bot, entry, stop = await with_stop(make_bot, EMA)
    held = (await bot.trade(stop)).requested_qty
    bot.broker.working[stop] = replace(bot.broker.working[stop], qty=held - 4)
    bot.broker.takes_orders = False
    await bot.leaves(3)
    before = len(await bot.events(EventKind.PROTECTION_CHANGED))

    async def exit_is_decided() -> None:
        if len(await bot.events(EventKind.PROTECTION_CHANGED)) > before:
            bot.ledger.after_commit = None
            await decided_exit(bot, await bot.trade(entry))

    bot.ledger.after_commit = exit_is_decided

    async def not_sent() -> bool:
        changes = [event.facts for event in await bot.events(EventKind.PROTECTION_CHANGED)]
        return isinstance(changes[-1], ProtectionChanged) and changes[-1].code is Changed.NOT_SENT

    await bot.sooner_or_later(not_sent, "the second change is not sent")
    assert len(bot.broker.sent) == 3


async def decided_exit(bot: Bot, entry: Trade) -> None:
    """An exit's order is stored, and may be about to leave."""
    async with bot.ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(action=Side.SELL, strategy=entry.strategy))
        assert alert_id is not None
        known = {name: getattr(entry, name) for name in NewTrade.__dataclass_fields__ if name != "decision"}
        known |= {"alert_id": alert_id, "role": OrderRole.EXIT, "side": Side.SELL, "order_ref": f"tb-{alert_id}-exit"}
        await books.insert_trade(NewTrade(**{**known, "group_id": None}, decision={}))


async def test_a_stop_and_its_target_that_ib_does_not_list_pause_nothing_else(bot: Bot) -> None:
    """One incomplete list of IB's, and every strategy would wait until the owner has resumed."""
    refs = await holds(bot)
    for one in refs:
        del bot.broker.working[one]
    bot.recovery.ask_about_in_doubt()
    for one in refs:
        await bot.turns(one, TradeStatus.UNKNOWN)
    await bot.seconds(10, at_once=5)
    assert bot.switch.state is TradingState.RUNNING


@pytest.mark.parametrize("away_s", [0, 20])
async def test_a_database_that_is_away_for_a_moment_costs_no_stop(bot: Bot, away_s: int) -> None:
    """A stop whose intent was stored, and which certainly did not leave, would be taken for one that waits behind a dialog."""
    stop, _ = await holds(bot)

    async def away() -> None:
        bot.ledger.away = True
        if not away_s:
            asyncio.get_running_loop().call_later(0.05, setattr, bot.ledger, "away", False)

    await bot.after_decision(away)
    bot.broker.show(stop, OrderState.CANCELLED)
    bot.broker.error(stop, 202, ErrorKind.CANCELLED, "Order Canceled - reason: Cancelled by Exchange")

    async def is_away() -> bool:
        return bot.ledger.after_commit is None

    await bot.sooner_or_later(is_away, "the intent is stored")
    if away_s:
        for _ in range(away_s):
            bot.clock.skip(1)
            await bot.moment()
        bot.ledger.away = False
    assert (await stop_again(bot)).qty == 5
    assert await told(bot) == []


async def test_an_exit_lifts_a_stop_that_works_though_the_books_have_it_as_ended(bot: Bot) -> None:
    """After a restart IB may show a stop under another number, and the old one as cancelled: nothing could be sold any more."""
    stop, target = await holds(bot)
    at_work = bot.broker.working[stop]
    bot.broker.show(stop, OrderState.CANCELLED)
    await bot.turns(stop, TradeStatus.CANCELLED)
    del bot.broker.completed[stop]
    bot.broker.working[stop] = replace(at_work, perm_id=at_work.perm_id + 1000)
    await bot.seconds(30, at_once=5)
    await bot.alert("SELL")
    await ends(bot, target)
    await is_cancelled(bot, stop)
    assert market(bot) == []
    bot.broker.show(stop, OrderState.CANCELLED)
    assert (await sold(bot)).qty == 5


async def test_an_end_without_a_figure_is_not_taken_for_all_that_a_stop_was_for(bot: Bot) -> None:
    """IB's word on a stop that fills in pieces may come between them: an exit would sell the pieces on their way, too."""
    stop, _ = await holds(bot)
    report = bot.broker.working[stop]
    bot.broker.events.put_nowait(OrderUpdate(replace(report, state=OrderState.FILLED, filled=None)))
    bot.broker.fill(stop, 3, 95)

    async def booked() -> bool:
        return (await bot.trade(stop)).filled_qty == 3

    await bot.until(booked, "the first piece is booked")
    trade = await bot.trade(stop)
    assert (trade.status, trade.requested_qty) == (TradeStatus.SUBMITTED, 5)
    bot.broker.fill(stop, 2, 95)
    assert (await bot.turns(stop, TradeStatus.FILLED)).filled_qty == 5
