"""What happens between a sender's position and a strategy's books, in words. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import alerts as a
from tradebot.words import refusals
from tradebot.words.figures import shares


def _at_target(facts: a.AlertAtTarget, _: Event | NewEvent) -> str:
    why = refusals.refusal(facts.code, facts.facts)
    return f"{facts.side} {facts.ticker}: nothing to do. {why[0].upper()}{why[1:]}."


def _gap(facts: a.TargetGap, _: Event | NewEvent) -> str:
    believed = "some" if facts.believed is None else shares(facts.believed)
    return (
        f"Strategy {facts.strategy} believes it held {believed} {facts.ticker}, the books hold {shares(facts.held)}: an alert is "
        "missing, or was not traded. This one goes on by its target. Compare the strategy's list of trades with `tradebot "
        "alerts`; a strategy that was in a position before its first alert came looks like this, too, once."
    )


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.ALERT_AT_TARGET: _at_target,
    EventKind.TARGET_GAP: _gap,
}
