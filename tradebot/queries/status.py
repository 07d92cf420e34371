"""Every figure that people are shown: what the books say, and how each part is. Read only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain import wording
from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.brokerage import Account
from tradebot.domain.exposure import Exposure, exposure, recent_since
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import TradingState, limits_in, state_in
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.errors import QueueUnavailable
from tradebot.ports import Books, Broker, Clock, Connection, HealthPart, Ledger, Queue, QueueContents
from tradebot.queries import figures
from tradebot.queries.health import Health
from tradebot.queries.parts import Chat
from tradebot.trading.gate import Gate, GateReason
from tradebot.trading.switch import TradingSwitch


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
    exposure: Exposure  # the sums that the risk checks compare with the limits


async def status(books: Books, defaults: Limits, hours: Hours, now: datetime, account: Account | None = None) -> Status:
    """What the database knows; with IB's account values also what of them is spent already. Raises LedgerUnavailable."""
    settings = await books.settings()
    waiting = await books.alerts(WAITING)
    received = [alert.action for alert in waiting if alert.status is AlertStatus.RECEIVED]
    unresolved = await books.trades(UNRESOLVED)
    lots = await books.lots(LotStatus.OPEN)
    day_start = hours.day_start(now)
    recent = await books.trades(since=recent_since(day_start))
    closed = await books.lots(LotStatus.CLOSED, closed_since=day_start)
    return Status(
        state=state_in(settings),
        limits=limits_in(settings, defaults),
        received_sells=received.count(Side.SELL),
        received_buys=received.count(Side.BUY),
        pending=len(waiting) - len(received),
        in_flight=[trade for trade in unresolved if trade.status is not TradeStatus.UNKNOWN],
        unknown=[trade for trade in unresolved if trade.status is TradeStatus.UNKNOWN],
        lots=lots,
        exposure=exposure(lots, unresolved, recent, closed, account, day_start=day_start, now=now),
    )


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The running daemon at one moment: its books and its parts."""

    books: Status
    state: TradingState  # in force, which a kill that is not stored yet counts for
    connection: Connection
    account: Account | None
    depths: QueueContents | None  # None: the queue does not answer
    held_up_by: Sequence[GateReason]  # why no order leaves; empty when orders leave
    uptime_s: float
    version: str
    simulated: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fixed:
    """What does not change while the daemon runs."""

    defaults: Limits
    fixed_limits: FixedLimits
    hours: Hours
    simulated: Sequence[str]
    started_at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What the running daemon shows of itself and its books."""

    ledger: Ledger
    queue: Queue
    broker: Broker
    gate: Gate
    switch: TradingSwitch
    parts: Mapping[str, HealthPart]  # what the bot relies on; each says itself how it is
    chat: Chat
    fixed: Fixed
    clock: Clock

    async def daemon_status(self) -> DaemonStatus:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            account = self.broker.account()
            booked = await status(books, self.fixed.defaults, self.fixed.hours, self.clock.now(), account)
        return DaemonStatus(
            books=booked,
            state=self.switch.state,
            connection=self.broker.connection,
            account=account,
            depths=await self._depths(),
            held_up_by=self.gate.reasons,
            uptime_s=(self.clock.now() - self.fixed.started_at).total_seconds(),
            version=self.fixed.version,
            simulated=self.fixed.simulated,
        )

    async def held(self) -> figures.HeldPositions:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN)
        return figures.held(lots, self.broker.positions())

    async def result(self, days: int) -> figures.Result:
        """The last `days` New York dates, today included. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await figures.result(books, self.fixed.hours, self.clock.now(), days)

    def market_is_open(self) -> bool:
        """Whether alerts are executed now; else they wait."""
        return self.fixed.hours.is_open(self.clock.now())

    def market(self) -> figures.Market:
        return figures.market(self.fixed.hours, self.clock.now())

    async def waiting(self) -> figures.Waiting:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await figures.waiting(books, await self._depths())

    async def limits(self) -> tuple[Limits, Exposure]:
        """The limits in force and what is used of them. Raises LedgerUnavailable."""
        account = self.broker.account()
        async with self.ledger.read() as books:
            now = await status(books, self.fixed.defaults, self.fixed.hours, self.clock.now(), account)
        return now.limits, now.exposure

    async def _depths(self) -> QueueContents | None:
        try:
            return await self.queue.contents()
        except QueueUnavailable:
            return None

    async def health(self) -> Health:
        """Each part's state. Well means: an alert that arrives now is stored, judged and sent."""
        parts = {name: await part.health() for name, part in self.parts.items()}
        ok = all(part["ok"] for part in parts.values())
        about: Mapping[str, object] = {
            "version": self.fixed.version,
            "uptime": wording.seconds((self.clock.now() - self.fixed.started_at).total_seconds()),
            "simulated": list(self.fixed.simulated),
        }
        # Told, but no part of being well: the bot trades without Telegram.
        return Health(ok, {**parts, "telegram": await self.chat.health(), "daemon": about})
