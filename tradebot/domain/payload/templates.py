"""The alert messages to paste at TradingView, in each dialect, and the lines of Pine that write them. Pure.

Rules: an alert of an indicator knows no order, so buying and selling are two alerts with a message each; an alert of a strategy
has one message for both, and says the position wanted afterwards where the dialect can. A size is written only where the strategy
is sized by its alerts; an exit without one sells all. A stop and a target are written only where the strategy takes them from its
alerts and the dialect can say them; in an exit they mean nothing, so that one message serves both. What cannot be said in one
message of a strategy stands in the script, as `alert_message`. Pine's `alert()` and `alert_message` fill in no placeholders:
there the script writes the values itself, the same in versions 5 and 6.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.payload.samples import ALERT_MESSAGE
from tradebot.domain.strategies import ExitSize, ExitSource, Sizing, Strategy

STAND_IN = "THE_SECRET"
"""Stands where the secret belongs."""


class Kind(StrEnum):
    """What the alert is set on."""

    INDICATOR = "indicator"
    STRATEGY = "strategy"


@dataclass(frozen=True, slots=True)
class Template:
    """What to paste."""

    dialect: str
    kind: Kind
    messages: Mapping[Side | None, str]  # for an alert that buys and one that sells; None: for both
    pine: str  # lines of a script that send the same
    secret_in: str | None  # the field with the secret; None: it can only stand in the URL


Fields = Mapping[str, object]
EXAMPLE_SIZE = "10"
"""Shares, in an alert of an indicator: it knows of no order, so its size is a figure to replace."""
_ORDER = "{{strategy.order.action}}"
_SIZE = "{{strategy.order.contracts}}"
_POSITION: Mapping[str, str] = {
    "market_position": "{{strategy.market_position}}",
    "market_position_size": "{{strategy.market_position_size}}",
    "prev_market_position": "{{strategy.prev_market_position}}",
    "prev_market_position_size": "{{strategy.prev_market_position_size}}",
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one message is to say. `action` is a word or a placeholder."""

    action: str
    secret: str
    quantity: str | None  # None: no size is said
    position: bool = False  # the placeholders of a strategy's position are known
    exits: bool = False  # a stop and a target are said, as two plots of the script

    @property
    def size(self) -> dict[str, object]:
        return {} if self.quantity is None else {"quantity": self.quantity}


_STOP, _TARGET = "{{plot_0}}", "{{plot_1}}"
"""The script's first two plots; in Pine its variables."""


def _own(of: _Wanted) -> Fields:
    exits = {"stop_loss": _STOP, "take_profit": _TARGET} if of.exits else {}
    head = {"secret": of.secret, "action": of.action, "ticker": "{{exchange}}:{{ticker}}", **of.size, **exits}
    return {**head, "price": "{{close}}", "time": "{{timenow}}", **(_POSITION if of.position else {})}


def _traderspost(of: _Wanted) -> Fields:
    wanted = "{{strategy.market_position}}" if of.position else "flat" if of.action == "sell" else "long"
    head = {"secret": of.secret, "ticker": "{{ticker}}", "action": of.action, "sentiment": wanted, **of.size}
    stop = {"stopLoss": {"type": "stop", "stopPrice": _STOP}, "takeProfit": {"limitPrice": _TARGET}}
    exits = stop if of.exits else {}
    return {**head, "price": "{{close}}", "time": "{{timenow}}", "interval": "{{interval}}", **exits}


def _nested(of: _Wanted) -> Fields:
    order: dict[str, object] = {"order_action": of.action}
    if of.quantity is not None:
        order["order_contracts"] = of.quantity
    if of.position:
        order |= {"order_price": "{{strategy.order.price}}", "order_id": "{{strategy.order.id}}", **_POSITION}
    place = {"time": "{{timenow}}", "exchange": "{{exchange}}", "ticker": "{{ticker}}"}
    return {"passphrase": of.secret, **place, "bar": {"close": "{{close}}"}, "strategy": order}


def _threecommas(of: _Wanted) -> Fields:
    signal: dict[str, object] = {
        "secret": of.secret,
        "max_lag": "300",
        "timestamp": "{{timenow}}",
        "trigger_price": "{{close}}",
        "tv_exchange": "{{exchange}}",
        "tv_instrument": "{{ticker}}",
        "action": of.action,
    }
    fixed = {"market_position": "flat" if of.action == "sell" else "long"}
    signal["strategy_info"] = _POSITION if of.position else fixed
    if of.quantity is not None:
        signal["order"] = {"amount": of.quantity, "currency_type": "base"}
    return signal


def _signalstack(of: _Wanted) -> Fields:
    return {"secret": of.secret, "symbol": "{{ticker}}", "action": of.action, **of.size}


def _tbot(of: _Wanted) -> Fields:
    metrics = [{"name": "price", "value": "{{close}}"}]
    if of.quantity is not None:
        metrics.append({"name": "qty", "value": of.quantity})
    if of.exits:
        metrics += [{"name": "exit.stop", "value": _STOP}, {"name": "exit.limit", "value": _TARGET}]
    direction = "strategy.close" if of.action == "sell" else "strategy.entrylong"
    place = {"timestamp": "{{timenow}}", "ticker": "{{ticker}}", "currency": "USD", "contract": "stock"}
    return {**place, "key": of.secret, "direction": direction, "metrics": metrics}


def _json(write: Callable[[_Wanted], Fields]) -> Callable[[_Wanted], str]:
    return lambda of: json.dumps(write(of), ensure_ascii=False)


def _text(of: _Wanted) -> str:
    return " ".join(word for word in (of.action, of.quantity, "{{ticker}}") if word)


def _keyvalue(of: _Wanted) -> str:
    head = {"secret": of.secret, "action": of.action, "ticker": "{{ticker}}", **of.size}
    exits = {"stop_loss": _STOP, "take_profit": _TARGET} if of.exits else {}
    pairs = {**head, **exits, "price": "{{close}}", "time": "{{timenow}}"}
    return ";".join(f"{name}={value}" for name, value in pairs.items())


@dataclass(frozen=True, slots=True)
class _Dialect:
    write: Callable[[_Wanted], str]
    secret_in: str | None
    has_target: bool = True  # its strategy alerts say the position afterwards
    has_exits: bool = False  # its alerts can say a stop and a target
    in_one: bool = True  # one message can stand for an entry and an exit


_DIALECTS: Mapping[str, _Dialect] = {
    "own": _Dialect(_json(_own), "secret", has_exits=True),
    "traderspost": _Dialect(_json(_traderspost), "secret", has_exits=True),
    "nested": _Dialect(_json(_nested), "passphrase"),
    "3commas": _Dialect(_json(_threecommas), "secret"),
    "signalstack": _Dialect(_json(_signalstack), "secret", has_target=False),
    "tbot": _Dialect(_json(_tbot), "key", has_target=False, has_exits=True, in_one=False),
    "text": _Dialect(_text, None, has_target=False),
    "keyvalue": _Dialect(_keyvalue, "secret", has_target=False, has_exits=True),
}
TEMPLATED = tuple(_DIALECTS)
"""The dialects that there is a template of."""


def template(dialect: str, kind: Kind, strategy: Strategy, secret: str = STAND_IN) -> Template:
    """Raises KeyError for a dialect without a template."""
    known, sized, exits = _DIALECTS[dialect], strategy.sizing is Sizing.ALERT, says_exits(dialect, strategy)
    buy, sell = (
        known.write(_Wanted("buy", secret, _SIZE if sized else None, exits=exits)),
        known.write(_Wanted("sell", secret, None)),
    )
    messages: Mapping[Side | None, str] = {Side.BUY: buy.replace(_SIZE, EXAMPLE_SIZE), Side.SELL: sell}
    if kind is Kind.STRATEGY:
        messages = {None: _of_strategy(known, strategy, secret, exits=exits)}
    return Template(dialect, kind, messages, _pine(kind, buy, sell), known.secret_in)


def says_exits(dialect: str, strategy: Strategy) -> bool:
    """Whether the message has a stop and a target: the strategy takes them from its alerts, and the dialect can say them."""
    return strategy.exits is ExitSource.ALERT and _DIALECTS[dialect].has_exits


def _of_strategy(known: _Dialect, strategy: Strategy, secret: str, *, exits: bool) -> str:
    """Where no target says that an exit is of everything, its size makes it a partial one."""
    sized = strategy.sizing is Sizing.ALERT
    if not known.in_one or (sized and not known.has_target and strategy.exit_size is ExitSize.ALL):
        return ALERT_MESSAGE
    return known.write(_Wanted(_ORDER, secret, _SIZE if sized else None, position=known.has_target, exits=exits))


# --- Pine -----------------------------------------------------------------------------------------------------------

_IN_PINE: Mapping[str, str] = {
    "{{ticker}}": "syminfo.ticker",
    "{{exchange}}": "syminfo.prefix",
    "{{close}}": "str.tostring(close)",
    "{{timenow}}": "str.tostring(timenow)",  # milliseconds since 1970
    "{{interval}}": "timeframe.period",
    _SIZE: "str.tostring(qty)",
    _STOP: "str.tostring(stopPrice)",
    _TARGET: "str.tostring(targetPrice)",
}
_INDICATOR = """\
if buySignal
    alert(buyMessage, alert.freq_once_per_bar_close)
if sellSignal
    alert(sellMessage, alert.freq_once_per_bar_close)
"""
_STRATEGY = """\
if buySignal
    strategy.entry("Long", strategy.long{qty}, alert_message = buyMessage)
if sellSignal
    strategy.close("Long", alert_message = sellMessage)
strategy.exit("Exit", "Long", stop = stopPrice, limit = targetPrice, alert_message = sellMessage)
"""


def _pine(kind: Kind, buy: str, sell: str) -> str:
    sized = _SIZE in buy
    declared = f"qty = {EXAMPLE_SIZE}\n" if sized else ""
    orders = _STRATEGY.format(qty=", qty = qty" if sized else "") if kind is Kind.STRATEGY else _INDICATOR
    return f"{declared}buyMessage = {in_pine(buy)}\nsellMessage = {in_pine(sell)}\n{orders}"


def in_pine(message: str) -> str:
    """An expression that comes to the message, with the script's own values for its placeholders."""
    pieces = re.split(f"({'|'.join(map(re.escape, _IN_PINE))})", message)
    return " + ".join(_IN_PINE.get(piece) or _literal(piece) for piece in pieces if piece)


def _literal(text: str) -> str:
    """In single quotes, so that JSON's double ones stand as they are; a backslash and a single quote are escaped."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
