"""How long an order took and a position was held, as a fill's message says it."""

import re

import pytest

from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import BuyFilled, SellFilled
from tradebot.domain.trades import TradeStatus
from tradebot.words.lines import lines

BOUGHT, SOLD = EventKind.BUY_FILLED, EventKind.SELL_FILLED


async def told_of(bot: Bot, kind: EventKind) -> tuple[BuyFilled | SellFilled, str]:
    """What the one message of this kind knows, and says below its first line."""
    (event,) = await bot.told(kind)
    assert isinstance(event.facts, BuyFilled | SellFilled)
    return event.facts, lines(event).below


async def test_a_fill_half_a_minute_after_its_alert_says_so(bot: Bot) -> None:
    """ "0.00 s after the alert" would be told of an order that took half a minute, or the time since it was sent."""
    _, order_ref = await bot.order("BUY")
    bot.clock.skip(30)
    bot.broker.fill(order_ref, 5)
    filled, below = await told_of(bot, BOUGHT)
    assert filled.took_s == pytest.approx(30, abs=2)
    assert re.search(r"Filled 3[0-2] s after the alert\.", below), below


async def test_parts_are_done_with_the_last_of_them(bot: Bot) -> None:
    """An order that filled in parts would be called as quick as its first one."""
    _, order_ref = await bot.order("BUY")
    bot.clock.skip(10)
    bot.broker.fill(order_ref, 2)
    await bot.told(EventKind.PARTIAL_FILL)
    bot.clock.skip(20)
    bot.broker.fill(order_ref, 3)
    filled, below = await told_of(bot, BOUGHT)
    assert filled.took_s == pytest.approx(30, abs=2)
    assert re.search(r"Filled 3[0-2] s after the alert\.", below), below


@pytest.mark.parametrize(("fills_after_s", "took_s"), [(30.0, 30.0), (0.4, None)])
async def test_a_part_whose_rest_is_cancelled_much_later_took_until_it_filled(
    bot: Bot, fills_after_s: float, took_s: float | None
) -> None:
    """The ten minutes that the rest had waited would be told as the time that the part took; or "0.40 s", by whole seconds."""
    _, order_ref = await bot.order("BUY")
    bot.clock.skip(fills_after_s)
    bot.broker.fill(order_ref, 2)
    await bot.told(EventKind.PARTIAL_FILL)
    bot.clock.skip(600)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.turns(order_ref, TradeStatus.PARTIAL)
    filled, below = await told_of(bot, BOUGHT)
    if took_s is None:
        assert filled.took_s is None
        assert "after the alert" not in below
    else:
        assert filled.took_s == pytest.approx(took_s, abs=2)
        assert re.search(r"Filled 3[0-2] s after the alert\.", below), below


async def test_a_sale_was_held_from_the_first_share_bought_to_the_last_one_sold(bot: Bot) -> None:
    """The holding time would count from the alert, from the last part bought, or end with the first part sold."""
    alert_id, buy = await bot.order("BUY")
    bot.clock.skip(20)
    bot.broker.fill(buy, 2)
    await bot.told(EventKind.PARTIAL_FILL)
    bot.clock.skip(10)
    bot.broker.fill(buy, 3)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.clock.skip(3600)
    _, sell = await bot.order("SELL")
    bot.broker.fill(sell, 1)
    await bot.told(EventKind.PARTIAL_FILL, 2)
    bot.clock.skip(30)
    bot.broker.fill(sell, 4)
    sold, below = await told_of(bot, SOLD)
    assert isinstance(sold, SellFilled)
    (lot,) = await bot.lots()
    assert lot.exit_time is not None
    assert sold.held_s == (lot.exit_time - lot.entry_time).total_seconds()
    assert sold.held_s == pytest.approx(10 + 3600 + 30, abs=5)
    assert sold.took_s == pytest.approx(30, abs=2)
    assert re.search(r"Filled 3[0-2] s after the alert\.", below), below
    assert lines((await bot.told(SOLD))[0]).first.endswith(", held 1 h")
