"""Alerts that wait: for their ticker, for an older exit, for the market, for the owner; and ids that come twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import TradeStatus
from tradebot.trading.booking import Listeners

RECEIVED, PENDING, PROCESSING, EXECUTED, BLOCKED = (
    AlertStatus.RECEIVED,
    AlertStatus.PENDING,
    AlertStatus.PROCESSING,
    AlertStatus.EXECUTED,
    AlertStatus.BLOCKED,
)
BEFORE_THE_OPEN = datetime(2026, 11, 20, 14, 29, 0, tzinfo=UTC)


async def _parked(bot: Bot, alert_id: int) -> None:
    async def parked() -> bool:
        being_handled = any(task.get_name() == f"alert {alert_id}" for task in asyncio.all_tasks())
        return alert_id in bot.worker.in_hand and not being_handled

    await bot.until(parked, f"alert {alert_id} waits for its ticker")


async def _sent(bot: Bot, number: int) -> None:
    async def enough() -> bool:
        return len(bot.broker.sent) >= number

    await bot.sooner_or_later(enough, f"{number} orders are sent")
    assert len(bot.broker.sent) == number


# --- one order in flight per ticker ---------------------------------------------------------------------------------


async def test_a_busy_ticker_waits_and_goes_on_by_itself(bot: Bot) -> None:
    """Two orders of one ticker would be in flight, or the second alert be stuck."""
    first, order_ref = await bot.order("BUY")
    bot.tasks.pop("requeue").cancel()  # the end of the order is enough
    second = await bot.alert("BUY")
    await _parked(bot, second)
    assert len(bot.broker.sent) == 1
    assert (await bot.row(second)).status is RECEIVED
    bot.broker.fill(order_ref, 5)
    await bot.becomes(first, EXECUTED)
    await _sent(bot, 2)
    assert (await bot.row(second)).status is PROCESSING


async def test_another_ticker_does_not_wait(bot: Bot) -> None:
    """One slow order would hold up all others."""
    await bot.order("BUY", "AAPL")
    await bot.order("BUY", "MSFT")


async def test_an_alert_that_parks_too_late_to_be_released_is_found(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert parked at the very moment of the order's end would wait for ever."""
    first, order_ref = await bot.order("BUY")
    second = await bot.alert("BUY")
    await _parked(bot, second)
    monkeypatch.setattr(bot.booking, "_listeners", Listeners())  # nobody tells the worker of the end
    bot.broker.fill(order_ref, 5)
    await bot.becomes(first, EXECUTED)
    await _sent(bot, 2)


async def test_a_sell_waits_for_an_unknown_order(bot: Bot) -> None:
    """A SELL would sell what an order that may be working sells already."""
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.working.clear()
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "it is not known.")
    second = await bot.alert("SELL")
    await _parked(bot, second)
    await bot.seconds(5)
    assert len(bot.broker.sent) == 1
    await bot.booking.conclude(trade.id, TradeStatus.FAILED, "the owner says that it never existed.")
    await _sent(bot, 2)
    assert (await bot.row(second)).status is PROCESSING


async def test_a_buy_does_not_overtake_an_older_sell(bot: Bot) -> None:
    """The SELL would sell the shares of the entry that followed it."""
    await bot.owns(5)
    bot.broker.failing.add("holdings")
    sell_id = await bot.alert("SELL")
    buy_id = await bot.alert("BUY")
    await _parked(bot, buy_id)
    bot.broker.failing.clear()
    await _sent(bot, 1)
    assert bot.broker.sent[0].side is Side.SELL
    bot.broker.fill(bot.broker.sent[0].order_ref, 5)
    await bot.becomes(sell_id, EXECUTED)
    await _sent(bot, 2)
    assert (await bot.row(buy_id)).status is PROCESSING


async def test_an_exit_does_not_stand_in_line_behind_entries(bot: Bot) -> None:
    """In a burst of BUYs an exit would wait for all those that were taken from the queue before it."""
    await bot.owns(5)

    async def all_ready() -> bool:
        return bot.broker.asked.count("quote") == 6 and "holdings" in bot.broker.asked

    async def burst() -> None:
        with bot.clock.standing_still():  # the order that is being decided must not become too old
            for number in range(5):
                await bot.alert("BUY", f"T{number}")
            await bot.alert("SELL")
        await bot.at_once(all_ready, "everything waits for its turn")
        await bot.trades()

    bot.broker.asked.clear()
    await bot.after_decision(burst)
    await bot.alert("BUY", "MSFT")
    await _sent(bot, 7)
    assert [order.side for order in bot.broker.sent[:2]] == [Side.BUY, Side.SELL]


# --- an exit ends older entries -------------------------------------------------------------------------------------


async def test_a_sell_supersedes_older_buys_of_its_ticker_only(bot: Bot) -> None:
    """An exit would be followed by its own entry; or take newer and other entries with it."""
    await bot.owns(5)
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    older = await bot.alert("BUY", "AAPL")
    other = await bot.alert("BUY", "MSFT")
    sell_id = await bot.alert("SELL", "AAPL")
    newer = await bot.alert("BUY", "AAPL")
    bot.gate.open("test")
    superseded = await bot.becomes(older, BLOCKED)
    assert said(superseded.reason) == f"superseded by the SELL of alert {sell_id}"
    await bot.becomes(sell_id, PROCESSING)
    await bot.becomes(other, PROCESSING)
    await _sent(bot, 2)
    assert (await bot.row(newer)).status is RECEIVED
    bot.broker.fill(next(o.order_ref for o in bot.broker.sent if o.side is Side.SELL), 5)
    await bot.becomes(newer, PROCESSING)
    (told,) = await bot.events(EventKind.ALERT_BLOCKED)
    assert told.alert_id == older


async def test_a_sell_that_is_blocked_supersedes_all_the_same(bot: Bot) -> None:
    """Flat already, the bot would still follow the entry that the exit was meant to end."""
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    older = await bot.alert("BUY")
    sell_id = await bot.alert("SELL")
    bot.gate.open("test")
    await bot.becomes(sell_id, BLOCKED)
    assert said((await bot.row(older)).reason) == f"superseded by the SELL of alert {sell_id}"
    assert bot.broker.sent == []


async def test_a_sell_supersedes_a_pending_buy(make_bot: MakeBot) -> None:
    """An entry of the night would be bought at the open, after its exit."""
    bot = await make_bot(start=BEFORE_THE_OPEN, always=False)
    await bot.start()
    older = await bot.alert("BUY")
    await bot.becomes(older, PENDING)
    bot.tasks.pop("requeue").cancel()  # nothing brings the BUY back yet
    bot.clock.skip(61)
    sell_id = await bot.alert("SELL")
    await bot.becomes(sell_id, BLOCKED)
    assert said((await bot.becomes(older, BLOCKED)).reason) == f"superseded by the SELL of alert {sell_id}"


# --- ids that come twice --------------------------------------------------------------------------------------------


async def test_double_ids_are_one_order(bot: Bot) -> None:
    """An id that the queue gives twice, or that comes again long after, would buy twice."""
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    alert_id = await bot.alert("BUY")
    await bot.intake.finish()
    await bot.queue.push(Side.BUY, [alert_id] * 20)
    bot.gate.open("test")
    order = await bot.sent(1)
    bot.broker.fill(order.order_ref, 5)
    await bot.becomes(alert_id, EXECUTED)
    await bot.queue.push(Side.BUY, [alert_id] * 3)
    await bot.order("BUY", "MSFT")  # everything before it has been looked at
    assert len(bot.broker.sent) == 2
    assert len(await bot.trades()) == 2


async def test_what_was_refused_once_stays_refused(bot: Bot) -> None:
    """An id that the queue gives again after a resume would trade what the pause has blocked."""
    await bot.switch.pause("owner")
    alert_id = await bot.alert("BUY")
    await bot.becomes(alert_id, BLOCKED)
    await bot.switch.resume("owner")
    await bot.queue.push(Side.BUY, [alert_id])
    await bot.order("BUY", "MSFT")  # everything before it has been looked at
    assert (await bot.row(alert_id)).status is BLOCKED
    assert [order.contract.ticker for order in bot.broker.sent] == ["MSFT"]
    assert len(await bot.events(EventKind.ALERT_BLOCKED)) == 1


async def test_an_id_without_an_alert_is_harmless(bot: Bot) -> None:
    """A Redis that remembers another database would stop the worker."""
    await bot.queue.push(Side.SELL, [4711])
    await bot.order("BUY")


# --- the market's hours ---------------------------------------------------------------------------------------------


async def test_a_closed_market_holds_alerts_until_the_open_sells_first(make_bot: MakeBot) -> None:
    """An alert of the night would be refused, sent into the closed market, or an exit come after an entry."""
    bot = await make_bot(start=BEFORE_THE_OPEN, always=False)
    await bot.start()
    await bot.owns(5)
    bot.broker.fill_at_once()
    buys = [await bot.alert("BUY", ticker) for ticker in ("MSFT", "KO")]
    sell = await bot.alert("SELL", "AAPL")
    for alert_id in (*buys, sell):
        waiting = await bot.becomes(alert_id, PENDING)
        assert said(waiting.reason) == "the market is closed; runs at the open, Fri 20 Nov 09:30 New York"
    assert len(await bot.events(EventKind.ALERT_PENDING)) == 3
    assert bot.broker.sent == []
    bot.clock.skip(61)
    await _sent(bot, 3)
    assert [order.side for order in bot.broker.sent] == [Side.SELL, Side.BUY, Side.BUY]
    assert (await bot.becomes(buys[0], EXECUTED)).reason is None


async def test_a_buy_at_the_open_does_not_overtake_a_pending_sell(make_bot: MakeBot) -> None:
    """The exit of the night would sell what was bought at the open."""
    bot = await make_bot(start=BEFORE_THE_OPEN, always=False)
    await bot.start()
    await bot.owns(5)
    sell_id = await bot.alert("SELL")
    await bot.becomes(sell_id, PENDING)
    bot.tasks.pop("requeue").cancel()  # nothing brings the SELL back yet
    bot.clock.skip(61)
    buy_id = await bot.alert("BUY")
    await _parked(bot, buy_id)
    assert bot.broker.sent == []
    await bot.requeue.run_once()
    await bot.requeue.run_once()
    await _sent(bot, 1)
    assert [order.side for order in bot.broker.sent] == [Side.SELL]
    assert (await bot.row(sell_id)).status is PROCESSING


async def test_what_waited_too_long_expires(make_bot: MakeBot) -> None:
    """An alert of last week would be traded after a long weekend."""
    bot = await make_bot(start=BEFORE_THE_OPEN, always=False)
    await bot.start()
    alert_id = await bot.alert("BUY")
    await bot.becomes(alert_id, PENDING)
    bot.clock.skip(timedelta(days=5, hours=1).total_seconds())

    async def expired() -> bool:
        return (await bot.row(alert_id)).status is AlertStatus.EXPIRED

    await bot.sooner_or_later(expired, "it expires")
    assert len(await bot.events(EventKind.ALERT_EXPIRED)) == 1


@pytest.mark.parametrize("side", ["BUY", "SELL"])
async def test_the_kill_switch_blocks_at_night_too(make_bot: MakeBot, side: str) -> None:
    """Alerts of a killed bot would wait for the open and be traded after a resume in the morning."""
    bot = await make_bot(start=BEFORE_THE_OPEN, always=False)
    await bot.start()
    await bot.switch.kill("owner")
    await bot.becomes(await bot.alert(side), BLOCKED)


async def test_an_alert_cleared_while_it_is_judged_stays_cleared(bot: Bot) -> None:
    """An alert that the owner took out of the queue would be told as blocked, or traded."""
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    alert_id = await bot.alert("BUY")
    async with bot.ledger.begin() as books:
        assert await books.move_alert(alert_id, (RECEIVED,), AlertStatus.CLEARED, "by owner")
    bot.gate.open("test")
    await bot.order("BUY", "MSFT")
    assert (await bot.row(alert_id)).status is AlertStatus.CLEARED
    assert len(bot.broker.sent) == 1
    assert await bot.lots(LotStatus.OPEN) == []


async def test_what_the_owner_sells_while_an_exit_waits_is_not_sold_again(make_bot: MakeBot) -> None:
    """An exit behind another one that takes a second look would go by what IB held before: it would sell short."""
    bot = await make_bot(second_look_delay_s=3.0)
    await bot.start()
    await bot.owns(5, "AAPL", at_ib=0)  # the books have more than IB: looked at twice
    await bot.owns(5, "KO")
    first = await bot.alert("SELL", "AAPL")
    behind = await bot.alert("SELL", "KO")

    async def both_have_asked() -> bool:
        return bot.broker.asked.count("holdings") >= 2

    await bot.until(both_have_asked, "both exits have asked for what IB holds")
    await bot.moment()
    assert bot.broker.held is not None
    bot.broker.held[bot.broker.con_ids["KO"]] = Decimal(0)  # sold by hand
    await bot.seconds(12)
    await bot.becomes(first, AlertStatus.BLOCKED)
    await bot.becomes(behind, AlertStatus.BLOCKED)
    assert bot.broker.sent == []
