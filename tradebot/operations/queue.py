"""A person empties the queue: waiting alerts end as CLEARED. What arrives after the question was asked is not touched."""

from collections.abc import Collection, Sequence
from datetime import datetime

from loguru import logger

from tradebot.domain.alerts import WAITING, AlertStatus
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import AlertCleared
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.errors import QueueUnavailable
from tradebot.ports import Ledger, Queue


async def clear(ledger: Ledger, queue: Queue, alert_ids: Collection[int], actor: str, now: datetime) -> Sequence[int]:
    """Clears those of these alerts that still wait; returns which. Raises LedgerUnavailable."""
    cleared = []
    async with ledger.begin() as books:
        for alert in await books.alerts(WAITING):
            if alert.id not in alert_ids:
                continue
            # An alert that is decided this very moment has left WAITING, and keeps its order.
            if await books.move_alert(
                alert.id, WAITING, AlertStatus.CLEARED, Reason(ReasonCode.CLEARED, {"by": actor})
            ):
                facts = AlertCleared(alert.ticker, alert.action)
                await books.add_event(NewEvent(facts, now, alert.id, actor=actor))
                cleared.append(alert.id)
    try:
        await queue.remove(cleared)
    except QueueUnavailable as error:
        logger.warning("cleared alerts are still listed in the queue, which harms nothing: {}", error)
    return cleared
