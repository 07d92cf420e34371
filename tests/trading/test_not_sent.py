"""What the conclusion "not sent" rests on: each ground, taken away alone, makes the order UNKNOWN."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.database.samples import an_execution
from tests.bot import FRIDAY_NOON, Bot
from tests.bot_fixtures import MakeAtGateway
from tests.trading.moments import gate_closed
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.events import EventKind
from tradebot.domain.questions import Question
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import OrderRole, Trade, TradeStatus
from tradebot.simgateway import GatewaySettings
from tradebot.trading.not_sent import Evidence, doubt

C, T = ReasonCode, TradeStatus
AAPL, MSFT = 265598, 272093
COST = Decimal("100.25")


class Costly:
    """IB's positions carry an average cost, which the fake's have not by themselves."""

    def __init__(self, bot: Bot) -> None:
        self.cost = COST
        self._plain = bot.broker.positions
        bot.broker.positions = self.positions  # type: ignore[method-assign]

    def positions(self) -> dict[int, BrokerPosition]:
        return {con_id: replace(held, avg_cost=self.cost) for con_id, held in (self._plain() or {}).items()}


async def _in_flight(bot: Bot) -> str:
    """A SELL whose intent is stored and that IB has never shown; another order of the day has filled before it."""
    bot.broker.now = replace(bot.broker.now, next_order_id=1)
    await bot.owns(5)
    await bot.bought(5, "MSFT")
    bot.broker.takes_orders = False
    _, order_ref = await bot.order("SELL", "AAPL")
    bot.broker.disconnect()
    await gate_closed(bot)
    return order_ref


async def _found_again(bot: Bot, order_ref: str, next_order_id: int | None) -> Trade:
    bot.broker.connect()
    bot.broker.now = replace(bot.broker.now, next_order_id=next_order_id)
    return await bot.turns(order_ref, T.FAILED, T.UNKNOWN)


async def _reason_of(bot: Bot, trade: Trade) -> Reason | str | None:
    return (await bot.row(trade.alert_id)).reason


async def test_with_every_ground_it_was_not_sent(bot: Bot) -> None:
    """Each crash before the wire would need the owner, who would look for an order that never was."""
    Costly(bot)
    order_ref = await _in_flight(bot)
    trade = await bot.trade(order_ref)
    after = await _found_again(bot, order_ref, trade.ib_order_id)
    assert (after.status, after.error_message) == (T.FAILED, Reason(C.NEVER_SEEN))


Away = Callable[[Bot, Costly], None]


def _cost(bot: Bot, costly: Costly) -> None:
    """Sold, and as many bought back by the owner."""
    costly.cost = Decimal("101.50")


def _position(bot: Bot, costly: Costly) -> None:
    assert bot.broker.held is not None
    bot.broker.held[AAPL] -= 1


def _other_fill(bot: Bot, costly: Costly) -> None:
    """The day's earlier fill is gone from IB's answer, in which there are others of the owner."""
    bot.broker.fills = [replace(one, exec_id="owner-s.1.01", order_ref="") for one in bot.broker.fills]


@pytest.mark.parametrize(
    ("away", "code"), [(_cost, C.COST_CHANGED), (_position, C.NOT_SHOWN), (_other_fill, C.FORGOTTEN)]
)
async def test_what_ib_shows_besides_takes_the_ground_away(bot: Bot, away: Away, code: ReasonCode) -> None:
    """A SELL that filled would be called not sent, and the next one sell the owner's own shares."""
    costly = Costly(bot)
    order_ref = await _in_flight(bot)
    away(bot, costly)
    trade = await bot.trade(order_ref)
    after = await _found_again(bot, order_ref, trade.ib_order_id)
    assert after.status is T.UNKNOWN
    reason = await _reason_of(bot, after)
    assert isinstance(reason, Reason)
    assert reason.code == code


@pytest.mark.parametrize(("counted", "code"), [(1, C.COUNTED), (-1, C.FORGOTTEN)])
async def test_ibs_count_of_orders_takes_the_ground_away(bot: Bot, counted: int, code: ReasonCode) -> None:
    """An order that IB has counted, or may have before its count was set back, would be called not sent."""
    Costly(bot)
    order_ref = await _in_flight(bot)
    own = (await bot.trade(order_ref)).ib_order_id
    assert own is not None
    after = await _found_again(bot, order_ref, own + counted)
    assert after.status is T.UNKNOWN
    reason = await _reason_of(bot, after)
    assert isinstance(reason, Reason)
    assert reason.code == code


async def test_another_order_of_the_contract_in_doubt_takes_the_ground_away(bot: Bot) -> None:
    """Two orders that went opposite ways would leave the position as it was, and both be called not sent."""
    Costly(bot)
    order_ref = await _in_flight(bot)
    trade = await bot.trade(order_ref)
    bot.broker.con_ids["OLD"] = AAPL  # the stock's name before
    other = await bot.owns(5, "OLD", at_ib=5)  # in all, as before
    async with bot.ledger.begin() as books:
        await books.save_trade(replace(other, status=T.UNKNOWN))
    after = await _found_again(bot, order_ref, trade.ib_order_id)
    assert after.status is T.UNKNOWN
    assert await _reason_of(bot, after) == Reason(C.OTHER_IN_DOUBT, {"order_ref": other.order_ref})


SELL = Trade(
    alert_id=1,
    ticker="AAPL",
    con_id=AAPL,
    side=Side.SELL,
    requested_qty=Decimal(4),
    order_ref="tb-1-0badcafe",
    ib_position_before=Decimal(4),
    reserved=Decimal(0),
    created_at=FRIDAY_NOON,
    id=1,
    ib_order_id=7,
)
NOTHING = Evidence(
    now=FRIDAY_NOON + timedelta(minutes=1),
    silent=(),
    held=Decimal(4),
    avg_cost=COST,
    avg_cost_before=COST,
    trades=(SELL,),
    fills=(),
    unlisted=False,
    next_order_id=7,
)
LATER = replace(an_execution("late.1.01"), con_id=AAPL, side=Side.BUY, shares=Decimal(3), time=NOTHING.now)
SEEN = replace(SELL, id=2, con_id=MSFT, status=T.FILLED, perm_id=9, ib_order_id=8)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"silent": (Question.EXECUTIONS,)}, C.NOT_ANSWERED),
        ({"now": FRIDAY_NOON + timedelta(days=1)}, C.NOT_LISTED_ANY_MORE),
        ({"held": Decimal(7)}, C.NOT_SHOWN),
        ({"held": Decimal(7), "fills": (LATER,)}, None),  # another order of the stock has filled since
        ({"held": Decimal(4), "fills": (LATER,)}, C.NOT_SHOWN),
        ({"avg_cost": Decimal(101)}, C.COST_CHANGED),
        ({"avg_cost": Decimal(101), "avg_cost_before": None}, None),
        ({"unlisted": True}, C.FORGOTTEN),
        ({"next_order_id": 8}, C.COUNTED),
        ({"next_order_id": None}, None),  # the connection is still the one it was decided on
        ({"next_order_id": 9, "trades": (SELL, SEEN)}, None),  # counted for the later one
        ({"next_order_id": 8, "trades": (SELL, SEEN)}, C.FORGOTTEN),
    ],
)
def test_each_ground(changes: dict[str, Any], code: ReasonCode | None) -> None:
    """What may have been sent would be called not sent; or what was not would wait for the owner."""
    found = doubt(SELL, replace(NOTHING, **changes))
    assert (found and found.code) == code


ENTRY = replace(SELL, side=Side.BUY, role=OrderRole.ENTRY, group_id="g")
STOP = replace(
    SELL, id=2, role=OrderRole.STOP, group_id="g", parent_trade_id=1, order_ref="tb-1-1badcafe", ib_order_id=8
)
ALONE = replace(STOP, created_at=FRIDAY_NOON + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("trade", "trades", "next_order_id", "sent"),
    [
        (ENTRY, (ENTRY, STOP), 7, False),
        (ENTRY, (ENTRY, STOP), 8, True),  # IB has counted the first of them, and lists it nowhere
        (ENTRY, (ENTRY, STOP), None, True),  # nor is it known whether it has
        (ENTRY, (ENTRY, replace(STOP, perm_id=9)), 7, True),
        (STOP, (ENTRY, STOP), None, True),
        (STOP, (replace(ENTRY, perm_id=9), STOP), 8, True),
        (ALONE, (replace(ENTRY, status=T.FILLED, perm_id=9), ALONE), None, False),  # placed for what is held
    ],
)
def test_a_group_is_not_sent_only_as_a_whole(
    trade: Trade, trades: tuple[Trade, ...], next_order_id: int | None, *, sent: bool
) -> None:
    """Half a bracket would be at IB, in no list, while another one is sent for the same alert."""
    found = doubt(trade, replace(NOTHING, trades=trades, next_order_id=next_order_id))
    assert (found is not None) is sent


async def test_bought_back_by_the_owner_while_the_gateway_forgot_the_day(make_at_gateway: MakeAtGateway) -> None:
    """An order that IB took unanswered and filled would be called not sent, and the next SELL sell the owner's own shares."""
    began = time.monotonic()
    settings = GatewaySettings(
        positions=(("AAPL", Decimal(4), Decimal(100)),),
        clock=lambda: FRIDAY_NOON + timedelta(seconds=time.monotonic() - began),
    )
    away = {"backoff_s": (20.0, 20.0), "connect_timeout_s": 10.0}
    there = await make_at_gateway(settings, options=away, start=FRIDAY_NOON)
    bot, gateway = there.bot, there.gateway
    await bot.owns(4)
    gateway.faults.arm("drop_after")
    alert_id = await bot.alert("SELL")

    async def dropped() -> bool:
        return not there.broker.connection.up and bool(gateway.book.executions)

    await bot.until(dropped, "it fills behind a connection that is gone")
    gateway.midnight()
    gateway.set_position("AAPL", Decimal(4), Decimal(100))
    again = await bot.alert("SELL")

    async def concluded() -> bool:
        return (await bot.row(alert_id)).status in (AlertStatus.UNKNOWN, AlertStatus.FAILED, AlertStatus.EXECUTED)

    await bot.sooner_or_later(concluded, "it is concluded what became of it", within_s=120)
    await bot.seconds(5)
    assert (await bot.row(alert_id)).status is AlertStatus.UNKNOWN
    assert len(await bot.events(EventKind.ORDER_UNKNOWN)) == 1
    assert (await bot.row(again)).status is AlertStatus.RECEIVED
    assert len(gateway.book.orders) == 1
