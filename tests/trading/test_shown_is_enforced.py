"""What status, limits and the daily report show is what the next BUY is judged by, at every stage of an order's life."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import OrderState
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import EventKind
from tradebot.domain.exposure import Exposure
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.trades import TradeStatus
from tradebot.queries.status import books_status


async def nothing(bot: Bot) -> None:
    """No order yet."""


async def held(bot: Bot) -> None:
    await bot.owns(5)
    await bot.owns(3, "MSFT")


async def working(bot: Bot) -> None:
    await bot.owns(5)
    await bot.order("BUY")


async def partly_filled(bot: Bot) -> None:
    _, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 4)
    await bot.told(EventKind.PARTIAL_FILL)


async def just_filled(bot: Bot) -> None:
    bot.broker.cash_told_at = bot.clock.now()  # IB's cash is of before this fill
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)


async def cancelled(bot: Bot) -> None:
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.FAILED)


async def unknown(bot: Bot) -> None:
    _, order_ref = await bot.order("BUY")
    await bot.booking.conclude((await bot.trade(order_ref)).id, TradeStatus.UNKNOWN, "it is not known.")


async def sold_at_a_loss(bot: Bot) -> None:
    await bot.owns(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 5, 80)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)


@dataclass(frozen=True)
class Stage:
    reach: Callable[[Bot], Awaitable[None]]
    positions: int
    buys_today: int
    invested: int


STAGES = [
    Stage(nothing, 0, 0, 0),
    Stage(held, 2, 0, 800),
    Stage(working, 2, 1, 500 + 506),
    Stage(partly_filled, 1, 1, 506),
    Stage(just_filled, 1, 1, 500),
    Stage(cancelled, 0, 0, 0),
    Stage(unknown, 1, 1, 506),
    Stage(sold_at_a_loss, 0, 0, 0),
]

ENFORCED = ("reserved", "held", "in_flight", "open_positions", "buys_today", "realised_today")


async def shown(bot: Bot) -> Exposure:
    """What status, limits and the report are made of."""
    async with bot.ledger.read() as books:
        hours = Hours(Calendar(), always=True)
        return (await books_status(books, Limits(), hours, bot.clock.now(), bot.broker.account())).exposure


async def judged_by(bot: Bot) -> dict[str, Any]:
    """The figures that the next BUY's decision was stored with."""
    _, order_ref = await bot.order("BUY", "KO")
    trade = await bot.trade(order_ref)
    async with bot.ledger.read() as books:
        decision: Any = await books.decision(trade.id)
    return dict(decision["inputs"]["snapshot"])


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.reach.__name__)
async def test_what_is_shown_is_what_is_enforced(make_bot: MakeBot, stage: Stage) -> None:
    """The owner would see room under a limit that stops his next BUY, or none where there is."""
    bot = await make_bot()
    await bot.start()
    await stage.reach(bot)
    seen = await shown(bot)
    used = await judged_by(bot)
    for name in ENFORCED:
        assert Decimal(used[name]) == getattr(seen, name), name
    assert (seen.open_positions, seen.buys_today) == (stage.positions, stage.buys_today)
    assert seen.invested == stage.invested
