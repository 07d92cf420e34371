"""Why an alert was not traded, or not yet, in plain words with its figures, and how to change what it depends on.

Rules: one sentence a code, without a full stop at its end; facts may come from the domain or from a stored event, where a
Decimal has become text. A title names the rule in two or three words where refusals are counted.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from tradebot.domain.refusals import Fact, Figure, RefusalCode
from tradebot.words import figures, ib_codes, sizing, strategy_refusals
from tradebot.words.refusal_facts import RefusalFacts

_C = RefusalCode


def refusal(code: str, facts: Mapping[str, Fact]) -> str:
    """The reason as people read it. Raises ValueError for a code that the domain does not have."""
    return _SENTENCES[RefusalCode(code)](RefusalFacts(facts))


def title(code: str) -> str:
    """What the reason is called where it is counted; a code of another version by itself."""
    return next((words for known, words in TITLES.items() if known == code), code.replace("_", " "))


TITLES: Mapping[RefusalCode, str] = {
    _C.KILL_SWITCH: "kill switch",
    _C.PAUSED: "pause",
    _C.TICKER_BLOCKED: "ticker blocked",
    _C.STRATEGY_DISABLED: "strategy disabled",
    _C.STRATEGY_PAUSED: "strategy paused",
    _C.TICKER_NOT_ALLOWED: "ticker not allowed",
    _C.AT_TARGET: "at target",
    _C.OVERTAKEN: "overtaken",
    _C.TRADING_WINDOW: "trading window",
    _C.UNKNOWN_ORDER: "unknown order",
    _C.SPLIT: "split",
    _C.OTHER_CONTRACT: "other contract",
    _C.SHORT_AT_IB: "short at IB",
    _C.MISMATCH: "mismatch",
    _C.ALERT_AGE: "alert age",
    _C.REPEAT_WINDOW: "repeat window",
    _C.COOLDOWN: "cooldown",
    _C.MAX_ALERTS_PER_DAY: "alerts a day",
    _C.NO_QUOTE: "quote",
    _C.DELAYED_QUOTE: "delayed quote",
    _C.MAX_SPREAD: "spread",
    _C.SIZE: "size",
    _C.CASH: "cash",
    _C.MAX_TOTAL_INVESTMENT: "total investment",
    _C.MAX_OPEN_POSITIONS: "open positions",
    _C.MAX_PER_TICKER: "per ticker",
    _C.MAX_DAILY_BUYS: "daily buys",
    _C.MAX_DAILY_LOSS: "daily loss",
    _C.PRICE_COLLAR: "price collar",
    _C.MAX_ORDER_VALUE: "order value",
    _C.ENTRY_AT_WORK: "entry at work",
    _C.EXIT_LEVELS: "order prices",
    _C.MAX_RISK: "risk at the stops",
    _C.MARGIN: "margin",
    _C.NOT_KNOWN: "figure not known",
    _C.MARKET_CLOSED: "market closed",
    _C.NO_CONTRACT: "no such stock",
    _C.NOTHING_HELD: "nothing to sell",
    _C.ENTRIES_CANCELLED: "entries cancelled",
    _C.NOTHING_LEFT_TO_SELL: "nothing left to sell",
    _C.EXIT_SIZE: "exit size",
    _C.SUPERSEDED: "superseded by a SELL",
    _C.INTERNAL_ERROR: "internal error",
}
FIGURES: Mapping[Figure, str] = {
    Figure.MISSING_QTY: "the difference between the books and IB for {ticker} is not a number: no BUY until it is known",
    Figure.WAITED_S: "the time that the alert waited is not a number: no BUY until it is known",
    Figure.SINCE_LAST_BUY_S: "the time since the last BUY of {ticker} is not a number: no BUY until it is known",
    Figure.AMOUNT_USD: "the amount for a BUY is not a number: no BUY until it is known",
    Figure.CASH: "cash is unknown: IB has not reported it",
    Figure.NO_USD: (
        "no USD in the account, base {base_currency} {base_cash}: convert some to USD at IB, "
        "for tradebot never buys on borrowed USD"
    ),
    Figure.RESERVED: "the cash taken by orders in flight is not a number: no BUY until it is known",
    Figure.INVESTED: "the money invested is not a number: no BUY until it is known",
    Figure.REALISED_TODAY: "today's realised P&L is not a number: no BUY until it is known",
    Figure.OPEN_CHANGE: (
        'IB gives no price for {unpriced}, so the day\'s total loss is unknown (daily_loss_basis = "total"): '
        "no BUY until it is known"
    ),
    Figure.ALERT_PRICE: (
        "the alert's price {alert_price} is no price to hold the quote against: correct the alert's template"
    ),
    Figure.AT_RISK: "what is at risk down to the stops is not a number: no BUY until it is known",
    Figure.PRICE_STEP: (
        "IB has not told which prices orders of {ticker} may have (its market rule): no order with a price until it has. "
        "Send the alert again in a moment"
    ),
    Figure.MARGIN: (
        "IB did not answer what margin the BUY of {ticker} would take, and it is above what_if_above_usd: no BUY until it "
        "answers. Send the alert again, or raise what_if_above_usd under [trading]"
    ),
    **strategy_refusals.FIGURES,
}


def _unknown_order(f: RefusalFacts) -> str:
    ticker = f.text("ticker")
    return (
        f"an earlier {ticker} order is UNKNOWN, it may be at IB: "
        f"{ticker} is frozen until it is resolved, by IB or by the button on its message"
    )


def _split(f: RefusalFacts) -> str:
    ticker = f.text("ticker")
    return (
        f"the books hold {f.shares('booked')} {ticker}, IB shows {f.shares('at_ib')} for the same money, as after a split "
        f"{f.count('new')} for {f.count('old')}: no BUY of it until you have said by the button on its message whether it was one"
    )


def _other_contract(f: RefusalFacts) -> str:
    ticker = f.text("ticker")
    return (
        f"the bot holds {ticker} of another contract than the one that IB calls {ticker} now: "
        "no BUY of it until these shares are sold"
    )


def _short_at_ib(f: RefusalFacts) -> str:
    ticker = f.text("ticker")
    return (
        f"IB shows {f.shares('short_qty')} {ticker} sold short, which the bot never does: a BUY would cover your own short "
        f"instead of opening a position. Cover it yourself, or let no alert buy {ticker} meanwhile"
    )


def _mismatch(f: RefusalFacts) -> str:
    return (
        f"the books hold {f.shares('missing_qty')} {f.text('ticker')} more than IB shows: "
        "no BUY of it until they agree or the difference is accepted"
    )


def _alert_age(f: RefusalFacts) -> str:
    return (
        f"the alert waited {f.seconds('waited_s')}, longer than max_alert_age_s in the configuration "
        f"({f.text('limit_s')} s) allows a BUY"
    )


def _repeat_window(f: RefusalFacts) -> str:
    return (
        f"a BUY of {f.text('ticker')} was decided {f.seconds('since_s')} ago: not again within {f.text('window_s')} s"
    )


def _no_quote(f: RefusalFacts) -> str:
    if "ib_code" in f.all:
        said = f"IB {f.text('ib_code')}: {f.text('ib_text').rstrip('. ')}"
        return f"IB gave no price for {f.text('ticker')} ({said}): {ib_codes.no_data(int(f.number('ib_code')))}"
    return (
        f"IB gave no ask price for {f.text('ticker')}, live or delayed, and the alert's own price is not used "
        "for sizing: check the account's market data"
    )


def _delayed_quote(f: RefusalFacts) -> str:
    return (
        f"IB gives only delayed quotes for {f.text('ticker')} ({f.price('ask')}, up to 20 minutes old), and this is a live "
        "account: subscribe to its market data at IB, or set allow_delayed_quotes = true under [trading]"
    )


def _max_spread(f: RefusalFacts) -> str:
    bid, ask = f.number("bid"), f.number("ask")
    return (
        f"{f.text('ticker')} is bid {f.price('bid')} and asked {f.price('ask')}: {(ask - bid) * 200 / (ask + bid):.1f}% apart, "
        f"more than max_spread_pct ({f.shares('limit_pct')}%) allows a BUY at the market"
    )


def _size(f: RefusalFacts) -> str:
    if "size_kind" in f.all and sizing.is_worth_telling(f.all):
        what = f"{sizing.arithmetic(f.all)}: no share of {f.text('ticker')} is left to buy"
        return f"{what}, raise that limit" if "lowered_by" in f.all else f"{what}, ask for more"
    own = f.number("amount_usd")
    amount = f.number("size_value") if "size_value" in f.all else own  # a /buy and an alert may say how much
    # Rounded down, so that 0.999 is not shown as a whole share.
    hundredths = amount * 100 // f.number("ask")
    advice = f"raise the amount with /set_amount{f.name} in the chat" if amount == own else "ask for more"
    return (
        f"{figures.usd(amount)} / {f.price('ask')} = {hundredths / 100:.2f} shares of {f.text('ticker')}, "
        f"which rounds down to none: {advice}"
    )


def _cash(f: RefusalFacts) -> str:
    return (
        f"needs {f.usd('cost')} for {f.shares('qty')} {f.text('ticker')} at {f.price('ask')} with commission "
        f"and {f.number('price_buffer'):.0%} for a worse price, free cash{f.of} is {f.usd('free')} ({f.usd('cash')} at IB − "
        f"{f.usd('min_cash_reserve')} reserve − {f.usd('reserved')} in flight)"
    )


def _total_investment(f: RefusalFacts) -> str:
    return (
        f"would bring the total invested{f.of} to {f.usd('total')} ({f.usd('held')} held + {f.usd('in_flight')} "
        f"in flight + {f.usd('cost')}), the most is {f.usd('limit')}: "
        f"raise it with /set_max_invest{f.name} in the chat"
    )


def _open_positions(f: RefusalFacts) -> str:
    most = f"the most is {f.count('limit')}: raise it with /set_max_positions{f.name} in the chat"
    return f"{f.count('count')} open positions{f.of}, {most}"


def _per_ticker(f: RefusalFacts) -> str:
    return (
        f"{f.count('count')} open positions{f.of} in {f.text('ticker')}, "
        f"the most is {f.count('limit')}: raise it with /set_max_per_ticker{f.name} in the chat"
    )


def _daily_buys(f: RefusalFacts) -> str:
    most = f"the most is {f.count('limit')}: raise it with /set_max_daily{f.name} in the chat"
    return f"{f.count('count')} buys{f.of} today, {most}"


def _daily_loss(f: RefusalFacts) -> str:
    lost = f"realised {f.usd('realised_today')} today"
    if "open_change" in f.all:
        lost += f" and {f.usd('open_change')} in open lots"
    return (
        f"{lost}, the daily loss limit{f.of} is {f.usd('limit')}: "
        f"no BUY until tomorrow (New York), or raise it with /set_max_loss{f.name} in the chat"
    )


def _price_collar(f: RefusalFacts) -> str:
    ask, alert = f.number("ask"), f.number("alert_price")
    off = abs(ask - alert) * 100 / alert
    delayed = " by delayed data, up to 20 minutes old" if "delayed" in f.all else ""
    return (
        f"{f.text('ticker')} asks {f.price('ask')}{delayed}, {off:.1f}% {'above' if ask > alert else 'below'} the alert's "
        f"{f.price('alert_price')}: more than price_collar_pct ({f.shares('limit_pct')}%) allows"
    )


def _max_order_value(f: RefusalFacts) -> str:
    return (
        f"{f.shares('qty')} {f.text('ticker')} at {f.price('ask')} are {f.usd('value')}, "
        f"max_order_value_usd in the configuration is {f.usd('limit')}"
    )


_ORDERS = {
    "LMT": "a limit of",
    "STP": "a stop order at",
    "STP LMT": "a stop-limit order up to",
    "TRAIL": "a trailing stop order from",
}


def _exit_levels(f: RefusalFacts) -> str:
    kind = f.text("order")
    bid = f" (bid {f.price('bid')})" if "bid" in f.all else ""
    entry = (
        f"IB's ask of {f.price('ask')}{bid}"
        if kind == "MKT"
        else (f"{_ORDERS[kind]} {f.price('price')} (IB asks {f.price('ask')})")
    )
    parts = [f"a stop at {f.price('stop')}"] if "stop" in f.all else []
    if "stop_limit" in f.all:
        parts[0] += f" with a limit of {f.price('stop_limit')}"
    if "target" in f.all:
        parts.append(f"a target at {f.price('target')}")
    if not parts:
        return f"the prices of the {f.text('ticker')} order do not fit together: {entry}. Correct the alert's prices"
    return (
        f"{' and '.join(parts)} do not fit {entry} of {f.text('ticker')}: a stop stands below the entry and the bid, a target "
        "above, or they would sell at once. Correct the alert's prices"
    )


def _max_risk(f: RefusalFacts) -> str:
    section = f"[strategies.{f.text('strategy')}]" if "strategy" in f.all else "[trading]"
    lost = (
        f"down to the stop at {f.price('stop')}" if "stop" in f.all else "for it has no stop, and all its value counts"
    )
    return (
        f"{f.shares('qty')} {f.text('ticker')} at {f.price('price')} would put {f.usd('risk')} at risk, {lost}; "
        f"{f.usd('at_risk')} are{f.of}, the most is {f.usd('limit')}: raise max_risk_usd under {section}, or send a nearer stop"
    )


def _margin(f: RefusalFacts) -> str:
    what = f"{f.shares('qty')} {f.text('ticker')} at {f.price('price')}"
    if "ib_code" in f.all:
        return f"IB would refuse {what} (IB {f.text('ib_code')}: {f.text('ib_text').rstrip('. ')})"
    return (
        f"IB would want a margin of {figures.amount(f.number('margin'))} with {what}, and the account would have "
        f"{figures.amount(f.number('equity'))} for it: ask for less, or add money to the account"
    )


def _market_closed(f: RefusalFacts) -> str:
    opens = figures.market_time(datetime.fromisoformat(f.text("opens_at")))
    return f"the market is closed; runs at the open, {opens}"


def _nothing_held(f: RefusalFacts) -> str:
    """With a strategy where others hold the ticker."""
    if by := f.all.get("sold_by"):
        return f"the {by} of {f.text('ticker')} filled before IB could cancel it for this exit: nothing is left to sell"
    if "strategy" not in f.all:
        return f"the bot holds no {f.text('ticker')}, and your own shares are never touched"
    return f"strategy{f.name} holds no {f.text('ticker')}: what other strategies hold, and your own shares, it never touches"


def _nothing_left_to_sell(f: RefusalFacts) -> str:
    if by := f.all.get("by"):
        are = "is" if f.number("selling") == 1 else "are"
        return (
            f"the bot holds {f.shares('held')} {f.text('ticker')}, and {figures.counted(f.number('selling'))} {are} in a working "
            f"SELL at IB (permId {by}): cancel it first"
        )
    return (
        f"the books hold {f.shares('held')} {f.text('ticker')}, IB shows {f.shares('at_ib')} with "
        f"{f.shares('selling')} already being sold: nothing is left to sell without going short. "
        f"Compare with TWS"
    )


def _entry_at_work(f: RefusalFacts) -> str:
    """Of the alert that it belongs to, by its number."""
    rule = (
        "what came before it does not replace it"
        if f.number("newer")
        else f'set on_new_signal = "replace" under [strategies.{f.text("strategy")}] for the newer signal to come in its place'
    )
    return (
        f"an entry of strategy {f.text('strategy')} for {f.shares('qty')} {f.text('ticker')} still waits for its price at IB "
        f"(alert {f.text('by_alert')}): {rule}"
    )


def _entries_cancelled(f: RefusalFacts) -> str:
    orders, alerts, unknown = (int(f.number(name)) for name in ("orders", "alerts", "unknown"))
    too_late = int(f.number("too_late")) if "too_late" in f.all else 0
    filled = f.number("filled")
    if not (orders or alerts or too_late or unknown):
        return "no entry worked or waited: there was nothing to cancel"
    parts = [
        f"{orders} {'entry' if orders == 1 else 'entries'} cancelled" if orders else "",
        f"{alerts} waiting {'BUY' if alerts == 1 else 'BUYs'} ended" if alerts else "",
        f"{figures.counted(filled)} had filled before" if filled else "",
        f"{'1 entry was' if too_late == 1 else f'{too_late} entries were'} filled before the cancel came"
        if too_late
        else "",
        f"{unknown} UNKNOWN: cancelled should it come to life" if unknown else "",
    ]
    return ", ".join(part for part in parts if part)


def _not_known(f: RefusalFacts) -> str:
    facts = dict(f.all)
    if "base_cash" in facts:
        facts["base_cash"] = figures.amount(f.number("base_cash"))
    return FIGURES[Figure(f.text("figure"))].format_map(facts)


_SENTENCES: Mapping[RefusalCode, Callable[[RefusalFacts], str]] = {
    _C.KILL_SWITCH: lambda f: "the kill switch is on: nothing is traded until tradebot resume",
    _C.PAUSED: lambda f: "trading is paused: no BUY until tradebot resume",
    _C.TICKER_BLOCKED: lambda f: (
        f"{f.text('ticker')} is blocked: no BUY of it until /unblock {f.text('ticker')} in the chat"
    ),
    _C.UNKNOWN_ORDER: _unknown_order,
    _C.SPLIT: _split,
    _C.OTHER_CONTRACT: _other_contract,
    _C.SHORT_AT_IB: _short_at_ib,
    _C.MISMATCH: _mismatch,
    _C.ALERT_AGE: _alert_age,
    _C.REPEAT_WINDOW: _repeat_window,
    _C.NO_QUOTE: _no_quote,
    _C.DELAYED_QUOTE: _delayed_quote,
    _C.MAX_SPREAD: _max_spread,
    _C.SIZE: _size,
    _C.CASH: _cash,
    _C.MAX_TOTAL_INVESTMENT: _total_investment,
    _C.MAX_OPEN_POSITIONS: _open_positions,
    _C.MAX_PER_TICKER: _per_ticker,
    _C.MAX_DAILY_BUYS: _daily_buys,
    _C.MAX_DAILY_LOSS: _daily_loss,
    _C.PRICE_COLLAR: _price_collar,
    _C.MAX_ORDER_VALUE: _max_order_value,
    _C.EXIT_LEVELS: _exit_levels,
    _C.MAX_RISK: _max_risk,
    _C.MARGIN: _margin,
    _C.NOT_KNOWN: _not_known,
    **strategy_refusals.SENTENCES,
    _C.MARKET_CLOSED: _market_closed,
    _C.NO_CONTRACT: lambda f: f.text("detail"),
    _C.NOTHING_HELD: _nothing_held,
    _C.NOTHING_LEFT_TO_SELL: _nothing_left_to_sell,
    _C.ENTRY_AT_WORK: _entry_at_work,
    _C.SUPERSEDED: lambda f: (
        f"superseded by the {'cancel' if 'cancel' in f.all else 'SELL'} of alert {f.text('by_alert')}"
    ),
    _C.ENTRIES_CANCELLED: _entries_cancelled,
    _C.INTERNAL_ERROR: lambda f: f"internal error, no order was made ({f.text('detail')})",
}
