"""What /notify shows and answers. Pure: facts in, HTML out."""

from collections.abc import Mapping

from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.operations.tellings import TellingChange
from tradebot.telegram.asked import Unclear
from tradebot.telegram.markup import Buttons, bold, lines
from tradebot.telegram.sound import QuietHours, Tellings

TELL = "tell:"
"""Begins the data of a button that sets a group; the group and what it is set to follow."""
ABOUT: Mapping[EventGroup, str] = {
    EventGroup.FILLS: "bought, sold, stopped out",
    EventGroup.ALERTS: "tests, emptied queues",
    EventGroup.REFUSED: "alerts not traded, and why",
    EventGroup.WAITING: "for the open, for a price",
    EventGroup.ORDERS: "failed, resolved, sent again",
    EventGroup.PROTECTION: "stops and targets",
    EventGroup.BOOKS: "splits, renames, corrections",
    EventGroup.SETTINGS: "pause, resume, limits",
    EventGroup.IB: "connection, logins",
    EventGroup.HEALTH: "parts, channels, start, stop",
    EventGroup.JOBS: "failed, missed",
    EventGroup.REPORTS: "by day, week and month",
}
_SIGNS = {Telling.ON: "🔔", Telling.SILENT: "🔕", Telling.OFF: "🚫"}
_NEXT = {Telling.ON: Telling.SILENT, Telling.SILENT: Telling.OFF, Telling.OFF: Telling.ON}
_CRITICALS = "❗ What is critical is always told, and rings."


def view(now: Tellings, quiet_hours: QuietHours | None) -> tuple[str, Buttons]:
    """Every group, with a button that sets it to what comes next: on, silent, off."""
    text = lines(
        bold("What this chat is told"),
        *(f"{_SIGNS[now[group]]} {bold(group)}: {about}" for group, about in ABOUT.items()),
        "",
        "🔔 on, 🔕 silent, 🚫 off: a button goes on to the next.",
        _CRITICALS,
        _quiet(quiet_hours),
        "/notify fills silent sets one.",
    )
    buttons = [(f"{_SIGNS[now[group]]} {group}", f"{TELL}{group}:{_NEXT[now[group]]}") for group in ABOUT]
    return text, [buttons[at : at + 3] for at in range(0, len(buttons), 3)]


def _quiet(hours: QuietHours | None) -> str:
    if hours is None:
        return "No quiet hours: quiet_hours under [telegram] sets some."
    return f"Quiet hours {hours[0]:%H:%M} to {hours[1]:%H:%M}: all else is silent."


def asked(words: str | None) -> tuple[EventGroup, Telling] | None:
    """What is to be set; None: nothing is, it is looked at. Raises Unclear."""
    typed = (words or "").lower().split()
    if not typed:
        return None
    named, *rest = typed
    if named in ("critical", "criticals"):
        raise Unclear("What is critical is always told, and rings: it cannot be turned off.")
    group = next((one for one in EventGroup if one == named), None)
    if group is None:
        raise Unclear(f"“{named[:40]}” is no group. There are {', '.join(EventGroup)}.")
    to = next((one for one in Telling if [one] == rest), None)
    if to is None:
        raise Unclear(f"{group.capitalize()}: on, silent or off? For example: /notify {group} silent")
    return group, to


def changed(change: TellingChange) -> str:
    """What a command that sets one answers."""
    group, to = change.group, change.new
    if change.old is to:
        return f"{_SIGNS[to]} {group} is {bold(to)} already."
    more = None if to is Telling.ON else _CRITICALS
    elsewhere = "The log and the other channels have it all the same." if to is Telling.OFF else None
    return lines(f"{_SIGNS[to]} {group}: {change.old} → {bold(to)}", elsewhere, more, "/notify shows all.")
