"""Splits, reverse splits and renames over night: nothing leaves at false figures, no exit is lost, and books equal IB."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.bot import NO_FIXED_LIMITS, Bot, said
from tests.bot_fixtures import AtGateway, MakeAtGateway, MakeBot
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import EventKind
from tradebot.domain.limits import LossBasis
from tradebot.domain.lots import LotStatus
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.splits import NoSplit
from tradebot.simgateway import Gateway, corporate
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.positions import tell_differences
from tradebot.words import events as words

ANN = "Ann (Telegram 1)"
AAPL, NEW = CON_IDS["AAPL"], 999001
D = Decimal
BLOCKED, EXECUTED, RECEIVED = AlertStatus.BLOCKED, AlertStatus.EXECUTED, AlertStatus.RECEIVED


@pytest.fixture
async def holder(make_bot: MakeBot) -> Bot:
    """Holds 10 AAPL at $100, commission $1."""
    bot = await make_bot()
    await bot.start()
    await bot.owns(10)
    return bot


def at_ib(bot: Bot, qty: str, avg_cost: str, con_id: int = AAPL, ticker: str = "AAPL") -> None:
    """What IB holds from now on, of this contract under this ticker."""
    held = bot.broker.held
    assert held is not None
    held.pop(bot.broker.con_ids.pop(ticker, AAPL), None)
    for name, known in list(bot.broker.con_ids.items()):
        if known == con_id:
            del bot.broker.con_ids[name]
    bot.broker.con_ids[ticker] = con_id
    held.pop(AAPL, None)
    held[con_id], bot.broker.avg_costs[con_id] = D(qty), D(avg_cost)


async def looked(bot: Bot, *, again: bool = False) -> list[str]:
    """What a comparison of positions tells."""
    before = len(await bot.events())
    positions = bot.broker.positions()
    assert positions is not None
    async with bot.ledger.begin() as books:
        await tell_differences(books, positions, bot.clock.now(), mismatches_again=again)
    return [str(event.kind) for event in (await bot.events())[before:]]


async def seen(bot: Bot, ticker: str = "AAPL") -> Split:
    split = await bot.queries.seen_split(ticker)
    assert isinstance(split, Split)
    return split


async def waits(bot: Bot, alert_id: int) -> None:
    """The exit has been judged, and waits for the owner."""

    async def told() -> bool:
        return bool(await bot.events(EventKind.SPLIT_SEEN, alert_id=alert_id))

    await bot.until(told, "the owner is told that it waits")
    assert (await bot.row(alert_id)).status is RECEIVED


async def sold(bot: Bot, alert_id: int, price: str) -> None:
    """The exit's order is sent and fills."""

    async def left() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(left, "the exit goes on")
    order = bot.broker.sent[-1]
    bot.broker.fill(order.order_ref, int(order.qty), price)
    await bot.becomes(alert_id, EXECUTED)


async def test_a_split_is_told_once_with_its_arithmetic_and_again_by_the_sync(holder: Bot) -> None:
    """The owner would read of 90 shares of his own, or the same alarm at every reconnect."""
    at_ib(holder, "100", "10.01")
    assert await looked(holder) == ["split_seen"]
    assert await looked(holder) == []
    assert await looked(holder, again=True) == ["split_seen"]
    [event, _] = await holder.events(EventKind.SPLIT_SEEN)
    assert words.text(event).startswith(
        "AAPL: 10 @ $100.10 → 100 @ $10.01 (10 for 1). The books have the first, IB shows the second, for the same money: it "
        "looks like a split, 10 for 1. BUY of AAPL is blocked and a SELL waits until you say whether it was one"
    )


async def test_a_split_stops_a_buy_and_lets_a_sell_wait_until_it_is_booked(holder: Bot) -> None:
    """The SELL sold 10 of the 100 and booked a loss of 902, which reached the daily limit."""
    at_ib(holder, "100", "10.01")
    buy = await holder.becomes(await holder.alert("BUY"), BLOCKED)
    assert said(buy.reason).startswith(
        "the books hold 10 AAPL, IB shows 100 for the same money, as after a split 10 for 1"
    )
    exit_id = await holder.alert("SELL")
    await waits(holder, exit_id)
    await holder.seconds(20)
    assert len(await holder.events(EventKind.SPLIT_SEEN, alert_id=exit_id)) == 1, "however often it is looked at"
    assert holder.broker.sent == []
    assert await holder.operations.book_split(await seen(holder), ANN, "split:1")
    assert await looked(holder) == []
    [lot] = await holder.lots(LotStatus.OPEN)
    assert (lot.qty, lot.entry_price, lot.commission) == (100, 10, 1)
    await sold(holder, exit_id, "10.50")
    [lot] = await holder.lots()
    assert (lot.status, lot.qty, lot.pnl) == (LotStatus.CLOSED, 100, D(50) - 2)


async def test_a_loss_does_not_hide_behind_an_unanswered_split(make_bot: MakeBot) -> None:
    """New shares' price times the old number of shares: a lot that has lost half would count as no loss, and BUYs go on."""
    bot = await make_bot(fixed_limits=replace(NO_FIXED_LIMITS, daily_loss_basis=LossBasis.TOTAL))
    await bot.start()
    await bot.owns(100)
    at_ib(bot, "10", "1000.1")
    bot.broker.prices[AAPL] = D(500)
    buy = await bot.becomes(await bot.alert("BUY", "KO"), BLOCKED)
    assert said(buy.reason).startswith("IB gives no price for AAPL")
    assert await bot.operations.book_split(await seen(bot), ANN, "split:1")
    buy = await bot.becomes(await bot.alert("BUY", "KO"), BLOCKED)
    assert "the daily loss limit is" in said(buy.reason)


async def test_the_owner_may_say_that_it_was_none(holder: Bot) -> None:
    """An exit would wait for ever where the figures only look like a split."""
    at_ib(holder, "100", "10.01")
    exit_id = await holder.alert("SELL")
    await waits(holder, exit_id)
    split = await seen(holder)
    assert await holder.operations.deny_split(split, ANN, "nosplit:1")
    assert not await holder.operations.deny_split(split, ANN, "nosplit:1")
    assert await holder.queries.seen_split("AAPL") is NoSplit.NOT_SEEN
    assert await looked(holder) == ["owner_holdings"]
    await sold(holder, exit_id, "10")
    assert [(lot.qty, lot.status) for lot in await holder.lots()] == [(10, LotStatus.CLOSED)]


async def test_a_reverse_split_under_a_new_contract(holder: Bot) -> None:
    """The books missed 10 of the old contract and the owner had 5 of the new one: the exit sold nothing."""
    at_ib(holder, "5", "200.2", NEW)
    assert await looked(holder) == ["split_seen"]
    assert await holder.queries.missing_shares("AAPL") is NothingToWriteOff.SPLIT
    exit_id = await holder.alert("SELL")
    await waits(holder, exit_id)
    assert await holder.operations.book_split(await seen(holder), ANN, "split:1")
    [lot] = await holder.lots()
    assert (lot.con_id, lot.qty, lot.entry_price) == (NEW, 5, 200)
    await sold(holder, exit_id, "201")
    assert holder.broker.sent[0].contract.con_id == NEW
    assert [lot.pnl for lot in await holder.lots()] == [D(5) - 2]
    holder.clock.skip(11)
    await holder.becomes(await holder.alert("BUY"), AlertStatus.PROCESSING)


async def test_beside_the_owners_own_shares_a_split_is_seen_too(holder: Bot) -> None:
    """The exit sold 10 of the bot's 100 because five more, of the owner's own, made another average cost."""
    at_ib(holder, "15", "90")
    assert await looked(holder) == ["owner_holdings"]
    at_ib(holder, "150", "9")
    assert await looked(holder) == ["split_seen"]
    exit_id = await holder.alert("SELL")
    await waits(holder, exit_id)
    assert await holder.operations.book_split(await seen(holder), ANN, "split:1")
    assert await looked(holder) == ["owner_holdings"]
    await sold(holder, exit_id, "10.50")
    assert [(lot.qty, lot.pnl) for lot in await holder.lots()] == [(100, D(50) - 2)]


async def test_what_is_left_over_is_told_and_goes_with_its_money(holder: Bot) -> None:
    """The books would hold a part of a share that IB has paid out: a mismatch for ever."""
    at_ib(holder, "6", "150.15")
    split = await seen(holder)
    assert (split.new, split.old, f"{split.fraction:.3f}") == (2, 3, "0.667")
    assert await holder.operations.book_split(split, ANN, "split:1")
    assert await looked(holder) == []
    [lot] = await holder.lots()
    assert (lot.qty, lot.entry_price) == (6, 150)


async def test_a_button_answers_once_and_only_about_what_it_showed(holder: Bot) -> None:
    """A split would be booked twice, or on shares that were sold since the question."""
    at_ib(holder, "100", "10.01")
    split = await seen(holder)
    assert not await holder.operations.book_split(replace(split, booked=D(9)), ANN, "split:1")
    assert await holder.operations.book_split(split, ANN, "split:1")
    assert not await holder.operations.book_split(split, ANN, "split:1")
    assert not await holder.operations.book_split(split, ANN, "split:2")
    [lot] = await holder.lots()
    assert lot.qty == 100
    assert await holder.queries.seen_split("AAPL") is NoSplit.NOT_SEEN


async def test_a_correction_and_a_late_commission_after_the_split(holder: Bot) -> None:
    """IB corrects yesterday's fill: the lots would be computed in the shares of before the split."""
    [bought] = await holder.trades()
    [fill] = await holder.executions(bought.order_ref)
    at_ib(holder, "100", "10.01")
    assert await holder.operations.book_split(await seen(holder), ANN, "split:1")
    corrected = replace(fill, exec_id=fill.exec_id.removesuffix("01") + "02", price=D(102), commission=None)
    paid = replace(corrected, commission=D("1.50"))
    for told in (corrected, paid):
        await holder.booking.book(bought.order_ref, BrokerUpdate(executions=[told]))
    [lot] = await holder.lots()
    assert (lot.qty, lot.entry_price, lot.commission) == (100, D("10.2"), D("1.50"))
    await holder.order("BUY")
    holder.broker.fill(holder.broker.sent[-1].order_ref, 5, 11)

    async def booked() -> bool:
        return len(await holder.lots()) == 2

    await holder.until(booked, "a BUY after the split is booked")
    assert sorted((lot.qty, lot.entry_price) for lot in await holder.lots()) == [(5, 11), (100, D("10.2"))]


async def test_a_split_is_not_seen_while_an_order_is_in_flight(holder: Bot) -> None:
    """A position that trails a fill would be taken for a split."""
    await holder.order("SELL")
    at_ib(holder, "100", "10.01")
    assert await looked(holder) == []
    assert await holder.queries.seen_split("AAPL") is NoSplit.ORDER_UNRESOLVED


async def test_an_exit_that_waits_is_killed_like_any_other(holder: Bot) -> None:
    """The kill switch would not reach what waits for an answer."""
    at_ib(holder, "100", "10.01")
    exit_id = await holder.alert("SELL")
    await waits(holder, exit_id)
    await holder.operations.kill(ANN)

    async def ended() -> bool:
        return (await holder.row(exit_id)).status is BLOCKED

    await holder.sooner_or_later(ended, "it is blocked")
    assert "kill switch" in said((await holder.row(exit_id)).reason)


# --- renamed ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def renamed(holder: Bot) -> Bot:
    """AAPL is called NEWCO at IB since this morning; another company may have its old symbol."""
    at_ib(holder, "10", "100.1", AAPL, "NEWCO")
    holder.broker.con_ids["AAPL"] = NEW
    return holder


async def test_a_rename_is_told_once(renamed: Bot) -> None:
    """The owner would not know why his alerts have a new name, or hear of it every day."""
    assert await looked(renamed) == ["renamed"]
    assert await looked(renamed, again=True) == []
    [event] = await renamed.events(EventKind.RENAMED)
    assert words.text(event).startswith("AAPL is called NEWCO at IB now")


@pytest.mark.parametrize("ticker", ["NEWCO", "AAPL"])
async def test_an_exit_by_either_name_sells_what_is_held(renamed: Bot, ticker: str) -> None:
    """SELL NEWCO was answered with "the bot holds no NEWCO", and the shares stayed."""
    exit_id = await renamed.alert("SELL", ticker)
    await sold(renamed, exit_id, "101")
    [order] = renamed.broker.sent
    assert (order.contract.con_id, order.contract.ticker, order.qty) == (AAPL, "NEWCO", 10)
    [lot] = await renamed.lots()
    assert (lot.ticker, lot.status, lot.pnl) == ("AAPL", LotStatus.CLOSED, D(10) - 2)


@pytest.mark.parametrize("ticker", ["NEWCO", "AAPL"])
async def test_a_block_by_either_name_holds(renamed: Bot, ticker: str) -> None:
    """What the owner blocked under its old name would be bought under its new one."""
    await renamed.operations.block(ticker, "Ann", "key")
    blocked = await renamed.becomes(await renamed.alert("BUY", "NEWCO"), AlertStatus.BLOCKED)
    assert f"{ticker} is blocked" in said(blocked.reason)


async def test_both_names_are_one_ticker_for_limits(renamed: Bot) -> None:
    """A ticker's limit would be counted twice over, and the lots of one contract be kept under two names."""
    _, order_ref = await renamed.order("BUY", "NEWCO")
    assert (await renamed.trade(order_ref)).ticker == "AAPL"
    renamed.broker.fill(order_ref, 5)

    async def booked() -> bool:
        return len(await renamed.lots()) == 2

    await renamed.until(booked, "the BUY is booked")
    renamed.clock.skip(11)
    exit_id = await renamed.alert("SELL", "NEWCO")

    async def left() -> bool:
        return len(renamed.broker.sent) == 2

    await renamed.sooner_or_later(left, "the exit leaves")
    assert renamed.broker.sent[-1].qty == 15
    assert (await renamed.row(exit_id)).status is AlertStatus.PROCESSING


async def test_an_exit_by_the_old_name_ends_a_waiting_buy_by_the_new_one(renamed: Bot) -> None:
    """The owner sells everything by the books' name, and the entry that waited buys it back."""
    renamed.broker.failing.add("quote")
    buy = await renamed.alert("BUY", "NEWCO")
    await renamed.seconds(2)
    assert (await renamed.row(buy)).status is RECEIVED
    [exit_id] = await renamed.operations.sell([("main", "AAPL")], ANN, "all")
    await sold(renamed, exit_id, "101")
    renamed.broker.failing.clear()
    row = await renamed.becomes(buy, BLOCKED)
    assert said(row.reason).startswith("superseded by the SELL of alert")


async def test_an_exit_by_the_new_name_that_a_kill_stopped_is_listed(renamed: Bot) -> None:
    """The owner resumes, and what the strategy has left under the stock's new name is on no list."""
    assert await looked(renamed) == ["renamed"]
    await renamed.switch.kill("owner")
    await renamed.becomes(await renamed.alert("SELL", "NEWCO"), BLOCKED)
    await renamed.switch.resume("owner")
    assert len(await renamed.events(EventKind.EXITS_HELD_BACK)) == 1


async def test_a_buy_of_the_symbols_new_company_is_blocked(renamed: Bot) -> None:
    """Two companies would be one ticker in the books, and an exit sell the wrong one first."""
    buy = await renamed.becomes(await renamed.alert("BUY", "AAPL"), BLOCKED)
    assert said(buy.reason).startswith("the bot holds AAPL of another contract")


async def test_an_exit_waits_while_ib_does_not_say_whose_the_symbol_is(renamed: Bot) -> None:
    """An exit under the new name would be refused for good because one question was not answered."""
    renamed.broker.failing.add("contract")
    exit_id = await renamed.alert("SELL", "NEWCO")
    await renamed.seconds(3)
    assert (await renamed.row(exit_id)).status is RECEIVED
    renamed.broker.failing.clear()
    await sold(renamed, exit_id, "101")


async def test_a_symbol_that_ib_does_not_know_is_not_held(holder: Bot) -> None:
    """An exit of a stock that the bot never had would wait for ever."""
    holder.broker.unknown.add("NOPE")
    refused = await holder.becomes(await holder.alert("SELL", "NOPE"), BLOCKED)
    assert "the bot holds no NOPE" in said(refused.reason)


async def test_of_two_contracts_that_which_ib_holds_is_sold(holder: Bot) -> None:
    """An exit would be refused because the older contract's shares are gone, and the younger's stay."""
    holder.broker.con_ids["AAPL"] = NEW
    async with holder.ledger.read() as books:
        assert len(await books.lots()) == 1
    await holder.owns(3)
    assert holder.broker.held == {AAPL: 10, NEW: 3}
    holder.broker.held[AAPL] = D(0)
    await holder.alert("SELL")
    order = await holder.sent()
    assert (order.contract.con_id, order.qty) == (NEW, 3)


# --- over the socket of a gateway -----------------------------------------------------------------------------------


async def at_gateway(make: MakeAtGateway, happens: Callable[[Gateway], None]) -> tuple[AtGateway, int]:
    """Four AAPL bought, something happens over night, and an exit in the morning; the exit's alert."""
    stage = await make()
    bot, gateway = stage.bot, stage.gateway
    await bot.operations.set_limit("buy_amount_usd", round(gateway.quote("AAPL").ask * 4 + 1, 2), ANN, "four")
    await bot.becomes(await bot.alert("BUY"), EXECUTED)
    bot.clock.skip(11)
    happens(gateway)
    return stage, await bot.alert("SELL", next(iter(names(gateway))))


def names(gateway: Gateway) -> list[str]:
    return [held.symbol for held in gateway.book.positions.values() if held.quantity]


@pytest.mark.parametrize(("new", "old", "con_id", "shares"), [(10, 1, 0, 40), (3, 2, 0, 6), (1, 2, NEW, 2)])
async def test_over_a_gateway_a_split_is_booked_and_sold(
    make_at_gateway: MakeAtGateway, new: int, old: int, con_id: int, shares: int
) -> None:
    """What the fake broker shows is not what a gateway sends: the shares would be left at IB, or sold at a false P&L."""
    stage, exit_id = await at_gateway(
        make_at_gateway, lambda gateway: corporate.split(gateway, "AAPL", D(new), D(old), con_id)
    )
    bot, gateway = stage.bot, stage.gateway
    await waits(bot, exit_id)
    split = await seen(bot)
    assert (split.new, split.old, split.booked, split.at_ib) == (new, old, 4, shares)
    assert await bot.operations.book_split(split, ANN, "split:1")

    async def done() -> bool:
        return (await bot.row(exit_id)).status is EXECUTED

    await bot.sooner_or_later(done, "the exit is done")
    assert names(gateway) == []
    [lot] = await bot.lots()
    assert (lot.status, lot.qty, lot.con_id) == (LotStatus.CLOSED, shares, con_id or AAPL)
    assert lot.pnl is not None
    assert abs(lot.pnl) < 10, "the money is what it was, but for spread and commissions"
    assert lot.pnl == pytest.approx(sum(one.realised for one in gateway.book.positions.values()), abs=D("0.01"))


async def test_over_a_gateway_a_renamed_stock_is_sold(make_at_gateway: MakeAtGateway) -> None:
    """What the fake broker shows is not what a gateway sends: the order would name a symbol that is gone."""
    stage, exit_id = await at_gateway(make_at_gateway, lambda gateway: corporate.rename(gateway, "AAPL", "NEWCO"))
    await stage.bot.becomes(exit_id, EXECUTED)
    assert (await stage.bot.row(exit_id)).ticker == "NEWCO"
    assert (await stage.bot.row(exit_id)).action is Side.SELL
    assert names(stage.gateway) == []
    assert [(lot.status, lot.qty) for lot in await stage.bot.lots()] == [(LotStatus.CLOSED, 4)]
