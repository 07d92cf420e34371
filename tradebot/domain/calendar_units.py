"""Days, weeks and months of New York dates. Pure."""

from datetime import date, timedelta
from enum import StrEnum


class Unit(StrEnum):
    """A piece of the calendar, of New York dates. A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """Of the piece that this day is in."""
        if self is Unit.MONTH:
            return day.replace(day=1)
        return day - timedelta(days=day.weekday()) if self is Unit.WEEK else day

    def after(self, day: date) -> date:
        """When the next one begins."""
        if self is Unit.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return self.begin(day) + timedelta(days=7 if self is Unit.WEEK else 1)

    def end(self, day: date) -> date:
        """Its last day."""
        return self.after(day) - timedelta(days=1)

    def back(self, day: date, count: int) -> date:
        """The first day of the one so many before."""
        first = self.begin(day)
        for _ in range(count):
            first = self.begin(first - timedelta(days=1))
        return first
