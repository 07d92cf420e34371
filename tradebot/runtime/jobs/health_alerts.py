"""What the health check tells: a part that fails, when it begins and every hour; and that it is back.

Rules: a part that tells its own changes (IB, the gate) is left to do so, and is repeated only if it lasts. In the gateway's
restart window IB may be away: that is neither told nor a reason to withhold the heartbeat. What could not be stored counts as
not told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import HealthBack, HealthFailing

AGAIN_AFTER = timedelta(hours=1)
_SLACK = timedelta(minutes=1)  # checks come every few minutes: a minute early is still the hour
_FIRST_AFTER = {"broker": AGAIN_AFTER, "questions": AGAIN_AFTER, "trading": timedelta(minutes=10)}
"""These tell their own changes; the others are told by the first check that sees them fail."""
_RESTARTS = frozenset({"broker", "questions", "trading"})
_TELL_THEIR_RETURN = frozenset({"broker", "questions"})

Parts = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Failing:
    """A part that is not well, since when, and when the owner was notified last."""

    since: datetime
    told_at: datetime | None  # None: this check, or the part itself, has not said it yet


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has to say, and what is to be remembered once that is stored."""

    events: tuple[NewEvent, ...]
    failing: Mapping[str, Failing]
    well: bool


def examine(parts: Parts, before: Mapping[str, Failing], now: datetime, *, restarting: bool) -> Finding:
    """Compares the parts with what failed before."""
    ill = {name: part for name, part in parts.items() if part.get("ok") is False}
    if "broker" in ill:
        ill.pop("trading", None)  # the gate is closed because IB is away: said once
    events, failing = [], {}
    for name, part in ill.items():
        known = before.get(name, Failing(now, None))
        quiet = restarting and name in _RESTARTS
        if not quiet and _is_due(name, known, now):
            events.append(NewEvent(_failing(name, part, known), now))
            known = Failing(known.since, now)
        failing[name] = known
    for name, known in before.items():
        if name not in ill and parts.get(name, {}).get("ok") is True and _was_told(name, known):
            events.append(NewEvent(HealthBack(name, known.since), now))
    well = not set(ill) - (_RESTARTS if restarting else frozenset())
    return Finding(tuple(events), failing, well)


def _is_due(name: str, known: Failing, now: datetime) -> bool:
    if known.told_at is not None:
        return now - known.told_at >= AGAIN_AFTER - _SLACK
    return now - known.since >= _FIRST_AFTER.get(name, _SLACK) - _SLACK


def _was_told(name: str, known: Failing) -> bool:
    """IB's return is told by itself. That the database was away could not be told while it was."""
    return name not in _TELL_THEIR_RETURN and (known.told_at is not None or name == "database")


def _failing(name: str, part: Mapping[str, object], known: Failing) -> HealthFailing:
    return HealthFailing(name, known.since, _reasons(part), disconnected=part.get("connected") is False)


def _reasons(part: Mapping[str, object]) -> tuple[str, ...]:
    """What the part says of itself."""
    waiting_for = part.get("waiting_for") or part.get("unanswered")
    if isinstance(waiting_for, list) and waiting_for:
        return tuple(map(str, waiting_for))
    error = part.get("error") or part.get("why_not")
    return (str(error),) if error else ()
