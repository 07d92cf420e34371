"""Without a chat, what the owner would be told is logged: how loudly."""

from datetime import UTC, datetime

import pytest
from loguru import logger

from tradebot.domain.events import CRITICAL, SILENT, WARNING, Event, EventKind
from tradebot.notify.log_channel import log_event


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (EventKind.ORDER_UNKNOWN, "CRITICAL"),
        (EventKind.ALERT_REJECTED, "WARNING"),
        (EventKind.ALERT_BLOCKED, "WARNING"),
        (EventKind.BROKER_LOST, "WARNING"),
        (EventKind.BUY_FILLED, "SUCCESS"),
    ],
)
def test_who_looks_for_trouble_finds_it(kind: EventKind, level: str) -> None:
    """`journalctl -p warning` would show no refused alert, and the night would seem quiet."""
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(message.record["level"].name), level="DEBUG")
    log_event(Event(kind, datetime(2026, 11, 20, 17, tzinfo=UTC), "Said.", id=1))
    logger.remove(sink)
    assert heard == [level]


def test_each_kind_has_one_level() -> None:
    """What is critical would be logged as a warning, or what is silent as trouble."""
    assert len(CRITICAL | WARNING | SILENT) == len(CRITICAL) + len(WARNING) + len(SILENT)
