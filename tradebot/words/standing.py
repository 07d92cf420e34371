"""A strategy as it stands, in words: whether it buys, how it is sized, what it may trade; and that there is no such one. Pure."""

from collections.abc import Iterable
from datetime import time
from decimal import Decimal
from difflib import get_close_matches

from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import ExitSize, ExitSource, OnNewSignal, OrderSource, Sizing, Strategies, Strategy
from tradebot.domain.terms import TimeInForce
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import Standing, StrategyStatus
from tradebot.words import instructions
from tradebot.words.figures import counted, seconds, shares, usd


def standing(one: StrategyStatus, account: BooksStatus | None = None) -> str:
    """`on`, or why it takes no BUY; with the account also what stands above a strategy that is on."""
    if one.standing is Standing.ON and account is not None and (above := _above(account)):
        return f"on, but {above}"
    return {
        Standing.ON: "on",
        Standing.PAUSED: "paused: no BUY",
        Standing.DISABLED: "disabled in the file: no BUY",
        Standing.OUTSIDE_WINDOW: "outside its window: no BUY now",
        Standing.DAILY_LOSS: "at its daily loss: no BUY today",
    }[one.standing]


def _above(account: BooksStatus) -> str | None:
    if account.state is TradingState.KILLED:
        return "trading is KILLED"
    if account.state is TradingState.PAUSED:
        return "all trading is PAUSED: no BUY"
    return "the account is at its daily loss: no BUY today" if account.at_daily_loss else None


def daily_loss(account: BooksStatus) -> str | None:
    """That the whole account buys nothing more today, and of how much."""
    if not account.at_daily_loss:
        return None
    lost, most = account.exposure.lost_today, account.limits.max_daily_loss
    return f"Daily loss {usd(lost)} of {usd(most)}: no BUY until tomorrow in New York"


def sizing(strategy: Strategy, amount: Decimal) -> str:
    """What a BUY's quantity comes from. `amount` is the limit in force, its own or the account's."""
    size = strategy.size or Decimal(0)
    match strategy.sizing:
        case Sizing.SHARES:
            return f"{counted(size)} a BUY"
        case Sizing.EQUITY_PCT:
            return f"{shares(size)}% of equity a BUY"
        case Sizing.RISK_USD:
            return f"{usd(size)} at risk a BUY"
        case Sizing.RISK_PCT:
            return f"{shares(size)}% of equity at risk a BUY"
        case Sizing.ALERT:
            return "BUYs sized by the alert"
    return f"{usd(amount)} a BUY"


def exits(strategy: Strategy) -> str:
    return "exits sized by the alert" if strategy.exit_size is ExitSize.ALERT else "exits sell all"


def places(strategy: Strategy) -> Iterable[str]:
    """What its entries are, and when what they bought is sold; nothing of one that buys at the market and waits for its exits."""
    kind = {OrderSource.LIMIT: "limit orders at the alert's price", OrderSource.ALERT: "orders as the alert asks"}
    if strategy.orders in kind:
        tif = ", good till cancelled" if strategy.tif is TimeInForce.GTC else ", for the day"
        waits = tif if strategy.good_for is None else f", for {seconds(strategy.good_for.total_seconds())}"
        unsaid = " where it does not say" if strategy.orders is OrderSource.ALERT else ""
        yield f"{kind[strategy.orders]}{waits}{unsaid}"
        if strategy.on_new_signal is OnNewSignal.REPLACE:
            yield "a newer signal replaces an entry that waits"
    own = ", ".join(instructions.exits(strategy.own_exits))
    if strategy.exits is ExitSource.ALERT:
        yield f"stop and target as the alert asks{f', else {own}' if own else ''}"
    elif own:
        yield f"every entry: {own}"
    if strategy.break_even_after is not None:
        yield f"stop to the entry price after a gain of {instructions.distance(strategy.break_even_after)}"
    if strategy.flat_by is not None:
        yield f"sells all by {strategy.flat_by:%H:%M} New York"
    if strategy.max_holding is not None:
        yield f"sells what it has held for {seconds(strategy.max_holding.total_seconds())}"


def bounds(strategy: Strategy) -> Iterable[str]:
    """What it may buy, and when; nothing where nothing bounds it."""
    if strategy.tickers is not None:
        yield f"buys only {', '.join(sorted(strategy.tickers))}"
    if strategy.window is not None:
        yield f"buys {window(strategy.window)} New York"
    if strategy.cooldown_s:
        yield f"{strategy.cooldown_s} s between BUYs of a ticker"
    if strategy.max_alerts_per_day is not None:
        yield f"{strategy.max_alerts_per_day} BUY alerts a day"


def window(times: tuple[time, time]) -> str:
    """`09:35–15:45`."""
    begin, end = times
    return f"{begin:%H:%M}–{end:%H:%M}"


def no_such(name: str, strategies: Strategies) -> str:
    """Which there are, and the one that may have been meant."""
    near = get_close_matches(name.lower(), strategies.names, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"There is no strategy “{name[:40]}”.{meant} There are: {', '.join(strategies.names)}."
