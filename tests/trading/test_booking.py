"""What becomes of the broker's news: executions, trades, lots, alerts and events."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from tests.bot import Bot, qty, said
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words

FILLS = (EventKind.BUY_FILLED, EventKind.SELL_FILLED)


async def test_an_order_fills_at_once(bot: Bot) -> None:
    """An alert would not become an order, a position and one message."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5, "100.02")
    alert = await bot.becomes(alert_id, AlertStatus.EXECUTED)
    trade = await bot.trade(order_ref)
    assert (trade.status, trade.filled_qty, trade.avg_fill_price) == (TradeStatus.FILLED, 5, Decimal("100.02"))
    assert trade.commission == 1
    assert alert.reason is None
    (lot,) = await bot.lots(LotStatus.OPEN)
    assert (lot.qty, lot.entry_price, lot.commission) == (5, Decimal("100.02"), 1)
    (told,) = await bot.events(*FILLS)
    assert words.text(told).startswith("Bought 5 AAPL at $100.02 = $500.10, commission $1.00")


async def test_partial_fills_are_one_trade_and_one_end(bot: Bot) -> None:
    """Each part would be told as an end, or the average price be wrong."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 2, 100)
    await bot.told(EventKind.PARTIAL_FILL)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING
    bot.broker.fill(order_ref, 3, 101)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    trade = await bot.trade(order_ref)
    assert (trade.filled_qty, trade.avg_fill_price, trade.commission) == (5, Decimal("100.6"), 2)
    assert len(await bot.events(*FILLS)) == 1
    assert qty(await bot.lots(LotStatus.OPEN)) == 5


async def test_a_fill_after_the_cancel_is_booked(bot: Bot) -> None:
    """Shares that trade after the order was seen cancelled would be nowhere in the books."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref, OrderState.CANCELLED, filled=0)
    assert said((await bot.becomes(alert_id, AlertStatus.FAILED)).reason) == "cancelled unfilled"
    bot.broker.fill(order_ref, 2, 100)
    alert = await bot.becomes(alert_id, AlertStatus.EXECUTED)
    trade = await bot.trade(order_ref)
    assert (trade.status, trade.filled_qty) == (TradeStatus.PARTIAL, 2)
    assert said(alert.reason) == "2 of 5"
    assert qty(await bot.lots(LotStatus.OPEN)) == 2
    (told,) = await bot.events(EventKind.BOOKS_CORRECTED)
    assert "0 at $0.00 is now 2 at $100.00" in words.text(told)


async def test_late_fills_move_the_end(bot: Bot) -> None:
    """Cash spent by a fill after the end would not be taken off, and its shares be missed at IB at once."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref, OrderState.CANCELLED, filled=0)
    await bot.becomes(alert_id, AlertStatus.FAILED)
    ended = (await bot.trade(order_ref)).finished_at
    await bot.seconds(3)
    bot.broker.fill(order_ref, 5, 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    finished = (await bot.trade(order_ref)).finished_at
    assert ended is not None
    assert finished is not None
    assert (finished - ended).total_seconds() >= 3
    assert (await bot.trade(order_ref)).status is TradeStatus.FILLED


async def test_an_end_that_says_more_than_was_booked_waits_for_the_fills(bot: Bot) -> None:
    """A cancel after k fills would be booked as unfilled when IB's status overtakes the executions."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 3, 100, told=False)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
    bot.broker.tell(execution)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    assert said((await bot.becomes(alert_id, AlertStatus.EXECUTED)).reason) == "3 of 5"
    assert (await bot.trade(order_ref)).status is TradeStatus.PARTIAL


async def test_an_open_order_message_does_not_hide_what_the_status_said(bot: Bot) -> None:
    """openOrder, which tells no fills, would end an order whose fills are still to come."""
    _, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 3, 100, told=False)
    order = replace(bot.broker.working[order_ref], state=OrderState.CANCELLED)
    bot.broker.working[order_ref] = order
    bot.broker.show(order_ref, OrderState.CANCELLED)
    bot.broker.completed[order_ref] = replace(order, filled=None)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
    assert (await bot.turns(order_ref, TradeStatus.PARTIAL)).filled_qty == 3


async def test_a_correction_replaces(bot: Bot) -> None:
    """A corrected execution would be added, or an older one win over a newer."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100, exec_id="0001.aa.01")
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    corrected = replace(execution, exec_id="0001.aa.03", price=Decimal("99.50"), commission=None)
    bot.broker.tell(corrected)
    bot.broker.tell(replace(execution, exec_id="0001.aa.02", price=Decimal(1)))
    (told,) = await bot.told(EventKind.BOOKS_CORRECTED)
    trade = await bot.trade(order_ref)
    assert (trade.filled_qty, trade.avg_fill_price, trade.commission) == (5, Decimal("99.50"), 1)
    (lot,) = await bot.lots()
    assert (lot.qty, lot.entry_price) == (5, Decimal("99.50"))
    assert "5 at $100.00 is now 5 at $99.50" in words.text(told)
    assert len(await bot.events(*FILLS)) == 1


async def test_a_correction_may_take_shares_away(bot: Bot) -> None:
    """The bot would believe in shares that it does not have, and sell them."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100, exec_id="0001.aa.01")
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.broker.tell(replace(execution, exec_id="0001.aa.02", shares=Decimal(4)))
    await bot.told(EventKind.BOOKS_CORRECTED)
    trade = await bot.trade(order_ref)
    assert (trade.status, trade.filled_qty) == (TradeStatus.PARTIAL, 4)
    assert qty(await bot.lots(LotStatus.OPEN)) == 4
    assert said((await bot.row(alert_id)).reason) == "4 of 5"


async def test_a_commission_waits_for_nobody_but_is_never_lost(bot: Bot) -> None:
    """A fill would wait for a commission that never comes, or a late one never reach trade, lot and P&L."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100, commission=None)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    (told,) = await bot.events(*FILLS)
    assert "commission not reported yet" in words.text(told)
    bot.broker.tell(replace(execution, commission=Decimal("1.05")))

    async def known() -> bool:
        return (await bot.trade(order_ref)).commission == Decimal("1.05")

    await bot.until(known, "the commission is booked")
    assert [lot.commission for lot in await bot.lots()] == [Decimal("1.05")]
    assert len(await bot.events(*FILLS)) == 1
    assert await bot.events(EventKind.BOOKS_CORRECTED) == []


async def test_fill_and_commission_are_told_as_one(bot: Bot) -> None:
    """Every fill would be told without its commission, which comes a moment later."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100, commission=None)
    asyncio.get_running_loop().call_later(0.05, bot.broker.tell, replace(execution, commission=Decimal("1.05")))
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    (told,) = await bot.events(*FILLS)
    assert "commission $1.05" in words.text(told)


async def test_repeated_news_change_nothing(bot: Bot) -> None:
    """What IB says twice would be booked, or told, twice."""
    alert_id, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    before = await bot.trade(order_ref), await bot.lots(), len(await bot.events())
    for _ in range(3):
        bot.broker.tell(execution)
        bot.broker.show(order_ref, OrderState.FILLED)
    _, other = await bot.order("BUY", "MSFT")
    bot.broker.show(other)
    await bot.told(EventKind.ORDER_ACCEPTED)  # everything before it has been booked
    assert (await bot.trade(order_ref), await bot.lots()) == before[:2]
    assert [event for event in await bot.events() if event.trade_id == before[0].id][-1].id <= before[2]


async def test_filled_without_executions_is_not_the_end(bot: Bot) -> None:
    """A status would end an order whose price and commission nobody knows."""
    _, order_ref = await bot.order("BUY")
    execution = bot.broker.fill(order_ref, 5, 100, told=False)
    bot.broker.show(order_ref, OrderState.FILLED)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
    bot.broker.asked.clear()
    trade = await bot.turns(
        order_ref, TradeStatus.FILLED
    )  # asked for by itself, soon: long before the order is overdue
    assert trade.filled_qty == execution.shares
    assert bot.broker.cancels == []


async def test_executions_end_an_order_that_has_no_status(bot: Bot) -> None:
    """An order whose orderStatus never comes would stay in flight for ever."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5, 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert (await bot.trade(order_ref)).submitted_at is not None


async def test_a_rejection_then_inactive(bot: Bot) -> None:
    """A rejected order would not end, or IB's words be lost."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: margin")

    async def noted() -> bool:
        return (await bot.trade(order_ref)).error_message is not None

    await bot.until(noted, "the rejection is stored")
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTING, "an error alone ends nothing"
    bot.broker.show(order_ref, OrderState.INACTIVE)
    alert = await bot.becomes(alert_id, AlertStatus.FAILED)
    assert said(alert.reason) == "IB 201: Order rejected - reason: margin"
    (told,) = await bot.events(EventKind.ORDER_FAILED)
    assert words.text(told) == "BUY 5 AAPL was rejected by IB 201: Order rejected - reason: margin. Nothing was bought."


async def test_inactive_then_a_rejection(bot: Bot) -> None:
    """A rejection that comes after the status would leave the order in flight, and then UNKNOWN."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref, OrderState.INACTIVE)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED, "it may be held for a locate"
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "no")
    await bot.turns(order_ref, TradeStatus.FAILED)  # IB is asked once more, at once
    assert said((await bot.row(alert_id)).reason) == "IB 201: no"
    assert bot.broker.cancels == []


async def test_inactive_that_works_again_is_not_ended_by_a_later_error(bot: Bot) -> None:
    """An order held and then released would be taken for rejected."""
    alert_id, order_ref = await bot.order("BUY")
    for state in (OrderState.INACTIVE, OrderState.WORKING):
        bot.broker.working.setdefault(
            order_ref, replace(bot.broker.completed.get(order_ref) or bot.broker.working[order_ref])
        )
        bot.broker.show(order_ref, state)
    await bot.told(EventKind.ORDER_ACCEPTED)
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "no")

    async def noted() -> bool:
        return (await bot.trade(order_ref)).error_message is not None

    await bot.until(noted, "the rejection is stored")
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_a_cancel_after_k_fills_keeps_them(bot: Bot) -> None:
    """The k shares are ours; the order would be called failed."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 2, 100)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    assert said((await bot.becomes(alert_id, AlertStatus.EXECUTED)).reason) == "2 of 5"
    assert (await bot.trade(order_ref)).status is TradeStatus.PARTIAL
    (told,) = await bot.events(*FILLS)
    assert words.text(told).startswith("Bought 2 of 5 AAPL")
    assert words.text(told).endswith("The rest was cancelled.")


async def test_the_owners_cancel_is_no_rejection(bot: Bot) -> None:
    """An order cancelled in TWS would be reported as rejected."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 202, ErrorKind.CANCELLED, "Order Canceled")
    bot.broker.show(order_ref, OrderState.CANCELLED)
    assert said((await bot.becomes(alert_id, AlertStatus.FAILED)).reason) == "cancelled unfilled"
    assert (await bot.trade(order_ref)).status is TradeStatus.CANCELLED


async def test_a_notice_ends_nothing(bot: Bot) -> None:
    """Error 399 or 10349 on a live order would end it in the books while it trades."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 10349, ErrorKind.NOTICE, "TIF was set to DAY")
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert (await bot.trade(order_ref)).error_message is None


async def test_a_sell_splits_a_lot_and_tells_its_profit(bot: Bot) -> None:
    """The part that a SELL leaves would be lost, or the P&L of the other be wrong."""
    await bot.bought(5, price=100)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 2, 110)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    closed, still_open = sorted(await bot.lots(), key=lambda lot: lot.status)
    assert (still_open.qty, still_open.commission) == (3, Decimal("0.6"))
    assert (closed.qty, closed.commission, closed.pnl) == (2, Decimal("1.4"), Decimal("18.6"))
    (told,) = await bot.events(EventKind.SELL_FILLED)
    assert "Sold 2 of 5 AAPL at $110.00 = $220.00, P&L +$18.60" in words.text(told)
    await bot.seconds(4)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert "the exit left 3 shares" in words.text(left)
    assert left.facts == ExitIncomplete("AAPL", Decimal(3), ExitLeft.CANCELLED)


async def test_an_exit_that_was_rejected_is_told_as_left_open(bot: Bot) -> None:
    """The owner would believe that he is out of the position."""
    await bot.bought(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "no")
    bot.broker.show(order_ref, OrderState.INACTIVE)
    await bot.becomes(alert_id, AlertStatus.FAILED)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert left.facts == ExitIncomplete("AAPL", Decimal(5), ExitLeft.REFUSED, "IB 201: no")


async def test_a_complete_exit_leaves_nothing_to_tell(bot: Bot) -> None:
    """Every exit would end in a false alarm."""
    await bot.bought(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 5, 99)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert await bot.lots(LotStatus.OPEN) == []
    assert await bot.events(EventKind.EXIT_INCOMPLETE) == []


async def test_an_order_of_another_database_stops_trading(bot: Bot) -> None:
    """Another tradebot on the same account would go unnoticed."""
    _, order_ref = await bot.order("BUY")
    orphan = replace(bot.broker.working[order_ref], order_ref="tb-77-0badcafe")
    bot.broker.working["tb-77-0badcafe"] = orphan
    bot.broker.show("tb-77-0badcafe")
    (told,) = await bot.told(EventKind.ORPHAN_ORDER)
    assert "tb-77-0badcafe" in words.text(told)
    assert not bot.gate.is_open


async def test_news_wait_for_the_database_in_order(bot: Bot) -> None:
    """Fills that come while the database is away would be dropped, or overtake each other."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.told(EventKind.ORDER_ACCEPTED)
    ledger = bot.ledger
    async with ledger.begin() as books:  # holds the only lock for writing: nobody else can book
        await books.settings()
        bot.broker.fill(order_ref, 2, 100)
        bot.clock.skip(30)

        async def gave_up() -> bool:
            return bot.broker.events.empty()

        await bot.until(gave_up, "booking has taken the news")
        bot.clock.skip(30)  # the time-out of whoever waits for the lock
        bot.broker.fill(order_ref, 3, 102)
        bot.broker.fills.clear()  # nothing else could tell them again
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    trade = await bot.trade(order_ref)
    assert (trade.filled_qty, trade.avg_fill_price) == (5, Decimal("101.2"))
    assert len(await bot.events(*FILLS)) == 1
