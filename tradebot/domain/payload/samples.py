"""An alert's message as it stands in TradingView's box, with the placeholders filled in as TradingView would. Pure.

Rules: text for text, without a look at what it becomes: an empty or unquoted placeholder breaks a message here as it does there.
What TradingView does not know stays as it is, braces and all. A placeholder of a strategy's order is filled twice, once as an
entry and once as an exit: one template stands for both.

Source: TradingView, "How to use a variable value in alert".
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Occasion(StrEnum):
    """What the example alert comes from."""

    CONDITION = "condition"  # an alert of an indicator, of a drawing, of a price: nothing is known of an order
    ENTRY = "entry"  # a strategy's order that opens
    EXIT = "exit"  # a strategy's order that closes all


@dataclass(frozen=True, slots=True)
class Filled:
    """A message with example values."""

    template: str  # as it stood there
    text: str
    occasion: Occasion
    samples: Mapping[str, str]  # placeholder, braces and all → the value that stands for it
    unknown: Mapping[str, str]  # placeholder that TradingView does not know → the one that was probably meant, or ""


ALERT_MESSAGE = "{{strategy.order.alert_message}}"
"""What the script gives as `alert_message`: a whole message that stands in the script, where nothing here can read it."""

_ALWAYS: Mapping[str, str] = {
    "ticker": "AAPL",
    "exchange": "NASDAQ",
    "open": "186.90",
    "high": "187.80",
    "low": "186.55",
    "close": "187.32",
    "volume": "1204500",
    "time": "2026-11-20T15:00:00Z",
    "timenow": "2026-11-20T15:04:05Z",
    "interval": "5",
    "syminfo.currency": "USD",
    "syminfo.basecurrency": "",
}
_PLOT = re.compile(r'plot_1?[0-9]|plot\("[^"{}]+"\)')
_PLOTTED = "61.5"
_PLOTS: Mapping[str, str] = {"plot_0": "178.00", "plot_1": "206.00"}  # as `templates.py` uses them: a stop and a target
_OF_ORDERS: Mapping[str, tuple[str, str]] = {  # as an entry, and as an exit
    "strategy.order.action": ("buy", "sell"),
    "strategy.order.contracts": ("10", "10"),
    "strategy.order.price": ("187.32", "187.32"),
    "strategy.order.id": ("Long", "Close Long"),
    "strategy.order.comment": ("Long", "Close Long"),
    "strategy.order.alert_message": ("", ""),
    "strategy.position_size": ("10", "0"),
    "strategy.market_position": ("long", "flat"),
    "strategy.market_position_size": ("10", "0"),
    "strategy.prev_market_position": ("flat", "long"),
    "strategy.prev_market_position_size": ("0", "10"),
}
_MEANT: Mapping[str, str] = {  # what people write of their own accord
    "symbol": "ticker",
    "price": "close",
    "action": "strategy.order.action",
    "side": "strategy.order.action",
    "quantity": "strategy.order.contracts",
    "qty": "strategy.order.contracts",
    "contracts": "strategy.order.contracts",
    "position": "strategy.market_position",
    "timestamp": "timenow",
    "now": "timenow",
    "timeframe": "interval",
}
_PLACEHOLDER = re.compile(r"\{\{([^{}]{0,100})\}\}")


def fill(text: str) -> tuple[Filled, ...]:
    """The message once for each occasion that its placeholders know: one for a condition, two for a strategy's orders."""
    of_orders = text.strip() != ALERT_MESSAGE and any(name in _OF_ORDERS for name in _PLACEHOLDER.findall(text))
    occasions = (Occasion.ENTRY, Occasion.EXIT) if of_orders else (Occasion.CONDITION,)
    return tuple(_filled(text, occasion) for occasion in occasions)


def is_known(name: str) -> bool:
    """Whether TradingView has a placeholder of this name."""
    return name in _ALWAYS or name in _OF_ORDERS or _PLOT.fullmatch(name) is not None


def _filled(text: str, occasion: Occasion) -> Filled:
    written = dict.fromkeys(_PLACEHOLDER.findall(text))
    samples = {f"{{{{{name}}}}}": _sample(name, occasion) for name in written if is_known(name)}
    unknown = {f"{{{{{name}}}}}": _meant(name) for name in written if not is_known(name)}
    filled = _PLACEHOLDER.sub(lambda found: samples.get(found[0], found[0]), text)
    return Filled(text, filled, occasion, samples, unknown)


def _sample(name: str, occasion: Occasion) -> str:
    if name in _OF_ORDERS:
        return _OF_ORDERS[name][occasion is Occasion.EXIT]
    return _ALWAYS.get(name) or _PLOTS.get(name, _PLOTTED)


def _meant(name: str) -> str:
    """The nearest placeholder that there is, with its braces; "" where none is near."""
    plain = name.strip().lower()
    near = difflib.get_close_matches(plain, (*_ALWAYS, *_OF_ORDERS), 1, cutoff=0.7)
    meant = plain if is_known(plain) else _MEANT.get(plain, near[0] if near else "")
    return f"{{{{{meant}}}}}" if meant else ""
