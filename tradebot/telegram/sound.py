"""Whether a message makes a sound on the owner's phone. Pure.

Rules: what is critical rings, always. A warning and a fill ring by day, and make no sound in the quiet hours; whatever else is
only good to know makes none at any time. A message about several things is as loud as the loudest.
"""

from collections.abc import Iterable
from datetime import datetime, time

from tradebot.domain.event_groups import EventGroup, group_of
from tradebot.domain.events import Event, Severity

QuietHours = tuple[time, time]
"""From and until, of the owner's day; past midnight where it ends before it begins."""


def rings(events: Iterable[Event], at: datetime, quiet_hours: QuietHours | None) -> bool:
    """`at`: now, in the owner's zone."""
    told = list(events)
    if any(event.severity is Severity.CRITICAL for event in told):
        return True
    if quiet_hours is not None and _within(at.time(), *quiet_hours):
        return False
    return any(event.severity is Severity.WARNING or group_of(event.kind) is EventGroup.FILLS for event in told)


def _within(at: time, begin: time, end: time) -> bool:
    return begin <= at < end if begin < end else at >= begin or at < end
