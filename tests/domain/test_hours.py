"""When the bot trades, and how long an alert has waited."""

from datetime import UTC, datetime, timedelta

from tradebot.domain.calendar import Calendar
from tradebot.domain.hours import Hours

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
EXCHANGE, ALWAYS = Hours(Calendar()), Hours(Calendar(), always=True)


def test_the_exchange_is_open_in_its_sessions_only() -> None:
    """Orders would leave at night, or not at noon."""
    assert EXCHANGE.is_open(OPEN)
    assert not EXCHANGE.is_open(OPEN - timedelta(microseconds=1))
    assert not EXCHANGE.is_open(SATURDAY)


def test_always_is_always() -> None:
    """A simulated account could not be tried out on a weekend."""
    assert ALWAYS.is_open(SATURDAY)


def test_waiting_counts_from_the_open() -> None:
    """An alert of the night would be too old at the very open."""
    assert EXCHANGE.waited_s(OPEN - timedelta(hours=9), OPEN + timedelta(seconds=7)) == 7
    assert EXCHANGE.waited_s(OPEN + timedelta(seconds=5), OPEN + timedelta(seconds=7)) == 2


def test_without_a_session_waiting_counts_from_the_receipt() -> None:
    """An old alert would never be too old where the bot always trades."""
    assert ALWAYS.waited_s(OPEN - timedelta(hours=1), OPEN + timedelta(hours=1)) == 7200
    assert EXCHANGE.waited_s(SATURDAY, SATURDAY + timedelta(minutes=1)) == 60


def test_a_day_begins_at_new_yorks_midnight() -> None:
    """Daily limits would start anew at UTC's midnight, in the middle of an evening in New York."""
    assert EXCHANGE.day_start(OPEN) == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert EXCHANGE.day_start(datetime(2026, 11, 21, 4, 59, tzinfo=UTC)) == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert EXCHANGE.day_start(datetime(2026, 7, 1, 12, tzinfo=UTC)) == datetime(2026, 7, 1, 4, tzinfo=UTC)
