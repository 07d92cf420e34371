"""A period that figures are asked for. Pure."""

import re
from dataclasses import dataclass
from datetime import date

from tradebot.domain.calendar_units import Unit


@dataclass(frozen=True, slots=True)
class Period:
    """New York dates, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, unit: Unit, day: date) -> "Period":
        """The day, week or month that this day is in."""
        return cls(unit.begin(day), unit.end(day))

    @classmethod
    def back(cls, unit: Unit, count: int, today: date) -> "Period":
        """The last so many, the one of today included."""
        return cls(unit.back(today, count - 1), today)

    @classmethod
    def named(cls, name: str, today: date) -> "Period":
        """A month ("2026-11") or a year ("2026") that has begun. Raises ValueError."""
        year, _, month = name.partition("-")
        if not (re.fullmatch(r"20[0-9]{2}(-(0[1-9]|1[0-2]))?", name, re.ASCII)):
            raise ValueError(f"“{name[:20]}” is no month and no year.")
        first = date(int(year), int(month or 1), 1)
        last = Unit.MONTH.end(first) if month else date(int(year), 12, 31)
        if first > today:
            raise ValueError(f"{name} has not begun.")
        return cls(first, last)
