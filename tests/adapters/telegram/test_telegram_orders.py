"""What works at IB, seen and ended from the chat."""

from decimal import Decimal

from tests.adapters.telegram.conftest import Phone
from tests.bot import Bot
from tests.fakes import CON_IDS
from tests.protected import STOP, bracket, ends, fills, protect, resting_entry
from tradebot.domain.events import EventKind
from tradebot.domain.terms import OrderType, Terms, TimeInForce
from tradebot.domain.trades import OrderRole, Trade
from tradebot.telegram.markup import plain

LIMIT = Terms(OrderType.LIMIT, limit_price=Decimal(90), tif=TimeInForce.GTC)


async def is_cancelled(bot: Bot, order: Trade) -> None:
    async def asked() -> bool:
        return order.order_ref in bot.broker.cancels

    await bot.sooner_or_later(asked, f"IB is asked to cancel {order.order_ref}")


async def test_orders_shows_what_works_and_how_far_the_market_is(phone: Phone) -> None:
    """The owner would have to open TWS to see at which prices his shares are bought and sold."""
    bot = phone.bot
    assert "No order works at IB." in (await phone.api.ask("/orders", "Orders")).text
    await bracket(bot)
    bot.broker.prices[CON_IDS["AAPL"]] = Decimal(100)
    told = plain((await phone.api.ask("/orders", "SELL 10 AAPL")).text)
    assert "SELL 10 AAPL stop $95.00\n   5.0 % below the market, $100.00\n   until it is cancelled" in told
    assert "SELL 10 AAPL target $110.00\n   10.0 % above the market, $100.00" in told


async def test_what_is_not_held_is_asked_a_price_of(phone: Phone) -> None:
    """An entry that waits would be shown without the way the market has to go to it."""
    await resting_entry(phone.bot, LIMIT)
    phone.bot.broker.asks["AAPL"] = Decimal(120)
    assert "25.0 % below the market, $120.00" in (await phone.api.ask("/orders", "BUY 10 AAPL limit $90.00")).text
    phone.bot.broker.asks["AAPL"] = None
    assert "market price unknown" in (await phone.api.ask("/orders", "BUY 10 AAPL limit $90.00")).text


async def test_what_begins_with_its_entry_is_not_said_to_protect(phone: Phone) -> None:
    """The stop of an entry that waits would stand there as if it sold shares that nobody holds."""
    entry = await resting_entry(phone.bot, LIMIT)
    await protect(phone.bot, entry, OrderRole.STOP, STOP)
    told = plain((await phone.api.ask("/orders", "SELL 10 AAPL stop")).text)
    assert "begins when its entry fills" in told.partition("SELL 10 AAPL stop $95.00")[2]
    told = plain((await phone.api.ask("/status", "RUNNING")).text)
    assert "At IB 1 order waiting for a price, with 1 stop or target: /orders" in told
    assert "protecting shares" not in told


async def test_a_button_cancels_an_order_after_a_question(phone: Phone) -> None:
    """An entry that is not wanted any more could be ended in TWS only; or a thumb on the wrong line would end it."""
    bot, api = phone.bot, phone.api
    entry = await resting_entry(bot, LIMIT)
    message = await api.ask("/orders", "BUY 10 AAPL limit $90.00")
    question = await api.pressed(message, "✂️ BUY 10 AAPL limit $90.00", "Cancel this order?")
    assert bot.broker.cancels == []
    await api.pressed(question, "Cancel it", "IB is asked to cancel")
    await is_cancelled(bot, entry)
    (asked,) = await bot.events(EventKind.ORDER_CANCELLING)
    assert (asked.trade_id, asked.actor) == (entry.id, "Ann Owner <b>& (Telegram 4242)")
    await ends(bot, entry)
    await api.pressed(message, "✂️ BUY 10 AAPL limit $90.00", "does not work any more")


async def test_cancelling_a_stop_says_what_stays_without_it(phone: Phone) -> None:
    """The owner would take the position for protected still."""
    _, stop, _ = await bracket(phone.bot)
    message = await phone.api.ask("/orders", "SELL 10 AAPL")
    question = await phone.api.pressed(message, "✂️ SELL 10 AAPL stop $95.00", "Cancel this order?")
    assert "stay held without it" in question.text
    await phone.api.pressed(question, "Cancel it", "IB is asked to cancel")
    await is_cancelled(phone.bot, stop)


async def test_a_kill_says_what_stays_at_ib_and_offers_to_end_that_too(phone: Phone) -> None:
    """The owner would believe that nothing can be sold any more, or have no way to make it so."""
    bot, api = phone.bot, phone.api
    _, stop, target = await bracket(bot)
    killed = await api.ask("/kill", "KILLED")
    assert "No order was at work." in killed.text
    assert "1 stop and 1 target stay at IB" in killed.text
    question = await api.pressed(killed, "Cancel these too", "Cancel what protects the positions?")
    await api.pressed(question, "Cancel all 2", "IB is asked to cancel")
    await is_cancelled(bot, stop)
    await is_cancelled(bot, target)


async def test_positions_have_their_stop_and_target(phone: Phone) -> None:
    """What a position can still lose would stand nowhere in the chat."""
    bot = phone.bot
    await bracket(bot)
    bot.broker.prices[CON_IDS["AAPL"]] = Decimal(100)
    told = plain((await phone.api.ask("/positions", "Positions")).text)
    assert "stop $95.00 (−5.0 %)\n   target $110.00 (+10.0 %)" in told
    assert "without a stop" not in told
    await bot.owns(4)
    assert "4 without a stop" in (await phone.api.ask("/positions", "AAPL")).text


async def test_status_tells_what_waits_and_what_protects_from_what_is_on_its_way(phone: Phone) -> None:
    """A stop that works for weeks would be shown as an order in flight."""
    await bracket(phone.bot)
    await resting_entry(phone.bot, LIMIT)
    told = plain((await phone.api.ask("/status", "Cash")).text)
    assert "At IB 1 order waiting for a price" in told
    assert "At IB 2 orders protecting shares" in told
    assert "In flight" not in told


async def test_a_stop_out_is_told_with_its_numbers_first(phone: Phone) -> None:
    """A lock screen would not show what was lost."""
    _, stop, _ = await bracket(phone.bot)
    await fills(phone.bot, stop, 10, "94.90")
    told = plain((await phone.api.heard("Stopped out")).text)
    assert "🛑 Stopped out 10 AAPL −$53.00 (−5.3 %)" in told
    assert "At $94.90, for $949.00.\nIt stood at $95.00.\nCommission $1.00." in told
