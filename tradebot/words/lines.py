"""Every kind of event as a message says it: the line that is seen first, and what it leaves out. Pure.

Rules: as in `said.py`. What another version of the program has stored begins with its kind's name; so does what is never sent.
"""

from collections.abc import Mapping

from tradebot.domain.events import Event, EventKind, NewEvent, OtherFacts, Severity
from tradebot.words import account_lines, alert_lines, daemon_lines, events, order_lines
from tradebot.words.said import Said, Says

LINES: Mapping[EventKind, Says] = {
    **alert_lines.LINES,
    **order_lines.LINES,
    **account_lines.LINES,
    **daemon_lines.LINES,
}
"""The two parts of each kind that is sent."""


def lines(event: Event | NewEvent) -> Said:
    """What happened."""
    stored = event.text if isinstance(event, Event) else None
    facts = event.facts
    if stored or isinstance(facts, OtherFacts) or facts.kind not in LINES:
        return _by_name(event)
    try:
        return LINES[facts.kind](facts, event).fitted
    except Exception:  # of another version; or a defect here, which must not silence all that comes after
        return _by_name(event)


def _by_name(event: Event | NewEvent) -> Said:
    name = event.facts.kind.replace("_", " ").capitalize()
    return Said(f"❗ {name}" if event.facts.severity is Severity.CRITICAL else name, events.text(event))
