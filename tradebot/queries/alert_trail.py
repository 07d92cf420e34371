"""One alert on its way, read from outside the daemon: how it stands, and what has happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradebot.domain.alerts import Alert
from tradebot.domain.events import Event
from tradebot.domain.trades import Trade
from tradebot.ports import Ledger


@dataclass(frozen=True, slots=True)
class AlertTrail:
    """An alert, its order if there is one, and its newest events in the order in which they happened."""

    alert: Alert
    trade: Trade | None
    events: Sequence[Event]


async def alert_trail(ledger: Ledger, alert_id: int, *, after_id: int = 0) -> AlertTrail | None:
    """With the events after event `after_id`; None when there is no such alert. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        alert = await books.alert(alert_id)
        if alert is None:
            return None
        return AlertTrail(
            alert, await books.trade_of_alert(alert_id), await books.events(alert_id=alert_id, after_id=after_id)
        )
