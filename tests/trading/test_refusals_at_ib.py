"""What IB refuses, over the socket of a gateway: the owner reads IB's own words, whatever their code, and what to do."""

from typing import Any

import pytest

from tests.bot import said
from tests.bot_fixtures import MakeAtGateway
from tradebot.domain.alerts import AlertStatus
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
