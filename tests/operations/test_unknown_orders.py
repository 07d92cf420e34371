"""What the owner decides: fills of UNKNOWN orders, shares that are gone; and what IB says against it later."""

from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.database.samples import a_lot
from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import BrokerPosition, OrderReport
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import WriteOff
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.queries.mismatches import NothingToWriteOff, missing_shares
from tradebot.queries.positions import held_positions
from tradebot.queries.results import read_result
from tradebot.queries.unknown_orders import PresumedFill, PriceSource, presumed_fill

ANN = "Ann (Telegram 1)"


async def presumed(bot: Bot, trade_id: int) -> PresumedFill | None:
    return await presumed_fill(bot.ledger, bot.broker, trade_id)


async def missing(bot: Bot, ticker: str = "AAPL") -> WriteOff | NothingToWriteOff:
    found = await missing_shares(bot.ledger, bot.broker, bot.clock, ticker)
    if isinstance(found, NothingToWriteOff):
        return found
    [only] = found
    return only


async def unknown(bot: Bot, side: str = "BUY") -> tuple[int, str]:
    """An order of which IB shows nothing: trade id and order ref."""
    bot.broker.takes_orders = False
    _, order_ref = await bot.order(side, "AAPL")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    return trade.id, order_ref


async def test_executions_of_ib_take_the_place_of_the_owners_word(bot: Bot) -> None:
    """The same fill would be booked twice, and the second half sold though it was never held."""
    bot.broker.takes_orders = True
    _, order_ref = await bot.order("BUY", "AAPL")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    guess = await presumed(bot, trade.id)
    assert guess is not None
    assert (guess.qty, guess.price) == (5, 100)
    after = await bot.operations.book_as_filled(trade.id, ANN)
    assert after is not None
    assert after.status is TradeStatus.FILLED
    bot.broker.fill(order_ref, 3, "101.50")

    async def corrected() -> bool:
        return (await bot.trade(order_ref)).filled_qty == 3

    await bot.until(corrected, "IB's own executions are booked")
    trade = await bot.trade(order_ref)
    assert (trade.avg_fill_price, trade.commission, trade.status) == (Decimal("101.5"), 1, TradeStatus.PARTIAL)
    [lot] = await bot.lots(LotStatus.OPEN)
    assert (lot.qty, lot.entry_price) == (3, Decimal("101.5"))


async def test_an_order_that_was_settled_meanwhile_is_not_booked_again(bot: Bot) -> None:
    """A button pressed a moment after IB answered would double the position."""
    _, order_ref = await bot.order("BUY", "AAPL")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    bot.broker.fill(order_ref, 5, 100)

    async def filled() -> bool:
        return (await bot.trade(order_ref)).status is TradeStatus.FILLED

    await bot.until(filled, "the order has filled")
    assert await bot.operations.book_as_filled(trade.id, ANN) is None
    assert await bot.operations.end_as_unfilled(trade.id, ANN) is None
    assert sum(lot.qty for lot in await bot.lots(LotStatus.OPEN)) == 5


async def test_a_sell_is_priced_by_the_entry_where_ib_shows_no_price(bot: Bot) -> None:
    """A price invented for a SELL would make up a profit."""
    await bot.owns(5)
    trade_id, order_ref = await unknown(bot, "SELL")
    guess = await presumed(bot, trade_id)
    assert guess is not None
    assert (guess.price, guess.source) == (100, PriceSource.ENTRY_PRICE)
    await bot.operations.book_as_filled(trade_id, ANN)
    assert (await bot.trade(order_ref)).filled_qty == 5
    assert await bot.lots(LotStatus.OPEN) == []


async def test_the_rest_of_a_partly_filled_order_can_be_ended(bot: Bot) -> None:
    """An order of which something filled could never be settled by its owner."""
    _, order_ref = await bot.order("BUY", "AAPL")
    bot.broker.fill(order_ref, 2, 100)

    async def partly() -> bool:
        return (await bot.trade(order_ref)).filled_qty == 2

    await bot.until(partly, "two shares are booked")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    after = await bot.operations.end_as_unfilled(trade.id, ANN)
    assert after is not None
    assert (after.status, after.filled_qty) == (TradeStatus.PARTIAL, 2)


async def test_accepting_only_ever_lowers_the_books(bot: Bot) -> None:
    """A tap would make the bot own, and later sell, shares that are not its own."""
    await bot.owns(5, at_ib=8)
    assert await missing(bot) is NothingToWriteOff.BOOKS_AGREE
    bot.broker.held = {}
    loss = await missing(bot)
    assert loss == WriteOff("AAPL", bot.broker.con_ids["AAPL"], Decimal(5), Decimal(5))
    assert isinstance(loss, WriteOff)
    assert await bot.operations.write_off(loss, ANN, "accept:1") is not None
    assert await bot.lots(LotStatus.OPEN) == []
    [event] = await bot.events(EventKind.WRITTEN_OFF)
    assert event.actor == ANN
    assert await bot.operations.write_off(loss, ANN, "accept:2") is None


async def test_short_at_ib_writes_off_what_the_books_hold(bot: Bot) -> None:
    """More shares would be taken from the books than they have."""
    await bot.owns(5, at_ib=-3)
    loss = await missing(bot)
    assert isinstance(loss, WriteOff)
    assert loss.qty == 5


async def test_a_write_off_survives_later_trades_and_is_no_result(bot: Bot) -> None:
    """Rewriting the lots would bring the shares back, or the day's figures would count them as sold."""
    bot.broker.fill_at_once()
    await bot.owns(5, at_ib=2)
    loss = await missing(bot)
    assert isinstance(loss, WriteOff)
    await bot.operations.write_off(loss, ANN, "accept:1")
    bot.clock.skip(11)
    alert_id = await bot.alert("SELL", "AAPL")
    order = await bot.sent()
    assert order.qty == 2
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    lots = await bot.lots(LotStatus.CLOSED)
    assert sorted((lot.qty, lot.pnl is None) for lot in lots) == [(2, False), (3, True)]
    async with bot.ledger.read() as books:
        result = await read_result(books, Hours(Calendar(), always=True), bot.clock.now(), 1)
    assert (result.summary.sells, result.summary.written_off, result.summary.closed) == (1, 1, 1)


async def test_nothing_is_accepted_while_an_order_of_the_ticker_is_out(bot: Bot) -> None:
    """Shares of a fill that is under way would be written off."""
    await bot.owns(5, at_ib=5)
    await bot.order("SELL", "AAPL")
    bot.broker.held = {}
    assert await missing(bot) is NothingToWriteOff.ORDER_UNRESOLVED


def test_positions_without_ib_are_unknown_and_not_missing() -> None:
    """A lost connection would show every position as a mismatch."""
    lots = [a_lot(1, con_id=1, qty=Decimal(5))]
    assert held_positions(lots, None).missing == {}
    assert held_positions(lots, {}).missing == {"AAPL": 5}
    more = {1: BrokerPosition(1, "AAPL", Decimal(7), None, Decimal(2))}
    assert held_positions(lots, more).owners == {"AAPL": 2}


async def test_the_owners_word_outlives_fills_that_were_known_already(bot: Bot) -> None:
    """Every new connection tells the day's executions again: lots would reopen, and an exit would sell the owner's own shares."""
    await bot.owns(10, at_ib=30)
    _, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 4)

    async def partly() -> bool:
        return (await bot.trade(order_ref)).filled_qty == 4

    await bot.until(partly, "four are booked")
    bot.broker.working.pop(order_ref)
    bot.broker.held = {265598: Decimal(20)}  # all ten are gone
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    after = await bot.operations.book_as_filled(trade.id, ANN)
    assert after is not None
    assert after.filled_qty == 10
    bot.broker.disconnect()
    bot.broker.connect()

    async def asked() -> bool:
        return bot.broker.asked.count("executions") >= 2

    await bot.sooner_or_later(asked, "the day's executions are told again")
    await bot.is_open()
    assert (await bot.trade(order_ref)).filled_qty == 10
    assert await bot.lots(LotStatus.OPEN) == []


async def _shown_and_lost(bot: Bot) -> tuple[int, str, OrderReport]:
    """An order that IB has shown, and shows no more."""
    _, order_ref = await bot.order("BUY")
    bot.broker.show(order_ref)
    await bot.seconds(33)
    order = bot.broker.working.pop(order_ref)
    return (await bot.turns(order_ref, TradeStatus.UNKNOWN)).id, order_ref, order


async def test_an_order_that_the_owner_denied_and_that_works_is_in_reach_again(bot: Bot) -> None:
    """It would work at IB all day, called FAILED, with neither the kill switch nor the time limit reaching it."""
    trade_id, order_ref, order = await _shown_and_lost(bot)
    await bot.operations.end_as_unfilled(trade_id, ANN)
    bot.broker.working[order_ref] = order
    bot.broker.show(order_ref)
    await bot.turns(order_ref, TradeStatus.SUBMITTED)
    cancels = len(bot.broker.cancels)
    await bot.switch.kill("owner")
    await bot.seconds(20)
    assert len(bot.broker.cancels) > cancels


async def test_the_owner_cannot_deny_what_ib_has_shown_meanwhile(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order at work would be called FAILED by a word that was given a moment too late."""
    trade_id, order_ref, order = await _shown_and_lost(bot)
    conclude = bot.booking.conclude

    async def shown_meanwhile(*given: Any, **named: Any) -> Trade:
        bot.broker.working[order_ref] = order
        bot.broker.show(order_ref)
        await bot.turns(order_ref, TradeStatus.SUBMITTED)
        return await conclude(*given, **named)

    monkeypatch.setattr(bot.booking, "conclude", shown_meanwhile)
    await bot.operations.end_as_unfilled(trade_id, ANN)
    assert (await bot.trade(order_ref)).status is TradeStatus.SUBMITTED
