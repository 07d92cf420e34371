"""The last step before the wire: what came between the decision and the order stops it, and is booked as not sent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.adapters.database.samples import an_execution
from tests.bot import NO_FIXED_LIMITS, Bot, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Order, OrderReport, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.limits import FixedLimits
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import STATE_KEY, TradingState
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable, LockLost, OrderUncertain
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.switch import store_state
from tradebot.words import events as words

PROCESSING, FAILED = AlertStatus.PROCESSING, AlertStatus.FAILED


async def _kill(bot: Bot) -> None:
    await bot.switch.kill("owner")


async def _kill_without_database(bot: Bot) -> None:
    bot.ledger.away = True
    assert not await bot.switch.kill("owner"), "it is in force, and not stored"
    bot.ledger.away = False


async def _kill_from_another_process(bot: Bot) -> None:
    await store_state(bot.ledger, TradingState.KILLED, "command line", bot.clock.now())


async def _pause(bot: Bot) -> None:
    await bot.switch.pause("owner")


async def _gate(bot: Bot) -> None:
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    bot.gate.open("test")


async def _slow_commit(bot: Bot) -> None:
    bot.clock.skip(5.1)


async def _lock(bot: Bot) -> None:
    bot.lock.lost.set()


async def _throttle(bot: Bot) -> None:
    bot.broker.is_throttled = True


async def _reconnect(bot: Bot) -> None:
    bot.broker.disconnect()
    bot.broker.connect()


async def _lose_connection(bot: Bot) -> None:
    bot.broker.disconnect()


@pytest.mark.parametrize(
    ("happening", "reason"),
    [
        (_kill, "trading was KILLED at the last moment"),
        (_kill_from_another_process, "trading was KILLED at the last moment"),
        (_kill_without_database, "trading was KILLED at the last moment"),
        (_pause, "trading was PAUSED at the last moment"),
    ],
)
async def test_the_owner_s_word_between_decision_and_order_ends_it(
    bot: Bot, happening: Callable[[Bot], Awaitable[None]], reason: str
) -> None:
    """An order would leave after /kill; or one that he stopped would leave by itself when he resumes."""
    await bot.after_decision(lambda: happening(bot))
    alert_id = await bot.alert("BUY")
    alert = await bot.becomes(alert_id, FAILED)
    assert reason in said(alert.reason)
    trade = await bot.trade_of(alert_id)
    assert (trade.status, trade.error_message) == (TradeStatus.FAILED, alert.reason)
    assert trade.finished_at is not None
    assert trade.submitted_at is None
    (told,) = await bot.events(EventKind.ORDER_FAILED)
    assert words.text(told).startswith("BUY 5 AAPL was not sent: ")
    assert bot.broker.sent == []


async def test_an_exit_that_the_kill_switch_stopped_is_told(bot: Bot) -> None:
    """The owner would believe that he is out of the position."""
    await bot.owns(5)
    await bot.after_decision(lambda: _kill(bot))
    await bot.becomes(await bot.alert("SELL"), FAILED)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert left.facts == ExitIncomplete("AAPL", Decimal(5))


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize(
    ("happening", "reason"),
    [
        (_gate, ReasonCode.LINK_INTERRUPTED),
        (_slow_commit, ReasonCode.TOO_LATE),
        (_lock, ReasonCode.LOCK_LOST),
        (_throttle, ReasonCode.THROTTLED),
        (_reconnect, ReasonCode.LINK_INTERRUPTED),
        (_lose_connection, ReasonCode.LINK_INTERRUPTED),
    ],
)
async def test_what_comes_between_decision_and_order_has_it_judged_again(
    bot: Bot, happening: Callable[[Bot], Awaitable[None]], reason: ReasonCode, side: str
) -> None:
    """An order would leave that must not any more; or its alert would never be traded, though nothing had left."""
    await bot.owns(5)
    await bot.after_decision(lambda: happening(bot))
    alert_id = await bot.alert(side)
    await bot.told(EventKind.ORDER_JUDGED_AGAIN)
    first = (await bot.trades())[1]
    assert isinstance(first.error_message, Reason)
    assert (first.status, first.n, first.error_message.code) == (TradeStatus.FAILED, 1, reason)
    assert first.finished_at is not None
    assert bot.broker.sent == []
    bot.broker.is_throttled = False
    bot.lock.lost.clear()
    if not bot.broker.now.up:
        bot.broker.connect()
    await bot.leaves()
    second = await bot.trade_of(alert_id)
    assert (second.status, second.n, bot.broker.sent[0].order_ref) == (TradeStatus.SUBMITTING, 2, second.order_ref)
    assert first.order_ref != second.order_ref
    assert await bot.events(EventKind.ORDER_FAILED, EventKind.EXIT_INCOMPLETE, EventKind.ORDER_HELD_UP) == []
    bot.broker.fill(second.order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert len(bot.broker.sent) == 1


async def test_what_cannot_leave_comes_later_each_time_and_is_told_the_third(bot: Bot) -> None:
    """An order that can never leave would fill the books with its attempts, or the owner never hear of it."""
    bot.broker.on_place = no_socket
    alert_id = await bot.alert("BUY")
    await bot.told(EventKind.ORDER_JUDGED_AGAIN)
    tries: list[Trade] = []

    async def three() -> bool:
        tries[:] = await bot.trades()
        return len(tries) >= 3

    await bot.sooner_or_later(three, "the third order", within_s=20)
    await bot.told(EventKind.ORDER_HELD_UP)
    await bot.seconds(60)
    tries = await bot.trades()
    begun = [trade.created_at for trade in tries]
    waited = [(later - before).total_seconds() for before, later in pairwise(begun)]
    assert [trade.n for trade in tries] == list(range(1, len(tries) + 1))
    assert waited == sorted(waited)
    assert waited[0] >= 1
    assert waited[3] >= 8
    (told,) = await bot.events(EventKind.ORDER_HELD_UP)
    assert "could not leave, 3 times now: the order was not sent: no socket" in words.text(told)
    assert await bot.events(EventKind.ORDER_FAILED) == []
    bot.broker.on_place = lambda order: None
    await bot.leaves()
    assert (await bot.trade_of(alert_id)).order_ref == bot.broker.sent[0].order_ref


async def test_a_buy_that_could_not_leave_in_its_time_is_too_old(bot: Bot) -> None:
    """An entry would be made on a price of long ago, because its first order could not leave."""
    bot.broker.on_place = no_socket
    alert_id = await bot.alert("BUY")
    await bot.told(EventKind.ORDER_JUDGED_AGAIN)
    bot.clock.skip(FixedLimits().max_alert_age_s)
    bot.broker.on_place = lambda order: None
    alert = await bot.becomes(alert_id, AlertStatus.BLOCKED)
    assert isinstance(alert.reason, Reason)
    assert alert.reason.code == RefusalCode.ALERT_AGE
    assert bot.broker.sent == []


async def test_the_message_limit_makes_orders_wait(bot: Bot) -> None:
    """A burst of alerts would be judged, and not sent, over and over; or an exit wait behind entries."""
    await bot.owns(5, "KO")
    bot.broker.is_throttled = True
    buys = [await bot.alert("BUY", ticker) for ticker in ("AAPL", "MSFT")]

    async def waits() -> bool:
        return bot.broker.asked.count("quote") == 2

    await bot.until(waits, "both are prepared")
    sell = await bot.alert("SELL", "KO")

    async def asked() -> bool:
        return "holdings" in bot.broker.asked

    await bot.until(asked, "the exit is prepared")
    for _ in range(5):
        await bot.moment()
    assert len(await bot.trades()) == 1, "nothing is decided that cannot leave"
    bot.broker.is_throttled = False
    await bot.sent(3)
    assert [order.order_ref for order in bot.broker.sent] == [
        (await bot.trade_of(one)).order_ref for one in (sell, *buys)
    ]
    assert await bot.events(EventKind.ORDER_JUDGED_AGAIN) == []


async def test_an_exit_that_waited_for_the_message_limit_asks_again_what_ib_holds(bot: Bot) -> None:
    """It would sell what the owner has sold by hand meanwhile, and go short."""
    await bot.owns(5, "KO")
    await bot.owns(5)
    bot.broker.is_throttled = True
    bot.broker.asked.clear()
    await bot.alert("SELL", "KO")
    await bot.alert("SELL")  # it waits behind the other one

    async def asked() -> bool:
        return bot.broker.asked.count("holdings") >= 2

    await bot.until(asked, "both are prepared")
    await bot.moment()
    bot.broker.held = {265598: Decimal(3), 8894: Decimal(2)}
    bot.broker.is_throttled = False
    await bot.sent(2)
    assert [(order.contract.ticker, order.qty) for order in bot.broker.sent] == [("KO", 2), ("AAPL", 3)]


async def test_sells_that_waited_for_the_message_limit_do_not_wait_for_each_other_for_ever(bot: Bot) -> None:
    """Each would ask IB anew because another one had, and no exit leave any more."""
    await bot.owns(5)
    bot.broker.is_throttled = True
    bot.broker.asked.clear()
    unheld = [await bot.alert("SELL", ticker) for ticker in ("KO", "MSFT", "TSLA")]

    async def asked() -> bool:
        return bot.broker.asked.count("contract") >= len(unheld)

    await bot.until(asked, "all are prepared")
    exit_id = await bot.alert("SELL")
    await bot.moment()
    bot.broker.is_throttled = False
    await bot.sent(1)
    assert bot.broker.sent[0].contract.ticker == "AAPL"
    for alert_id in unheld:
        await bot.becomes(alert_id, AlertStatus.BLOCKED)
    assert (await bot.row(exit_id)).status is PROCESSING


async def test_an_older_order_that_comes_to_life_stops_the_newer_one(bot: Bot) -> None:
    """Two orders of one alert would be alive at once, and an exit sell twice what it should."""
    await bot.owns(10)
    bot.broker.on_place = no_socket
    alert_id = await bot.alert("SELL")
    await bot.told(EventKind.ORDER_JUDGED_AGAIN)
    older = await bot.trade_of(alert_id)
    bot.broker.on_place = lambda order: None

    async def comes_to_life() -> None:
        await bot.booking.book(older.order_ref, BrokerUpdate(seen=report(older)))

    await bot.after_decision(comes_to_life)
    await bot.sooner_or_later(lambda: judged_again(bot, 2), "the newer order is stopped")
    assert bot.broker.sent == []
    newer = await bot.trade_of(alert_id)
    assert (newer.n, newer.status) == (2, TradeStatus.FAILED)
    assert newer.error_message == Reason(ReasonCode.OLDER_ALIVE, {"order_ref": older.order_ref})
    assert (await bot.row(alert_id)).status is PROCESSING
    fill = an_execution("1.01", order_ref=older.order_ref, con_id=older.con_id, side=Side.SELL, shares=Decimal(10))
    await bot.booking.book(older.order_ref, BrokerUpdate(executions=[fill]))
    assert (await bot.row(alert_id)).status is AlertStatus.EXECUTED
    await bot.seconds(60)
    assert bot.broker.sent == []


async def test_an_older_order_that_comes_to_life_before_the_decision_is_the_alert_s(bot: Bot) -> None:
    """A second order would be decided beside one that works."""
    await bot.owns(10)
    bot.broker.on_place = no_socket
    alert_id = await bot.alert("SELL")
    await bot.told(EventKind.ORDER_JUDGED_AGAIN)
    bot.broker.on_place = lambda order: None
    older = await bot.trade_of(alert_id)
    await bot.booking.book(older.order_ref, BrokerUpdate(seen=report(older)))
    assert (await bot.row(alert_id)).status is PROCESSING
    await bot.seconds(10)
    assert (await bot.trade_of(alert_id)).id == older.id
    assert bot.broker.sent == []


def no_socket(order: Order) -> None:
    raise BrokerUnavailable("the order was not sent: no socket")


async def judged_again(bot: Bot, times: int) -> bool:
    return len(await bot.events(EventKind.ORDER_JUDGED_AGAIN)) >= times


def report(trade: Trade) -> OrderReport:
    """IB shows it at work."""
    return OrderReport(
        order_ref=trade.order_ref,
        order_id=trade.ib_order_id or 0,
        perm_id=9999,
        client_id=1,
        con_id=trade.con_id,
        ticker=trade.ticker,
        side=trade.side,
        qty=trade.requested_qty,
        filled=Decimal(0),
        state=OrderState.WORKING,
        ib_status="Submitted",
    )


async def test_a_pause_lets_a_decided_sell_leave(bot: Bot) -> None:
    """A pause would keep the bot in a position that it was about to leave."""
    await bot.owns(5)
    await bot.after_decision(lambda: _pause(bot))
    await bot.order("SELL")


async def test_the_intent_is_stored_before_the_order_leaves(bot: Bot) -> None:
    """After a crash nobody would know of an order that is at IB."""
    stored: list[Order] = []
    looked = asyncio.Event()

    async def look(order: Order) -> None:
        trade = await bot.trade(order.order_ref)
        assert trade.status is TradeStatus.SUBMITTING
        assert trade.ib_order_id is not None
        stored.append(order)
        looked.set()

    loop = asyncio.get_running_loop()
    looking: list[asyncio.Task[None]] = []
    bot.broker.on_place = lambda order: looking.append(loop.create_task(look(order)))
    await bot.alert("BUY")
    await bot.sent()
    await asyncio.wait_for(looked.wait(), 60)
    assert stored == bot.broker.sent
    assert len(looking) == 1


async def test_nothing_is_sent_when_the_intent_cannot_be_stored(bot: Bot) -> None:
    """An order would be at IB that the books do not know; or the alert be lost."""
    bot.broker.waits["quote"] = asyncio.Event()
    alert_id = await bot.alert("BUY")

    async def asked() -> bool:
        return "quote" in bot.broker.asked

    async def handled() -> bool:
        return alert_id not in bot.worker.in_hand

    await bot.until(asked, "the quote is asked for")
    bot.ledger.away = True
    bot.broker.waits["quote"].set()
    await bot.until(handled, "the alert has been put back")
    assert bot.broker.sent == []
    bot.ledger.away = False

    async def sent() -> bool:
        return len(bot.broker.sent) == 1

    await bot.sooner_or_later(sent, "the alert comes again")


async def test_what_may_have_left_is_never_called_failed(bot: Bot) -> None:
    """An order that is at IB would be called failed, and its ticker be free for a second one."""

    def break_off(order: Order) -> None:
        raise OrderUncertain("the connection broke while the order was being written")

    bot.broker.on_place = break_off
    alert_id = await bot.alert("BUY")
    await bot.becomes(alert_id, PROCESSING)
    order_ref = (await bot.trade_of(alert_id)).order_ref
    await bot.seconds(5)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTING
    trade = await bot.turns(order_ref, TradeStatus.FAILED)  # asked about after its time, absent twice
    assert said(trade.error_message) == "IB shows no such order, asked twice, and the position is unchanged."


async def test_a_commit_whose_answer_was_lost_is_judged_again(bot: Bot) -> None:
    """An intent that was stored, though the database seemed to fail, would stay in flight, or be sent twice, or never."""

    async def lose() -> None:
        raise LedgerUnavailable("the answer to the commit never came")

    await bot.after_decision(lose)
    alert_id = await bot.alert("BUY")
    await bot.leaves()
    trades = await bot.trades()
    assert [(one.alert_id, one.n, one.status) for one in trades] == [
        (alert_id, 1, TradeStatus.FAILED),
        (alert_id, 2, TradeStatus.SUBMITTING),
    ]
    assert bot.broker.sent[0].order_ref == trades[1].order_ref


async def test_an_unforeseen_error_ends_the_alert_visibly(bot: Bot) -> None:
    """An alert that breaks the program would vanish, or be tried for ever."""
    bot.broker.asks["AAPL"] = "no number"  # type: ignore[assignment]
    alert_id = await bot.alert("BUY")
    alert = await bot.becomes(alert_id, FAILED)
    assert said(alert.reason).startswith("internal error, no order was made (")
    (told,) = await bot.events(EventKind.ALERT_FAILED)
    assert told.alert_id == alert_id
    await bot.order("BUY", "MSFT")  # and the next one is handled


async def test_an_unforeseen_error_while_sending_leaves_the_order_in_doubt(bot: Bot) -> None:
    """An order that may be at IB would be called failed because the program broke."""

    def break_down(order: Order) -> None:
        raise ZeroDivisionError

    bot.broker.on_place = break_down
    alert_id = await bot.alert("BUY")
    await bot.becomes(alert_id, PROCESSING)

    async def handled() -> bool:
        return alert_id not in bot.worker.in_hand

    await bot.until(handled, "the alert has been handled")
    assert (await bot.row(alert_id)).status is PROCESSING


async def test_kill_by_another_process_is_seen_in_the_decision(bot: Bot) -> None:
    """`tradebot kill` would not stop the daemon before it happens to look."""
    await store_state(bot.ledger, TradingState.KILLED, "cli", bot.clock.now())
    alert = await bot.becomes(await bot.alert("BUY"), AlertStatus.BLOCKED)
    assert "kill switch" in said(alert.reason)
    async with bot.ledger.read() as books:
        assert (await books.settings())[STATE_KEY] == "KILLED"


async def test_an_instance_that_was_replaced_ends(bot: Bot) -> None:
    """Two instances would trade on one database."""
    async with bot.ledger.begin() as books:
        await books.put_setting("epoch", "7", "instance", bot.clock.now())
    alert_id = await bot.alert("BUY")
    worker = bot.tasks.pop("worker")
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(worker, 60)
    assert ended.group_contains(LockLost)
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    assert bot.broker.sent == []


async def test_an_instance_that_is_replaced_before_the_order_leaves_sends_nothing(bot: Bot) -> None:
    """It stood still between decision and order: its successor would find no order, and it would send one all the same."""

    async def taken_over() -> None:
        async with bot.ledger.begin() as books:
            await books.put_setting("epoch", "7", "instance", bot.clock.now())

    await bot.after_decision(taken_over)
    alert_id = await bot.alert("BUY")
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(bot.tasks.pop("worker"), 60)
    assert ended.group_contains(LockLost)
    assert (await bot.row(alert_id)).status is PROCESSING
    assert bot.broker.sent == []


async def test_a_stop_while_deciding_finishes_the_order(bot: Bot) -> None:
    """An orderly stop would leave an intent whose order never left."""

    async def stop() -> None:
        bot.tasks["worker"].cancel()
        await bot.trades()  # time enough for whoever would end at once

    await bot.after_decision(stop)
    alert_id = await bot.alert("BUY")
    await bot.sent()
    await asyncio.wait([bot.tasks["worker"]], timeout=60)
    assert bot.tasks["worker"].cancelled()
    assert (await bot.row(alert_id)).status is PROCESSING


async def test_a_stop_leaves_what_waits_to_the_next_start(make_bot: MakeBot) -> None:
    """An alert that waits at a stop would be lost, or sent twice after it."""
    bot = await make_bot()
    await bot.start()
    bot.broker.failing.add("quote")
    alert_id = await bot.alert("BUY")

    async def asked() -> bool:
        return "quote" in bot.broker.asked

    await bot.until(asked, "the quote is asked for")
    await bot.stop()
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    again = await make_bot()
    await again.start()
    await again.sent()
    assert bot.broker.sent == []


async def test_orders_per_second(make_bot: MakeBot) -> None:
    """A burst of alerts would run into IB's message limit."""
    bot = await make_bot(orders_per_second=20)
    await bot.start()
    began = asyncio.get_running_loop().time()
    at: list[float] = []
    bot.broker.on_place = lambda order: at.append(asyncio.get_running_loop().time() - began)
    for number in range(6):
        await bot.alert("BUY", f"T{number}")
    await bot.sent(6)
    assert all(later_s >= 0.05 * number for number, later_s in enumerate(at)), at


async def test_no_exit_waits_for_the_pace_of_entries(make_bot: MakeBot) -> None:
    """Behind five hundred entries an exit would wait its turn of `orders_per_second`, and fifty exits for five seconds."""
    bot = await make_bot(orders_per_second=1)
    await bot.start()
    await bot.owns(5, "KO")
    await bot.owns(5, "MSFT")

    async def left(number: int) -> None:
        async def sent() -> bool:
            return len(bot.broker.sent) == number

        await bot.at_once(sent, f"{number} orders")

    async def prepared() -> bool:
        return bot.broker.asked.count("quote") == 2

    with bot.clock.standing_still():
        await bot.alert("BUY", "T0")
        await left(1)
        await bot.alert("BUY", "T1")
        await bot.at_once(prepared, "the second entry waits for its time")
        for ticker in ("KO", "MSFT"):
            await bot.alert("SELL", ticker)
        await left(3)
    await bot.sent(4)
    assert [order.contract.ticker for order in bot.broker.sent] == ["T0", "KO", "MSFT", "T1"]


async def test_exits_that_waited_ask_again_together(bot: Bot) -> None:
    """Each of many exits would wait for the question of the one before it, and need two messages besides its order."""
    tickers = ("KO", "AAPL", "MSFT")
    for ticker in tickers:
        await bot.owns(5, ticker)
    bot.broker.asked.clear()
    bot.broker.is_throttled = True
    for ticker in tickers:
        await bot.alert("SELL", ticker)

    async def asked(times: int) -> None:
        async def all_have() -> bool:
            return bot.broker.asked.count("holdings") >= times

        await bot.until(all_have, f"{times} questions")

    await asked(3)
    await bot.moment()
    answered = bot.broker.waits["holdings"] = asyncio.Event()
    bot.broker.is_throttled = False
    await asked(6)
    assert bot.broker.sent == []
    answered.set()
    await bot.sent(3)


async def test_an_order_that_the_database_kept_from_leaving_is_not_in_doubt(bot: Bot) -> None:
    """It would be looked for at IB, and an exit be frozen as UNKNOWN when the owner has traded meanwhile."""
    await bot.owns(5, at_ib=5)

    async def away() -> None:
        bot.ledger.away = True

    await bot.after_decision(away)
    alert_id = await bot.alert("SELL")

    async def gone() -> bool:
        return bot.ledger.away

    await bot.until(gone, "the database is away")
    await bot.seconds(3)
    bot.ledger.away = False
    assert bot.broker.sent == []
    await bot.leaves()
    first, second = [trade for trade in await bot.trades() if trade.alert_id == alert_id]
    assert (first.status, first.error_message) == (TradeStatus.FAILED, Reason(ReasonCode.DATABASE_SILENT))
    assert second.order_ref == bot.broker.sent[0].order_ref
    assert await bot.events(EventKind.ORDER_FAILED, EventKind.ORDER_UNKNOWN) == []


async def test_an_entry_that_is_judged_again_is_no_repeat_of_itself(make_bot: MakeBot) -> None:
    """An entry whose first order did not leave would be refused as a second one."""
    bot = await make_bot(fixed_limits=replace(NO_FIXED_LIMITS, repeat_window_s=60))
    await bot.start()
    await bot.after_decision(lambda: _slow_commit(bot))
    alert_id = await bot.alert("BUY")
    await bot.leaves()
    assert (await bot.trade_of(alert_id)).n == 2


async def test_the_proof_that_nothing_left_dies_with_the_process(make_bot: MakeBot) -> None:
    """A new process would send an order again that the one before it may have written just before it was killed."""
    bot = await make_bot()
    await bot.start()
    bot.ledger.after_commit = None
    killed = asyncio.Event()

    async def killed_here() -> None:
        killed.set()
        await asyncio.Event().wait()  # as far as the process came

    await bot.after_decision(killed_here)
    alert_id = await bot.alert("BUY")
    await asyncio.wait_for(killed.wait(), 60)
    for task in bot.tasks.values():
        task.cancel()
    again = await make_bot()
    await again.start()
    trade = await again.turns((await again.trade_of(alert_id)).order_ref, TradeStatus.FAILED)
    assert trade.error_message == Reason(ReasonCode.NEVER_SEEN)
    await again.seconds(40)
    assert [one.id for one in await again.trades()] == [trade.id]
    assert (await again.row(alert_id)).status is FAILED
    assert again.broker.sent == bot.broker.sent == []
