"""Entries with prices, stops and targets of their own: from the alert to the orders that IB shows, with the real broker."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import NO_FIXED_LIMITS, said
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tests.trading.test_strategies import code_of
from tradebot.domain.events import EventKind
from tradebot.domain.instructions import OrderTerms, Size, SizeKind, Verb
from tradebot.domain.limits import FixedLimits
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.strategies import ExitSource, OrderSource, Sizing, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce
from tradebot.domain.trades import OrderRole
from tradebot.simgateway.model import Order
from tradebot.words import checks
from tradebot.words import events as words

D = Decimal
BY_ALERT = Strategy(name="ema", orders=OrderSource.ALERT, exits=ExitSource.ALERT)
ASKS_IB = replace(NO_FIXED_LIMITS, what_if_above_usd=D(100))
EXITS = Exits(stop_loss=Level(LevelKind.PERCENT, D(5)), take_profit=Level(LevelKind.PERCENT, D(10)))


def price(value: int | str) -> Level:
    return Level(LevelKind.PRICE, D(value))


async def at_gateway(make: MakeAtGateway, *strategies: Strategy, **setup: Any) -> AtGateway:
    return await make(strategies=strategies or (BY_ALERT,), **setup)


async def sent(there: AtGateway, alert_id: int, number: int) -> list[Order]:
    """So many orders of the alert as the gateway has them, the entry first; and no more."""

    def found() -> list[Order]:
        prefix = f"tb-{alert_id}-"
        return [one for one in there.gateway.book.orders.values() if one.ticket.order_ref.startswith(prefix)]

    async def all_there() -> bool:
        return len(found()) >= number

    await there.bot.until(all_there, f"{number} orders are at the gateway")
    assert len(found()) == number
    return found()


def shown(order: Order) -> tuple[object, ...]:
    """Side, type, limit, stop, trail and time in force."""
    one = order.ticket
    return one.action, one.order_type, one.limit, one.stop, one.trail or one.trail_pct, one.tif


STOP, TARGET = ("SELL", "STP", None, D("216.13"), None, "GTC"), ("SELL", "LMT", D("250.26"), None, None, "GTC")
AT_MARKET = ("BUY", "MKT", None, None, None, "DAY")


@pytest.mark.parametrize(
    ("strategy", "asked", "expected"),
    [
        (BY_ALERT, {"exits": EXITS}, [AT_MARKET, STOP, TARGET]),
        (
            BY_ALERT,
            {"order": OrderTerms(OrderType.LIMIT, D("220.004"), tif=TimeInForce.GTC), "exits": Exits(price(210))},
            [("BUY", "LMT", D("220.00"), None, None, "GTC"), ("SELL", "STP", None, D(210), None, "GTC")],
        ),
        (
            BY_ALERT,
            {"order": OrderTerms(OrderType.STOP, stop_price=D(230)), "exits": Exits(price(210), stop_limit=D(209))},
            [("BUY", "STP", None, D(230), None, "DAY"), ("SELL", "STP LMT", D(209), D(210), None, "GTC")],
        ),
        (
            BY_ALERT,
            {"order": OrderTerms(OrderType.STOP_LIMIT, D(231), D(230))},
            [("BUY", "STP LMT", D(231), D(230), None, "DAY")],
        ),
        (
            BY_ALERT,
            {"exits": Exits(trailing=Level(LevelKind.AMOUNT, D("7.51")))},
            [AT_MARKET, ("SELL", "TRAIL", None, D(220), D("7.51"), "GTC")],
        ),
        (
            Strategy(name="ema", exits=ExitSource.OWN, own_exits=EXITS),
            {},
            [AT_MARKET, STOP, TARGET],
        ),
        (
            Strategy(name="ema", orders=OrderSource.LIMIT, tif=TimeInForce.GTC),
            {"price": D(220)},
            [("BUY", "LMT", D(220), None, None, "GTC")],
        ),
    ],
)
async def test_what_ib_gets_is_what_was_asked_for(
    make_at_gateway: MakeAtGateway, strategy: Strategy, asked: Mapping[str, Any], expected: Sequence[tuple[object, ...]]
) -> None:
    """A bracket would lack a child, or an order have another price, type or time than the alert or its strategy says."""
    there = await at_gateway(make_at_gateway, strategy)
    entry, *children = await sent(there, await there.bot.asks("ema", Verb.BUY, **asked), len(expected))
    assert [shown(one) for one in (entry, *children)] == expected
    assert [one.ticket.transmit for one in (entry, *children)] == [*(False for _ in children), True]
    for child in children:
        one = child.ticket
        assert (one.parent_id, one.oca_type, one.quantity) == (entry.ticket.order_id, 2, entry.ticket.quantity)
        assert one.oca_group == f"{entry.ticket.order_ref}-g"


async def test_the_group_is_stored_as_it_is_sent(make_at_gateway: MakeAtGateway) -> None:
    """After a restart nobody would know what protects the position, or that cash is reserved at the limit."""
    there = await at_gateway(make_at_gateway)
    asked = OrderTerms(OrderType.LIMIT, D(220))
    alert_id = await there.bot.asks("ema", Verb.BUY, order=asked, exits=EXITS)
    placed = await sent(there, alert_id, 3)
    trades = await there.bot.trades()
    assert {one.order_ref for one in trades} == {one.ticket.order_ref for one in placed}
    entry, stop, target = sorted(trades, key=lambda one: one.id)
    assert (entry.role, stop.role, target.role) == (OrderRole.ENTRY, OrderRole.STOP, OrderRole.TARGET)
    assert (entry.requested_qty, entry.reserved) == (D(2), D("445.40"))  # 2 × 220 × 1.01 + 1
    assert (stop.stop_price, target.limit_price) == (D(209), D(242))
    assert {one.parent_trade_id for one in (stop, target)} == {entry.id}
    assert {one.group_id for one in trades} == {f"{entry.order_ref}-g"}


async def test_a_large_buy_is_put_to_ib_first(make_at_gateway: MakeAtGateway) -> None:
    """No order would leave at all once IB is to be asked, or the owner not see what it said."""
    there = await at_gateway(make_at_gateway, fixed_limits=ASKS_IB)
    alert_id = await there.bot.asks("ema", Verb.BUY, exits=EXITS)
    await sent(there, alert_id, 3)
    entry = await there.bot.trade_of(alert_id)
    async with there.bot.ledger.read() as books:
        decision = await books.decision(entry.id)
    assert decision is not None
    assert checks.passed(RefusalCode.MARGIN, decision).startswith("IB would want 227.5")


@pytest.mark.parametrize(
    ("fault", "how", "code", "told"),
    [
        (
            "deny",
            {"code": 201, "text": "Order rejected - reason: no margin"},
            RefusalCode.MARGIN,
            "(IB 201: Order rejected",
        ),
        ("swallow", {}, RefusalCode.NOT_KNOWN, "IB did not answer what margin the BUY of AAPL would take"),
    ],
)
async def test_a_large_buy_waits_for_ib_s_word(
    make_at_gateway: MakeAtGateway, fault: str, how: Mapping[str, Any], code: RefusalCode, told: str
) -> None:
    """An order would leave that IB refuses, or on its silence."""
    there = await at_gateway(make_at_gateway, fixed_limits=ASKS_IB, options={"question_timeout_s": 1.0})
    there.gateway.faults.arm(fault, symbol="AAPL", **how)
    alert_id = await there.bot.asks("ema", Verb.BUY)
    assert await code_of(there.bot, alert_id) == code
    assert told in said((await there.bot.row(alert_id)).reason)
    assert not there.gateway.book.orders


async def test_a_size_by_risk_counts_to_the_stop_that_is_placed(make_at_gateway: MakeAtGateway) -> None:
    """More would be lost at the stop than was to be risked; or a limit of risk be passed by a size that was asked for."""
    strategy = replace(BY_ALERT, sizing=Sizing.ALERT, max_risk_usd=D(100))
    there = await at_gateway(make_at_gateway, strategy)
    asked: Mapping[str, Any] = {"order": OrderTerms(OrderType.LIMIT, D(220)), "exits": Exits(price(210))}
    first = await there.bot.asks("ema", Verb.BUY, size=Size(SizeKind.RISK_USD, D(45)), **asked)
    entry, stop = await sent(there, first, 2)
    assert (entry.ticket.quantity, stop.ticket.quantity) == (4, 4)  # of 10 USD each
    second = await there.bot.asks("ema", Verb.BUY, "MSFT", size=Size(SizeKind.SHARES, D(90)), exits=EXITS)
    lowered, *_ = await sent(there, second, 3)
    [intent] = await there.bot.events(EventKind.ORDER_INTENT, alert_id=second)
    assert f"asked 90 shares, {lowered.ticket.quantity} by max_risk_usd of strategy ema" in words.text(intent)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"exits": Exits(price(228))}, RefusalCode.EXIT_LEVELS),  # a stop above the ask would sell at once
        ({"exits": Exits(take_profit=price(227))}, RefusalCode.EXIT_LEVELS),
        ({"order": OrderTerms(OrderType.LIMIT, D(180))}, RefusalCode.PRICE_COLLAR),
    ],
)
async def test_prices_that_do_not_fit_are_refused(
    make_at_gateway: MakeAtGateway, asked: Mapping[str, Any], code: RefusalCode
) -> None:
    """A position would be sold the moment it is bought, or an order wait for a price that was a slip of the hand."""
    there = await at_gateway(make_at_gateway, fixed_limits=FixedLimits())
    assert await code_of(there.bot, await there.bot.asks("ema", Verb.BUY, **asked)) == code
    assert not there.gateway.book.orders
