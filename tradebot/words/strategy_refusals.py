"""Why a strategy's rules, or its sizing, refuse an alert: sentences as in `refusals.py`. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime

from tradebot.domain.refusals import Figure, RefusalCode
from tradebot.words import figures, sizing
from tradebot.words.refusal_facts import RefusalFacts

_C = RefusalCode

FIGURES: Mapping[Figure, str] = {
    Figure.SIZE: (
        "strategy {strategy} is sized by a kind that needs a figure, and has none: set size under [strategies.{strategy}]"
    ),
    Figure.ALERT_SIZE: (
        'the alert says no size, and strategy {strategy} takes it from the alert (sizing = "alert"): put a quantity into the '
        "alert's message, or set another sizing for the strategy"
    ),
    Figure.SIZE_NOT_USED: (
        "the alert asks for a size, and strategy {strategy} is not sized by its alerts: nothing else is bought instead. "
        'Set sizing = "alert" under [strategies.{strategy}], or take the field out of the alert\'s message'
    ),
    Figure.ORDER_NOT_USED: (
        "the alert asks for an order, a stop or a target of its own, and strategy {strategy} does not take them from its alerts: "
        'nothing else is bought instead. Set orders = "alert" or exits = "alert" under [strategies.{strategy}], or take them out '
        "of the alert's message"
    ),
    Figure.EQUITY: (
        "the account's net liquidation in USD is unknown, and strategy {strategy} is sized by it: IB has not reported it, or the "
        "account has another base currency. Wait for it, or set another sizing"
    ),
    Figure.STOP: (
        "a size by risk needs a stop to compute it from, and the alert has none: put a stop loss into the alert's message, or "
        "set another sizing for strategy {strategy}"
    ),
}
"""Of what the size of a BUY is computed from, and is not there."""


def _strategy_disabled(f: RefusalFacts) -> str:
    name = f.text("strategy")
    if not int(f.number("known")):
        return (
            f"the configuration has no strategy {name} any more: it buys nothing, what it holds is still sold. "
            f"Put [strategies.{name}] back, or move its positions with tradebot reassign"
        )
    return f"strategy {name} is switched off (enabled = false under [strategies.{name}]): it buys nothing and sells what it holds"


def _trading_window(f: RefusalFacts) -> str:
    now, name = f.text("now"), f.text("strategy")
    if "flat_by" in f.all:
        flat_by = f.text("flat_by")
        return (
            f"it is {now} in New York, and strategy {name} is flat by {flat_by}: change flat_by under [strategies.{name}] if it "
            "should buy"
        )
    return (
        f"it is {now} in New York, strategy {name} buys from {f.text('begin')} to {f.text('end')}: "
        f"change window under [strategies.{name}] if it should"
    )


def _at_target(f: RefusalFacts) -> str:
    held, ticker, name = f.number("held"), f.text("ticker"), f.text("strategy")
    if not held:
        return f"strategy {name} holds no {ticker}, which is what the alert wants afterwards"
    return (
        f"strategy {name} holds {figures.shares(held)} {ticker}, and the alert wants to be long: it is. "
        "To buy more at each alert, leave the target (sentiment, market_position) out of its message"
    )


def _overtaken(f: RefusalFacts) -> str:
    bought, sold = (datetime.fromisoformat(f.text(name)) for name in ("alert_time", "exit_time"))
    earlier = figures.seconds((sold - bought).total_seconds())
    return (
        f"it is {earlier} older than an exit of {f.text('ticker')} of the same strategy, by the times in their messages: alerts "
        "came in another order than they were sent, and an exit is not followed by its own entry"
    )


def _cooldown(f: RefusalFacts) -> str:
    since, window, name = f.seconds("since_s"), figures.seconds(float(f.number("window_s"))), f.text("strategy")
    return (
        f"strategy {name} bought {f.text('ticker')} {since} ago, and waits {window} from one BUY of a ticker to the next "
        f"(cooldown_s under [strategies.{name}])"
    )


def _exit_size(f: RefusalFacts) -> str:
    held = f"{f.shares('held')} {f.text('ticker')}"
    if "size_kind" not in f.all:
        return (
            f"the alert says that a part of {held} stays held, and not which: nothing is sold on a guess. Put a quantity or the "
            "position before and after into its message, or leave the target out to sell everything"
        )
    if "split" in f.all:
        ticker, asked = f.text("ticker"), figures.counted(f.number("size_value"))
        return (
            f"the alert asks for {asked}, and while it waited a split of {ticker} was booked: whether "
            f"these are shares of before or after it is not known, and nothing is sold on a guess. {held} are held: send the "
            f"alert again, or sell them all with /sell_all {ticker} in the chat"
        )
    return f"{sizing.arithmetic(f.all)}: no share of {held} is sold, ask for more"


SENTENCES: Mapping[RefusalCode, Callable[[RefusalFacts], str]] = {
    _C.STRATEGY_DISABLED: _strategy_disabled,
    _C.STRATEGY_PAUSED: lambda f: (
        f"strategy {f.text('strategy')} is paused: no BUY of it until tradebot resume --strategy {f.text('strategy')}"
    ),
    _C.TICKER_NOT_ALLOWED: lambda f: (
        f"{f.text('ticker')} is none of the tickers of strategy {f.text('strategy')} ({f.text('tickers')}): "
        f"add it to tickers under [strategies.{f.text('strategy')}], or send the alert to another strategy"
    ),
    _C.AT_TARGET: _at_target,
    _C.OVERTAKEN: _overtaken,
    _C.TRADING_WINDOW: _trading_window,
    _C.COOLDOWN: _cooldown,
    _C.MAX_ALERTS_PER_DAY: lambda f: (
        f"{f.count('count')} BUY alerts of strategy {f.text('strategy')} today, the most is {f.count('limit')}: "
        f"no BUY of it until tomorrow (New York), or raise max_alerts_per_day under [strategies.{f.text('strategy')}]"
    ),
    _C.EXIT_SIZE: _exit_size,
}
