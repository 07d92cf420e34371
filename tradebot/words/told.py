"""What the owner is told: the sentence of an event and, where there are several strategies, whose alert it is about. Pure."""

from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.words import events as words

ONE = Strategies()
"""Where there is one strategy it is never named."""


def told(event: Event, strategies: Strategies = ONE) -> str:
    """`ema: Bought 4 AAPL …`; the sentence alone where there is one strategy, or where it names the strategy itself."""
    text = words.text(event)
    name = event.strategy
    if strategies.only is not None or name not in strategies.names or f"strategy {name}" in text.lower():
        return text
    return f"{name}: {text}"
