"""Alerts that wait, in the order in which they will be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.ports import Books, QueueContents


@dataclass(frozen=True, slots=True)
class Waiting:
    """Alerts that wait, in the order in which they will be looked at, and the queue's own depths."""

    sells: Sequence[Alert]
    buys: Sequence[Alert]
    pending: Sequence[Alert]
    depths: QueueContents | None  # None: the queue does not answer
    several: bool = False  # strategies: it has to be said whose an alert is


async def read_waiting(
    books: Books, depths: QueueContents | None, strategy: str | None = None, *, several: bool = False
) -> Waiting:
    """Of one strategy only, where it is given. Raises LedgerUnavailable."""
    alerts = await books.alerts(WAITING, strategy=strategy)
    received = [alert for alert in alerts if alert.status is AlertStatus.RECEIVED]
    return Waiting(
        sells=[alert for alert in received if alert.action is Side.SELL],
        buys=[alert for alert in received if alert.action is Side.BUY],
        pending=[alert for alert in alerts if alert.status is AlertStatus.PENDING],
        depths=depths,
        several=several and strategy is None,
    )
