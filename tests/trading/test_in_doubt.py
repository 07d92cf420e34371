"""What becomes of an order that was in flight when the connection, or the bot, went away: settled by what IB shows."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState, OrderUpdate
from tradebot.domain.events import EventKind
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.words import events as words

T = TradeStatus


async def _in_flight(bot: Bot, status: TradeStatus) -> str:
    """An order at IB, known to the books as this; the connection is down."""
    _, order_ref = await bot.order("BUY")
    if status is T.SUBMITTED:
        bot.broker.show(order_ref)
        await bot.told(EventKind.ORDER_ACCEPTED)
    if status is T.UNKNOWN:
        await bot.booking.conclude((await bot.trade(order_ref)).id, T.UNKNOWN, "it is not known.")
    assert (await bot.trade(order_ref)).status is status
    bot.broker.disconnect()

    async def closed() -> bool:
        return not bot.gate.is_open

    await bot.until(closed, "the gate is closed")
    return order_ref


async def _reconnected(bot: Bot, order_ref: str) -> Trade:
    bot.broker.connect()
    await bot.is_open()
    return await bot.trade(order_ref)


def _absent(bot: Bot, order_ref: str) -> None:
    bot.broker.working.clear()


def _open(bot: Bot, order_ref: str) -> None:
    """As it is."""


def _nameless(bot: Bot, order_ref: str) -> None:
    bot.broker.working[order_ref] = replace(bot.broker.working[order_ref], order_ref="")


def _cancelled(bot: Bot, order_ref: str) -> None:
    bot.broker.completed[order_ref] = replace(
        bot.broker.working.pop(order_ref), order_id=0, client_id=None, state=OrderState.CANCELLED
    )


def _inactive(bot: Bot, order_ref: str) -> None:
    _cancelled(bot, order_ref)
    bot.broker.completed[order_ref] = replace(bot.broker.completed[order_ref], state=OrderState.INACTIVE)


def _filled(bot: Bot, order_ref: str) -> None:
    bot.broker.fill(order_ref, 5, told=False)


def _filled_silently(bot: Bot, order_ref: str) -> None:
    _filled(bot, order_ref)
    bot.broker.fills.clear()


def _executions_only(bot: Bot, order_ref: str) -> None:
    _filled(bot, order_ref)
    bot.broker.completed.clear()


def _partial(bot: Bot, order_ref: str) -> None:
    bot.broker.fill(order_ref, 2, told=False)


def _partial_executions_only(bot: Bot, order_ref: str) -> None:
    _partial(bot, order_ref)
    bot.broker.working.clear()


def _partial_then_cancelled(bot: Bot, order_ref: str) -> None:
    _partial(bot, order_ref)
    _cancelled(bot, order_ref)


def _late(bot: Bot, order_ref: str) -> None:
    """Missing in the first answer, there in the second."""
    order = bot.broker.working.pop(order_ref)

    def show(question: str) -> None:
        if bot.broker.asked.count("open_orders") >= before + 2:
            bot.broker.working[order_ref] = order

    before = bot.broker.asked.count("open_orders")
    bot.broker.on_question = show


def _moved(bot: Bot, order_ref: str) -> None:
    bot.broker.working.clear()
    bot.broker.held = {265598: Decimal(5)}


ENDS: list[tuple[Callable[[Bot, str], None], dict[TradeStatus, TradeStatus]]] = [
    (_absent, {T.SUBMITTING: T.FAILED, T.SUBMITTED: T.UNKNOWN, T.UNKNOWN: T.FAILED}),
    (_open, {T.SUBMITTING: T.SUBMITTED, T.SUBMITTED: T.SUBMITTED, T.UNKNOWN: T.SUBMITTED}),
    (_nameless, {T.SUBMITTED: T.SUBMITTED}),
    (_cancelled, {T.SUBMITTING: T.CANCELLED, T.SUBMITTED: T.CANCELLED, T.UNKNOWN: T.CANCELLED}),
    (_inactive, {T.SUBMITTING: T.CANCELLED, T.SUBMITTED: T.CANCELLED, T.UNKNOWN: T.CANCELLED}),
    (_filled, {T.SUBMITTING: T.FILLED, T.SUBMITTED: T.FILLED, T.UNKNOWN: T.FILLED}),
    (_filled_silently, {T.SUBMITTING: T.UNKNOWN, T.SUBMITTED: T.UNKNOWN, T.UNKNOWN: T.UNKNOWN}),
    (_executions_only, {T.SUBMITTING: T.FILLED, T.SUBMITTED: T.FILLED, T.UNKNOWN: T.FILLED}),
    (_partial, {T.SUBMITTING: T.SUBMITTED, T.SUBMITTED: T.SUBMITTED, T.UNKNOWN: T.SUBMITTED}),
    (_partial_executions_only, {T.SUBMITTING: T.UNKNOWN, T.SUBMITTED: T.UNKNOWN, T.UNKNOWN: T.UNKNOWN}),
    (_partial_then_cancelled, {T.SUBMITTING: T.PARTIAL, T.SUBMITTED: T.PARTIAL, T.UNKNOWN: T.PARTIAL}),
    (_late, {T.SUBMITTING: T.SUBMITTED, T.SUBMITTED: T.SUBMITTED, T.UNKNOWN: T.SUBMITTED}),
    (_moved, {T.SUBMITTING: T.UNKNOWN, T.SUBMITTED: T.UNKNOWN, T.UNKNOWN: T.UNKNOWN}),
]
CASES = [(shows, before, after) for shows, ends in ENDS for before, after in ends.items()]


@pytest.mark.parametrize(
    ("shows", "before", "after"), CASES, ids=[f"{shows.__name__[1:]}-{before}" for shows, before, _ in CASES]
)
async def test_an_order_is_settled_by_what_ib_shows(
    bot: Bot, shows: Callable[[Bot, str], None], before: TradeStatus, after: TradeStatus
) -> None:
    """After a reconnect an order would be taken for what it is not: sent twice, forgotten, or called failed."""
    order_ref = await _in_flight(bot, before)
    shows(bot, order_ref)
    trade = await _reconnected(bot, order_ref)
    assert trade.status is after, trade
    assert len(bot.broker.sent) == 1, "the machine never resends"
    alert = await bot.row(trade.alert_id)
    expected = {
        T.SUBMITTED: AlertStatus.PROCESSING,
        T.UNKNOWN: AlertStatus.UNKNOWN,
        T.FILLED: AlertStatus.EXECUTED,
        T.PARTIAL: AlertStatus.EXECUTED,
    }
    assert alert.status is expected.get(after, AlertStatus.FAILED)
    if after is T.UNKNOWN:
        assert alert.reason
        update = (
            before is T.UNKNOWN and shows is _partial_executions_only
        )  # some shares filled, and the rest is still unknown
        assert len(await bot.events(EventKind.ORDER_UNKNOWN)) == (2 if update else 1)


async def test_another_day_is_never_taken_for_not_sent(bot: Bot) -> None:
    """IB lists one day only: an order of yesterday that it does not show may well have filled."""
    order_ref = await _in_flight(bot, T.SUBMITTING)
    bot.broker.working.clear()
    bot.clock.skip(13 * 3600)
    trade = await _reconnected(bot, order_ref)
    assert trade.status is T.UNKNOWN
    assert "the day is over" in said((await bot.row(trade.alert_id)).reason)


async def test_absence_counts_only_when_seen_twice_some_seconds_apart(make_bot: MakeBot) -> None:
    """An order that the gateway has not listed yet would be taken for never sent."""
    bot = await make_bot(second_look_delay_s=5.0)
    await bot.start()
    order_ref = await _in_flight(bot, T.SUBMITTING)
    bot.broker.working.clear()
    bot.broker.asked.clear()
    bot.broker.connect()

    async def asked_once() -> bool:
        return "holdings" in bot.broker.asked

    await bot.until(asked_once, "IB is asked")
    await bot.seconds(4)
    assert bot.broker.asked.count("open_orders") == 1
    assert (await bot.trade(order_ref)).status is T.SUBMITTING
    await bot.seconds(2)
    await bot.is_open()
    assert bot.broker.asked.count("open_orders") == 2
    assert (await bot.trade(order_ref)).status is T.FAILED


async def test_what_the_stream_says_between_the_questions_counts(make_bot: MakeBot) -> None:
    """An order that IB has just shown would be called not sent on the strength of older answers."""
    bot = await make_bot(second_look_delay_s=5.0)
    await bot.start()
    order_ref = await _in_flight(bot, T.SUBMITTING)
    order = bot.broker.working.pop(order_ref)
    bot.broker.asked.clear()
    bot.broker.connect()

    async def asked_once() -> bool:
        return "holdings" in bot.broker.asked

    await bot.until(asked_once, "IB is asked")
    bot.broker.events.put_nowait(OrderUpdate(order))
    await bot.told(EventKind.ORDER_ACCEPTED)
    await bot.seconds(6)
    await bot.is_open()
    assert (await bot.trade(order_ref)).status is T.UNKNOWN


async def test_a_settled_unknown_is_told_once(bot: Bot) -> None:
    """The owner would be told every minute that the order is known, and unknown again."""
    order_ref = await _in_flight(bot, T.SUBMITTED)
    _filled_silently(bot, order_ref)
    await _reconnected(bot, order_ref)
    asked = bot.broker.asked.count("open_orders")
    await bot.seconds(200, at_once=5)
    assert bot.broker.asked.count("open_orders") >= asked + 2 * 3, "it is asked for again every minute"
    assert len(await bot.events(EventKind.ORDER_UNKNOWN)) == 1
    assert await bot.events(EventKind.ORDER_RESOLVED) == []
    assert (await bot.row((await bot.trade(order_ref)).alert_id)).reason
    bot.broker.fills.append(bot.broker.fill(order_ref, 5, told=False))
    assert (await bot.turns(order_ref, T.FILLED)).filled_qty == 5


async def test_an_unknown_order_that_works_after_all_is_told(bot: Bot) -> None:
    """The owner would not know that the order he was asked about is alive."""
    order_ref = await _in_flight(bot, T.UNKNOWN)
    await _reconnected(bot, order_ref)
    (told,) = await bot.events(EventKind.ORDER_RESOLVED)
    assert "was UNKNOWN and is working at IB" in words.text(told)


async def test_an_order_taken_for_not_sent_that_shows_up_is_alive(bot: Bot) -> None:
    """Shares would come in from an order that the books call failed, and nobody would be told."""
    order_ref = await _in_flight(bot, T.SUBMITTING)
    order = bot.broker.working.pop(order_ref)
    assert (await _reconnected(bot, order_ref)).status is T.FAILED
    bot.broker.working[order_ref] = order
    bot.broker.show(order_ref)
    (told,) = await bot.told(EventKind.ORDER_RESOLVED)
    assert "was booked as FAILED, but IB shows it alive" in words.text(told)
    alive = await bot.trade(order_ref)
    assert (alive.status, alive.error_message, alive.finished_at) == (T.SUBMITTED, None, None)
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alive.alert_id, AlertStatus.EXECUTED)
    assert len(await bot.events(EventKind.BUY_FILLED)) == 1


async def test_a_rejection_without_a_status_keeps_ibs_words(bot: Bot) -> None:
    """The owner would be told "not sent" for what IB has rejected, and not why."""
    bot.broker.takes_orders = False
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 200, ErrorKind.REJECTED, "No security definition")
    trade = await bot.turns(order_ref, T.FAILED)
    assert said(trade.error_message) == "IB 200: No security definition"
    assert (await bot.row(alert_id)).reason == trade.error_message
    (told,) = await bot.events(EventKind.ORDER_FAILED)
    assert words.text(told) == "BUY 5 AAPL was rejected by IB 200: No security definition. No order is at IB."
    assert bot.broker.cancels == [], "it is asked about at once, not when it is overdue"


async def test_a_rejected_order_that_ib_has_shown_and_forgotten(bot: Bot) -> None:
    """A rejection would end as UNKNOWN, because IB had given the order its number before."""
    order_ref = await _in_flight(bot, T.SUBMITTED)
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "margin")
    bot.broker.working.clear()
    trade = await _reconnected(bot, order_ref)
    assert (trade.status, trade.error_message) == (T.FAILED, "IB 201: margin")


async def test_two_unknown_orders_pause_the_bot_once(bot: Bot) -> None:
    """The bot would trade on though it has lost track; or not let the owner resume."""
    refs = [(await bot.order("BUY", ticker))[1] for ticker in ("AAPL", "MSFT")]
    for ref in refs:
        bot.broker.show(ref)
    await bot.told(EventKind.ORDER_ACCEPTED, 2)
    bot.broker.disconnect()
    bot.broker.working.clear()
    bot.broker.connect()
    for ref in refs:
        await bot.turns(ref, T.UNKNOWN)
    await bot.is_open()
    assert bot.switch.state is TradingState.PAUSED
    (told,) = await bot.events(EventKind.STATE_CHANGED)
    assert "2 orders are UNKNOWN" in words.text(told)
    await bot.switch.resume("owner")
    asked = bot.broker.asked.count("open_orders")
    await bot.seconds(130, at_once=5)
    assert bot.broker.asked.count("open_orders") > asked
    assert bot.switch.state is TradingState.RUNNING


async def test_a_restart_finds_out_what_happened(make_bot: MakeBot, tmp_path: Path) -> None:
    """After kill -9 between intent and fill there would be two orders, or books without the position."""
    bot = await make_bot()
    await bot.start()
    alert_id, order_ref = await bot.order("BUY")
    for task in bot.tasks.values():
        task.cancel()
    bot.broker.fill(order_ref, 5, told=False)
    again = await make_bot()
    again.broker.completed, again.broker.fills, again.broker.held = (
        bot.broker.completed,
        bot.broker.fills,
        bot.broker.held,
    )
    await again.start()
    assert (await again.trade(order_ref)).status is T.FILLED
    assert (await again.row(alert_id)).status is AlertStatus.EXECUTED
    assert [lot.qty for lot in await again.lots()] == [5]
    assert again.broker.sent == []
    bot.tasks.clear()


async def test_questions_about_doubts_that_fail_are_asked_again(bot: Bot) -> None:
    """An order in doubt would be forgotten because IB was slow once."""
    bot.broker.takes_orders = False
    _, order_ref = await bot.order("BUY")
    bot.broker.failing.add("executions")
    bot.broker.error(order_ref, 103, ErrorKind.UNCERTAIN, "Duplicate order id")

    async def asked() -> bool:
        return bot.broker.asked.count("executions") >= 3

    await bot.sooner_or_later(asked, "it is asked again", within_s=15)
    bot.broker.failing.clear()
    await bot.turns(order_ref, T.FAILED)


async def test_a_conclusion_from_an_older_view_is_dropped(bot: Bot) -> None:
    """What IB has told while recovery was still concluding would be overruled."""
    _, order_ref = await bot.order("BUY")
    old = await bot.trade(order_ref)
    bot.broker.show(order_ref)
    await bot.told(EventKind.ORDER_ACCEPTED)
    for to in (T.FAILED, T.UNKNOWN):
        after = await bot.booking.conclude(old.id, to, "it was not there.", drawn_from=old)
        assert after.status is T.SUBMITTED
    assert (await bot.trade(order_ref)).status is T.SUBMITTED
