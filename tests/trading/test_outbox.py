"""Without a chat, what the owner would be told is logged: how loudly."""

from datetime import UTC, datetime

import pytest
from loguru import logger

from tests.facts import every_kind
from tradebot.domain.events import Event, EventKind
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
    log_event(Event(every_kind()[kind], datetime(2026, 11, 20, 17, tzinfo=UTC), id=1))
    logger.remove(sink)
    assert heard == [level]
