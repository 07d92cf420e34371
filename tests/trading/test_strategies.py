"""Several strategies on one account: each sells its own, limits of one do not move another's, and IB's position is shared."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import NO_FIXED_LIMITS, Bot, qty, said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.instructions import Verb
from tradebot.domain.limits import Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import TradingState, limit_key, strategy_state_key
from tradebot.domain.strategies import Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.trading.new_alerts import exit_of

D = Decimal
BLOCKED, EXECUTED, PROCESSING, RECEIVED = (
    AlertStatus.BLOCKED,
    AlertStatus.EXECUTED,
    AlertStatus.PROCESSING,
    AlertStatus.RECEIVED,
)
EMA, RSI = Strategy(name="ema"), Strategy(name="rsi")
TWO = (EMA, RSI)


async def a_bot(make_bot: MakeBot, *strategies: Strategy, **setup: Any) -> Bot:
    bot = await make_bot(strategies=strategies or TWO, **setup)
    await bot.start()
    return bot


async def held(bot: Bot, strategy: str) -> Decimal:
    return qty([lot for lot in await bot.lots(LotStatus.OPEN) if lot.strategy == strategy])


async def code_of(bot: Bot, alert_id: int) -> str:
    """Why it was not traded."""
    reason = (await bot.becomes(alert_id, BLOCKED)).reason
    assert reason is not None
    assert not isinstance(reason, str)
    return reason.code


async def settled(bot: Bot, alert_id: int, shares: int, number: int) -> None:
    """The order of this alert, the `number`th, fills whole, and is settled everywhere."""
    order = await bot.sent(number)
    assert order.qty == shares
    bot.broker.fill(order.order_ref, shares)
    await bot.becomes(alert_id, EXECUTED)


# --- whose shares ---------------------------------------------------------------------------------------------------


async def test_each_sells_its_own(make_bot: MakeBot) -> None:
    """An exit of one strategy would sell what another one holds."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    await bot.owns(3, strategy="rsi")
    first = await bot.asks("rsi", Verb.EXIT)
    await settled(bot, first, 3, 1)
    assert (await held(bot, "ema"), await held(bot, "rsi")) == (5, 0)
    nothing = await bot.asks("rsi", Verb.EXIT)
    assert await code_of(bot, nothing) == RefusalCode.NOTHING_HELD
    second = await bot.asks("ema", Verb.EXIT)
    await bot.leaves(2)
    await settled(bot, second, 5, 2)
    assert await bot.lots(LotStatus.OPEN) == []
    assert {(trade.strategy, trade.side) for trade in await bot.trades()} == {
        (name, side) for name in ("ema", "rsi") for side in Side
    }


async def test_an_exit_of_every_lot_sells_one_strategy_s(make_bot: MakeBot) -> None:
    """The bot's own exit, on the owner's word, would sell the lots of all strategies under the name of one."""
    bot = await a_bot(make_bot, Strategy(name="main"), RSI)
    await bot.owns(5)
    await bot.owns(3, strategy="rsi")
    await bot.intake.own(exit_of("AAPL", None), "flatten", actor="owner")
    assert (await bot.sent()).qty == 5


async def test_two_exits_at_one_instant_follow_each_other(make_bot: MakeBot) -> None:
    """Both would be sized by one position, and where shares are missing at IB the second would go short."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    await bot.owns(5, strategy="rsi", at_ib=8)  # the owner has sold two of them
    first, second = await bot.asks("ema", Verb.EXIT), await bot.asks("rsi", Verb.EXIT)
    order = await bot.sent(1)
    await bot.seconds(4)
    assert len(bot.broker.sent) == 1, "one exit a contract at a time"
    bot.broker.fill(order.order_ref, int(order.qty))
    await bot.leaves(2)
    assert [one.qty for one in bot.broker.sent] == [5, 3]
    assert {(await bot.row(alert_id)).status for alert_id in (first, second)} == {EXECUTED, PROCESSING}


async def test_a_position_that_still_shows_another_strategy_s_shares_is_not_sold(make_bot: MakeBot) -> None:
    """IB's answer trails the fill of the exit before: the second exit would sell what is gone, and go short."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    trade = await bot.owns(5, strategy="rsi", at_ib=5)  # the owner has sold the five of one of them
    await bot.asks("ema", Verb.EXIT)
    order = await bot.sent(1)
    bot.broker.fill(order.order_ref, 5)
    assert bot.broker.held is not None
    bot.broker.held[trade.con_id] = D(5)  # as it was before
    second = await bot.asks("rsi", Verb.EXIT)
    await bot.seconds(5)
    assert len(bot.broker.sent) == 1
    assert (await bot.row(second)).status is RECEIVED
    bot.broker.held[trade.con_id] = D(0)

    async def is_blocked() -> bool:
        return (await bot.row(second)).status is BLOCKED

    await bot.sooner_or_later(is_blocked, "the second exit is refused: nothing is left")
    assert len(bot.broker.sent) == 1


async def test_an_exit_right_after_another_strategy_s_does_not_wait_for_the_lag(make_bot: MakeBot) -> None:
    """Each exit would wait ten seconds for the one before it, though IB's position shows that it is done."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    await bot.owns(5, strategy="rsi")
    await settled(bot, await bot.asks("ema", Verb.EXIT), 5, 1)
    before = bot.clock.now()
    second = await bot.asks("rsi", Verb.EXIT)
    await settled(bot, second, 5, 2)
    trade = await bot.trade_of(second)
    assert trade.created_at - before < timedelta(seconds=9)


async def test_an_entry_of_another_strategy_holds_no_exit_back(make_bot: MakeBot) -> None:
    """An exit would wait as long as somebody else's order works."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    await bot.asks("rsi", Verb.BUY)
    buying = await bot.sent(1)
    bot.broker.fill(buying.order_ref, 2)  # a part of it: the position grows while the exit is sized
    await bot.asks("ema", Verb.EXIT)
    order = await bot.sent(2)
    assert (order.side, order.qty) == (Side.SELL, 5)
    bot.broker.fill(buying.order_ref, 3)
    bot.broker.fill(order.order_ref, 5)
    await bot.turns(order.order_ref, TradeStatus.FILLED)
    await bot.turns(buying.order_ref, TradeStatus.FILLED)
    assert (await held(bot, "ema"), await held(bot, "rsi")) == (0, 5)


async def test_one_entry_in_flight_is_by_strategy(make_bot: MakeBot) -> None:
    """A strategy's entry would wait for another's, or two of its own be at work at once."""
    bot = await a_bot(make_bot)
    first, second = await bot.asks("ema", Verb.BUY), await bot.asks("rsi", Verb.BUY)
    await bot.sent(2)
    again = await bot.asks("ema", Verb.ADD)
    await bot.seconds(4)
    assert len(bot.broker.sent) == 2
    assert (await bot.row(again)).status is RECEIVED
    bot.broker.fill((await bot.trade_of(first)).order_ref, 5)
    await bot.leaves(3)
    assert (await bot.row(second)).status is PROCESSING


async def test_an_unknown_order_freezes_the_contract_for_all(make_bot: MakeBot) -> None:
    """What may be at IB would be bought again, or sold, by the strategy beside it."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    buy = await bot.asks("rsi", Verb.BUY)
    order = await bot.sent(1)
    await bot.booking.conclude((await bot.trade(order.order_ref)).id, TradeStatus.UNKNOWN, "not known")
    assert (await bot.row(buy)).status is AlertStatus.UNKNOWN
    refused = await bot.asks("ema", Verb.ADD)
    assert await code_of(bot, refused) == RefusalCode.UNKNOWN_ORDER
    waits = await bot.asks("ema", Verb.EXIT)
    await bot.seconds(3)
    assert (await bot.row(waits)).status is RECEIVED
    assert len(bot.broker.sent) == 1


async def test_an_exit_ends_only_its_own_strategy_s_waiting_entries(make_bot: MakeBot) -> None:
    """An exit of one strategy would end another's entry."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    bot.broker.failing.add("quote")
    own, other = await bot.asks("ema", Verb.ADD), await bot.asks("rsi", Verb.BUY)
    exit_id = await bot.asks("ema", Verb.EXIT)
    await bot.sent(1)
    assert await code_of(bot, own) == RefusalCode.SUPERSEDED
    assert (await bot.row(exit_id)).status is PROCESSING
    assert (await bot.row(other)).status is RECEIVED


async def test_what_is_missing_at_ib_is_missing_for_all(make_bot: MakeBot) -> None:
    """A strategy would buy on while the books and IB disagree, because the lots that are gone are another's."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema", at_ib=2)
    assert await code_of(bot, await bot.asks("rsi", Verb.BUY)) == RefusalCode.MISMATCH


async def test_a_renamed_stock_is_sold_by_each_strategy_from_its_own_lots(make_bot: MakeBot) -> None:
    """After a rename an exit under the new name would find another strategy's lots, or none."""
    bot = await a_bot(make_bot)
    await bot.owns(5, "OLD", strategy="ema")
    await bot.owns(3, "OLD", strategy="rsi")
    con_id = bot.broker.con_ids.pop("OLD")
    bot.broker.con_ids["NEW"] = con_id
    exit_id = await bot.asks("rsi", Verb.EXIT, "NEW")
    await settled(bot, exit_id, 3, 1)
    assert (await bot.trade_of(exit_id)).ticker == "OLD"
    assert (await held(bot, "ema"), await held(bot, "rsi")) == (5, 0)


async def test_a_split_holds_every_strategy_s_exit(make_bot: MakeBot) -> None:
    """One strategy's exit would sell a tenth of its shares at a false price, because the split is seen over all lots only."""
    bot = await a_bot(make_bot)
    await bot.owns(5, strategy="ema")
    trade = await bot.owns(5, strategy="rsi", at_ib=100)
    bot.broker.avg_costs[trade.con_id] = D("10.02")
    exit_id = await bot.asks("ema", Verb.EXIT)
    await bot.told(EventKind.SPLIT_SEEN)
    assert (await bot.row(exit_id)).status is RECEIVED
    assert bot.broker.sent == []


# --- whose limits ---------------------------------------------------------------------------------------------------


def limited(name: str = "ema", **limits: Decimal | int) -> Strategy:
    return Strategy(name=name, limits=limits)


async def test_limits_of_one_do_not_move_another_s(make_bot: MakeBot) -> None:
    """A strategy that has used its own limits up would stop the one beside it, or borrow from its room."""
    bot = await a_bot(make_bot, limited(max_open_positions=1, max_daily_buys=1), limited("rsi", max_open_positions=1))
    bot.broker.fill_at_once()
    await bot.becomes(await bot.asks("ema", Verb.BUY), EXECUTED)
    full = await bot.becomes(await bot.asks("ema", Verb.BUY, "MSFT"), BLOCKED)
    assert said(full.reason) == (
        "1 open positions of strategy ema, the most is 1: raise it with /set_max_positions ema in the chat"
    )
    await bot.becomes(await bot.asks("rsi", Verb.BUY, "MSFT"), EXECUTED)
    assert await code_of(bot, await bot.asks("rsi", Verb.BUY, "KO")) == RefusalCode.MAX_OPEN_POSITIONS


async def test_the_account_s_limits_hold_over_the_sum(make_bot: MakeBot) -> None:
    """Two strategies would each use the account's limits up."""
    bot = await a_bot(make_bot, limits=Limits(max_open_positions=1))
    bot.broker.fill_at_once()
    await bot.becomes(await bot.asks("ema", Verb.BUY), EXECUTED)
    blocked = await bot.becomes(await bot.asks("rsi", Verb.BUY, "MSFT"), BLOCKED)
    assert said(blocked.reason) == "1 open positions, the most is 1: raise it with /set_max_positions in the chat"


async def test_a_day_s_loss_stops_the_strategy_that_made_it(make_bot: MakeBot) -> None:
    """One strategy's bad day would stop the others, or its own limit never act."""
    bot = await a_bot(make_bot, limited(max_daily_loss=D(50)), RSI)
    await bot.owns(5, strategy="ema")
    exit_id = await bot.asks("ema", Verb.EXIT)
    order = await bot.sent(1)
    bot.broker.fill(order.order_ref, 5, 80)
    await bot.becomes(exit_id, EXECUTED)
    lost = await bot.becomes(await bot.asks("ema", Verb.BUY, "MSFT"), BLOCKED)
    assert "the daily loss limit of strategy ema is $50.00" in said(lost.reason)
    await bot.asks("rsi", Verb.BUY, "MSFT")
    assert (await bot.sent(2)).side is Side.BUY


async def test_a_stored_limit_of_a_strategy_is_in_force(make_bot: MakeBot) -> None:
    """What the owner sets in the chat for one strategy would not reach the decision, or reach all of them."""
    bot = await a_bot(make_bot)
    async with bot.ledger.begin() as books:
        await books.put_setting(limit_key("buy_amount_usd", "ema"), "300", "owner", bot.clock.now())
    await bot.asks("ema", Verb.BUY)
    assert (await bot.sent(1)).qty == 3
    await bot.asks("rsi", Verb.BUY)
    assert (await bot.sent(2)).qty == 5


# --- when a strategy buys -------------------------------------------------------------------------------------------

NOON_IN_NEW_YORK = time(12, 0)


async def _paused(bot: Bot) -> None:
    async with bot.ledger.begin() as books:
        await books.put_setting(strategy_state_key("ema"), TradingState.PAUSED, "owner", bot.clock.now())


STOPPED: list[tuple[RefusalCode, Strategy]] = [
    (RefusalCode.STRATEGY_DISABLED, replace(EMA, enabled=False)),
    (RefusalCode.STRATEGY_DISABLED, replace(EMA, name="gone")),  # the file has no "ema" any more
    (RefusalCode.STRATEGY_PAUSED, EMA),
    (RefusalCode.TICKER_NOT_ALLOWED, replace(EMA, tickers=frozenset({"MSFT"}))),
    (RefusalCode.TRADING_WINDOW, replace(EMA, window=(time(13, 0), time(15, 0)))),
    (RefusalCode.TRADING_WINDOW, replace(EMA, window=(time(20, 0), time(4, 0)))),
]


@pytest.mark.parametrize(("code", "strategy"), STOPPED)
async def test_what_stops_a_strategy_s_entries_lets_its_exits_pass(
    make_bot: MakeBot, code: RefusalCode, strategy: Strategy
) -> None:
    """A strategy would trade when it must not, or keep what it holds because it may not buy."""
    bot = await a_bot(make_bot, strategy, RSI)
    if code is RefusalCode.STRATEGY_PAUSED:
        await _paused(bot)
    await bot.owns(5, strategy="ema")
    assert await code_of(bot, await bot.asks("ema", Verb.ADD)) == code
    await settled(bot, await bot.asks("ema", Verb.EXIT), 5, 1)
    await bot.asks("rsi", Verb.BUY)
    assert (await bot.sent(2)).qty == 5


@pytest.mark.parametrize(
    "window",
    [
        (time(11, 59), time(12, 1)),
        (NOON_IN_NEW_YORK, time(12, 1)),
        (time(20, 0), time(12, 1)),
        (time(12, 0), time(4, 0)),
    ],
)
async def test_within_its_window_a_strategy_buys(make_bot: MakeBot, window: tuple[time, time]) -> None:
    """A window, across midnight or not, would keep out what lies in it."""
    bot = await a_bot(make_bot, replace(EMA, window=window))
    await bot.asks("ema", Verb.BUY)
    assert (await bot.sent()).qty == 5


async def test_a_cooldown_is_of_a_strategy_and_ticker(make_bot: MakeBot) -> None:
    """A strategy would buy again at once, or wait for another's entry or ticker."""
    bot = await a_bot(make_bot, replace(EMA, cooldown_s=600), RSI)
    bot.broker.fill_at_once()
    await bot.becomes(await bot.asks("ema", Verb.BUY), EXECUTED)
    bot.clock.skip(590)
    assert await code_of(bot, await bot.asks("ema", Verb.ADD)) == RefusalCode.COOLDOWN
    await bot.becomes(await bot.asks("ema", Verb.BUY, "MSFT"), EXECUTED)
    await bot.becomes(await bot.asks("rsi", Verb.BUY), EXECUTED)
    bot.clock.skip(20)
    await bot.becomes(await bot.asks("ema", Verb.ADD), EXECUTED)


async def test_the_most_alerts_of_a_day_count_entries_up_to_this_one(make_bot: MakeBot) -> None:
    """A burst of alerts would all be refused, the first ones too, or an exit or another strategy's alert be counted."""
    bot = await a_bot(make_bot, replace(EMA, max_alerts_per_day=2), RSI)
    await bot.owns(5, "KO", strategy="ema")  # an alert of its own: the first
    bot.broker.fill_at_once()
    alerts = [
        await bot.asks(name, Verb.BUY, ticker) for name, ticker in (("ema", "AAPL"), ("rsi", "AAPL"), ("ema", "MSFT"))
    ]
    await bot.becomes(alerts[0], EXECUTED)
    await bot.becomes(alerts[1], EXECUTED)
    assert await code_of(bot, alerts[2]) == RefusalCode.MAX_ALERTS_PER_DAY
    await bot.becomes(await bot.asks("ema", Verb.EXIT, "KO"), EXECUTED)


async def test_the_repeat_window_is_by_strategy(make_bot: MakeBot) -> None:
    """Two strategies that see the same signal would be taken for one that fires twice."""
    bot = await a_bot(make_bot, fixed_limits=replace(NO_FIXED_LIMITS, repeat_window_s=5))
    bot.broker.fill_at_once()
    await bot.becomes(await bot.asks("ema", Verb.BUY), EXECUTED)
    await bot.becomes(await bot.asks("rsi", Verb.BUY), EXECUTED)
    assert await code_of(bot, await bot.asks("ema", Verb.ADD)) == RefusalCode.REPEAT_WINDOW


# --- overtaken ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exits_by", "ticker", "exit_s", "came_s", "refused"),
    [
        ("ema", "AAPL", 1, 0, True),
        ("ema", "AAPL", 0, 0, False),  # of one bar
        ("ema", "AAPL", -1, 0, False),
        ("rsi", "AAPL", 1, 0, False),
        ("ema", "MSFT", 1, 0, False),
        ("ema", "AAPL", 1, 301, False),  # too long ago to be about this one
    ],
)
async def test_an_entry_that_its_exit_has_overtaken_is_not_traded(
    make_bot: MakeBot, exits_by: str, ticker: str, exit_s: int, came_s: int, refused: bool
) -> None:
    """TradingView delivers an exit before its entry: the entry would be bought after all, and nobody ever sell it."""
    bot = await a_bot(make_bot)
    now = bot.clock.now()
    exit_id = await bot.asks(exits_by, Verb.EXIT, ticker, alert_time=now + timedelta(seconds=exit_s))
    await bot.becomes(exit_id, BLOCKED)
    bot.clock.skip(came_s)
    entry = await bot.asks("ema", Verb.BUY, alert_time=now)
    if refused:
        assert await code_of(bot, entry) == RefusalCode.OVERTAKEN
    else:
        await bot.becomes(entry, PROCESSING)


async def test_two_strategies_at_once_leave_the_sum_at_ib(make_bot: MakeBot) -> None:
    """In a burst of entries and exits the books would come to another sum than IB."""
    bot = await a_bot(make_bot)
    bot.broker.fill_at_once()
    for _ in range(2):
        entries = [await bot.asks(name, Verb.ADD) for name in ("ema", "rsi")]
        await asyncio.gather(*(bot.becomes(alert_id, EXECUTED) for alert_id in entries))
        bot.clock.skip(11)
    assert bot.broker.held is not None
    assert sum(bot.broker.held.values()) == qty(await bot.lots(LotStatus.OPEN)) == 20
    exits = [await bot.asks(name, Verb.EXIT) for name in ("ema", "rsi")]

    async def done() -> bool:
        return {(await bot.row(alert_id)).status for alert_id in exits} == {EXECUTED}

    await bot.sooner_or_later(done, "both have sold their own")
    assert sum(bot.broker.held.values()) == 0
    assert [order.qty for order in bot.broker.sent if order.side is Side.SELL] == [10, 10]
