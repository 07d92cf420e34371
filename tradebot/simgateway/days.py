"""The exchange's calendar day: New York's."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")


def new_york_date(now: datetime) -> date:
    """The trading date that ``now`` falls on."""
    return now.astimezone(NEW_YORK).date()
