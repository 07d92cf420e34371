"""Exits that the clock asks for."""

from datetime import time, timedelta
from decimal import Decimal

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import MAIN, Strategy

FLAT = Strategy(name=MAIN, flat_by=time(15, 55))


async def sold(bot: Bot) -> list[Decimal]:
    return [order.qty for order in bot.broker.sent if order.side is Side.SELL]


async def test_a_strategy_is_flat_by_its_time(make_bot: MakeBot) -> None:
    """Shares that were to be sold before the close would be held over night."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 50), strategies=(FLAT,), always=False)
    await bot.start()
    await bot.owns(5)
    await bot.seconds(240, at_once=30)
    assert not await sold(bot)
    await bot.leaves()
    assert await sold(bot) == [5]
    await bot.seconds(60, at_once=10)
    (_, alert) = [await bot.row(number) for number in (1, 2)]
    assert (alert.action, alert.status) == (Side.SELL, AlertStatus.PROCESSING)
    assert len(await sold(bot)) == 1  # one a day


async def test_a_lot_is_held_no_longer_than_its_strategy_holds(make_bot: MakeBot) -> None:
    """A lot would be held for ever, or a younger one be sold with it."""
    strategy = Strategy(name=MAIN, max_holding=timedelta(days=1, minutes=5))
    bot = await make_bot(strategies=(strategy,))
    await bot.start()
    await bot.owns(5)
    await bot.seconds(280, at_once=20)
    assert not await sold(bot)
    await bot.owns(3)
    await bot.leaves()
    assert await sold(bot) == [5]
    assert len(await bot.lots(LotStatus.OPEN)) == 2


async def test_nothing_is_sold_while_the_kill_switch_is_on(make_bot: MakeBot) -> None:
    """The clock would make alerts that the owner has just stopped."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 57), strategies=(FLAT,), always=False)
    await bot.owns(5)
    await bot.switch.kill("owner")
    await bot.start()
    await bot.seconds(20, at_once=5)
    assert not await sold(bot)
