"""Events in one or two plain sentences, by kind. Pure.

Rules: a text says everything that matters, numbers first, and what to do where there is something to do. What another version of
the program has stored is shown by the text that it stored, else by its kind and facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from tradebot.domain.events import Event, EventKind, Facts, NewEvent, OtherFacts
from tradebot.words import account_events, alert_events, daemon_events, order_events, strategy_events

Says = Callable[[Any, Event | NewEvent], str]


def text(event: Event | NewEvent) -> str:
    """What happened."""
    stored = event.text if isinstance(event, Event) else None
    if stored:
        return stored
    if isinstance(event.facts, OtherFacts):
        return _other(event.facts)
    try:
        return WORDS[event.facts.kind](event.facts, event)
    except Exception:
        # A code or a fact of another version; or a defect here, which must not silence all that comes after.
        return _other(_untyped(event.facts))


def _untyped(facts: Facts) -> OtherFacts:
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}
    beside = values.pop("facts", {})
    return OtherFacts(facts.kind, facts.severity, {**values, **beside})


def _other(facts: OtherFacts) -> str:
    known = ", ".join(f"{name} {value}" for name, value in facts.values.items() if value is not None)
    return f"{facts.kind.replace('_', ' ').capitalize()}{f': {known}' if known else ''}."


WORDS: Mapping[EventKind, Says] = {
    **alert_events.WORDS,
    **order_events.WORDS,
    **account_events.WORDS,
    **strategy_events.WORDS,
    **daemon_events.WORDS,
}
"""The sentence of each kind: from its facts and the event that carries them."""
