"""Why an alert was not traded, in few words: for a message's first line. What the line below adds is here, too. Pure.

Rules: the few words carry the figure that decided, and what is below does not say it again; it says the others, and what to do.
"""

from collections.abc import Callable, Mapping

from tradebot.domain.refusals import Fact, Figure, RefusalCode
from tradebot.words import ib_codes, refusals
from tradebot.words.figures import seconds, whole_usd
from tradebot.words.refusal_facts import RefusalFacts

_C = RefusalCode
_Says = Callable[[RefusalFacts], str]


def in_short(code: str, facts: Mapping[str, Fact]) -> str:
    """`order over $25,000`. Raises ValueError for a code that the domain does not have."""
    return SHORT[RefusalCode(code)](RefusalFacts(facts))


def beside(code: str, facts: Mapping[str, Fact]) -> str:
    """What `in_short` leaves out, in sentences."""
    if says := _BESIDE.get(RefusalCode(code)):
        return says(RefusalFacts(facts))
    return sentence_of(code, facts)


def sentence_of(code: str, facts: Mapping[str, Fact]) -> str:
    """The whole reason, as a sentence of its own."""
    sentence = refusals.refusal(code, facts)
    return f"{sentence[0].upper()}{sentence[1:]}."


SHORT_FIGURES: Mapping[Figure, str] = {
    Figure.MISSING_QTY: "books not clear",
    Figure.WAITED_S: "age not known",
    Figure.SINCE_LAST_BUY_S: "last BUY not known",
    Figure.AMOUNT_USD: "no amount",
    Figure.CASH: "cash not known",
    Figure.NO_USD: "no USD",
    Figure.RESERVED: "cash in flight unclear",
    Figure.INVESTED: "sum invested unclear",
    Figure.REALISED_TODAY: "day's P&L not known",
    Figure.OPEN_CHANGE: "day's loss not known",
    Figure.ALERT_PRICE: "its price is none",
    Figure.SIZE: "no size is set",
    Figure.ALERT_SIZE: "it says no size",
    Figure.SIZE_NOT_USED: "its size is not used",
    Figure.EQUITY: "equity not known",
    Figure.STOP: "no stop to size by",
    Figure.AT_RISK: "risk not known",
    Figure.MARGIN: "margin not known",
    Figure.ORDER_NOT_USED: "its order is not used",
    Figure.PRICE_STEP: "price step not known",
}


def _whole(f: RefusalFacts, name: str) -> str:
    return whole_usd(f.number(name))


def _spread(f: RefusalFacts) -> str:
    bid, ask = f.number("bid"), f.number("ask")
    return f"spread {(ask - bid) * 200 / (ask + bid):.1f} %"


def _off(f: RefusalFacts) -> str:
    ask, alert = f.number("ask"), f.number("alert_price")
    return f"price {abs(ask - alert) * 100 / alert:.1f} % off"


SHORT: Mapping[RefusalCode, _Says] = {
    _C.KILL_SWITCH: lambda f: "kill switch on",
    _C.PAUSED: lambda f: "paused",
    _C.TICKER_BLOCKED: lambda f: "ticker blocked",
    _C.STRATEGY_DISABLED: lambda f: "strategy off",
    _C.STRATEGY_PAUSED: lambda f: "strategy paused",
    _C.TICKER_NOT_ALLOWED: lambda f: "not its ticker",
    _C.AT_TARGET: lambda f: "nothing to do",
    _C.OVERTAKEN: lambda f: "older than an exit",
    _C.TRADING_WINDOW: lambda f: "outside its hours",
    _C.UNKNOWN_ORDER: lambda f: "an order is UNKNOWN",
    _C.SPLIT: lambda f: "was it split?",
    _C.OTHER_CONTRACT: lambda f: "another contract",
    _C.SHORT_AT_IB: lambda f: "short at IB",
    _C.MISMATCH: lambda f: "books differ from IB",
    _C.ALERT_AGE: lambda f: f"older than {f.text('limit_s')} s",
    _C.REPEAT_WINDOW: lambda f: f"bought {f.seconds('since_s')} ago",
    _C.COOLDOWN: lambda f: f"bought {f.seconds('since_s')} ago",
    _C.MAX_ALERTS_PER_DAY: lambda f: f"{f.count('count')} alerts today",
    _C.NO_QUOTE: lambda f: "no price at IB",
    _C.DELAYED_QUOTE: lambda f: "quote is delayed",
    _C.MAX_SPREAD: _spread,
    _C.SIZE: lambda f: "not one share",
    _C.CASH: lambda f: f"{_whole(f, 'free')} cash free",
    _C.MAX_TOTAL_INVESTMENT: lambda f: f"over {_whole(f, 'limit')} in all",
    _C.MAX_OPEN_POSITIONS: lambda f: f"{_some(f, 'position')} open",
    _C.MAX_PER_TICKER: lambda f: f"{f.count('count')} open in it",
    _C.MAX_DAILY_BUYS: lambda f: f"{_some(f, 'buy')} today",
    _C.MAX_DAILY_LOSS: lambda f: f"daily loss {_whole(f, 'limit')}",
    _C.PRICE_COLLAR: _off,
    _C.MAX_ORDER_VALUE: lambda f: f"order over {_whole(f, 'limit')}",
    _C.ENTRY_AT_WORK: lambda f: "its entry waits",
    _C.EXIT_LEVELS: lambda f: "prices do not fit",
    _C.MAX_RISK: lambda f: f"over {_whole(f, 'limit')} at risk",
    _C.MARGIN: lambda f: "IB wants more margin",
    _C.NOT_KNOWN: lambda f: SHORT_FIGURES[Figure(f.text("figure"))],
    _C.MARKET_CLOSED: lambda f: "market closed",
    _C.NO_CONTRACT: lambda f: "no such stock",
    _C.NOTHING_HELD: lambda f: "none is held",
    _C.NOTHING_LEFT_TO_SELL: lambda f: "nothing left to sell",
    _C.EXIT_SIZE: lambda f: "no share to sell",
    _C.SUPERSEDED: lambda f: "a cancel came" if "cancel" in f.all else "a SELL came",
    _C.ENTRIES_CANCELLED: lambda f: "entries cancelled",
    _C.INTERNAL_ERROR: lambda f: "internal error",
}
"""The few words of each code."""


def _some(f: RefusalFacts, thing: str) -> str:
    return f"{f.count('count')} {thing}{'' if f.number('count') == 1 else 's'}"


def _at_most(f: RefusalFacts, command: str) -> str:
    """Of a count: its limit is named where it is another figure."""
    most = "That is the most" if f.number("count") == f.number("limit") else f"The most is {f.count('limit')}"
    return f"{most}{f.of}: raise it with /{command}{f.name} in the chat."


def _cash(f: RefusalFacts) -> str:
    parts = [f"{f.usd('cash')} at IB"]
    parts += [f"{f.usd(name)} {what}" for name, what in _CASH_LESS.items() if f.number(name)]
    free = f" {' − '.join(parts)}." if len(parts) > 1 else ""
    return (
        f"Needed{f.of}: {f.usd('cost')} for {f.shares('qty')} at {f.price('ask')}, with commission and "
        f"{f.number('price_buffer'):.0%} for a worse price.{free}"
    )


_CASH_LESS = {"min_cash_reserve": "reserve", "reserved": "in flight"}


def _invested(f: RefusalFacts) -> str:
    parts = [f"{f.usd('held')} held", *([f"{f.usd('in_flight')} in flight"] if f.number("in_flight") else [])]
    return (
        f"Invested{f.of} would be {f.usd('total')}: {' + '.join(parts)} + {f.usd('cost')}. "
        f"Raise it with /set_max_invest{f.name} in the chat."
    )


def _loss(f: RefusalFacts) -> str:
    lost = f"Realised{f.of}: {f.usd('realised_today')}"
    if "open_change" in f.all:
        lost += f", in open lots {f.usd('open_change')}"
    return f"{lost}. No BUY until tomorrow (New York), or raise it with /set_max_loss{f.name} in the chat."


def _risk(f: RefusalFacts) -> str:
    section = f"[strategies.{f.text('strategy')}]" if "strategy" in f.all else "[trading]"
    lost = f"down to the stop at {f.price('stop')}" if "stop" in f.all else "all its value, for it has no stop"
    return (
        f"{f.shares('qty')} at {f.price('price')} would risk {f.usd('risk')}, {lost}; {f.usd('at_risk')} are at risk{f.of} now. "
        f"Raise max_risk_usd under {section}, or send a nearer stop."
    )


def _levels(f: RefusalFacts) -> str:
    named = (("a stop", "stop"), ("a target", "target"), ("an entry", "price"))
    parts = [f"{what} at {f.price(name)}" for what, name in named if name in f.all]
    prices = f"{', '.join(parts)}; " if parts else ""
    return (
        f"{prices[:1].upper()}{prices[1:]}IB asks {f.price('ask')}. A stop stands below the entry and the bid, a target above.\n"
        "Correct the alert's prices."
    )


def _no_quote(f: RefusalFacts) -> str:
    """IB's words, and what to do in short: the alert's row has it in full."""
    if "ib_code" not in f.all:
        return "No ask of it, live or delayed. Check the account's market data."
    what = ib_codes.no_data_in_short(int(f.number("ib_code")))
    return f"IB {f.text('ib_code')}: {f.text('ib_text').rstrip('. ')}.\n{what}."


def _exit_size(f: RefusalFacts) -> str:
    held = f"{f.shares('held')} {f.text('ticker')}"
    if "size_kind" not in f.all:
        return (
            f"It says that a part of {held} stays held, and not which.\nPut a quantity into its message, or leave the target "
            "out to sell everything."
        )
    if "split" in f.all:
        return (
            f"It asks for {f.shares('size_value')}, and a split came while it waited. {held} are held:\n"
            f"send it again, or /sell_all {f.text('ticker')} in the chat."
        )
    return sentence_of(_C.EXIT_SIZE, f.all)


def _entry_waits(f: RefusalFacts) -> str:
    newer = f'For a newer signal in its place: on_new_signal = "replace" under [strategies.{f.text("strategy")}].'
    return (
        f"Of strategy {f.text('strategy')}, for {f.shares('qty')} {f.text('ticker')}, at IB (alert {f.text('by_alert')}).\n"
        f"{'What came before it does not replace it.' if f.number('newer') else newer}"
    )


def _at_target(f: RefusalFacts) -> str:
    if not f.number("held"):
        return sentence_of(_C.AT_TARGET, f.all)
    return (
        f"It wants to be long, and strategy {f.text('strategy')} is: {f.shares('held')} {f.text('ticker')}.\n"
        "To buy more each time, leave the target out of its message."
    )


_BESIDE: Mapping[RefusalCode, _Says] = {
    _C.NO_QUOTE: _no_quote,
    _C.DELAYED_QUOTE: lambda f: (
        f"IB says {f.price('ask')}, up to 20 minutes old, and this is a live account.\n"
        "Subscribe to its market data at IB, or set allow_delayed_quotes."
    ),
    _C.EXIT_LEVELS: _levels,
    _C.EXIT_SIZE: _exit_size,
    _C.ENTRY_AT_WORK: _entry_waits,
    _C.AT_TARGET: _at_target,
    _C.OVERTAKEN: lambda f: (
        f"An exit of {f.text('ticker')} was sent after it, and came before it: an exit is not followed by its own entry."
    ),
    _C.SHORT_AT_IB: lambda f: (
        f"IB shows {f.shares('short_qty')} {f.text('ticker')} sold short, not by the bot: a BUY would cover your own.\n"
        f"Cover it yourself, or /block {f.text('ticker')} in the chat meanwhile."
    ),
    _C.KILL_SWITCH: lambda f: "Nothing is traded until `tradebot resume`.",
    _C.PAUSED: lambda f: "No BUY until `tradebot resume`. SELLs go on.",
    _C.TICKER_BLOCKED: lambda f: f"No BUY of it until /unblock {f.text('ticker')} in the chat.",
    _C.STRATEGY_PAUSED: lambda f: (
        f"No BUY of strategy {f.text('strategy')} until `tradebot resume --strategy {f.text('strategy')}`."
    ),
    _C.ALERT_AGE: lambda f: f"It waited {f.seconds('waited_s')}. The limit is max_alert_age_s in the configuration.",
    _C.REPEAT_WINDOW: lambda f: f"Not again within {f.text('window_s')} s.",
    _C.COOLDOWN: lambda f: (
        f"Strategy {f.text('strategy')} waits {seconds(float(f.number('window_s')))} from one BUY of a ticker to the next "
        f"(cooldown_s under [strategies.{f.text('strategy')}])."
    ),
    _C.MAX_ALERTS_PER_DAY: lambda f: (
        f"No BUY of strategy {f.text('strategy')} until tomorrow (New York), or raise max_alerts_per_day under "
        f"[strategies.{f.text('strategy')}]."
    ),
    _C.MAX_SPREAD: lambda f: (
        f"Bid {f.price('bid')}, asked {f.price('ask')}. max_spread_pct allows {f.shares('limit_pct')} % to buy at the market."
    ),
    _C.CASH: _cash,
    _C.MAX_TOTAL_INVESTMENT: _invested,
    _C.MAX_OPEN_POSITIONS: lambda f: _at_most(f, "set_max_positions"),
    _C.MAX_PER_TICKER: lambda f: _at_most(f, "set_max_per_ticker"),
    _C.MAX_DAILY_BUYS: lambda f: _at_most(f, "set_max_daily"),
    _C.MAX_DAILY_LOSS: _loss,
    _C.PRICE_COLLAR: lambda f: (
        f"Asked {f.price('ask')}{' by data up to 20 minutes old' if 'delayed' in f.all else ''}, the alert said "
        f"{f.price('alert_price')}. price_collar_pct allows {f.shares('limit_pct')} %."
    ),
    _C.MAX_ORDER_VALUE: lambda f: (
        f"{f.shares('qty')} at {f.price('ask')} are {f.usd('value')}. The limit is max_order_value_usd in the configuration."
    ),
    _C.MAX_RISK: _risk,
    _C.SUPERSEDED: lambda f: f"Alert {f.text('by_alert')} came after it: this one is not traded any more.",
}
