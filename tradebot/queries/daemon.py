"""What the running daemon shows of itself and its books. Read only, and without words: the edges say it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tradebot.domain.alerts import WAITING, Alert
from tradebot.domain.exposure import Exposure
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import WriteOff
from tradebot.domain.settings import TradingState, limits_in
from tradebot.domain.trades import LIVE, Trade
from tradebot.errors import LedgerUnavailable, QueueUnavailable
from tradebot.ports import (
    Broker,
    InstanceLock,
    Ledger,
    OrderGate,
    Queue,
    QueueContents,
    TradingStateSource,
)
from tradebot.queries.exits import Exit, read_exits
from tradebot.queries.health import Health
from tradebot.queries.market import Market, market_now
from tradebot.queries.mismatches import NothingToWriteOff, missing_shares
from tradebot.queries.positions import HeldPositions, held_positions
from tradebot.queries.results import Result, read_result
from tradebot.queries.status import DaemonStatus, books_status
from tradebot.queries.unknown_orders import PresumedFill, presumed_fill
from tradebot.queries.waiting import Waiting, read_waiting


@dataclass(slots=True)
class ChatConnection:
    """How the connection to Telegram is; it tells so itself. Nothing but people depends on it."""

    state: str = "off"
    error: str | None = None

    def part(self) -> dict[str, object]:
        return (
            {"state": "off"}
            if self.state == "off"
            else {"ok": self.error is None, "state": self.state, "error": self.error}
        )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What does not change while the daemon runs."""

    defaults: Limits
    fixed_limits: FixedLimits
    hours: Hours
    simulated: Sequence[str]
    started_at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class DaemonQueries:
    """What the running daemon shows of itself and its books."""

    ledger: Ledger
    queue: Queue
    broker: Broker
    lock: InstanceLock
    gate: OrderGate
    switch: TradingStateSource
    run: RunSettings
    clock: Callable[[], datetime]
    chat: ChatConnection = field(default_factory=ChatConnection)

    async def status(self) -> DaemonStatus:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            account = self.broker.account()
            booked = await books_status(books, self.run.defaults, self.run.hours, self.clock(), account)
        return DaemonStatus(
            books=booked,
            state=self.switch.state,
            connection=self.broker.connection,
            account=account,
            depths=await self._depths(),
            held_up_by=self.gate.reasons,
            uptime_s=(self.clock() - self.run.started_at).total_seconds(),
            version=self.run.version,
            simulated=self.run.simulated,
        )

    async def positions(self) -> HeldPositions:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN)
        return held_positions(lots, self.broker.positions())

    async def result(self, days: int) -> Result:
        """The last `days` New York dates, today included. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_result(books, self.run.hours, self.clock(), days)

    @property
    def state(self) -> TradingState:
        """The trading state in force, which a kill that is not stored yet counts for."""
        return self.switch.state

    async def exits(self, ticker: str | None = None) -> Sequence[Exit]:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_exits(books, self.broker.positions(), ticker)

    async def live_trades(self) -> Sequence[Trade]:
        """Orders at work. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await books.trades(LIVE)

    async def presumed_fill(self, trade_id: int) -> PresumedFill | None:
        """None when the order is not UNKNOWN (any more). Raises LedgerUnavailable."""
        return await presumed_fill(self.ledger, self.broker, trade_id)

    async def missing_shares(self, ticker: str) -> WriteOff | NothingToWriteOff:
        """Raises BrokerUnavailable, LedgerUnavailable."""
        return await missing_shares(self.ledger, self.broker, self.clock, ticker)

    async def ticker_of_event(self, event_id: int) -> str | None:
        """None when this database has no such event. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            events = await books.events(after_id=event_id - 1, limit=1)
        return events[0].ticker if events and events[0].id == event_id else None

    def market_is_open(self) -> bool:
        """Whether alerts are executed now; else they wait."""
        return self.run.hours.is_open(self.clock())

    def market(self) -> Market:
        return market_now(self.run.hours, self.clock())

    async def waiting(self) -> Waiting:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_waiting(books, await self._depths())

    async def waiting_alerts(self) -> Sequence[Alert]:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await books.alerts(WAITING)

    async def limits_in_force(self) -> Limits:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return limits_in(await books.settings(), self.run.defaults)

    async def limits(self) -> tuple[Limits, Exposure]:
        """The limits in force and what is used of them. Raises LedgerUnavailable."""
        account = self.broker.account()
        async with self.ledger.read() as books:
            now = await books_status(books, self.run.defaults, self.run.hours, self.clock(), account)
        return now.limits, now.exposure

    async def _depths(self) -> QueueContents | None:
        try:
            return await self.queue.contents()
        except QueueUnavailable:
            return None

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
            "version": self.run.version,
            "uptime_s": (self.clock() - self.run.started_at).total_seconds(),
            "simulated": list(self.run.simulated),
        }
        # Told, but no part of being well: the bot trades without Telegram.
        return Health(ok, {**parts, "telegram": self.chat.part(), "daemon": about})

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
        lost = connection.up and not connection.upstream
        return {
            "ok": connection.up and connection.upstream and connection.tradable,
            "connected": connection.up,
            "account": connection.account,
            "kind": kind,
            "since": connection.since.isoformat() if connection.since else None,
            "why_not": "the gateway has lost its link to IB's servers" if lost else connection.why_not,
        }

    def _trading(self) -> dict[str, object]:
        """Paused or killed is the owner's will, not an illness; a closed gate is one."""
        return {"ok": self.gate.is_open, "state": self.switch.state, "waiting_for": list(self.gate.reasons)}
