"""Whether an event is told in the chat, and whether its message makes a sound on the owner's phone. Pure.

Rules: what is critical is told and rings, always. A warning and a fill ring by day, and make no sound in the quiet hours; what
is only good to know makes none at any time. Of a group that the owner has made silent nothing rings, of one that is off nothing
is told. A message about several things is as loud as the loudest.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time

from tradebot.domain.event_groups import EventGroup, Telling, group_of
from tradebot.domain.events import Event, Severity

QuietHours = tuple[time, time]
"""From and until, of the owner's day; past midnight where it ends before it begins."""
Tellings = Mapping[EventGroup, Telling]
"""As the owner has set them."""


def telling_of(event: Event, tellings: Tellings) -> Telling:
    """How the owner wants to hear of it."""
    group = group_of(event.kind)
    if event.severity is Severity.CRITICAL or group is None:  # of another version: as its severity says
        return Telling.ON
    return tellings.get(group, Telling.ON)


def rings(events: Iterable[Event], at: datetime, quiet_hours: QuietHours | None, tellings: Tellings) -> bool:
    """`at`: now, in the owner's zone."""
    told = [event for event in events if telling_of(event, tellings) is Telling.ON]
    if any(event.severity is Severity.CRITICAL for event in told):
        return True
    if quiet_hours is not None and _within(at.time(), *quiet_hours):
        return False
    return any(event.severity is Severity.WARNING or group_of(event.kind) is EventGroup.FILLS for event in told)


def _within(at: time, begin: time, end: time) -> bool:
    return begin <= at < end if begin < end else at >= begin or at < end
