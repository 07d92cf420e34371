"""What follows an order, with several strategies on one stock: each keeps its own lots, whatever is missing or split."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot, qty
from tests.bot_fixtures import MakeBot
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitsHeldBack, HeldBack
from tradebot.domain.instructions import PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import WriteOff
from tradebot.domain.reasons import ReasonCode
from tradebot.domain.strategies import ExitSize, Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.trading.positions import tell_differences
from tradebot.words import events as words

ANN = "Ann (Telegram 1)"
AAPL = CON_IDS["AAPL"]
BY_EXCHANGE = "Order Canceled - reason:Cancelled by Exchange"
D, T = Decimal, TradeStatus
TWO = tuple(Strategy(name=name, exit_size=ExitSize.ALERT) for name in ("ema", "rsi"))


@pytest.fixture
async def two(make_bot: MakeBot) -> Bot:
    """Two strategies: ema holds 10 AAPL, rsi 5."""
    bot = await make_bot(strategies=TWO)
    await bot.start()
    await bot.owns(10, strategy="ema")
    await bot.owns(5, strategy="rsi")
    return bot


async def held(bot: Bot) -> dict[str, Decimal]:
    lots = await bot.lots(LotStatus.OPEN)
    return {name: qty([lot for lot in lots if lot.strategy == name]) for name in ("ema", "rsi")}


def shares(number: int) -> Size:
    return Size(SizeKind.SHARES, D(number))


async def missing(bot: Bot) -> Sequence[WriteOff]:
    found = await bot.queries.missing_shares("AAPL")
    assert not isinstance(found, NothingToWriteOff)
    return found


async def exits(bot: Bot, strategy: str, number: int, **wanted: Any) -> tuple[int, str]:
    """An exit of the strategy whose order, the `number`th of all, is at IB."""
    alert_id = await bot.asks(strategy, Verb.EXIT, **wanted)
    await bot.leaves(number)
    order_ref = bot.broker.sent[-1].order_ref
    bot.broker.show(order_ref)
    return alert_id, order_ref


async def ended_by_ib(bot: Bot, order_ref: str, filled: int = 0) -> None:
    if filled:
        bot.broker.fill(order_ref, filled)
    bot.broker.error(order_ref, 202, ErrorKind.CANCELLED, BY_EXCHANGE)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    await bot.turns(order_ref, T.PARTIAL if filled else T.CANCELLED)


# --- exits, and what they leave -------------------------------------------------------------------------------------


async def test_a_partial_exit_that_filled_left_nothing_behind(two: Bot) -> None:
    """Each partial exit would be told as one that failed, with a button that sells what was meant to stay."""
    alert_id, order_ref = await exits(two, "ema", 1, size=shares(4))
    two.broker.fill(order_ref, 4)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    [sold] = await two.events(EventKind.SELL_FILLED)
    assert "Sold 4 AAPL" in words.text(sold)
    assert "6 of 10 are left." in words.text(sold)
    assert await two.events(EventKind.EXIT_INCOMPLETE) == []
    assert await held(two) == {"ema": 6, "rsi": 5}


async def test_an_exit_of_all_says_nothing_of_what_others_hold(two: Bot) -> None:
    """What another strategy keeps would be told as left by this one's exit."""
    alert_id, order_ref = await exits(two, "ema", 1)
    two.broker.fill(order_ref, 10)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    assert await two.events(EventKind.EXIT_INCOMPLETE) == []
    [sold] = await two.events(EventKind.SELL_FILLED)
    assert "left" not in words.text(sold)


async def test_what_a_refused_partial_exit_left_is_what_it_asked_for(two: Bot) -> None:
    """The owner would be told that ten shares are unsold, of which four were to be sold."""
    _, order_ref = await exits(two, "ema", 1, size=shares(4))
    two.broker.error(order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: no")
    two.broker.show(order_ref, OrderState.INACTIVE)
    await two.turns(order_ref, T.FAILED)
    [left] = await two.events(EventKind.EXIT_INCOMPLETE)
    assert isinstance(left.facts, ExitIncomplete)
    assert left.facts.qty == 4


async def test_a_partial_exit_of_which_ib_has_less_tells_the_difference(two: Bot) -> None:
    """Shares that the alert was to sell, and IB did not have, would be passed over in silence."""
    assert two.broker.held is not None
    two.broker.held[AAPL] = D(3)
    alert_id, order_ref = await exits(two, "ema", 1, size=shares(4))
    two.broker.fill(order_ref, 3)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    [left] = await two.events(EventKind.EXIT_INCOMPLETE)
    assert isinstance(left.facts, ExitIncomplete)
    assert left.facts.qty == 1


async def test_a_partial_exit_that_ib_ended_sells_no_more_than_it_left(two: Bot) -> None:
    """Armed again it would sell what its strategy was to keep, or another one's shares."""
    target = PositionTarget(Target.LONG, D(50), Target.LONG, D(100))
    alert_id, first = await exits(two, "ema", 1, target=target)
    assert two.broker.sent[0].qty == 5
    await ended_by_ib(two, first, filled=2)
    await two.leaves(2)
    assert two.broker.sent[1].qty == 3
    two.broker.fill(two.broker.sent[1].order_ref, 3)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    assert await held(two) == {"ema": 5, "rsi": 5}
    assert await two.events(EventKind.EXIT_INCOMPLETE) == []


async def test_the_rest_of_an_exit_outlives_a_partial_one_after_it(two: Bot) -> None:
    """An exit of all that IB ended would be given up for a later alert that sells two shares."""
    _, first = await exits(two, "ema", 1)
    part = await two.asks("ema", Verb.EXIT, size=shares(2))
    await ended_by_ib(two, first, filled=6)
    await two.leaves(2)
    assert (two.broker.sent[1].qty, (await two.trade_of(part)).order_ref) == (2, two.broker.sent[1].order_ref)
    two.broker.fill(two.broker.sent[1].order_ref, 2)
    await two.becomes(part, AlertStatus.EXECUTED)
    await two.leaves(3)
    assert two.broker.sent[2].qty == 2
    two.broker.fill(two.broker.sent[2].order_ref, 2)
    await two.turns(two.broker.sent[2].order_ref, T.FILLED)
    assert await held(two) == {"ema": 0, "rsi": 5}


async def test_an_entry_of_another_strategy_keeps_no_exit_from_being_armed_again(two: Bot) -> None:
    """The rest would be kept as long as another strategy's order works."""
    _, first = await exits(two, "ema", 1)
    await ended_by_ib(two, first, filled=1)
    entry = await two.asks("rsi", Verb.BUY)
    await two.leaves(2)
    two.broker.show(two.broker.sent[1].order_ref)
    await two.leaves(3)
    assert (two.broker.sent[2].side, two.broker.sent[2].qty) == (Side.SELL, 9)
    assert (await two.row(entry)).status is AlertStatus.PROCESSING


async def test_an_exit_of_another_strategy_that_works_keeps_the_rest_waiting(two: Bot) -> None:
    """Two exits at once would both be sized by the same shares at IB."""
    _, first = await exits(two, "ema", 1)
    other = await two.asks("rsi", Verb.EXIT)
    await ended_by_ib(two, first, filled=1)
    await two.leaves(2)
    assert (await two.trade_of(other)).order_ref == two.broker.sent[1].order_ref
    await two.seconds(25)
    assert len(two.broker.sent) == 2
    two.broker.fill(two.broker.sent[1].order_ref, 5)
    await two.leaves(3)
    assert two.broker.sent[2].qty == 9


async def test_exits_that_a_kill_stopped_are_listed_by_strategy(two: Bot) -> None:
    """The owner would be offered to sell what another strategy holds."""
    await two.switch.kill("owner")
    await two.becomes(await two.asks("rsi", Verb.EXIT), AlertStatus.BLOCKED)
    await two.switch.resume("owner")
    [event] = await two.events(EventKind.EXITS_HELD_BACK)
    assert event.facts == ExitsHeldBack((HeldBack("AAPL", D(5), "rsi"),))


async def test_selling_everything_is_an_alert_for_each_strategy(two: Bot) -> None:
    """`/sell_all` would leave what the other strategies hold, or sell it under one's name."""
    planned = await two.queries.exits()
    assert [(one.lots, one.qty) for one in planned] == [(("ema", "AAPL"), 10), (("rsi", "AAPL"), 5)]
    lots = [one.lots for one in planned]
    made = await two.operations.sell(lots, ANN, "all")
    assert [(await two.row(alert_id)).strategy for alert_id in made] == ["ema", "rsi"]
    assert await two.operations.sell(lots, ANN, "all") == []
    await two.leaves(1)
    two.broker.fill(two.broker.sent[0].order_ref, int(two.broker.sent[0].qty))
    await two.leaves(2)
    assert [one.qty for one in two.broker.sent] == [10, 5]


# --- books and IB ---------------------------------------------------------------------------------------------------


async def test_a_mismatch_names_each_strategy_s_share_and_is_written_off_for_one(two: Bot) -> None:
    """The shares that are gone would be taken from a strategy that still has them."""
    assert two.broker.held is not None
    two.broker.held[AAPL] = D(3)
    async with two.ledger.begin() as books:
        await tell_differences(books, two.broker.positions() or {}, two.clock.now())
    [told] = await two.events(EventKind.MISMATCH)
    assert "the books hold 15 shares, IB shows 3 (booked: ema 10, rsi 5)" in words.text(told)
    ema, rsi = await missing(two)
    assert ema == WriteOff("AAPL", AAPL, D(10), D(10), "ema", others=D(5), elsewhere=D(2))
    assert rsi == WriteOff("AAPL", AAPL, D(5), D(5), "rsi", others=D(10), elsewhere=D(7))
    assert await two.operations.write_off(rsi, ANN, "one") is not None
    assert await held(two) == {"ema": 10, "rsi": 0}
    [event] = await two.events(EventKind.WRITTEN_OFF)
    assert "5 AAPL of strategy rsi are written off" in words.text(event)
    assert "7 more are missing" in words.text(event)
    assert await two.operations.write_off(ema, ANN, "two") is None, "asked when the books were others"
    two.clock.skip(11)
    [rest] = await missing(two)
    assert await two.operations.write_off(rest, ANN, "three") is not None
    assert await held(two) == {"ema": 3, "rsi": 0}


async def test_a_split_is_booked_for_each_strategy_and_adds_up_to_ibs(two: Bot) -> None:
    """A strategy would sell new shares that are another one's, or the books hold more than IB."""
    await two.owns(1, strategy="rsi")  # 10 and 6 at $100 become 15 and 9
    assert two.broker.held is not None
    two.broker.held[AAPL] = D(24)
    seen = Split("AAPL", AAPL, D(16), D(100), AAPL, D(24), D("66.67"), 3, 2)
    assert await two.operations.book_split(seen, ANN, "split")
    assert await held(two) == {"ema": 15, "rsi": 9}
    [event] = await two.events(EventKind.SPLIT_BOOKED)
    assert "(booked: ema 15, rsi 9)" in words.text(event)
    async with two.ledger.read() as books:
        rows = {name: await books.corporate_actions(name, "AAPL") for name in ("ema", "rsi")}
    assert {name: [(one.qty_before, one.qty_after) for one in found] for name, found in rows.items()} == {
        "ema": [(10, 15)],
        "rsi": [(6, 9)],
    }
    alert_id, order_ref = await exits(two, "rsi", 1)
    two.broker.fill(order_ref, 9, 70)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    assert await held(two) == {"ema": 15, "rsi": 0}


async def test_a_split_is_recognised_on_the_shares_of_all_strategies(two: Bot) -> None:
    """What IB shows of all would be no ratio of what one strategy holds: BUYs stay blocked, and every SELL waits."""
    assert two.broker.held is not None
    two.broker.held[AAPL], two.broker.avg_costs[AAPL] = D(150), D("10.0133")
    seen = await two.queries.seen_split("AAPL")
    assert isinstance(seen, Split)
    assert (seen.booked, seen.at_ib, seen.new, seen.old) == (15, 150, 10, 1)
    assert await two.operations.book_split(seen, ANN, "split")
    assert await held(two) == {"ema": 100, "rsi": 50}


# --- orders in doubt ------------------------------------------------------------------------------------------------


async def in_flight(bot: Bot) -> dict[str, str]:
    """A SELL of ema and a BUY of rsi on one stock, stored and sent as the process ends: order refs."""
    await bot.asks("ema", Verb.EXIT)
    await bot.leaves(1)
    await bot.asks("rsi", Verb.BUY)
    await bot.leaves(2)
    return {trade.strategy: trade.order_ref for trade in await bot.trades() if trade.status is T.SUBMITTING}


async def test_two_orders_that_ib_shows_are_not_in_doubt(two: Bot) -> None:
    """After a crash the owner would be asked about orders that IB shows at work, and the stock be frozen."""
    refs = await in_flight(two)
    two.broker.disconnect()
    two.broker.connect()
    for ref in refs.values():
        await two.turns(ref, T.SUBMITTED)
    assert await two.events(EventKind.ORDER_UNKNOWN) == []


async def test_an_order_that_works_takes_no_proof_away(two: Bot) -> None:
    """An order that certainly was not sent would wait for the owner because another strategy's is at work."""
    await two.asks("ema", Verb.EXIT)
    await two.leaves(1)
    two.broker.takes_orders = False
    await two.asks("rsi", Verb.BUY)
    await two.leaves(2)
    two.broker.disconnect()
    two.broker.connect()
    await two.turns(two.broker.sent[1].order_ref, T.FAILED)
    assert await two.events(EventKind.ORDER_UNKNOWN) == []
    assert (await two.trade(two.broker.sent[0].order_ref)).status is T.SUBMITTED


async def test_two_orders_that_ib_shows_nowhere_are_unknown_until_one_is_decided(two: Bot) -> None:
    """A BUY and a SELL that both filled unseen leave the position as it was: called failed, both would be lost to the books."""
    two.broker.takes_orders = False
    refs = await in_flight(two)
    two.broker.disconnect()
    two.broker.connect()
    trades = [await two.turns(ref, T.UNKNOWN, T.FAILED) for ref in refs.values()]
    assert [trade.status for trade in trades] == [T.UNKNOWN, T.UNKNOWN]
    reasons = [(await two.row(trade.alert_id)).reason for trade in trades]
    assert [reason.code for reason in reasons if not isinstance(reason, str | None)] == [ReasonCode.OTHER_IN_DOUBT] * 2
    await two.operations.end_as_unfilled(trades[0].id, ANN)
    await two.turns(trades[1].order_ref, T.FAILED)


async def test_the_fill_of_another_strategy_explains_the_new_average_cost(two: Bot) -> None:
    """An order that was not sent would be UNKNOWN because another strategy bought the same stock meanwhile."""
    two.broker.avg_costs[AAPL] = D(100)
    await two.asks("ema", Verb.BUY)
    await two.leaves(1)
    two.broker.takes_orders = False
    await two.asks("rsi", Verb.BUY)
    await two.leaves(2)
    await two.seconds(3)
    bought = two.broker.fill(two.broker.sent[0].order_ref, 5, 110)
    two.broker.avg_costs[AAPL] = (15 * D(100) + 5 * D(110) + (bought.commission or 0)) / 20
    two.broker.disconnect()
    two.broker.connect()
    await two.turns(two.broker.sent[1].order_ref, T.FAILED)


async def test_a_presumed_fill_is_priced_by_its_strategy_s_lots(two: Bot) -> None:
    """An UNKNOWN exit would be booked at a price that another strategy paid."""
    two.broker.takes_orders = False
    await two.asks("rsi", Verb.EXIT)
    await two.leaves(1)
    ref = two.broker.sent[0].order_ref
    assert two.broker.held is not None
    two.broker.held[AAPL] = D(10)
    two.broker.disconnect()
    two.broker.connect()
    trade = await two.turns(ref, T.UNKNOWN)
    presumed = await two.queries.presumed_fill(trade.id)
    assert presumed is not None
    assert (presumed.qty, presumed.price) == (5, 100)
    assert await two.operations.book_as_filled(trade.id, ANN) is not None
    assert await held(two) == {"ema": 10, "rsi": 0}


async def test_the_average_cost_of_shared_shares_prices_no_single_buy(make_bot: MakeBot) -> None:
    """A BUY that the owner says has filled would be booked at what two strategies paid on average."""
    bot = await make_bot(strategies=TWO)
    await bot.start()
    bot.broker.takes_orders = False
    await bot.asks("ema", Verb.BUY)
    await bot.leaves(1)
    bot.broker.takes_orders = True
    await bot.asks("rsi", Verb.BUY)
    await bot.leaves(2)
    bot.broker.fill(bot.broker.sent[1].order_ref, 5, 90)
    assert bot.broker.held is not None
    bot.broker.held[AAPL], bot.broker.avg_costs[AAPL] = D(10), D(95)
    bot.broker.disconnect()
    bot.broker.connect()
    trade = await bot.turns(bot.broker.sent[0].order_ref, T.UNKNOWN)
    assert trade.ib_position_before == 0
    presumed = await bot.queries.presumed_fill(trade.id)
    assert presumed is not None
    assert presumed.price == 100, "the ask when it was decided"


async def test_the_button_on_the_rest_of_a_partial_exit_sells_no_more_than_that(two: Bot) -> None:
    """Who presses "sell" on a message about four shares would sell all ten."""
    _, order_ref = await exits(two, "ema", 1, size=shares(4))
    two.broker.error(order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: no")
    two.broker.show(order_ref, OrderState.INACTIVE)
    await two.turns(order_ref, T.FAILED)
    [left] = await two.events(EventKind.EXIT_INCOMPLETE)
    rest = await two.queries.rest_of(left)
    assert rest is not None
    assert (rest.lots, rest.qty, rest.part) == (("ema", "AAPL"), 4, 4)
    await two.operations.sell([rest.lots], ANN, "rest", rest.part)
    await two.leaves(2)
    assert two.broker.sent[1].qty == 4


async def test_a_renamed_stock_is_sold_by_either_name_for_its_own_strategy(two: Bot) -> None:
    """Under the new name one strategy would sell what another holds, or find nothing of its own."""
    two.broker.con_ids["NEWCO"] = two.broker.con_ids.pop("AAPL")
    alert_id, order_ref = await exits(two, "rsi", 1, ticker="NEWCO")
    assert two.broker.sent[0].qty == 5
    two.broker.fill(order_ref, 5)
    await two.becomes(alert_id, AlertStatus.EXECUTED)
    assert await held(two) == {"ema": 10, "rsi": 0}
    await exits(two, "ema", 2, ticker="AAPL")
    assert two.broker.sent[1].qty == 10
