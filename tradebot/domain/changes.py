"""What a transaction has changed, for who counts what happens. Pure.

Rules: a record is made of what was stored, and heard of only after the commit; events (`NewEvent`) and intents of orders
(`NewTrade`) are such records themselves.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from tradebot.domain.alerts import AlertStatus, NewAlert
from tradebot.domain.brokerage import Execution
from tradebot.domain.events import NewEvent
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import NewTrade


@dataclass(frozen=True, slots=True)
class AlertAdded:
    """An alert was stored."""

    alert_id: int
    alert: NewAlert


@dataclass(frozen=True, slots=True)
class AlertRepeated:
    """A message came again, and only counted."""

    alert_id: int


@dataclass(frozen=True, slots=True)
class AlertMoved:
    """An alert has another status."""

    alert_id: int
    strategy: str
    to: AlertStatus
    reason: Reason | str | None


@dataclass(frozen=True, slots=True)
class FillBooked:
    """An execution that the books did not know."""

    execution: Execution


class Attempt(StrEnum):
    """How an attempt to deliver an event ended."""

    DELIVERED = "delivered"
    FAILED = "failed"  # it waits for the next one
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class DeliveryTried:
    """A channel has tried to deliver so many events."""

    channel: str
    events: int
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class JobRecorded:
    """A job's run was stored."""

    job: str


Change: TypeAlias = (
    AlertAdded | AlertRepeated | AlertMoved | NewTrade | FillBooked | NewEvent | DeliveryTried | JobRecorded
)
