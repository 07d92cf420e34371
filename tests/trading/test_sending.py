"""The last step before the wire: what came between the decision and the order stops it, and is booked as not sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import Order
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.settings import STATE_KEY, TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable, LockLost, OrderUncertain
from tradebot.ports import Books
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


async def _nothing() -> None:
    pass


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
        (_gate, "the connection to IB was interrupted"),
        (_slow_commit, "took longer than 5 s"),
        (_lock, "lost its lock"),
        (_throttle, "message limit is reached"),
        (_reconnect, "the connection to IB was interrupted"),
        (_lose_connection, "connection"),
    ],
)
async def test_what_comes_between_decision_and_order_stops_it(
    bot: Bot, happening: Callable[[Bot], Awaitable[None]], reason: str
) -> None:
    """An order would leave that must not any more: after /kill, after the connection was lost, or much too late."""
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


async def test_a_pause_lets_a_decided_sell_leave(bot: Bot) -> None:
    """A pause would keep the bot in a position that it was about to leave."""
    await bot.owns(5)
    await bot.after_decision(lambda: _pause(bot))
    await bot.order("SELL")


async def test_an_exit_that_was_not_sent_is_told(bot: Bot) -> None:
    """The owner would believe that he is out of the position."""
    await bot.owns(5)
    await bot.after_decision(lambda: _throttle(bot))
    await bot.becomes(await bot.alert("SELL"), FAILED)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert left.facts == ExitIncomplete("AAPL", Decimal(5))


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


async def test_what_certainly_did_not_leave_failed(bot: Bot) -> None:
    """A refused write would stay in flight and block its ticker."""

    def refuse(order: Order) -> None:
        raise BrokerUnavailable("the order was not sent: no socket")

    bot.broker.on_place = refuse
    alert = await bot.becomes(await bot.alert("BUY"), FAILED)
    assert said(alert.reason) == "the order was not sent: no socket"


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


async def test_a_commit_whose_answer_was_lost_sends_nothing_and_ends(bot: Bot) -> None:
    """An intent that was stored, though the database seemed to fail, would stay in flight for ever, or be sent twice."""

    async def lose() -> None:
        raise LedgerUnavailable("the answer to the commit never came")

    await bot.after_decision(lose)
    alert_id = await bot.alert("BUY")
    await bot.becomes(alert_id, PROCESSING)
    await bot.turns((await bot.trade_of(alert_id)).order_ref, TradeStatus.FAILED)
    assert bot.broker.sent == []


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


async def test_an_order_that_the_database_kept_from_leaving_is_not_in_doubt(bot: Bot) -> None:
    """It would be looked for at IB, and an exit be frozen as UNKNOWN when the owner has traded meanwhile."""
    await bot.owns(5, at_ib=5)

    failing = bot.ledger.begin
    tries = 0

    @asynccontextmanager
    async def begin() -> AsyncIterator[Books]:
        nonlocal tries
        if bot.ledger.after_commit is None and not tries:
            tries += 1
            raise LedgerUnavailable("no answer")
        async with failing() as books:
            yield books

    await bot.after_decision(_nothing)
    bot.ledger.begin = begin  # type: ignore[method-assign]
    alert = await bot.becomes(await bot.alert("SELL"), FAILED)
    assert "the database did not answer at the last moment" in said(alert.reason)
    assert bot.broker.sent == []
