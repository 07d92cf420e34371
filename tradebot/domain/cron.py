"""When a job runs: cron lines read on New York's wall clock, computed without a clock of their own.

Rules, so that a job runs neither twice nor never when the clocks change:
- A line with a fixed hour runs once for each wall-clock time it names: in autumn at the first of the two, in spring, when the
  hour does not exist, at the first moment after it (03:00).
- A line whose hour is `*` is about intervals: it runs through both autumn hours and has nothing to run in the missing one.
- A run is known by its slot, the instant (UTC) at which it was due. Under these rules one slot is one wall-clock time, so a run
  recorded under it is never repeated, whatever restarts and clocks do.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from croniter import croniter

from tradebot.domain.calendar import NEW_YORK

FIELDS = 5
HOUR = timedelta(hours=1)


def next_fire(cron: str, after: datetime) -> datetime:
    """The first instant (UTC) after `after` at which the line is due.

    Raises ValueError, in words for the person who edits the configuration, when the line cannot be understood or never comes due.
    """
    due: list[datetime] = []
    for instants in _runs(cron, _wall(after) - HOUR, forward=True):
        due += [instant for instant in instants if instant > after]
        if instants[0] > after:
            return min(due)
    raise ValueError(f"cron line {cron!r} never comes due")


def slot(cron: str, now: datetime) -> datetime:
    """The key of the run due now: the last instant (UTC) up to and including `now` at which the line was due.

    Raises ValueError as `next_fire`.
    """
    due: list[datetime] = []
    for instants in _runs(cron, _wall(now) + 2 * HOUR, forward=False):
        due += [instant for instant in instants if instant <= now]
        if instants[-1] <= now:
            return max(due)
    raise ValueError(f"cron line {cron!r} was never due")


def slots_before(cron: str, since: datetime, now: datetime, most: int) -> list[datetime]:
    """The slots in (since, now], the newest first, at most so many: what lies further back is not walked to.

    Raises ValueError as `next_fire`.
    """
    found: set[datetime] = set()
    for instants in _runs(cron, _wall(now) + 2 * HOUR, forward=False):
        found |= {instant for instant in instants if since < instant <= now}
        if len(found) >= most or instants[-1] <= since:
            break
    return sorted(found, reverse=True)[:most]


def _runs(cron: str, start: datetime, *, forward: bool) -> Iterator[list[datetime]]:
    """The instants of each wall-clock time the line names, from `start` (naive New York time) on, or backwards from it."""
    by_interval = _fields(cron)[1] == "*"
    try:
        walls = croniter(cron, start, ret_type=datetime)
        while True:
            wall: datetime = walls.get_next() if forward else walls.get_prev()
            if instants := _instants(wall, by_interval):
                yield instants
    except ValueError as error:  # croniter's errors are ValueErrors
        raise ValueError(f"cron line {cron!r}: {error}") from error


def _fields(cron: str) -> list[str]:
    fields = cron.split()
    if len(fields) != FIELDS:
        raise ValueError(f"cron line {cron!r} has {len(fields)} fields: give minute, hour, day, month and weekday")
    if re.search(r"\b[rh]\b", cron, re.IGNORECASE):
        # croniter's own additions: a time drawn anew at each reading would make a run's slot meaningless.
        raise ValueError(f"cron line {cron!r}: random times (R, H) are not supported")
    return fields


def _instants(wall: datetime, by_interval: bool) -> list[datetime]:
    """When a New York wall-clock time happens: once, twice in the repeated hour, by the module's rules in the missing one."""
    first, second = (wall.replace(tzinfo=NEW_YORK, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first < second:
        return [first, second] if by_interval else [first]
    if first == second:
        return [first]
    # Missing: read with the old and the new offset it lies on either side of the jump, which is at a full hour.
    return [] if by_interval else [first.replace(minute=0, second=0)]


def _wall(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: it has no New York time")
    return at.astimezone(NEW_YORK).replace(tzinfo=None)
