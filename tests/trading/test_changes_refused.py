"""Changes of stops and targets that IB does not take."""

from dataclasses import replace
from decimal import Decimal

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.fakes import CON_IDS
from tests.trading.test_resting_entries import EMA
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, Order, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import SharesUnprotected, Unprotected
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.strategies import Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce
from tradebot.domain.trades import TradeStatus

D = Decimal
AAPL = CON_IDS["AAPL"]
STOPPED = Exits(stop_loss=Level(LevelKind.PRICE, D(90)))
EVEN = replace(EMA, break_even_after=Level(LevelKind.PERCENT, D(2)))


async def holds(make_bot: MakeBot, strategy: Strategy, shares: int = 10) -> tuple[Bot, str, str]:
    """Shares with a stop at 90 that IB shows at work: the bot, and the references of entry and stop."""
    bot: Bot = await make_bot(strategies=(strategy,), limits=Limits(buy_amount_usd=D(1100)))
    await bot.start()
    alert_id = await bot.asks("ema", Verb.BUY, exits=STOPPED)
    await bot.sent(2)
    entry, stop = (one.order_ref for one in bot.broker.sent)
    bot.broker.show(stop)
    bot.broker.fill(entry, int(bot.broker.sent[0].qty))
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await bot.turns(stop, TradeStatus.SUBMITTED)
    await bot.seconds(20, at_once=5)
    return bot, entry, stop


def refuses_changes(bot: Bot) -> None:
    """IB answers each order that comes with a 201; what works goes on as it is."""
    bot.broker.takes_orders = False

    def refuse(order: Order) -> None:
        bot.broker.error(order.order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: no change possible")

    bot.broker.on_place = refuse


async def told(bot: Bot) -> list[Unprotected]:
    events = await bot.events(EventKind.SHARES_UNPROTECTED)
    return [event.facts.code for event in events if isinstance(event.facts, SharesUnprotected)]


async def test_a_refused_break_even_leaves_the_old_stop(make_bot: MakeBot) -> None:
    """IB would be asked for ever, and the owner told each time that his stop has moved."""
    bot, _, stop = await holds(make_bot, EVEN)
    refuses_changes(bot)
    bot.broker.asks["AAPL"] = D(110)
    await bot.leaves(3)
    await bot.seconds(300, at_once=5)
    assert len(bot.broker.sent) - 2 <= 2
    trade = await bot.trade(stop)
    assert (trade.status, trade.stop_price) == (TradeStatus.SUBMITTED, D(90))


async def test_a_stop_of_which_a_change_was_refused_is_not_taken_for_a_refused_one(make_bot: MakeBot) -> None:
    """The owner cancels it in TWS months later: it would be told as refused, and put back against his word."""
    bot, _, stop = await holds(make_bot, EVEN)
    refuses_changes(bot)
    bot.broker.asks["AAPL"] = D(110)
    await bot.leaves(3)
    await bot.seconds(60, at_once=5)
    sent = len(bot.broker.sent)
    bot.broker.show(stop, OrderState.CANCELLED)
    bot.broker.error(stop, 202, ErrorKind.CANCELLED, "Order Canceled - reason:")
    trade = await bot.turns(stop, TradeStatus.CANCELLED, TradeStatus.FAILED)
    await bot.seconds(60, at_once=5)
    assert trade.status is TradeStatus.CANCELLED
    assert await told(bot) == [Unprotected.CANCELLED]
    assert len(bot.broker.sent) == sent


async def test_a_stop_that_ib_does_not_make_larger_is_told(make_bot: MakeBot) -> None:
    """Shares would stand without a stop, and nobody hear of it but in a change every few seconds."""
    bot, _, stop = await holds(make_bot, EMA)
    held = (await bot.trade(stop)).requested_qty
    bot.broker.working[stop] = replace(bot.broker.working[stop], qty=held - 4)
    refuses_changes(bot)
    await bot.leaves(3)
    await bot.seconds(200, at_once=5)
    assert len(bot.broker.sent) - 2 <= 2
    assert Unprotected.REFUSED in await told(bot)


async def test_the_stop_of_an_entry_that_still_buys_is_not_moved(make_bot: MakeBot) -> None:
    """A child is changed as an order of its own: it would sell all that its entry is for, of which a part is held."""
    bot = await make_bot(strategies=(EVEN,), limits=Limits(buy_amount_usd=D(1100)))
    await bot.start()
    limit = OrderTerms(OrderType.LIMIT, D(100), tif=TimeInForce.GTC)
    await bot.asks("ema", Verb.BUY, order=limit, exits=STOPPED)
    await bot.sent(2)
    entry, stop = (one.order_ref for one in bot.broker.sent)
    for one in (entry, stop):
        bot.broker.show(one)
        await bot.turns(one, TradeStatus.SUBMITTED)
    bot.broker.fill(entry, 4)
    bot.broker.asks["AAPL"] = D(110)
    await bot.seconds(120, at_once=5)
    assert len(bot.broker.sent) == 2
