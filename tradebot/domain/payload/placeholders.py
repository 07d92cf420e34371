"""TradingView's placeholders. Pure.

One that TradingView does not know, or could not fill in, arrives literally, braces and all: the sender is told which was meant.
"""

import re

from tradebot.errors import PayloadError

_KNOWN = frozenset(
    {
        *("ticker", "exchange", "open", "high", "low", "close", "volume", "time", "timenow", "interval"),
        *("strategy.order.action", "strategy.order.contracts", "strategy.order.price", "strategy.order.id"),
        *("strategy.order.comment", "strategy.order.alert_message", "strategy.position_size"),
        *("strategy.market_position", "strategy.market_position_size"),
        *("strategy.prev_market_position", "strategy.prev_market_position_size"),
    }
)
_MEANT = {
    "action": "{{strategy.order.action}}",
    "ticker": "{{ticker}}",
    "exchange": "{{exchange}}",
    "price": "{{close}}",
    "time": "{{timenow}}",
    "alert_id": "{{ticker}}-{{strategy.order.id}}-{{timenow}}",
    "symbol": "{{ticker}}",
    "tv_instrument": "{{ticker}}",
    "tv_exchange": "{{exchange}}",
    "timestamp": "{{timenow}}",
    "order_action": "{{strategy.order.action}}",
    "order_price": "{{strategy.order.price}}",
    "trigger_price": "{{close}}",
    "signalPrice": "{{close}}",
    **dict.fromkeys(("quantity", "amount", "order_contracts", "volume"), "{{strategy.order.contracts}}"),
    **dict.fromkeys(("market_position_size", "position_size"), "{{strategy.market_position_size}}"),
    "prev_market_position": "{{strategy.prev_market_position}}",
    "prev_market_position_size": "{{strategy.prev_market_position_size}}",
}
_PLACEHOLDER = re.compile(r"\{\{([^{}]{0,100})\}\}")


def refuse_placeholder(field: str, value: str) -> None:
    """Raises PayloadError when the field still holds a placeholder, naming it and the right one."""
    found = _PLACEHOLDER.search(value)
    if found is None:
        return
    written, name = ascii(found[0])[1:-1][:60], found[1]
    if name in _KNOWN or re.fullmatch("plot_1?[0-9]", name):
        where = "an alert of a strategy" if name.startswith("strategy.") else "an alert"
        raise PayloadError(
            f'"{field}" still has the placeholder {written}: only TradingView fills it in, and only in {where}.'
            " Write the value itself where the message comes from elsewhere."
        )
    spelt = name.strip().lower()
    right = (
        f"{{{{{spelt}}}}}" if spelt in _KNOWN else _MEANT.get(field.rpartition(".")[2], "{{strategy.market_position}}")
    )
    raise PayloadError(
        f'"{field}" still has the placeholder {written}, which TradingView does not know. Write {right}.'
    )
