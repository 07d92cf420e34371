"""Exits that the clock asks for."""

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tests.trading.test_decision import owners_sell
from tests.trading.test_resting_entries import EMA, GTC, cancel_is_sent, rests
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


async def test_a_session_that_closes_early_has_its_time_as_long_before_its_close(make_bot: MakeBot) -> None:
    """On a half day that time would never come while anything can be sold: held over the weekend."""
    bot = await make_bot(start=new_york(2026, 11, 27, 12, 53), strategies=(FLAT,), always=False)
    await bot.start()
    await bot.owns(5)
    assert not await sold(bot)
    await bot.leaves()
    assert await sold(bot) == [5]
    row = await bot.becomes(await bot.alert("BUY", "MSFT"), AlertStatus.BLOCKED)
    assert "flat by 12:55" in said(row.reason)


async def test_an_entry_that_waits_is_cancelled_when_its_strategy_is_to_be_flat(make_bot: MakeBot) -> None:
    """It would buy minutes later what is then held over night, by a strategy that is never to hold anything over night."""
    ema, rsi = replace(EMA, flat_by=time(15, 55)), replace(EMA, name="rsi")
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 50), strategies=(ema, rsi), always=False)
    await bot.start()
    _, of_ema = await rests(bot, GTC)
    await rests(bot, GTC, "rsi")
    await bot.seconds(240, at_once=30)
    assert bot.broker.cancels == []
    await cancel_is_sent(bot, of_ema, within_s=120)
    await bot.seconds(10, at_once=5)
    assert set(bot.broker.cancels) == {of_ema}


async def test_what_is_bought_after_that_time_is_sold_too(make_bot: MakeBot) -> None:
    """An entry that fills while it is being cancelled would be held over night."""
    ema = replace(EMA, flat_by=time(15, 55))
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 54), strategies=(ema,), always=False)
    await bot.start()
    alert_id, entry = await rests(bot, GTC)
    await cancel_is_sent(bot, entry, within_s=120)
    bot.broker.fill(entry, int((await bot.trade(entry)).requested_qty), 95)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await bot.leaves(2)
    assert await sold(bot) == [(await bot.trade(entry)).filled_qty]


async def test_nothing_is_bought_after_that_time(make_bot: MakeBot) -> None:
    """A strategy that is to be flat by then would buy for the night."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 56), strategies=(FLAT,), always=False)
    await bot.start()
    row = await bot.becomes(await bot.alert("BUY"), AlertStatus.BLOCKED)
    assert said(row.reason) == (
        "it is 15:56 in New York, and strategy main is flat by 15:55: change flat_by under [strategies.main] if it should buy"
    )


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


async def test_what_could_not_be_sold_on_its_day_is_sold_on_another_one(make_bot: MakeBot) -> None:
    """A lot whose one exit was refused would be held for ever."""
    bot = await make_bot(strategies=(Strategy(name=MAIN, max_holding=timedelta(days=1)),))
    await bot.start()
    bot.broker.others = [owners_sell(5)]
    await bot.owns(5)

    async def refused() -> bool:
        async with bot.ledger.read() as books:
            alert = await books.alert(2)
        return alert is not None and alert.status is AlertStatus.BLOCKED

    await bot.sooner_or_later(refused, "the exit is refused: the owner sells these shares")
    bot.broker.others = []
    await bot.seconds(60, at_once=10)
    assert await sold(bot) == []
    bot.clock.skip(timedelta(days=1).total_seconds())
    await bot.leaves()
    assert await sold(bot) == [5]


async def test_nothing_is_sold_while_the_kill_switch_is_on(make_bot: MakeBot) -> None:
    """The clock would make alerts that the owner has just stopped."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 57), strategies=(FLAT,), always=False)
    await bot.owns(5)
    await bot.switch.kill("owner")
    await bot.start()
    await bot.seconds(20, at_once=5)
    assert not await sold(bot)
