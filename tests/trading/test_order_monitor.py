"""The orders in flight: what is cancelled, how often, and what is asked about."""

from dataclasses import replace

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tests.trading.moments import gate_closed
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState, OrderUpdate
from tradebot.domain.events import EventKind, Severity
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words

T = TradeStatus


async def test_an_overdue_order_is_cancelled_once_and_settled(bot: Bot) -> None:
    """A market order that does not fill would work on for ever, or be cancelled every second."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.seconds(28)
    assert bot.broker.cancels == []
    await bot.seconds(5)
    assert bot.broker.cancels == [order_ref]
    await bot.told(EventKind.ORDER_CANCELLING)  # stored after the cancel was sent
    (told,) = await bot.events(EventKind.ORDER_CANCELLING)
    assert "it was not done after 30 s" in words.text(told)
    bot.broker.fill(order_ref, 2)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    assert said((await bot.becomes(alert_id, AlertStatus.EXECUTED)).reason) == "2 of 5"
    assert bot.broker.cancels == [order_ref]


async def test_a_cancel_whose_answer_never_comes_is_asked_about(bot: Bot) -> None:
    """An order cancelled in silence would stay in flight and block its ticker."""
    _, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.seconds(33)
    order = bot.broker.working.pop(order_ref)
    bot.broker.completed[order_ref] = replace(order, order_id=0, client_id=None, state=OrderState.CANCELLED)
    assert (await bot.turns(order_ref, T.CANCELLED)).finished_at is not None
    assert bot.broker.cancels == [order_ref]


async def test_a_cancel_lost_with_the_connection_is_repeated(bot: Bot) -> None:
    """An overdue order would work on because its cancel never arrived."""
    _, order_ref = await bot.order("BUY")
    await bot.seconds(33)
    assert bot.broker.cancels == [order_ref]
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.seconds(3)
    assert bot.broker.cancels == [order_ref, order_ref]


async def test_a_refused_cancel_is_reconciled(bot: Bot) -> None:
    """ "Not found" in answer to a cancel would be taken for cancelled, though the order has filled."""
    _, order_ref = await bot.order("BUY")
    await bot.seconds(33)
    bot.broker.fill(order_ref, 5, told=False)
    bot.broker.error(order_ref, 10147, ErrorKind.CANCEL_REFUSED, "OrderId that needs to be cancelled is not found.")
    assert (await bot.turns(order_ref, T.FILLED)).filled_qty == 5


async def test_kill_cancels_at_once(bot: Bot) -> None:
    """Working orders would fill after /kill."""
    refs = [(await bot.order("BUY", ticker))[1] for ticker in ("AAPL", "MSFT")]
    killed = False

    async def cancelled() -> bool:
        nonlocal killed
        if not killed:  # from here on no timer looks at the orders in flight
            killed = await bot.switch.kill("owner")
        return set(bot.broker.cancels) == set(refs)

    await bot.at_once(cancelled, "both orders are cancelled")
    assert len(bot.broker.cancels) == 2
    assert all("the kill switch is on" in words.text(event) for event in await bot.told(EventKind.ORDER_CANCELLING, 2))


async def test_kill_while_disconnected_cancels_on_the_next_connection(bot: Bot) -> None:
    """An order would outlive the kill switch because IB was away."""
    _, order_ref = await bot.order("BUY")
    bot.broker.disconnect()
    await gate_closed(bot)
    await bot.switch.kill("owner")
    bot.broker.connect()

    async def cancelled() -> bool:
        return bot.broker.cancels == [order_ref]

    await bot.sooner_or_later(cancelled, "the order is cancelled", within_s=5)


async def test_an_order_held_for_a_locate_is_cancelled(bot: Bot) -> None:
    """The bot would be about to sell short."""
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref, OrderState.WORKING)
    bot.broker.error(order_ref, 404, ErrorKind.HELD, "Order held while securities are located.")

    async def cancelled() -> bool:
        return bot.broker.cancels == [order_ref]

    await bot.sooner_or_later(cancelled, "the order is cancelled", within_s=5)
    (told,) = await bot.told(EventKind.ORDER_CANCELLING)
    assert "short locate" in words.text(told)


async def test_a_cancel_that_ib_refused_is_repeated_while_the_order_works(bot: Bot) -> None:
    """A kill right after the order was sent is refused by IB, and the order would work on all day."""
    _, order_ref = await bot.order("BUY")
    await bot.switch.kill("owner")

    async def cancelled() -> bool:
        return bot.broker.cancels == [order_ref]

    await bot.sooner_or_later(cancelled, "the order is cancelled")
    bot.broker.error(
        order_ref, 161, ErrorKind.CANCEL_REFUSED, "Cancel attempted when order is not in a cancellable state."
    )
    bot.broker.show(order_ref)
    await bot.seconds(40)
    assert len(bot.broker.cancels) >= 2
    assert len(await bot.events(EventKind.ORDER_CANCELLING)) == 1


async def test_an_order_that_comes_back_from_unknown_is_cancelled_again(bot: Bot) -> None:
    """The kill switch would not reach an order whose first cancel was lost with it."""
    _, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.seconds(33)
    assert bot.broker.cancels == [order_ref]
    order = bot.broker.working.pop(order_ref)
    await bot.turns(order_ref, T.UNKNOWN)
    bot.broker.working[order_ref] = order
    bot.broker.show(order_ref)
    await bot.turns(order_ref, T.SUBMITTED)
    await bot.switch.kill("owner")
    await bot.seconds(20)
    assert len(bot.broker.cancels) >= 2


# --- exits are not given up -------------------------------------------------------------------------------------------


async def test_an_exit_over_its_time_works_on_and_is_told_once(bot: Bot) -> None:
    """The exit of a halted stock would be cancelled after half a minute, and the position kept."""
    await bot.owns(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    await bot.seconds(400, at_once=10)
    assert bot.broker.cancels == []
    (told,) = await bot.events(EventKind.EXIT_WORKS_ON)
    assert "SELL 5 AAPL works on: nothing filled after 3" in words.text(told)
    assert told.severity is Severity.WARNING
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)


async def test_an_exit_that_ib_never_shows_is_asked_about_and_offered(bot: Bot) -> None:
    """An exit that IB has swallowed would be told as one that works, and wait all day for an order that there is not."""
    await bot.owns(5)
    bot.broker.takes_orders = False
    _, order_ref = await bot.order("SELL")
    await bot.turns(order_ref, T.FAILED)
    (told,) = await bot.told(EventKind.EXIT_INCOMPLETE)
    assert isinstance(told.facts, ExitIncomplete)
    assert told.facts.code is ExitLeft.NOT_SHOWN
    assert await bot.events(EventKind.EXIT_WORKS_ON) == []
    assert bot.broker.cancels == []


async def test_an_exit_whose_end_was_not_told_is_asked_about(bot: Bot) -> None:
    """The ticker would stay busy until the close, with shares that nobody sells."""
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    await bot.seconds(2)
    order = bot.broker.working.pop(order_ref)
    bot.broker.completed[order_ref] = replace(order, order_id=0, client_id=None, state=OrderState.CANCELLED)
    await bot.turns(order_ref, T.CANCELLED)


async def test_an_exit_that_works_on_is_not_told_again_after_a_restart(make_bot: MakeBot) -> None:
    """Each restart during a halt would send the owner the same message."""
    first = await make_bot()
    await first.start()
    await first.owns(5)
    _, order_ref = await first.order("SELL")
    first.broker.show(order_ref)
    await first.seconds(40, at_once=4)
    await first.told(EventKind.EXIT_WORKS_ON)
    await first.stop()
    second = await make_bot()
    second.broker.held, second.broker.working = first.broker.held, first.broker.working
    await second.start()
    await second.seconds(40, at_once=4)
    assert len(await second.events(EventKind.EXIT_WORKS_ON)) == 1


async def test_an_inactive_order_is_told_and_its_cancel_ends(bot: Bot) -> None:
    """An order that IB lists as Inactive, and whose cancel it does not answer, would be cancelled without end, unheard of."""
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    bot.broker.working[order_ref] = replace(bot.broker.working[order_ref], state=OrderState.INACTIVE)
    bot.broker.events.put_nowait(OrderUpdate(bot.broker.working[order_ref]))
    await bot.seconds(110, at_once=5)
    assert await bot.events(EventKind.ORDER_STUCK) == []
    await bot.seconds(3600, at_once=20)
    assert 1 < len(bot.broker.cancels) <= 10
    (told,) = await bot.events(EventKind.ORDER_STUCK)
    assert told.severity is Severity.CRITICAL
    assert "SELL 5 AAPL is listed by IB as Inactive for 2 min" in words.text(told)
    assert f"permId {(await bot.trade(order_ref)).perm_id}" in words.text(told)


async def test_a_cancel_that_ib_never_answers_is_told(bot: Bot) -> None:
    """The kill switch would not reach an order, and nobody would know."""
    _, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.switch.kill("owner")
    await bot.seconds(900, at_once=10)
    assert len(bot.broker.cancels) <= 10
    (told,) = await bot.events(EventKind.ORDER_STUCK)
    assert "IB has not answered its cancel for 2 min" in words.text(told)


# --- the session's end ------------------------------------------------------------------------------------------------


async def test_an_order_that_works_at_the_close_is_cancelled_and_told(make_bot: MakeBot) -> None:
    """Broken, a market order of the last second waits at IB and buys at the next open, at another price."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 57), always=False)
    await bot.start()
    alert_id, order_ref = await bot.order("BUY")

    async def cancelled() -> bool:
        return order_ref in bot.broker.cancels

    await bot.sooner_or_later(cancelled, "the order is cancelled", within_s=10)
    assert bot.clock.now() < new_york(2026, 11, 20, 16, 0, 10)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.FAILED)
    [event] = await bot.events(EventKind.ORDER_CANCELLING)
    assert "the session ended before it was done" in words.text(event)
    assert (await bot.trade(order_ref)).status is TradeStatus.CANCELLED
    await bot.told(EventKind.ORDER_FAILED)


async def test_a_fill_of_the_last_second_is_booked_not_cancelled(make_bot: MakeBot) -> None:
    """Broken, a fill at 15:59:59 that is booked a moment after the close is told as cancelled."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 57), always=False)
    await bot.start()
    alert_id, order_ref = await bot.order("BUY")
    await bot.seconds(3)
    assert bot.clock.now() > new_york(2026, 11, 20, 16)
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await bot.seconds(5)
    assert bot.broker.cancels == []


async def test_an_order_of_the_open_is_not_cancelled(make_bot: MakeBot) -> None:
    """Broken, an exit that waited for the open is cancelled in its first second as one of a session that is over."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 9, 29, 40), always=False)
    await bot.start()
    await bot.owns(5)
    alert_id = await bot.alert("SELL")
    await bot.becomes(alert_id, AlertStatus.PENDING)

    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "the exit is sent at the open")
    assert bot.clock.now() < new_york(2026, 11, 20, 9, 30, 3)
    bot.broker.show(bot.broker.sent[-1].order_ref)
    await bot.seconds(5)
    assert bot.broker.cancels == []
    bot.broker.fill(bot.broker.sent[-1].order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)


async def test_an_alert_after_the_close_waits_for_the_next_open(make_bot: MakeBot) -> None:
    """Broken, an alert received at 15:59:59 and judged after the close is sent into the night."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 58), always=False)
    await bot.start(connected=False)
    alert_id = await bot.alert("BUY")
    await bot.seconds(4)
    bot.broker.connect()
    row = await bot.becomes(alert_id, AlertStatus.PENDING)
    assert "runs at the open, Mon 23 Nov 09:30 New York" in said(row.reason)
    assert bot.broker.sent == []
