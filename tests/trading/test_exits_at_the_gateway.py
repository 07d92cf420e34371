"""Exits at a simulated gateway that does what a real one does to them: over the socket, with the real broker."""

from decimal import Decimal
from typing import Any

import pytest

from tests.bot import said
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tests.clockwork import new_york
from tradebot.broker import quotes
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.analytics.slippage import slip_of
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.trades import TradeStatus
from tradebot.simgateway import Gateway, GatewaySettings, sessions
from tradebot.words import events as words

HELD = GatewaySettings(positions=(("AAPL", Decimal(5), Decimal(100)),))


def armed(name: str, **how: Any) -> Any:
    """The next SELL of AAPL meets this fault."""

    def arm(gateway: Gateway) -> None:
        gateway.faults.arm(name, symbol="AAPL", action="SELL", **how)

    return arm


async def at_gateway(make: MakeAtGateway, arm: Any = lambda gateway: None, **setup: Any) -> AtGateway:
    there = await make(HELD, arm, {"question_timeout_s": 10.0}, **setup)
    await there.bot.owns(5)
    return there


def sells(there: AtGateway) -> list[Any]:
    """The bot's SELL orders, as they came to the gateway."""
    return [order for order in there.gateway.book.orders.values() if order.ticket.action == "SELL"]


async def is_sold(there: AtGateway) -> bool:
    return not there.gateway.book.positions[265598].quantity


def lines_open(there: AtGateway) -> int:
    """Market data that the gateway sends."""
    return sum(len(session.subscriptions.streams) for session in there.gateway.sessions.values())


async def test_an_exit_that_the_exchange_ends_is_sent_again(make_at_gateway: MakeAtGateway) -> None:
    """One order in all, and the position still held."""
    there = await at_gateway(make_at_gateway, armed("ended", reason="Cancelled by Exchange", filled=2))
    alert_id = await there.bot.alert("SELL")
    await there.bot.sooner_or_later(lambda: is_sold(there), "all is sold", within_s=120)
    assert [(order.ticket.quantity, order.filled) for order in sells(there)] == [(5, 2), (3, 3)]
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert len(await there.bot.events(EventKind.EXIT_ARMED_AGAIN)) == 1
    assert await there.bot.events(EventKind.EXIT_INCOMPLETE) == []


async def test_an_exit_that_the_owner_cancels_stays_cancelled(make_at_gateway: MakeAtGateway) -> None:
    """The owner takes an exit back in TWS, and the machine sells all the same."""
    there = await at_gateway(make_at_gateway, armed("ended"))
    await there.bot.alert("SELL")

    async def offered() -> bool:
        return bool(await there.bot.events(EventKind.EXIT_INCOMPLETE))

    await there.bot.sooner_or_later(offered, "the rest is offered", within_s=60)
    [event] = await there.bot.events(EventKind.EXIT_INCOMPLETE)
    assert isinstance(event.facts, ExitIncomplete)
    assert event.facts.code is ExitLeft.CANCELLED
    await there.bot.seconds(120, at_once=4)
    assert len(sells(there)) == 1


async def test_an_exit_of_a_halted_stock_works_on(make_at_gateway: MakeAtGateway) -> None:
    """It would be cancelled after half a minute, and a halt lasts five."""
    there = await at_gateway(make_at_gateway)
    sessions.halt(there.gateway, "AAPL")
    alert_id = await there.bot.alert("SELL")

    async def told() -> bool:
        return bool(await there.bot.events(EventKind.EXIT_WORKS_ON))

    await there.bot.sooner_or_later(told, "that it works on is told", within_s=60)
    await there.bot.seconds(300, at_once=10)
    [order] = sells(there)
    assert order.status == "Submitted"
    sessions.resume(there.gateway, "AAPL")
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert len(await there.bot.events(EventKind.EXIT_WORKS_ON)) == 1
    assert await is_sold(there)


async def test_a_rejected_exit_that_ib_still_lists_stands_in_no_way(make_at_gateway: MakeAtGateway) -> None:
    """The next SELL would be "already being sold" until the end of the day."""
    there = await at_gateway(make_at_gateway, armed("reject", listed=True, text="Order rejected - reason: no"))
    first = await there.bot.alert("SELL")
    await there.bot.becomes(first, AlertStatus.FAILED)
    second = await there.bot.alert("SELL")
    await there.bot.sooner_or_later(lambda: is_sold(there), "the next SELL sells", within_s=60)
    await there.bot.becomes(second, AlertStatus.EXECUTED)
    assert [order.status for order in sells(there)] == ["Inactive", "Filled"]


async def test_an_inactive_order_whose_cancel_comes_to_nothing_is_told(make_at_gateway: MakeAtGateway) -> None:
    """It would be cancelled 242 times in an hour, and the owner hear one line."""
    how = {"code": 0, "listed": True, "cancel_answered": False}
    there = await at_gateway(make_at_gateway, armed("reject", **how))
    alert_id = await there.bot.alert("SELL")
    await there.bot.seconds(1200, at_once=10)
    [told] = await there.bot.events(EventKind.ORDER_STUCK)
    [order] = sells(there)
    assert "SELL 5 AAPL is listed by IB as Inactive" in words.text(told)
    assert f"permId {order.perm_id}" in words.text(told)
    assert (await there.bot.trade_of(alert_id)).status is TradeStatus.SUBMITTED


async def test_an_order_of_the_owners_that_covers_the_shares_is_named(make_at_gateway: MakeAtGateway) -> None:
    """The owner would be told to send another SELL, which his own working order blocks as well."""
    there = await at_gateway(make_at_gateway)
    perm_id = there.gateway.owner_order("AAPL", "SELL", Decimal(5), Decimal(9999))
    alert = await there.bot.becomes(await there.bot.alert("SELL"), AlertStatus.BLOCKED)
    assert f"5 shares are in a working SELL at IB (permId {perm_id}): cancel it first" in said(alert.reason)


async def test_what_the_close_cuts_off_waits_for_the_next_open(make_at_gateway: MakeAtGateway) -> None:
    """An exit that IB ends at the close would be given up."""
    start = new_york(2026, 11, 20, 15, 59, 30)
    there = await at_gateway(make_at_gateway, start=start, always=False)
    bot = there.bot
    sessions.halt(there.gateway, "AAPL")
    alert_id = await bot.alert("SELL")

    async def works() -> bool:
        return [order.status for order in sells(there)] == ["Submitted"]

    await bot.until(works, "the exit works")
    bot.clock.skip((new_york(2026, 11, 20, 16, 0, 1) - bot.clock.now()).total_seconds())
    sessions.close_now(there.gateway)

    async def waits() -> bool:
        return (await bot.row(alert_id)).status is AlertStatus.PENDING

    await bot.sooner_or_later(waits, "it waits for the open", within_s=60)
    [told] = await bot.events(EventKind.EXIT_WAITS_FOR_OPEN)
    assert "5 left. They are sold at the next open, Mon 23 Nov 09:30" in words.text(told)


@pytest.mark.parametrize("bought", [True, False])
async def test_an_exit_is_measured_by_the_line_that_is_open_anyway(
    make_at_gateway: MakeAtGateway, monkeypatch: pytest.MonkeyPatch, bought: bool
) -> None:
    """Its slippage would be whole where it can be told apart; or IB be asked for a price, and the exit wait."""
    monkeypatch.setattr(quotes, "FRESH_S", 3600.0)  # however busy the machine is
    there = await at_gateway(make_at_gateway)
    if bought:
        await there.bot.becomes(await there.bot.alert("BUY"), AlertStatus.EXECUTED)
        there.gateway.set_quote("AAPL", Decimal("90.10"), Decimal("90.20"))

        async def moved() -> bool:
            kept = there.broker.kept_quote(265598)
            return kept is not None and (kept.bid, kept.ask) == (Decimal("90.1"), Decimal("90.2"))

        await there.bot.until(moved, "the new price is at hand")
    open_before = lines_open(there)
    alert_id = await there.bot.alert("SELL")
    await there.bot.becomes(alert_id, AlertStatus.EXECUTED)
    assert await is_sold(there)
    sold = await there.bot.trade_of(alert_id)
    assert (sold.quote is not None) == bought
    assert not bought or (sold.quote or {})["bid"] == "90.1"
    assert lines_open(there) == open_before == int(bought)
    async with there.bot.ledger.read() as books:
        orders = await books.sent_orders(sold.created_at, sold.id - 1, 1)
    [slip] = map(slip_of, orders)
    assert (slip is not None) == bought, "without a quote it is told as a whole"
    assert slip is None or (slip.spread, slip.impact) == (sold.filled_qty * Decimal("0.05"), 0)
