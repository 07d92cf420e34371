"""Times as their reader's clock shows them."""

from collections.abc import Iterator
from contextvars import copy_context
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tradebot.words import figures, zone

OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def shown(name: str, at: datetime = OPEN) -> tuple[str, str]:
    """A time of nobody's, and one of the market's, for an owner who lives there."""

    def show() -> tuple[str, str]:
        zone.use(ZoneInfo(name))
        return figures.local(at), figures.market_time(at)

    return copy_context().run(show)


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    yield
    assert zone.owners() is ZoneInfo("America/New_York")


def test_times_are_the_owners_with_new_yorks_where_the_market_is_meant() -> None:
    """Somebody in Berlin would look for the open at 09:30 of his clock."""
    assert shown("Europe/Berlin") == ("Mon 23 Nov 15:30", "Mon 23 Nov 15:30 (09:30 New York)")
    assert shown("America/New_York") == ("Mon 23 Nov 09:30 New York",) * 2
    assert shown("America/Toronto") == ("Mon 23 Nov 09:30 New York",) * 2, "the same clock"


def test_the_day_there_is_said_where_it_is_another_one() -> None:
    """In Tokyo the close of Monday is on Tuesday: a time alone would be taken for Tuesday's in New York."""
    close = datetime(2026, 11, 23, 21, tzinfo=UTC)
    assert shown("Asia/Tokyo", close)[1] == "Tue 24 Nov 06:00 (16:00 Mon New York)"
