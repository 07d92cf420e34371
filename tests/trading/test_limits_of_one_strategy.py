"""One strategy at its limit, its pause or its hours: another one goes on as if nothing were; the account's limits stop both."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import NO_FIXED_LIMITS, Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.settings import TradingState, limit_key, strategy_state_key
from tradebot.domain.strategies import Sizing, Strategies, Strategy

BLOCKED, EXECUTED = AlertStatus.BLOCKED, AlertStatus.EXECUTED
Code = RefusalCode
Prepare = Callable[[Bot], Awaitable[None]]


def two(**a: Any) -> Strategies:
    """`a` as the test wants it, and `b` as it comes."""
    return Strategies({"a": Strategy(name="a", **a), "b": Strategy(name="b")})


async def running(make_bot: MakeBot, strategies: Strategies, **setup: Any) -> Bot:
    bot = await make_bot(strategies=strategies, **setup)
    await bot.start()
    bot.broker.fill_at_once()
    return bot


async def done(bot: Bot, side: str, ticker: str, strategy: str, **fields: object) -> Alert:
    """The alert when it has come to its end, and what it traded is settled."""
    alert = await bot.becomes(await bot.alert(side, ticker, strategy=strategy, **fields), BLOCKED, EXECUTED)
    bot.clock.skip(11)
    return alert


async def buys(bot: Bot, ticker: str, strategy: str) -> None:
    alert = await done(bot, "BUY", ticker, strategy)
    assert alert.status is EXECUTED, alert.reason


async def refused(bot: Bot, code: RefusalCode, ticker: str, strategy: str, whose: str | None) -> None:
    """`whose` limit it is: the strategy's, or None for the account's."""
    alert = await done(bot, "BUY", ticker, strategy)
    assert alert.status is BLOCKED
    assert isinstance(alert.reason, Reason)
    assert (alert.reason.code, alert.reason.facts.get("strategy")) == (code, whose), alert.reason


async def nothing(bot: Bot) -> None:
    """The limit is reached before the first order."""


async def has_bought(bot: Bot) -> None:
    await buys(bot, "KO", "a")


async def has_bought_the_same(bot: Bot) -> None:
    await buys(bot, "AAPL", "a")


async def has_lost(bot: Bot) -> None:
    await loses(bot, "a")


async def loses(bot: Bot, strategy: str) -> None:
    """5 shares, sold at 20 USD less each."""
    await buys(bot, "KO", strategy)
    number, before = len(bot.broker.sent), bot.broker.on_place
    bot.broker.on_place = lambda order: None
    alert_id = await bot.alert("SELL", "KO", strategy=strategy)
    order = await bot.sent(number + 1)
    bot.broker.fill(order.order_ref, int(order.qty), 80)
    await bot.becomes(alert_id, EXECUTED)
    bot.broker.on_place = before
    bot.clock.skip(11)


LIMITS: Mapping[str, tuple[Code, Decimal | int, Prepare]] = {
    "buy_amount_usd": (Code.SIZE, Decimal(50), nothing),
    "max_open_positions": (Code.MAX_OPEN_POSITIONS, 1, has_bought),
    "max_daily_buys": (Code.MAX_DAILY_BUYS, 1, has_bought),
    "max_total_investment": (Code.MAX_TOTAL_INVESTMENT, Decimal(900), has_bought),
    "max_per_ticker": (Code.MAX_PER_TICKER, 1, has_bought_the_same),
    "max_daily_loss": (Code.MAX_DAILY_LOSS, Decimal(100), has_lost),
    "min_cash_reserve": (Code.CASH, Decimal(99_900), nothing),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_of_one_strategy_stops_that_one_alone(make_bot: MakeBot, name: str) -> None:
    """The limit of one strategy would hold another one back, or not hold its own."""
    code, value, reach = LIMITS[name]
    bot = await running(make_bot, two(limits={name: value}))
    await reach(bot)
    await refused(bot, code, "AAPL", "a", whose="a")
    await buys(bot, "AAPL", "b")
    await refused(bot, code, "AAPL", "a", whose="a")


@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_of_the_account_is_over_the_sum(make_bot: MakeBot, name: str) -> None:
    """Two strategies together would go beyond what the account's limit allows, each with room of its own."""
    code, value, reach = LIMITS[name]
    bot = await running(make_bot, two(), limits=_account(name, value))
    await reach(bot)
    await refused(bot, code, "AAPL", "b", whose=None)
    await refused(bot, code, "AAPL", "a", whose=None)


@pytest.mark.parametrize("name", LIMITS)
async def test_a_limit_that_the_owner_stores_for_one_strategy(make_bot: MakeBot, name: str) -> None:
    """A limit from the chat would count for nobody, or for everybody."""
    code, value, reach = LIMITS[name]
    bot = await running(make_bot, two())
    await reach(bot)
    await _stored(bot, limit_key(name, "a"), str(value))
    await refused(bot, code, "AAPL", "a", whose="a")
    await buys(bot, "AAPL", "b")


async def test_two_strategies_share_the_room_under_the_accounts_limit(make_bot: MakeBot) -> None:
    """One strategy's orders would not count against what the account may invest for another one."""
    strategies = Strategies(
        {name: Strategy(name=name, limits={"max_total_investment": Decimal(1_600)}) for name in ("a", "b")}
    )
    bot = await running(make_bot, strategies, limits=Limits(max_total_investment=Decimal(2_100)))
    for strategy, ticker in (("a", "AAPL"), ("b", "AAPL"), ("a", "KO"), ("b", "KO")):
        await buys(bot, ticker, strategy)
    await refused(bot, Code.MAX_TOTAL_INVESTMENT, "MSFT", "a", whose=None)
    await refused(bot, Code.MAX_TOTAL_INVESTMENT, "MSFT", "b", whose=None)
    sold = await done(bot, "SELL", "AAPL", "a")
    assert sold.status is EXECUTED
    await buys(bot, "MSFT", "b")  # what one has sold is room for the other
    await refused(bot, Code.MAX_TOTAL_INVESTMENT, "IBM", "b", whose="b")  # … as far as its own limit goes


async def test_losses_of_all_strategies_add_up(make_bot: MakeBot) -> None:
    """Each strategy under its own limit, together they would lose more than the account may in a day."""
    bot = await running(
        make_bot, two(limits={"max_daily_loss": Decimal(150)}), limits=Limits(max_daily_loss=Decimal(150))
    )
    await loses(bot, "a")
    await buys(bot, "AAPL", "a")
    await loses(bot, "b")
    await refused(bot, Code.MAX_DAILY_LOSS, "MSFT", "a", whose=None)
    await refused(bot, Code.MAX_DAILY_LOSS, "MSFT", "b", whose=None)
    assert (await done(bot, "SELL", "AAPL", "a")).status is EXECUTED


async def test_a_burst_of_two_strategies_with_room_for_three(make_bot: MakeBot) -> None:
    """Alerts of two strategies in one moment would each be judged without the other's orders in flight."""
    bot = await running(make_bot, two(limits={"max_open_positions": 2}), limits=Limits(max_open_positions=3))
    tickers = [f"T{number}" for number in range(8)]
    wanted = [(ticker, strategy) for ticker in tickers for strategy in ("a", "b")]
    alerts = await asyncio.gather(*(bot.alert("BUY", ticker, strategy=strategy) for ticker, strategy in wanted))
    ends = [await bot.becomes(alert, BLOCKED, EXECUTED) for alert in alerts]
    bought = [alert.strategy for alert in ends if alert.status is EXECUTED]
    assert len(bought) == len(bot.broker.sent) == 3
    assert bought.count("a") <= 2


# --- beside the limits -----------------------------------------------------------------------------------------------

RULES: Mapping[str, tuple[Code, Strategies, Prepare]] = {
    "enabled": (Code.STRATEGY_DISABLED, two(enabled=False), nothing),
    "window": (Code.TRADING_WINDOW, two(window=(time(9, 35), time(11))), nothing),
    "window across midnight": (Code.TRADING_WINDOW, two(window=(time(20), time(11))), nothing),
    "tickers": (Code.TICKER_NOT_ALLOWED, two(tickers=frozenset({"KO"})), has_bought),
    "cooldown": (Code.COOLDOWN, two(cooldown_s=600), has_bought_the_same),
    "alerts a day": (Code.MAX_ALERTS_PER_DAY, two(max_alerts_per_day=1), has_bought),
}


@pytest.mark.parametrize("name", RULES)
async def test_a_rule_of_one_strategy_stops_its_entries_alone(make_bot: MakeBot, name: str) -> None:
    """Hours, pauses and tickers of one strategy would stop another one, or an exit."""
    code, strategies, reach = RULES[name]
    bot = await running(make_bot, strategies)
    await reach(bot)
    await refused(bot, code, "AAPL", "a", whose="a")
    await buys(bot, "AAPL", "b")
    await refused(bot, code, "AAPL", "a", whose="a")
    if reach is not nothing:
        sold = await done(bot, "SELL", "KO" if reach is has_bought else "AAPL", "a")
        assert sold.status is EXECUTED, sold.reason
    assert [lot.strategy for lot in await bot.lots() if lot.ticker == "AAPL" and lot.exit_time is None] == ["b"]


async def test_a_cooldown_passes(make_bot: MakeBot) -> None:
    """A strategy would be held back longer than it is told to, or by another ticker."""
    bot = await running(make_bot, two(cooldown_s=600))
    await buys(bot, "AAPL", "a")
    await buys(bot, "KO", "a")
    await refused(bot, Code.COOLDOWN, "AAPL", "a", whose="a")
    bot.clock.skip(600)
    await buys(bot, "AAPL", "a")


async def test_the_pause_of_one_strategy(make_bot: MakeBot) -> None:
    """`/pause a` would pause everything, or stop an exit; the kill switch would spare a strategy."""
    bot = await running(make_bot, two())
    await buys(bot, "AAPL", "a")
    await _stored(bot, strategy_state_key("a"), TradingState.PAUSED)
    await refused(bot, Code.STRATEGY_PAUSED, "KO", "a", whose="a")
    await buys(bot, "KO", "b")
    assert (await done(bot, "SELL", "AAPL", "a")).status is EXECUTED
    await _stored(bot, strategy_state_key("a"), TradingState.RUNNING)
    await buys(bot, "KO", "a")
    assert await bot.switch.kill("owner")
    for side, strategy in (("BUY", "a"), ("BUY", "b"), ("SELL", "a"), ("SELL", "b")):
        alert = await done(bot, side, "KO", strategy)
        assert isinstance(alert.reason, Reason)
        assert (alert.status, alert.reason.code) == (BLOCKED, Code.KILL_SWITCH)


async def test_the_repeat_window_is_each_strategys(make_bot: MakeBot) -> None:
    """Two strategies that buy one stock in the same second would be taken for one that repeats itself."""
    bot = await running(make_bot, two(), fixed_limits=_fixed(repeat_window_s=60))
    await buys(bot, "AAPL", "a")
    await buys(bot, "AAPL", "b")
    alert = await done(bot, "BUY", "AAPL", "a")
    assert isinstance(alert.reason, Reason)
    assert (alert.status, alert.reason.code) == (BLOCKED, Code.REPEAT_WINDOW)


async def test_a_size_is_lowered_by_the_tightest_limit_whoever_set_it(make_bot: MakeBot) -> None:
    """An alert's size would pass a limit of its strategy or of the account, or be lowered for another strategy."""
    strategies = Strategies(
        {
            "a": Strategy(name="a", sizing=Sizing.ALERT, limits={"max_total_investment": Decimal(1_000)}),
            "b": Strategy(name="b", sizing=Sizing.ALERT),
        }
    )
    bot = await running(make_bot, strategies, fixed_limits=_fixed(max_order_value_usd=Decimal(2_500)))
    for strategy, shares in (("a", 9), ("b", 25)):
        alert = await done(bot, "BUY", "AAPL", strategy, quantity="40")
        assert alert.status is EXECUTED, alert.reason
        trade = await bot.trade_of(alert.id)
        assert (trade.strategy, trade.filled_qty) == (strategy, shares)


def _account(name: str, value: Decimal | int) -> Limits:
    changes: dict[str, Any] = {name: value}
    return replace(Limits(), **changes)


def _fixed(**changes: Any) -> FixedLimits:
    return replace(NO_FIXED_LIMITS, **changes)


async def _stored(bot: Bot, key: str, value: str) -> None:
    async with bot.ledger.begin() as books:
        await books.put_setting(key, value, "owner", bot.clock.now() - timedelta(seconds=1))
