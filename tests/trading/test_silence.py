"""Questions that IB does not answer: named, and holding back what depends on them and nothing else."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.bot import FRIDAY_NOON, Bot
from tests.bot_fixtures import AtGateway, MakeAtGateway, MakeBot
from tests.trading.moments import gate_closed
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.limits import FixedLimits
from tradebot.domain.questions import Question
from tradebot.domain.trades import TradeStatus
from tradebot.simgateway import Gateway, GatewaySettings
from tradebot.telegram import texts
from tradebot.words import events as words
from tradebot.words.health import health_parts

T = TradeStatus
OPTIONS = {"question_timeout_s": 0.3, "connect_timeout_s": 10.0, "backoff_s": (20.0, 20.0)}
HELD = GatewaySettings(positions=(("AAPL", Decimal(4), Decimal(100)), ("MSFT", Decimal(4), Decimal(100))))
PAST = ("reqCompletedOrders", "reqExecutions")


def silent(*questions: str) -> Callable[[Gateway], None]:
    def arm(gateway: Gateway) -> None:
        for question in questions:
            gateway.faults.arm("no_answer", question=question, times=0)

    return arm


async def answered_again(there: AtGateway, question: Question, fault: str = "no_answer") -> None:
    """IB answers; the owner hears so, once, and nothing is held back any more."""
    there.gateway.faults.clear(fault)

    async def told() -> bool:
        return bool(await there.bot.events(EventKind.QUESTION_ANSWERED))

    await there.bot.sooner_or_later(told, "the answer is told", within_s=120)
    await there.bot.seconds(10)
    [event] = await there.bot.events(EventKind.QUESTION_ANSWERED)
    assert f"IB answers the question for {question} again after" in words.text(event)
    assert (await there.bot.queries.health()).parts["questions"]["ok"]


@pytest.mark.parametrize(
    ("asked", "question"),
    [("reqCompletedOrders", Question.COMPLETED_ORDERS), ("reqExecutions", Question.EXECUTIONS)],
)
async def test_a_question_about_the_past_that_is_never_answered_holds_no_exit(
    make_at_gateway: MakeAtGateway, asked: str, question: Question
) -> None:
    """Exits would wait for hours behind a question that this gateway never answers, and nobody be told which."""
    there = await make_at_gateway(HELD, silent(asked), OPTIONS)
    bot = there.bot
    await bot.owns(4, "AAPL")
    sell = await bot.alert("SELL", "AAPL")
    await bot.becomes(sell, AlertStatus.EXECUTED)
    buy = await bot.alert("BUY", "MSFT")

    async def told() -> bool:
        return bool(await bot.events(EventKind.QUESTION_SILENT))

    await bot.sooner_or_later(told, "the silence is told within a minute", within_s=60)
    await bot.seconds(20)
    [event] = await bot.events(EventKind.QUESTION_SILENT)
    said = words.text(event)
    assert f"IB does not answer the question for {question} since " in said
    assert "Restart IB Gateway" in said
    assert "to UTC" in said
    assert (await bot.row(buy)).status is AlertStatus.RECEIVED, "no BUY leaves while what is over is not known"
    health = await bot.queries.health()
    assert not health.ok
    assert f"the question for {question} since" in str(health_parts(health)["questions"]["unanswered"])
    assert f"the question for {question} since" in texts.status(await bot.queries.status())
    await answered_again(there, question)
    await bot.becomes(buy, AlertStatus.EXECUTED)


async def test_an_order_in_doubt_keeps_its_own_ticker_waiting(make_at_gateway: MakeAtGateway) -> None:
    """One order in doubt would hold back the exits of all other tickers; or its own would be sold twice."""
    there = await make_at_gateway(HELD, options=OPTIONS)
    bot, gateway = there.bot, there.gateway
    await bot.owns(4, "AAPL")
    await bot.owns(4, "MSFT")
    gateway.faults.arm("drop_after", symbol="MSFT")
    silent(*PAST)(gateway)
    doubted = await bot.alert("SELL", "MSFT")

    async def dropped() -> bool:
        return not there.broker.connection.up and bool(await bot.trades())

    await bot.until(dropped, "the connection breaks behind the order")
    gateway.set_position("MSFT", Decimal(4), Decimal(100))  # the owner buys them back: the position proves nothing
    other = await bot.alert("SELL", "AAPL")
    again = await bot.alert("SELL", "MSFT")

    async def sold() -> bool:
        return (await bot.row(other)).status is AlertStatus.EXECUTED

    await bot.sooner_or_later(sold, "the exit of another ticker", within_s=60)
    assert (await bot.row(doubted)).status is AlertStatus.PROCESSING

    async def unknown() -> bool:
        return (await bot.row(doubted)).status is AlertStatus.UNKNOWN

    await bot.sooner_or_later(unknown, "a silence that lasts makes it UNKNOWN", within_s=120)
    [event] = await bot.events(EventKind.ORDER_UNKNOWN)
    assert "does not answer the question for" in words.text(event)
    assert (await bot.row(again)).status is AlertStatus.RECEIVED
    gateway.faults.clear("no_answer")

    async def known() -> bool:
        return (await bot.row(doubted)).status is AlertStatus.EXECUTED

    await bot.sooner_or_later(known, "the answer shows that it filled", within_s=120)
    assert (await bot.becomes(again, AlertStatus.BLOCKED)).reason, "what was sold is not sold again"


async def test_executions_that_end_empty_are_no_answer(make_at_gateway: MakeAtGateway) -> None:
    """A gateway that has forgotten the day would pass for one on which nothing has filled."""
    began = time.monotonic()
    noon = GatewaySettings(clock=lambda: FRIDAY_NOON + timedelta(seconds=time.monotonic() - began))
    there = await make_at_gateway(
        noon, options=OPTIONS, start=FRIDAY_NOON
    )  # it is one and the same day, whenever this runs
    bot, gateway = there.bot, there.gateway
    bought = await bot.alert("BUY", "AAPL")
    await bot.becomes(bought, AlertStatus.EXECUTED)
    bot.clock.skip(11)
    gateway.midnight()
    gateway.drop_all()

    async def told() -> bool:
        return bool(await bot.events(EventKind.QUESTION_SILENT))

    await bot.sooner_or_later(told, "the empty answer is told", within_s=120)
    [event] = await bot.events(EventKind.QUESTION_SILENT)
    assert "IB answers the question for executions with nothing since" in words.text(event)
    assert "no answer" in words.text(event)
    buy = await bot.alert("BUY", "MSFT")
    sell = await bot.alert("SELL", "AAPL")
    await bot.becomes(sell, AlertStatus.EXECUTED)
    assert (await bot.row(buy)).status is AlertStatus.RECEIVED


async def test_while_ib_is_silent_a_sell_leaves_only_where_books_and_ib_agree(make_bot: MakeBot) -> None:
    """Shares would be sold though an order that IB has not told of may have sold them already."""
    bot = await make_bot()
    await bot.start()
    for ticker, at_ib in (("AAPL", 9), ("MSFT", 5), ("KO", 15)):
        await bot.owns(5, ticker, at_ib=at_ib)
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.told(EventKind.OWNER_HOLDINGS, 2)  # 4 AAPL and 10 KO are the owner's
    await bot.is_open()
    bot.broker.failing.add("executions")
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.connect()
    await bot.is_open()
    assert bot.broker.held is not None
    bot.broker.held[bot.broker.con_ids["KO"]] = Decimal(7)
    sells = {ticker: await bot.alert("SELL", ticker) for ticker in ("AAPL", "MSFT", "KO")}
    await bot.becomes(sells["AAPL"], AlertStatus.PROCESSING)
    await bot.becomes(sells["MSFT"], AlertStatus.PROCESSING)
    await bot.seconds(5)
    assert (await bot.row(sells["KO"])).status is AlertStatus.RECEIVED, "8 shares went and nobody knows how"
    bot.broker.failing.clear()
    await bot.seconds(10)
    assert (await bot.row(sells["KO"])).status is AlertStatus.PROCESSING


async def test_orders_of_another_database_close_the_account_in_silence_too(bot: Bot) -> None:
    """A restored backup would sell what the lost database has sold, as soon as IB is silent."""
    _, order_ref = await bot.order("BUY", "MSFT")
    alien = replace(bot.broker.working[order_ref], order_ref="tb-77-0badcafe", perm_id=77)
    bot.broker.working[alien.order_ref] = alien
    bot.broker.failing |= {"executions", "completed_orders"}
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.told(EventKind.ORPHAN_ORDER)
    del bot.broker.working[alien.order_ref]
    await bot.seconds(30)
    assert bot.gate.holders == {"orphans"}


async def test_positions_that_are_not_answered_are_named(bot: Bot) -> None:
    """A SELL would wait for the position without a word."""
    await bot.owns(5)
    bot.broker.failing.add("holdings")
    alert_id = await bot.alert("SELL")

    async def told() -> bool:
        return bool(await bot.events(EventKind.QUESTION_SILENT))

    await bot.sooner_or_later(told, "the silence is told within a minute", within_s=60)
    [event] = await bot.events(EventKind.QUESTION_SILENT)
    assert "the question for positions since" in words.text(event)
    assert "SELLs wait" in words.text(event)
    bot.broker.failing.clear()

    async def leaves() -> bool:
        return (await bot.row(alert_id)).status is AlertStatus.PROCESSING

    await bot.sooner_or_later(leaves, "the SELL leaves", within_s=20)


async def test_one_slow_answer_is_not_told(bot: Bot) -> None:
    """The owner would be woken by every hiccup of the gateway."""
    bot.broker.failing.add("executions")
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.connect()
    await bot.is_open()
    await bot.seconds(12)
    bot.broker.failing.clear()
    await bot.seconds(40, at_once=5)
    assert await bot.events(EventKind.QUESTION_SILENT, EventKind.QUESTION_ANSWERED) == []


async def test_a_buy_that_waits_for_an_answer_grows_too_old(make_bot: MakeBot) -> None:
    """Hours later, at another price, a BUY would leave that everybody had forgotten."""
    bot = await make_bot(fixed_limits=FixedLimits(price_collar_pct=Decimal(0), repeat_window_s=0, max_alert_age_s=60))
    await bot.start()
    bot.broker.failing.add("completed_orders")
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.connect()
    await bot.is_open()
    alert_id = await bot.alert("BUY")
    await bot.seconds(30, at_once=5)
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    assert "quote" not in bot.broker.asked

    async def blocked() -> bool:
        return (await bot.row(alert_id)).status is AlertStatus.BLOCKED

    await bot.sooner_or_later(blocked, "it is too old", within_s=60)
    assert bot.broker.sent == []
