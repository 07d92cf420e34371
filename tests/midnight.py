"""Nothing begins in the last minutes of New York's day.

The daemons of the tests have the real clock. With midnight IB's day ends, and it no longer lists the orders of the day before:
what begins at 23:59 and looks at 00:00 would see that.
"""

from datetime import datetime, timedelta

from tradebot.domain.calendar import NEW_YORK

LONGEST = timedelta(minutes=3)
"""A test beside which a busy machine does other things."""


def seconds_until_the_day_lasts(now: datetime) -> float:
    """How long to wait before something begins that must end on the same day of New York; 0 most of the time. Aware."""
    local = now.astimezone(NEW_YORK)
    tomorrow = (local + LONGEST).date()
    if tomorrow == local.date():
        return 0.0
    return (datetime.combine(tomorrow, datetime.min.time(), NEW_YORK) - now).total_seconds() + 1
