"""Every figure that people are shown: what the books say, and how each part is. Read only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain import wording
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.model import (
    UNSETTLED,
    WAITING,
    AlertStatus,
    Lot,
    LotStatus,
    Side,
    Trade,
    TradeStatus,
    TradingState,
)
from tradebot.errors import LedgerUnavailable, QueueUnavailable
from tradebot.ports import Books, Broker, InstanceLock, Ledger, Queue
from tradebot.services.control import Control, limits_in, state_in
from tradebot.services.gate import Gate
from tradebot.services.health import Health


@dataclass(frozen=True, slots=True)
class Status:
    """The books at one moment. USD are Decimal."""

    state: TradingState
    limits: Limits
    received_sells: int
    received_buys: int
    pending: int
    in_flight: Sequence[Trade]
    unknown: Sequence[Trade]
    lots: Sequence[Lot]
    invested: Decimal
    buys_today: int
    realised_today: Decimal


async def status(books: Books, defaults: Limits, hours: Hours, now: datetime) -> Status:
    """What the database knows. Raises LedgerUnavailable."""
    settings = await books.settings()
    waiting = await books.alerts(WAITING)
    received = [alert.action for alert in waiting if alert.status is AlertStatus.RECEIVED]
    unsettled = await books.trades(UNSETTLED)
    lots = await books.lots(LotStatus.OPEN)
    day_start = hours.day_start(now)
    bought = [t for t in await books.trades(since=day_start) if t.side is Side.BUY]
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    return Status(
        state=state_in(settings),
        limits=limits_in(settings, defaults),
        received_sells=received.count(Side.SELL),
        received_buys=received.count(Side.BUY),
        pending=len(waiting) - len(received),
        in_flight=[trade for trade in unsettled if trade.status is not TradeStatus.UNKNOWN],
        unknown=[trade for trade in unsettled if trade.status is TradeStatus.UNKNOWN],
        lots=lots,
        invested=sum((lot.cost for lot in lots), Decimal(0)),
        buys_today=sum(t.filled_qty > 0 or t.status in UNSETTLED for t in bought),
        realised_today=sum((lot.pnl for lot in closed if lot.pnl is not None), Decimal(0)),
    )


@dataclass(frozen=True, slots=True)
class Overview:
    """How the running daemon's parts are."""

    ledger: Ledger
    queue: Queue
    broker: Broker
    lock: InstanceLock
    gate: Gate
    control: Control
    simulated: Sequence[str]
    started_at: datetime
    version: str
    clock: Callable[[], datetime]

    async def health(self) -> Health:
        """Each part's state. Well means: an alert that arrives now is stored, judged and sent."""
        parts = {
            "database": await self._database(),
            "queue": await self._queue(),
            "broker": self._broker(),
            "trading": self._trading(),
        }
        ok = all(part["ok"] for part in parts.values())
        about: Mapping[str, object] = {
            "version": self.version,
            "uptime": wording.seconds((self.clock() - self.started_at).total_seconds()),
            "simulated": list(self.simulated),
        }
        return Health(ok, {**parts, "daemon": about})

    async def _database(self) -> dict[str, object]:
        try:
            await self.ledger.ping()
        except LedgerUnavailable as error:
            return {"ok": False, "name": self.ledger.name, "error": str(error)}
        return {"ok": self.lock.held, "name": self.ledger.name, "lock": "held" if self.lock.held else "LOST"}

    async def _queue(self) -> dict[str, object]:
        try:
            listed = await self.queue.contents()
        except QueueUnavailable as error:
            return {"ok": False, "name": self.queue.name, "error": str(error)}
        depths = {"sell": len(listed.sell), "buy": len(listed.buy), "pending": len(listed.pending)}
        return {"ok": True, "name": self.queue.name, **depths}

    def _broker(self) -> dict[str, object]:
        connection = self.broker.connection
        kind = {True: "paper", False: "live", None: None}[connection.paper]
        return {
            "ok": connection.up and connection.upstream and connection.tradable,
            "connected": connection.up,
            "account": connection.account,
            "kind": kind,
            "since": connection.since.isoformat() if connection.since else None,
            "why_not": connection.why_not,
        }

    def _trading(self) -> dict[str, object]:
        """Paused or killed is the owner's will, not an illness; a closed gate is one."""
        return {"ok": self.gate.is_open, "state": self.control.state, "waiting_for": list(self.gate.reasons)}
