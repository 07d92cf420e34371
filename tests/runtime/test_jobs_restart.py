"""Around the gateway's nightly restart orders wait and go on by themselves; at a session's end none is left working."""

from datetime import time, timedelta

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import Disconnected, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.restart_window import RestartWindow
from tradebot.domain.trades import TradeStatus

NIGHT = RestartWindow(time(0, 15), time(1, 45))
EVENING = new_york(2026, 11, 20, 0, 12, 58)  # the gate closes in two seconds


async def holds(bot: Bot) -> None:
    async def held() -> bool:
        return "restart" in bot.gate.holders

    await bot.sooner_or_later(held, "the gate is held for the restart", within_s=10)


async def test_orders_wait_for_the_restart_and_go_on_by_themselves(make_bot: MakeBot) -> None:
    """Broken, an order is in flight when the gateway goes down, or an alert of that hour fails or is forgotten."""
    bot: Bot = await make_bot(start=EVENING, restart=NIGHT)
    await bot.start()
    await holds(bot)
    assert bot.clock.now() >= new_york(2026, 11, 20, 0, 13)
    alert_id = await bot.alert("BUY")
    await bot.seconds(5)
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    assert bot.broker.sent == []

    bot.broker.disconnect("the gateway restarts")
    await bot.seconds(40)
    bot.broker.connect()
    await bot.is_open()
    await bot.sent()
    told = await bot.events(EventKind.BROKER_LOST, EventKind.BROKER_UNREACHABLE, EventKind.BROKER_CONNECTED)
    assert [event.kind for event in told] == [EventKind.BROKER_CONNECTED], "the first connection of the evening alone"
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_without_a_restart_orders_wait_until_the_window_is_over(make_bot: MakeBot) -> None:
    """Broken, the bot stays shut all day because the gateway did not restart, or opens without having asked IB again."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 0, 10), restart=NIGHT)
    await bot.start()
    await bot.bought(5, "KO")
    bot.clock.skip((EVENING - bot.clock.now()).total_seconds())
    await holds(bot)
    alert_id = await bot.alert("SELL", "KO")
    bot.clock.skip((new_york(2026, 11, 20, 1, 44, 50) - bot.clock.now()).total_seconds())
    await bot.seconds(5)
    assert len(bot.broker.sent) == 1
    asked = len(bot.broker.asked)
    await bot.seconds(10)
    await bot.is_open()
    assert "executions" in bot.broker.asked[asked:]
    await bot.sent(2)
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_a_start_in_the_window_waits_for_reconciliation_only(make_bot: MakeBot) -> None:
    """Broken, a daemon started at night sits still for an hour though IB is there and compared."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 0, 30), restart=NIGHT)
    assert "restart" in bot.gate.holders
    await bot.start()
    await bot.seconds(3)
    assert bot.gate.is_open


async def test_an_outage_that_outlasts_the_window_is_told(make_bot: MakeBot) -> None:
    """Broken, what was kept quiet at night is never said, and the morning's alerts wait without a word."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 1, 44), restart=NIGHT)
    await bot.start()
    bot.broker.disconnect("the gateway restarts")
    bot.broker.events.put_nowait(Disconnected(1, "connection refused", attempt=50, exhausted=True))
    await bot.seconds(50)
    quiet = (EventKind.BROKER_LOST, EventKind.BROKER_UNREACHABLE)
    assert await bot.events(*quiet) == []
    await bot.seconds(15)
    assert {event.kind for event in await bot.events(*quiet)} == set(quiet)


async def test_a_window_may_span_midnight_and_may_be_none() -> None:
    """Broken, "23:45-00:45" holds orders all day, or "00:00-00:00" for ever."""
    window = RestartWindow(time(23, 45), time(0, 45))
    held = [new_york(2026, 11, 20, 23, 43), new_york(2026, 11, 20, 23, 59), new_york(2026, 11, 21, 0, 44)]
    free = [new_york(2026, 11, 20, 23, 42), new_york(2026, 11, 21, 0, 45), new_york(2026, 11, 20, 12)]
    assert [window.covers(at) for at in held + free] == [True] * 3 + [False] * 3
    none = RestartWindow(time(), time())
    assert not any(none.covers(new_york(2026, 11, 20) + timedelta(minutes=n)) for n in range(-5, 5))


# --- the session's end ----------------------------------------------------------------------------------------------


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
    assert "the session ended before it was done" in event.text
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


async def test_an_alert_after_the_close_waits_for_the_next_open(make_bot: MakeBot) -> None:
    """Broken, an alert received at 15:59:59 and judged after the close is sent into the night."""
    bot: Bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 58), always=False)
    await bot.start(connected=False)
    alert_id = await bot.alert("BUY")
    await bot.seconds(4)
    bot.broker.connect()
    row = await bot.becomes(alert_id, AlertStatus.PENDING)
    assert "runs at the open, Mon 23 Nov 09:30 New York" in str(row.reason)
    assert bot.broker.sent == []
