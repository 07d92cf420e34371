"""What the health check tells: a part that fails, with what to do, when it begins and every hour; and that it is back.

Rules: a part that tells its own changes (IB, the gate) is left to do so, and is repeated only if it lasts. In the gateway's
restart window IB may be away: that is neither told nor a reason to withhold the heartbeat. What could not be stored counts as
not told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradebot.domain import wording
from tradebot.domain.events import EventKind, NewEvent

AGAIN_AFTER = timedelta(hours=1)
_SLACK = timedelta(minutes=1)  # checks come every few minutes: a minute early is still the hour
_FIRST_AFTER = {"broker": AGAIN_AFTER, "trading": timedelta(minutes=10)}
"""These tell their own changes; the others are told by the first check that sees them fail."""
_RESTARTS = frozenset({"broker", "trading"})
_NAMES = {
    "broker": "IB",
    "database": "The database",
    "queue": "The queue",
    "trading": "Sending orders",
    "telegram": "Telegram",
}
_TO_DO = {
    "broker": "Alerts are stored and wait. Is IB Gateway running and logged in? It wants a login by hand once a week.",
    "database": "New alerts are refused; TradingView tries again for some seconds. Is the database server up, its disk full?",
    "queue": "Alerts are stored and wait. Is Redis up, and `[queue] url` right?",
    "trading": "Alerts are stored and wait. `tradebot status` shows more.",
    "telegram": "Trading goes on. Is api.telegram.org reachable from here?",
}

Parts = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Failing:
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
            events.append(_failing(name, part, known, now))
            known = Failing(known.since, now)
        failing[name] = known
    for name, known in before.items():
        if name not in ill and parts.get(name, {}).get("ok") is True and _was_told(name, known):
            events.append(_back(name, known, now))
    well = not set(ill) - (_RESTARTS if restarting else frozenset())
    return Finding(tuple(events), failing, well)


def _is_due(name: str, known: Failing, now: datetime) -> bool:
    if known.told_at is not None:
        return now - known.told_at >= AGAIN_AFTER - _SLACK
    return now - known.since >= _FIRST_AFTER.get(name, _SLACK) - _SLACK


def _was_told(name: str, known: Failing) -> bool:
    """IB tells its own return. That the database was away could not be told while it was."""
    return name != "broker" and (known.told_at is not None or name == "database")


def _failing(name: str, part: Mapping[str, object], known: Failing, now: datetime) -> NewEvent:
    lasting = (now - known.since).total_seconds()
    since = f" for {wording.seconds(lasting)}" if lasting else ""
    why = _why(part)
    text = f"{_NAMES.get(name, name)} is not well{since}{f': {why}' if why else '.'} {_TO_DO.get(name, '')}".rstrip()
    return NewEvent(EventKind.HEALTH_FAILING, now, text, data={"part": name, "since": known.since.isoformat()})


def _back(name: str, known: Failing, now: datetime) -> NewEvent:
    away = wording.seconds((now - known.since).total_seconds())
    text = f"{_NAMES.get(name, name)} is well again; it was not for about {away}."
    return NewEvent(EventKind.HEALTH_BACK, now, text, data={"part": name, "since": known.since.isoformat()})


def _why(part: Mapping[str, object]) -> str:
    """The part's own words."""
    reasons = part.get("waiting_for")
    if isinstance(reasons, list) and reasons:
        return " ".join(map(str, reasons))
    if told := part.get("error") or part.get("why_not"):
        return f"{str(told).rstrip('.')}."
    return "it is not connected." if part.get("connected") is False else ""
