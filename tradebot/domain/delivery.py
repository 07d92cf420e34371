"""An event's way to a channel, and which events a channel wants. Pure.

Rules: an event that a channel wants waits for it from the transaction that stores it; what a channel does not want has no row
there. The owner's channel, the chat or the log, wants everything, so no event goes untold.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.event_groups import KINDS, EventGroup
from tradebot.domain.events import Severity

STATES = ("PENDING", "DELIVERED", "FAILED")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event's way to one channel. `delivered_at` None: it waits still, or was given up."""

    event_id: int
    channel: str
    state: str  # PENDING, DELIVERED, FAILED: given up
    attempts: int
    error: str | None  # of the last attempt that did not work
    delivered_at: datetime | None


RISING = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
"""What is told at all, the least first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The events that a channel is told. `kinds` None: of every kind, those of other versions included."""

    severities: frozenset[Severity]
    kinds: frozenset[str] | None = None


EVERYTHING = Wanted(frozenset(RISING))


def wanted(least: Severity = Severity.INFO, groups: Collection[EventGroup] | None = None) -> Wanted:
    """What matters at least so much, and is of one of these groups. None: of any."""
    severities = frozenset(RISING[RISING.index(least) :])
    if groups is None:
        return Wanted(severities)
    return Wanted(severities, frozenset(kind for group in groups for kind in KINDS[group]))


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one channel."""

    channel: str
    waiting: int  # events; 10,000 at most are counted
    oldest: datetime | None  # when the first of them happened; None: nothing waits
