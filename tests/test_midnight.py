"""That nothing begins shortly before the day of New York ends."""

from datetime import UTC, datetime

import pytest

from tests.midnight import seconds_until_the_day_lasts


@pytest.mark.parametrize(
    ("now", "wait_s"),
    [
        (datetime(2026, 11, 27, 4, 56, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 27, 4, 59, tzinfo=UTC), 61),
        (datetime(2026, 11, 27, 5, 0, tzinfo=UTC), 0),
        (datetime(2026, 7, 1, 3, 59, 30, tzinfo=UTC), 31),  # in summer
    ],
)
def test_a_test_that_would_see_the_day_end_waits(now: datetime, wait_s: int) -> None:
    """A daemon of the tests would find that IB no longer lists its orders, once a day and for no fault of its own."""
    assert seconds_until_the_day_lasts(now) == wait_s
