"""How an alert is judged: what blocks it, what a SELL may sell, and that limits hold with many orders in flight."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import FRIDAY_NOON, NO_FIXED_LIMITS, Bot, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Account, OrderReport, OrderState, Quote
from tradebot.domain.events import EventKind
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.limits import Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.reasons import Reason
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.trading.switch import store_state
from tradebot.words import events as words

BLOCKED, EXECUTED, FAILED, PROCESSING = (
    AlertStatus.BLOCKED,
    AlertStatus.EXECUTED,
    AlertStatus.FAILED,
    AlertStatus.PROCESSING,
)


async def _killed(bot: Bot) -> None:
    assert await bot.switch.kill("owner")


async def _paused(bot: Bot) -> None:
    await bot.switch.pause("owner")


async def _paused_elsewhere(bot: Bot) -> None:
    await store_state(bot.ledger, TradingState.PAUSED, "cli", bot.clock.now())


async def _no_cash_known(bot: Bot) -> None:
    bot.broker.cash = None


async def _little_cash(bot: Bot) -> None:
    bot.broker.cash = Decimal(1505)


async def _no_quote(bot: Bot) -> None:
    bot.broker.asks["AAPL"] = None


async def _dear(bot: Bot) -> None:
    bot.broker.asks["AAPL"] = Decimal(501)


async def _fewer_at_ib(bot: Bot) -> None:
    await bot.owns(5, at_ib=2)


async def _positions_unknown(bot: Bot) -> None:
    bot.broker.held = None


async def _hold_back(bot: Bot) -> None:
    """The quote takes two seconds."""
    bot.broker.waits["quote"] = arrived = asyncio.Event()

    def asked(question: str) -> None:
        if question == "quote":
            bot.clock.skip(2)
            arrived.set()

    bot.broker.on_question = asked


REFUSALS: list[tuple[str, dict[str, Any], Callable[[Bot], Any] | None, dict[str, object]]] = [
    ("kill switch is on", {}, _killed, {}),
    ("trading is paused", {}, _paused, {}),
    ("trading is paused", {}, _paused_elsewhere, {}),
    ("cash is unknown", {}, _no_cash_known, {}),
    ("needs $506.00", {}, _little_cash, {}),
    ("total invested", {"limits": Limits(max_total_investment=Decimal(505))}, None, {}),
    ("open positions, the most is 1", {"limits": Limits(max_open_positions=1)}, lambda bot: bot.owns(5, "MSFT"), {}),
    ("open positions in AAPL", {"limits": Limits(max_per_ticker=1)}, lambda bot: bot.owns(5), {}),
    ("IB gave no ask price", {}, _no_quote, {}),
    ("rounds down to none", {}, _dear, {}),
    ("3 AAPL more than IB shows", {}, _fewer_at_ib, {}),
    ("not a number", {}, _positions_unknown, {}),
    (
        "longer than max_alert_age_s",
        {"fixed_limits": replace(NO_FIXED_LIMITS, max_alert_age_s=1)},
        _hold_back,
        {},
    ),
    (
        "more than price_collar_pct",
        {"fixed_limits": replace(NO_FIXED_LIMITS, price_collar_pct=Decimal(5))},
        None,
        {"price": 90},
    ),
    ("max_order_value_usd", {"fixed_limits": replace(NO_FIXED_LIMITS, max_order_value_usd=Decimal(499))}, None, {}),
]


@pytest.mark.parametrize(("reason", "setup", "prepare", "fields"), REFUSALS, ids=[one[0] for one in REFUSALS])
async def test_a_refusal_is_one_row_and_one_message(
    make_bot: MakeBot,
    reason: str,
    setup: dict[str, Any],
    prepare: Callable[[Bot], Any] | None,
    fields: dict[str, Any],
) -> None:
    """A limit would not reach the decision, or be told twice, or not at all."""
    bot = await make_bot(**setup)
    await bot.start()
    if prepare is not None:
        await prepare(bot)
    alert_id = await bot.alert("BUY", **fields)
    alert = await bot.becomes(alert_id, BLOCKED)
    assert reason in said(alert.reason)
    (told,) = await bot.events(EventKind.ALERT_BLOCKED)
    assert said(alert.reason) in words.text(told)
    assert (told.ticker, told.side) == (alert.ticker, alert.action)
    assert isinstance(told.facts, AlertBlocked)
    assert alert.reason == Reason(told.facts.code, told.facts.facts)
    assert told.facts.code not in told.facts.passed
    assert bot.broker.sent == []


async def test_daily_loss_blocks(make_bot: MakeBot) -> None:
    """The bot would go on buying on a bad day."""
    bot = await make_bot(limits=Limits(max_daily_loss=Decimal(100)))
    await bot.start()
    await bot.owns(5)
    sell_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 5, 80)
    await bot.becomes(sell_id, EXECUTED)
    assert "daily loss limit" in said((await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)).reason)


async def test_a_buy_is_not_repeated_within_the_window(make_bot: MakeBot) -> None:
    """A strategy that fires twice would buy twice."""
    bot = await make_bot(fixed_limits=replace(NO_FIXED_LIMITS, repeat_window_s=5))
    await bot.start()
    bot.broker.fill_at_once()
    await bot.becomes(await bot.alert("BUY"), EXECUTED)
    assert "not again within 5 s" in said((await bot.becomes(await bot.alert("BUY"), BLOCKED)).reason)
    bot.clock.skip(6)
    await bot.becomes(await bot.alert("BUY"), EXECUTED)


async def test_an_unknown_stock_is_final(bot: Bot) -> None:
    """An alert for a stock that IB does not know would be asked for again for ever."""
    bot.broker.unknown.add("NOPE")
    alert = await bot.becomes(await bot.alert("BUY", "NOPE"), AlertStatus.FAILED)
    assert said(alert.reason) == "IB knows no stock NOPE"
    (told,) = await bot.events(EventKind.ALERT_FAILED)
    assert words.text(told) == "BUY NOPE failed: IB knows no stock NOPE."


async def test_a_buy_waits_for_a_broker_that_does_not_answer(bot: Bot) -> None:
    """An alert would be lost because a quote took too long."""
    bot.broker.failing.add("quote")
    alert_id = await bot.alert("BUY")

    async def asked() -> bool:
        return bot.broker.asked.count("quote") >= 2

    await bot.sooner_or_later(asked, "the quote is asked for again")
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    bot.broker.failing.clear()

    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "the order leaves")


async def test_a_quote_that_waited_too_long_is_asked_for_again(bot: Bot) -> None:
    """An order would be sized by a price of long ago, because a slow database held it up."""

    async def both_asked() -> bool:
        return bot.broker.asked.count("quote") == 2

    async def slow() -> None:
        await bot.until(both_asked, "the next alert has its quote")
        bot.broker.asks["AAPL"] = Decimal(50)
        bot.clock.skip(11)

    await bot.after_decision(slow)
    await bot.alert("BUY", "MSFT")
    await bot.alert("BUY", "AAPL")

    await bot.leaves(2)
    assert sorted((order.contract.ticker, order.qty) for order in bot.broker.sent) == [("AAPL", 10), ("MSFT", 5)]


# --- what a SELL may sell -------------------------------------------------------------------------------------------


async def test_nothing_held_sells_nothing(bot: Bot) -> None:
    """The bot would sell the owner's shares, or go short."""
    bot.broker.held = {265598: Decimal(100)}  # the owner's
    alert = await bot.becomes(await bot.alert("SELL"), BLOCKED)
    assert said(alert.reason) == "the bot holds no AAPL, and your own shares are never touched"
    assert len(await bot.events(EventKind.ALERT_BLOCKED)) == 1
    assert bot.broker.sent == []


async def test_a_sell_is_the_bots_lots_only(bot: Bot) -> None:
    """The owner's shares of the same stock would be sold with the bot's."""
    await bot.owns(5, at_ib=105)
    _, order_ref = await bot.order("SELL")
    assert bot.broker.sent[-1].qty == 5
    assert (await bot.trade(order_ref)).ib_position_before == 105


def owners_sell(qty: int, filled: int = 0, con_id: int = 265598) -> OrderReport:
    return OrderReport(
        "", 0, 77, 0, con_id, "AAPL", Side.SELL, Decimal(qty), Decimal(filled), OrderState.WORKING, "Submitted"
    )


@pytest.mark.parametrize(
    ("at_ib", "others", "sold"),
    [
        (3, [], 3),  # fewer at IB than in the books
        (5, [owners_sell(2)], 3),
        (5, [owners_sell(4, filled=3)], 4),
        (7, [owners_sell(2)], 5),
        (5, [replace(owners_sell(5), side=Side.BUY)], 5),
        (5, [owners_sell(5, con_id=272093)], 5),
    ],
)
async def test_a_sell_is_at_most_what_is_left_at_ib(bot: Bot, at_ib: int, others: list[OrderReport], sold: int) -> None:
    """Together with the owner's own orders the account would go short."""
    await bot.owns(5, at_ib=at_ib)
    bot.broker.others = others
    await bot.order("SELL")
    assert bot.broker.sent[-1].qty == sold


@pytest.mark.parametrize(("at_ib", "others"), [(0, []), (-3, []), (5, [owners_sell(5)]), (5, [owners_sell(9)])])
async def test_a_sell_that_would_go_short_is_blocked(bot: Bot, at_ib: int, others: list[OrderReport]) -> None:
    """IB accepts such a SELL as a short."""
    await bot.owns(5, at_ib=at_ib)
    bot.broker.others = others
    alert = await bot.becomes(await bot.alert("SELL"), BLOCKED)
    why = "cancel it first" if others else "nothing is left to sell without going short"
    assert why in said(alert.reason)
    assert bot.broker.sent == []


async def test_a_sell_that_another_order_covers_names_it(bot: Bot) -> None:
    """The owner would be told to send another SELL, which his own working order blocks as well."""
    await bot.owns(4)
    bot.broker.others = [owners_sell(4)]
    alert = await bot.becomes(await bot.alert("SELL"), BLOCKED)
    assert "4 shares are in a working SELL at IB (permId 77): cancel it first" in said(alert.reason)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert "another SELL at IB covers them (permId 77). Cancel that one first" in words.text(left)


async def test_shares_that_a_filled_exit_could_not_sell_are_told(bot: Bot) -> None:
    """The exit reads as done, and the owner's own order, once cancelled, leaves shares that nobody sells."""
    await bot.owns(5)
    bot.broker.others = [owners_sell(2)]
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 3)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    (left,) = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert "the exit left 2 shares in the books" in words.text(left)


async def test_an_inactive_order_does_not_count_after_a_second_look(bot: Bot) -> None:
    """A SELL that IB rejected and still lists would keep every later one from leaving."""
    await bot.owns(5)
    bot.broker.others = [replace(owners_sell(5), state=OrderState.INACTIVE, ib_status="Inactive")]
    bot.broker.asked.clear()
    alert_id = await bot.alert("SELL")

    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "the exit leaves", within_s=10)
    assert bot.broker.asked.count("holdings") == 2
    assert bot.broker.sent[-1].qty == 5
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_an_inactive_order_that_works_again_counts(bot: Bot) -> None:
    """An order that IB held for a moment would sell the same shares once more."""
    await bot.owns(5)
    inactive = replace(owners_sell(5), state=OrderState.INACTIVE, ib_status="Inactive")
    bot.broker.others = [inactive]
    bot.broker.asked.clear()

    def works_again(question: str) -> None:
        if bot.broker.asked.count("holdings") == 1:  # the answer to it has been made
            bot.broker.others = [replace(inactive, state=OrderState.WORKING)]

    bot.broker.on_question = works_again
    alert_id = await bot.alert("SELL")

    async def asked() -> bool:
        return bot.broker.asked.count("holdings") >= 2

    await bot.sooner_or_later(asked, "IB is asked a second time", within_s=10)
    await bot.sooner_or_later(lambda: _is_blocked(bot, alert_id), "the exit is blocked", within_s=10)
    assert bot.broker.sent == []


async def _is_blocked(bot: Bot, alert_id: int) -> bool:
    return (await bot.row(alert_id)).status is BLOCKED


async def test_one_answer_without_the_position_blocks_no_sell(bot: Bot) -> None:
    """An exit would be given up for good because IB listed the position a moment too late, once."""
    trade = await bot.owns(5)
    await bot.owns(7, "MSFT")
    held = bot.broker.held
    assert held is not None

    def hide_once(question: str) -> None:
        if question == "holdings":
            hidden = bot.broker.asked.count("holdings") == before + 1
            held[trade.con_id] = Decimal(0 if hidden else 5)

    before = bot.broker.asked.count("holdings")
    bot.broker.on_question = hide_once
    alert_id = await bot.alert("SELL")
    order = await bot.sent()
    assert order.qty == 5
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_answers_about_the_position_that_do_not_agree_decide_nothing(bot: Bot) -> None:
    """A position that is still on its way would be sold in part, or the SELL be blocked, by the luck of the moment."""
    trade = await bot.owns(5)
    held = bot.broker.held
    assert held is not None

    def grow(question: str) -> None:
        if question == "holdings":
            held[trade.con_id] = Decimal(min(5, bot.broker.asked.count("holdings") - before))

    before = bot.broker.asked.count("holdings")
    bot.broker.on_question = grow
    await bot.alert("SELL")

    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "the SELL leaves")
    assert [order.qty for order in bot.broker.sent] == [5]


async def test_two_answers_that_agree_are_believed(bot: Bot) -> None:
    """A SELL of shares that are gone would wait for ever, and nobody be told that they are."""
    await bot.owns(5, at_ib=0)
    before = bot.broker.asked.count("holdings")
    await bot.becomes(await bot.alert("SELL"), AlertStatus.BLOCKED)
    assert bot.broker.asked.count("holdings") == before + 2


async def test_a_sell_waits_while_holdings_are_unknown(bot: Bot) -> None:
    """A SELL would be guessed, or refused, because IB did not answer."""
    await bot.owns(5)
    bot.broker.failing.add("holdings")
    alert_id = await bot.alert("SELL")

    async def asked() -> bool:
        return bot.broker.asked.count("holdings") >= 3

    await bot.sooner_or_later(asked, "holdings are asked for again")
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    bot.broker.failing.clear()

    async def sent() -> bool:
        return bool(bot.broker.sent)

    await bot.sooner_or_later(sent, "the SELL leaves")
    assert bot.broker.sent[0].qty == 5


async def test_a_sell_waits_for_a_position_that_trails_the_fill(bot: Bot) -> None:
    """A SELL right after its BUY would find nothing at IB and be refused."""
    buy_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5)
    bot.broker.held = {265598: Decimal(0)}
    await bot.becomes(buy_id, EXECUTED)
    alert_id = await bot.alert("SELL")
    await bot.seconds(3)
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    bot.broker.held = {265598: Decimal(5)}

    async def sent() -> bool:
        return len(bot.broker.sent) == 2

    await bot.sooner_or_later(sent, "the SELL leaves")
    assert bot.broker.sent[-1].qty == 5


async def test_a_sell_does_not_wait_for_hours_after_the_clock_was_set_back(bot: Bot) -> None:
    """An exit would wait until the clock has caught up with the last fill."""
    buy_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5)
    await bot.becomes(buy_id, EXECUTED)
    bot.broker.held = {265598: Decimal(3)}  # the owner has sold two
    bot.clock.set_back(3600)
    await bot.order("SELL")
    assert bot.broker.sent[-1].qty == 3


async def test_another_contract_under_the_same_ticker_is_not_sold(bot: Bot) -> None:
    """Lots of a stock that has become another one would be sold out of the owner's shares."""
    await bot.owns(5, at_ib=105)
    bot.broker.con_ids["AAPL"] = 999
    await bot.owns(4, at_ib=104)
    await bot.order("SELL")
    assert (bot.broker.sent[-1].contract.con_id, bot.broker.sent[-1].qty) == (265598, 5)


async def test_pause_lets_sells_pass_and_kill_does_not(bot: Bot) -> None:
    """A paused bot would keep its positions, or a killed one trade."""
    await bot.owns(5)
    await bot.owns(5, "MSFT")
    await bot.switch.pause("owner")
    await bot.order("SELL")
    await bot.switch.kill("owner")
    assert "kill switch" in said((await bot.becomes(await bot.alert("SELL", "MSFT"), BLOCKED)).reason)
    assert len(bot.broker.sent) == 1


async def test_what_was_known_is_kept_with_the_order(bot: Bot) -> None:
    """Nobody could tell afterwards why an order left."""
    bot.broker.held = {265598: Decimal(7)}
    _, order_ref = await bot.order("BUY")
    trade = await bot.trade(order_ref)
    assert trade.reserved == Decimal(506)
    assert trade.ib_position_before == 7
    async with bot.ledger.read() as books:
        decision = await books.decision(trade.id)
    assert decision is not None
    names = [check["name"] for check in decision["checks"]]  # type: ignore[attr-defined]
    assert names[:2] == ["kill_switch", "paused"]
    assert trade.quote is not None
    assert trade.quote["ask"] == decision["inputs"]["quote"]["ask"] == "100"  # type: ignore[index]


@pytest.mark.parametrize("kept", [True, False])
async def test_an_exit_keeps_the_quote_at_hand_and_asks_for_none(bot: Bot, kept: bool) -> None:
    """What an exit cost could not be told apart afterwards; or it would wait for a price that it does not need."""
    await bot.owns(5)
    if kept:
        bot.broker.kept[265598] = Quote(Decimal(99), Decimal(101), None, bot.clock.now(), delayed=False)
    asked = len(bot.broker.asked)
    _, order_ref = await bot.order("SELL")
    trade = await bot.trade(order_ref)
    assert trade.requested_qty == 5
    quote = trade.quote or {}
    assert (quote.get("bid"), quote.get("ask")) == (("99", "101") if kept else (None, None))
    assert "quote" not in bot.broker.asked[asked:]


# --- limits with many in flight -------------------------------------------------------------------------------------

ROOM_FOR_THREE = {
    "cash": {"limits": Limits(min_cash_reserve=Decimal(98_482))},  # 100,000 − 3 × 506
    "slots": {"limits": Limits(max_open_positions=3)},
    "daily limit": {"limits": Limits(max_daily_buys=3)},
    "total investment": {"limits": Limits(max_total_investment=Decimal(1518))},
}


@pytest.mark.parametrize("fills", [False, True], ids=["working", "filling"])
@pytest.mark.parametrize("room", ROOM_FOR_THREE)
async def test_a_hundred_buys_with_room_for_three(make_bot: MakeBot, room: str, *, fills: bool) -> None:
    """Limits would be overrun by alerts that come at the same moment."""
    bot = await make_bot(**ROOM_FOR_THREE[room])
    await bot.start()
    if fills:
        bot.broker.fill_at_once()
        bot.broker.cash_told_at = bot.clock.now()  # IB's cash is of before these fills
    ids = [await bot.alert("BUY", f"T{number:03d}") for number in range(100)]
    for alert_id in ids:
        await bot.becomes(alert_id, PROCESSING, EXECUTED, BLOCKED)
    assert len(bot.broker.sent) == 3
    assert len(await bot.events(EventKind.ALERT_BLOCKED)) == 97


async def test_a_hundred_buys_of_one_ticker_with_room_for_three(make_bot: MakeBot) -> None:
    """The limit per ticker would be overrun by alerts that wait for each other."""
    bot = await make_bot(limits=Limits(max_per_ticker=3))
    await bot.start()
    bot.broker.fill_at_once()
    ids = [await bot.alert("BUY") for _ in range(100)]
    for alert_id in ids:
        await bot.becomes(alert_id, EXECUTED, BLOCKED)
    assert len(bot.broker.sent) == 3
    assert len(await bot.lots(LotStatus.OPEN)) == 3
    assert {trade.status for trade in await bot.trades()} == {TradeStatus.FILLED}


async def test_a_buy_that_has_filled_in_part_counts_once(make_bot: MakeBot) -> None:
    """Its shares and its order would take two places of the limit."""
    bot = await make_bot(limits=Limits(max_open_positions=2, max_total_investment=Decimal(1012)))
    await bot.start()
    _, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 4)
    await bot.told(EventKind.PARTIAL_FILL)
    await bot.order("BUY", "MSFT")
    await bot.becomes(await bot.alert("BUY", "KO"), BLOCKED)


async def test_an_unknown_order_keeps_its_reservation(make_bot: MakeBot) -> None:
    """Cash of an order that may be at IB would be spent a second time."""
    bot = await make_bot(limits=Limits(min_cash_reserve=Decimal(99_000)))
    await bot.start()
    _, order_ref = await bot.order("BUY")
    await bot.booking.conclude((await bot.trade(order_ref)).id, TradeStatus.UNKNOWN, "it is not known.")
    assert "in flight" in said((await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)).reason)
    assert "is UNKNOWN" in said((await bot.becomes(await bot.alert("BUY", "AAPL"), BLOCKED)).reason)


async def test_cash_is_free_again_once_ib_has_told_it(make_bot: MakeBot) -> None:
    """A fill would be taken off twice for ever: from IB's cash, which shows it, and by the bot."""
    bot = await make_bot(limits=Limits(min_cash_reserve=Decimal(99_000)))
    await bot.start()
    bot.broker.cash_told_at = FRIDAY_NOON
    buy_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5)
    await bot.becomes(buy_id, EXECUTED)
    await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)
    bot.clock.skip(2)
    bot.broker.cash_told_at = bot.clock.now()
    await bot.becomes(await bot.alert("BUY", "MSFT"), PROCESSING)


async def test_an_exit_is_not_refused_for_one_that_was_cancelled_while_ib_answered(bot: Bot) -> None:
    """The answer still counts the earlier SELL as working: nothing would seem left to sell, though all is held."""
    await bot.owns(10)
    first, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    bot.broker.waits["holdings"] = gate = asyncio.Event()
    bot.broker.asked.clear()
    await bot.alert("SELL", price="101")

    async def asked() -> bool:
        return "holdings" in bot.broker.asked

    await bot.until(asked, "holdings are asked for")
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.becomes(first, FAILED)
    bot.broker.waits.pop("holdings")
    gate.set()

    async def sent() -> bool:
        return len(bot.broker.sent) == 2

    await bot.until(sent, "the second SELL leaves")
    assert bot.broker.sent[-1].qty == 10


async def test_cash_just_spent_is_reserved_though_the_clock_was_set_back(make_bot: MakeBot) -> None:
    """IB's cash seems newer than the fill that is not in it: the reserve would be spent."""
    bot = await make_bot(limits=Limits(min_cash_reserve=Decimal(99_000)))
    await bot.start()
    bot.broker.cash_told_at = bot.clock.now()
    bot.clock.set_back(60)
    buy_id, order_ref = await bot.order("BUY")
    bot.broker.fill(order_ref, 5)
    await bot.becomes(buy_id, EXECUTED)
    await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)


async def test_a_connection_that_breaks_as_a_buy_is_judged_blocks_nothing(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be blocked for positions that are not known, a moment before they are."""
    account, held = bot.broker.account, bot.broker.held

    def breaks() -> Account | None:
        monkeypatch.undo()
        bot.broker.disconnect()
        bot.broker.held = None  # as the adapter has it without a connection
        return account()

    monkeypatch.setattr(bot.broker, "account", breaks)
    alert_id = await bot.alert("BUY")

    async def broken() -> bool:
        return not bot.broker.now.up

    await bot.until(broken, "the connection breaks")
    bot.broker.held = held
    bot.broker.connect()
    await bot.leaves()
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING
    assert await bot.events(EventKind.ALERT_BLOCKED) == []
