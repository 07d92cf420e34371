"""What the owner is told of an event and, where there are several strategies, whose alert it is about. Pure."""

from dataclasses import replace

from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.words import events as words
from tradebot.words.lines import lines
from tradebot.words.said import Said

ONE = Strategies()
"""Where there is one strategy it is never named."""


def told(event: Event, strategies: Strategies = ONE) -> str:
    """`ema: Bought 4 AAPL …`, in a sentence; that alone where there is one strategy, or where it names the strategy itself."""
    text = words.text(event)
    return f"{event.strategy}: {text}" if _is_to_name(event, strategies, text) else text


def said(event: Event, strategies: Strategies = ONE) -> Said:
    """As a message says it; the strategy begins the second line."""
    found = lines(event)
    if not _is_to_name(event, strategies, f"{found.first} {found.below}"):
        return found
    return replace(found, below=f"{event.strategy}: {found.below}" if found.below else f"Strategy {event.strategy}.")


def _is_to_name(event: Event, strategies: Strategies, text: str) -> bool:
    name = event.strategy
    return strategies.only is None and name in strategies.names and f"strategy {name}" not in text.lower()
