"""The parts of the bot that `/health` shows, each asked for its own state: see `tradebot.ports.HealthPart`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tradebot.errors import LedgerUnavailable, QueueUnavailable
from tradebot.ports import Broker, Clock, InstanceLock, Ledger, OrderGate, Queue, SilentQuestions, TradingStateSource


@dataclass(frozen=True, slots=True)
class DatabasePart:
    """The database, and this instance's right to trade on it."""

    ledger: Ledger
    lock: InstanceLock

    async def health(self) -> Mapping[str, object]:
        try:
            await self.ledger.ping()
        except LedgerUnavailable as error:
            return {"ok": False, "name": self.ledger.name, "error": str(error)}
        return {"ok": self.lock.held, "name": self.ledger.name, "lock": "held" if self.lock.held else "LOST"}


@dataclass(frozen=True, slots=True)
class QueuePart:
    """The queue and its depths."""

    queue: Queue

    async def health(self) -> Mapping[str, object]:
        try:
            await self.queue.ping()
            listed = await self.queue.contents()
        except QueueUnavailable as error:
            return {"ok": False, "name": self.queue.name, "error": str(error)}
        depths = {"sell": len(listed.sell), "buy": len(listed.buy), "pending": len(listed.pending)}
        return {"ok": True, "name": self.queue.name, **depths}


@dataclass(frozen=True, slots=True)
class BrokerPart:
    """The connection to IB, and whether the account is traded."""

    broker: Broker

    async def health(self) -> Mapping[str, object]:
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


@dataclass(frozen=True, slots=True)
class QuestionsPart:
    """What trading stands on: IB's answers about orders, executions and positions."""

    questions: SilentQuestions

    async def health(self) -> Mapping[str, object]:
        return {"ok": not self.questions.silent, "unanswered": list(self.questions.silent)}


@dataclass(frozen=True, slots=True)
class TradingPart:
    """Paused or killed is the owner's will, not an illness; a closed gate is one."""

    gate: OrderGate
    switch: TradingStateSource

    async def health(self) -> Mapping[str, object]:
        paused = sorted(self.switch.paused_strategies)
        return {
            "ok": self.gate.is_open,
            "state": self.switch.state,
            "waiting_for": list(self.gate.reasons),
            **({"paused_strategies": paused} if paused else {}),
        }


@dataclass(slots=True)
class WebPart:
    """How the second listener is; who opens it says so. Nothing but people depends on it."""

    state: str = "off"
    at: str | None = None  # host:port
    error: str | None = None

    async def health(self) -> Mapping[str, object]:
        if self.state == "off":
            return {"state": "off"}
        return {"ok": self.error is None, "state": self.state, "at": self.at, "error": self.error}


@dataclass(slots=True)
class ChatPart:
    """How the connection to Telegram is; it tells so itself. Nothing but people depends on it."""

    state: str = "off"
    error: str | None = None

    async def health(self) -> Mapping[str, object]:
        if self.state == "off":
            return {"state": "off"}
        return {"ok": self.error is None, "state": self.state, "error": self.error}


UNTOLD_AFTER = timedelta(minutes=5)
"""So long a critical message may be on its way to the first that takes it."""
LOG = "log"
"""The channel that tells nobody by itself."""


@dataclass(slots=True)
class ChannelState:
    """How the deliveries to one channel go; its outbox keeps it."""

    delivered_at: datetime | None = None
    failing_since: datetime | None = None
    error: str | None = None


@dataclass(slots=True)
class ChannelsPart:
    """The channels beside the chat and the log. Not well: what is critical has reached nobody, on any channel, for minutes."""

    ledger: Ledger
    clock: Clock
    states: dict[str, ChannelState] = field(default_factory=dict)
    """Of those that are configured, by name."""
    served: tuple[str, ...] = ()
    """All that events wait for, the chat or the log included."""

    async def health(self) -> Mapping[str, object]:
        if not self.states:
            return {"state": "off"}
        try:
            async with self.ledger.read() as books:
                since = await books.untold_since([name for name in self.served if name != LOG])
        except LedgerUnavailable as error:
            return {"ok": True, "unknown": str(error)}  # the database's own part says that it is not well
        is_late = since is not None and self.clock.now() - since > UNTOLD_AFTER
        return {
            "ok": not is_late,
            "well": [name for name, state in self.states.items() if state.error is None],
            "failing": {name: state.error for name, state in self.states.items() if state.error is not None},
            **({"untold_since": since.isoformat()} if since and is_late else {}),
        }
