"""What IB refuses, over the socket of a gateway: the owner reads IB's own words, whatever their code, and what to do."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeAtGateway, MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import ErrorKind, OrderReport, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words

TEXTS = {
    103: "Duplicate order id",
    110: "The price does not conform to the minimum price variation for this contract.",
    383: 'The following order "ID:7" size exceeds the Size Limit of 500. Restriction is specified in Precautionary Settings of '
    "Global Configuration/Presets.",
    451: 'The following order "ID:7" value estimate of 154,990 USD exceeds the Total Value Limit of 100,000 USD.',
    10268: "The 'EtradeOnly' order attribute is not supported.",
    19999: "Something that IB has never said before",
}
WHAT_TO_DO = {
    103: "client_id of its own",
    110: "report it",
    383: "Bypass Order Precautions for API Orders",
    451: "Presets, Stocks, Precautionary Settings",
    10268: "current stable IB Gateway",
}
COMES: dict[str, tuple[str, dict[str, Any]]] = {
    "alone": ("deny", {}),
    "before Inactive": ("reject", {}),
    "after Inactive": ("reject", {"status_first": True, "delay_s": 0.1}),
}


@pytest.mark.parametrize("comes", COMES)
@pytest.mark.parametrize("code", TEXTS)
async def test_a_refusal_is_told_in_ibs_words(make_at_gateway: MakeAtGateway, code: int, comes: str) -> None:
    """The owner would be told "not sent", or UNKNOWN, for what IB has refused; and not which of its settings does it."""
    fault, how = COMES[comes]
    at = await make_at_gateway()
    at.gateway.faults.arm(fault, code=code, text=TEXTS[code], **how)
    alert_id = await at.bot.alert("BUY")
    await at.bot.becomes(alert_id, AlertStatus.PROCESSING, AlertStatus.FAILED)
    order_ref = (await at.bot.trade_of(alert_id)).order_ref
    trade = await at.bot.turns(order_ref, TradeStatus.FAILED, TradeStatus.UNKNOWN, TradeStatus.CANCELLED)
    assert trade.status is TradeStatus.FAILED
    assert said((await at.bot.row(alert_id)).reason) == f"IB {code}: {TEXTS[code]}"
    (told,) = await at.bot.events(EventKind.ORDER_FAILED)
    text = words.text(told)
    assert f"was rejected by IB {code}: {TEXTS[code].rstrip('.')}. " in text
    assert WHAT_TO_DO.get(code, "") in text


@pytest.mark.parametrize("code", [481, 10268, 19999])
async def test_an_order_that_lives_in_spite_of_an_error_is_booked(make_at_gateway: MakeAtGateway, code: int) -> None:
    """A warning under a code of a refusal would end an order that works: it would fill beside the books."""
    at = await make_at_gateway()
    at.gateway.faults.arm("hold")
    at.gateway.faults.arm("order_message", code=code, text="said IB")
    alert_id = await at.bot.alert("BUY")
    await at.bot.told(EventKind.ORDER_ACCEPTED)
    trade = await at.bot.trade_of(alert_id)

    (order,) = at.gateway.book.live_orders()
    at.gateway.fill(order.perm_id)
    await at.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert (await at.bot.trade(trade.order_ref)).error_message is None
    assert await at.bot.events(EventKind.ORDER_FAILED, EventKind.ORDER_UNKNOWN) == []


async def test_an_order_shown_at_work_is_not_failed_by_a_word(bot: Bot) -> None:
    """An order that works, and of which IB said something odd, would be called refused when IB no longer lists it."""
    _, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.told(EventKind.ORDER_ACCEPTED)
    bot.broker.error(order_ref, 19999, ErrorKind.UNCERTAIN, "something new")
    bot.broker.working.clear()
    trade = await bot.turns(order_ref, TradeStatus.UNKNOWN, TradeStatus.FAILED)
    assert (trade.status, trade.error_message) == (TradeStatus.UNKNOWN, None)


async def test_a_word_about_an_order_that_we_cancel_is_not_its_end(make_bot: MakeBot) -> None:
    """The owner would be told that IB refused what the bot itself has cancelled."""
    bot = await make_bot(order_timeout_s=5)
    await bot.start()
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 19999, ErrorKind.UNCERTAIN, "something new")

    async def noted() -> bool:
        return (await bot.trade(order_ref)).error_message is not None

    await bot.until(noted, "the only word there is of it is its reason")
    bot.broker.show(order_ref)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).error_message is None
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.FAILED)
    assert (await bot.trade(order_ref)).status is TradeStatus.CANCELLED


@pytest.mark.parametrize("shown", [False, True], ids=["never shown", "shown Inactive"])
async def test_a_refused_order_that_turns_out_alive_is_booked(bot: Bot, shown: bool) -> None:
    """A dialog that is answered late lets a refused order live: its shares would be in no book."""
    bot.broker.takes_orders = shown
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 451, ErrorKind.UNCERTAIN, "exceeds the Total Value Limit")
    if shown:
        bot.broker.show(order_ref, OrderState.INACTIVE)
    trade = await bot.turns(order_ref, TradeStatus.FAILED)
    assert said(trade.error_message) == "IB 451: exceeds the Total Value Limit"
    number = trade.ib_order_id or 1
    bot.broker.working[order_ref] = OrderReport(
        order_ref,
        number,
        9000 + number,
        1,
        trade.con_id,
        "AAPL",
        Side.BUY,
        Decimal(5),
        Decimal(0),
        OrderState.WORKING,
        "Submitted",
    )
    bot.broker.show(order_ref)
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert sum(lot.qty for lot in await bot.lots()) == 5


async def test_an_order_that_works_after_it_was_inactive_is_watched(bot: Bot) -> None:
    """An order that was taken for refused and works would count in no limit, and no kill would reach it."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 451, ErrorKind.UNCERTAIN, "exceeds the Total Value Limit")
    working = bot.broker.working[order_ref]
    bot.broker.show(order_ref, OrderState.INACTIVE)
    await bot.turns(order_ref, TradeStatus.FAILED)
    bot.broker.completed.clear()
    bot.broker.working[order_ref] = working
    bot.broker.show(order_ref)
    await bot.turns(order_ref, TradeStatus.SUBMITTED)
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING
    await bot.switch.kill("owner")

    async def cancelled() -> bool:
        return bot.broker.cancels == [order_ref]

    await bot.sooner_or_later(cancelled, "the kill reaches it", within_s=10)


@pytest.mark.parametrize("code", [19999, 451])
async def test_an_order_held_for_a_locate_is_not_refused(bot: Bot, code: int) -> None:
    """An order that IB holds and may release would be called refused, and its shares be in no book."""
    _, order_ref = await bot.order("BUY")
    bot.broker.working[order_ref] = replace(bot.broker.working[order_ref], detail="locate")
    bot.broker.error(order_ref, code, ErrorKind.UNCERTAIN, "said IB")
    bot.broker.show(order_ref, OrderState.INACTIVE)
    await bot.told(EventKind.ORDER_ACCEPTED)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
