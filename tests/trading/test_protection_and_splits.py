"""Protection after a split, and fills of stops of which nobody has told, or which IB's position does not show yet."""

from dataclasses import replace
from decimal import Decimal

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.protected import bracket
from tradebot.domain.brokerage import ErrorKind, Order, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import EventKind
from tradebot.domain.instructions import Verb
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import Strategy
from tradebot.domain.trades import OrderRole, Trade, TradeStatus

BARE = "Order Canceled - reason:"


def ended(bot: Bot, order: Trade, text: str) -> None:
    bot.broker.error(order.order_ref, 202, ErrorKind.CANCELLED, text)
    bot.broker.show(order.order_ref, OrderState.CANCELLED)


async def splits(bot: Bot, con_id: int, held: int, new: int, old: int) -> None:
    """The owner confirms it; IB has so many shares of it now, all for the same money."""
    booked = sum((lot.qty for lot in await bot.lots(LotStatus.OPEN)), Decimal(0))
    cost = Decimal(100) * old / new
    bot.broker.held = {con_id: Decimal(held)}
    bot.broker.avg_costs = {con_id: Decimal("100.1") * booked / held}
    bot.broker.asks["AAPL"] = cost
    seen = Split("AAPL", con_id, booked, Decimal(100), con_id, Decimal(held), cost, new, old)
    assert await bot.operations.book_split(seen, "owner", "split:1")


async def stop_sent(bot: Bot) -> Order:
    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "a stop is placed anew")
    return bot.broker.sent[0]


async def test_a_split_does_not_bring_back_the_stop_that_the_owner_cancelled(make_bot: MakeBot) -> None:
    """What he took away by day would be back the next morning."""
    bot = await make_bot()
    await bot.start()
    entry, stop, target = await bracket(bot, 10)
    bot.broker.avg_costs = {entry.con_id: Decimal("100.1")}
    ended(bot, stop, BARE)

    async def told() -> bool:
        return bool(await bot.events(EventKind.SHARES_UNPROTECTED))

    await bot.sooner_or_later(told, "it is told that shares are unprotected")
    ended(bot, target, BARE)
    await splits(bot, entry.con_id, 20, 2, 1)
    await bot.seconds(60, at_once=5)
    assert [one.id for one in await bot.trades() if one.role is OrderRole.STOP] == [stop.id]


async def test_of_a_fraction_that_a_split_leaves_the_whole_shares_are_protected(make_bot: MakeBot) -> None:
    """IB would refuse a stop for a fraction of a share, and all of them stand without one."""
    bot = await make_bot()
    await bot.start()
    entry, stop, _ = await bracket(bot, 9)
    await bot.owns(10)
    bot.broker.avg_costs = {entry.con_id: Decimal("100.1")}
    ended(bot, stop, f"{BARE}Cancelled by Exchange")
    await splits(bot, entry.con_id, 28, 3, 2)  # 13.26 of them are this entry's
    assert (await stop_sent(bot)).qty == 13


async def test_a_fill_of_a_stop_of_which_nobody_tells_is_asked_for(make_bot: MakeBot) -> None:
    """What is left of its entry would stand without protection for good, and nobody hear of it."""
    bot = await make_bot()
    await bot.start()
    _, stop, _ = await bracket(bot, 10)
    bot.broker.fill(stop.order_ref, 4, 95, told=False)

    async def booked() -> bool:
        return (await bot.trade(stop.order_ref)).filled_qty == 4

    await bot.sooner_or_later(booked, "the fill is in the books")


async def test_what_a_stop_has_just_sold_is_not_sold_again_by_another_s_exit(make_bot: MakeBot) -> None:
    """IB's position still shows the stop's shares: where others are missing, the exit would sell these beyond what is held."""
    bot = await make_bot(strategies=(Strategy(name="ema"), Strategy(name="rsi")))
    await bot.start()
    entry, stop, target = await bracket(bot, 6, strategy="ema")
    await bot.owns(5, strategy="rsi")
    bot.broker.fill(stop.order_ref, 6, 95)
    bot.broker.show(target.order_ref, OrderState.CANCELLED)
    bot.broker.held = {entry.con_id: Decimal(8)}  # the owner has sold 3: it will be 2
    await bot.turns(stop.order_ref, TradeStatus.FILLED)
    await bot.asks("rsi", Verb.EXIT)
    await bot.seconds(5)
    assert bot.broker.sent == []
    bot.broker.held = {entry.con_id: Decimal(2)}
    bot.clock.skip(10)
    await bot.leaves(1)
    assert bot.broker.sent[0].qty == 2


async def test_a_target_whose_end_nobody_tells_holds_up_no_exit(make_bot: MakeBot) -> None:
    """The exit would wait for the word of its end, which was lost, for as long as it works on in the books."""
    bot = await make_bot()
    await bot.start()
    _, stop, target = await bracket(bot, 10)
    await bot.alert("SELL")

    async def cancelled(order: Trade) -> None:
        async def asked() -> bool:
            return order.order_ref in bot.broker.cancels

        await bot.sooner_or_later(asked, f"the {order.role} is cancelled")

    await cancelled(target)
    report = bot.broker.working.pop(target.order_ref)
    bot.broker.completed[target.order_ref] = replace(report, order_id=0, client_id=None, state=OrderState.CANCELLED)
    await cancelled(stop)
    bot.broker.show(stop.order_ref, OrderState.CANCELLED)
    await bot.leaves(1)
    assert bot.broker.sent[0].qty == 10
