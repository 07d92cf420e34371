"""What the running daemon shows of itself and its books. Read only, and without words: the edges say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alert_keys import KeyKind, key_of
from tradebot.domain.alerts import NOT_TRADED, WAITING, Alert
from tradebot.domain.brokerage import Account
from tradebot.domain.calendar import DAY
from tradebot.domain.corporate_actions import Split
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import Event
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.log_lines import LogLine
from tradebot.domain.lots import LotStatus
from tradebot.domain.pnl import unrealised
from tradebot.domain.positions import WriteOff
from tradebot.domain.settings import TradingState, blocked_tickers, limits_in, own_limits_in, tellings_in
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import LIVE, UNRESOLVED, Trade
from tradebot.errors import QueueUnavailable
from tradebot.ports import (
    Books,
    Broker,
    Clock,
    HealthPart,
    Ledger,
    LogTail,
    OrderGate,
    Queue,
    QueueContents,
    SilentQuestions,
    TradingStateSource,
)
from tradebot.queries.alert_trace import AlertTrace, alert_trace
from tradebot.queries.exits import Exit, read_exits, read_held_back, read_rest
from tradebot.queries.headline import Headline, read_headline
from tradebot.queries.health import Health
from tradebot.queries.jobs import JobHistory, job_history
from tradebot.queries.market import Market, market_now
from tradebot.queries.mismatches import NothingToWriteOff, missing_shares
from tradebot.queries.newest import Fill, newest_alerts, newest_fills
from tradebot.queries.parts import ChannelsPart, ChatPart, WebPart
from tradebot.queries.performance import PerformanceQueries
from tradebot.queries.positions import HeldPositions, held_positions
from tradebot.queries.results import Result, SinceStart, read_result
from tradebot.queries.splits import NoSplit, seen_split
from tradebot.queries.status import BooksStatus, DaemonStatus, books_status
from tradebot.queries.strategies import with_last_alerts
from tradebot.queries.thresholds import ThresholdReader
from tradebot.queries.unknown_orders import PresumedFill, presumed_fill
from tradebot.queries.waiting import Waiting, read_waiting
from tradebot.queries.working import AtWork, working_orders


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What does not change while the daemon runs."""

    defaults: Limits
    fixed_limits: FixedLimits
    hours: Hours
    simulated: Sequence[str]
    started_at: datetime
    version: str
    strategies: Strategies = field(default_factory=Strategies)
    configured: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """The configuration as people may see it: by section each key with its value, without a secret."""

    @property
    def several(self) -> bool:
        """Whether there is more than one strategy: then it is said whose something is."""
        return self.strategies.only is None


NOT_TRADED_MAX = 1000
"""More of today's alerts than these are not counted."""


@dataclass(frozen=True, slots=True)
class DaemonQueries:
    """What the running daemon shows of itself and its books."""

    ledger: Ledger
    queue: Queue
    broker: Broker
    gate: OrderGate
    switch: TradingStateSource
    questions: SilentQuestions
    parts: Mapping[str, HealthPart]  # what the bot relies on; each says itself how it is
    chat: ChatPart
    channels: ChannelsPart
    run: RunSettings
    clock: Clock
    performance: PerformanceQueries
    thresholds: ThresholdReader
    log: LogTail | None = None  # None: no log is written
    web: WebPart = field(default_factory=WebPart)

    async def status(self) -> DaemonStatus:
        """Raises LedgerUnavailable."""
        begin = self.run.hours.day_start(self.clock.now())
        async with self.ledger.read() as books:
            account = self.broker.account()
            booked = await self._booked(books, account)
            not_traded = await books.search_alerts(NOT_TRADED, NOT_TRADED_MAX, received=(begin, begin + DAY))
        return DaemonStatus(
            books=booked,
            state=self.switch.state,
            connection=self.broker.connection,
            account=account,
            depths=await self._depths(),
            held_up_by=self.gate.reasons,
            silent=self.questions.silent,
            uptime_s=(self.clock.now() - self.run.started_at).total_seconds(),
            version=self.run.version,
            simulated=self.run.simulated,
            not_traded=not_traded,
            max_risk_usd=self.run.fixed_limits.max_risk_usd,
        )

    async def headline(self) -> Headline:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_headline(
                books,
                self.run.hours,
                self.clock.now(),
                state=self.switch.state,
                connection=self.broker.connection,
                held_up_by=self.gate.reasons,
            )

    async def _booked(self, books: Books, account: Account | None) -> BooksStatus:
        run, basis = self.run, self.run.fixed_limits.daily_loss_basis
        positions = self.broker.positions()
        return await books_status(
            books,
            run.defaults,
            run.hours,
            self.clock.now(),
            account,
            positions=positions,
            loss_basis=basis,
            strategies=run.strategies,
        )

    async def positions(self, strategy: str | None = None) -> HeldPositions:
        """Of one strategy only, where it is given. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            orders = await books.trades(UNRESOLVED)
            lots = await books.lots(LotStatus.OPEN)
        return held_positions(lots, self.broker.positions(), strategy, self.run.strategies, orders)

    async def orders(self, strategy: str | None = None, known: Mapping[int, Decimal] | None = None) -> Sequence[AtWork]:
        """What has not ended, beside the market; with `known` prices IB is asked for none. Raises LedgerUnavailable."""
        return await working_orders(self.ledger, self.broker, strategy, known)

    async def result(self, days: int, strategy: str | None = None) -> Result:
        """The last `days` New York dates, today included; beside them what is open, and all since the start. Raises
        LedgerUnavailable."""
        run = self.run
        async with self.ledger.read() as books:
            found = await read_result(books, run.hours, self.clock.now(), days, strategy, run.strategies)
            lots = await books.lots(LotStatus.OPEN, strategy=strategy)
            start = SinceStart(*await books.realised_since_start(strategy))
        prices = {con_id: one.market_price for con_id, one in (self.broker.positions() or {}).items()}
        return replace(found, unrealised=unrealised(lots, prices), since_start=start)

    async def today(self) -> Result:
        """This New York date and nothing else: for a page that stays open, which must cost the same after years. Raises
        LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_result(books, self.run.hours, self.clock.now(), 1)

    async def strategies(self) -> BooksStatus:
        """Each strategy as it stands, with its last alert. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            booked = await self._booked(books, self.broker.account())
            strategies = await with_last_alerts(books, booked.strategies)
        return replace(booked, state=self.switch.state, strategies=strategies)

    @property
    def state(self) -> TradingState:
        """The trading state in force, which a kill that is not stored yet counts for."""
        return self.switch.state

    async def exits(self, ticker: str | None = None, strategy: str | None = None) -> Sequence[Exit]:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_exits(books, self.broker.positions(), ticker, strategy)

    async def alerts_under(self, key: str) -> Sequence[int]:
        """The ids of the bot's own alerts that an operation made under this key of its. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return [
                one.id
                for one in await books.own_alerts()
                if one.idempotency_key == key_of(one.strategy, KeyKind.OWN, f"{key}:{one.ticker}")
            ]

    async def rest_of(self, event: Event) -> Exit | None:
        """What the exit that this event is about has left; None: nothing. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_rest(books, self.broker.positions(), event)

    async def held_back(self, event: Event) -> Sequence[Exit]:
        """Of the exits that a kill has stopped, by the event that lists them, what is still held. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_held_back(books, self.broker.positions(), event)

    async def live_trades(self) -> Sequence[Trade]:
        """Orders at work. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await books.trades(LIVE)

    async def presumed_fill(self, trade_id: int) -> PresumedFill | None:
        """None when the order is not UNKNOWN (any more). Raises LedgerUnavailable."""
        return await presumed_fill(self.ledger, self.broker, trade_id)

    async def missing_shares(self, ticker: str) -> Sequence[WriteOff] | NothingToWriteOff:
        """One a strategy that holds it. Raises BrokerUnavailable, LedgerUnavailable."""
        return await missing_shares(self.ledger, self.broker, self.clock, ticker)

    async def seen_split(self, ticker: str) -> Split | NoSplit:
        """Raises BrokerUnavailable, LedgerUnavailable."""
        return await seen_split(self.ledger, self.broker, self.clock, ticker)

    async def event(self, event_id: int) -> Event | None:
        """None when this database has no such event. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            events = await books.events(after_id=event_id - 1, limit=1)
        return events[0] if events and events[0].id == event_id else None

    async def ticker_of_event(self, event_id: int) -> str | None:
        """None when this database has no such event. Raises LedgerUnavailable."""
        event = await self.event(event_id)
        return event.ticker if event else None

    def market_is_open(self) -> bool:
        """Whether alerts are executed now; else they wait."""
        return self.run.hours.is_open(self.clock.now())

    def market(self) -> Market:
        return market_now(self.run.hours, self.clock.now())

    async def waiting(self, strategy: str | None = None) -> Waiting:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await read_waiting(books, await self._depths(), strategy, several=self.run.several)

    async def waiting_alerts(self, strategy: str | None = None) -> Sequence[Alert]:
        """Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return await books.alerts(WAITING, strategy=strategy)

    async def limits_in_force(self) -> Limits:
        """The account's. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return limits_in(await books.settings(), self.run.defaults)

    async def own_limits(self, strategy: str) -> Mapping[str, Decimal | int]:
        """The strategy's own in force, by name. Raises LedgerUnavailable, UnknownStrategy."""
        async with self.ledger.read() as books:
            return own_limits_in(await books.settings(), self.run.strategies.named(strategy))

    async def limits(self) -> BooksStatus:
        """The limits in force and what is used of them. Raises LedgerUnavailable."""
        account = self.broker.account()
        async with self.ledger.read() as books:
            return await self._booked(books, account)

    async def tellings(self) -> Mapping[EventGroup, Telling]:
        """How the chat is told of each group of events. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return tellings_in(await books.settings())

    async def blocked_tickers(self) -> Sequence[str]:
        """Those of which the owner wants no BUY. Raises LedgerUnavailable."""
        async with self.ledger.read() as books:
            return sorted(blocked_tickers(await books.settings()))

    async def fills(self, number: int, strategy: str | None = None) -> Sequence[Fill]:
        """The newest so many orders that have filled something, the oldest of them first. Raises LedgerUnavailable."""
        return await newest_fills(self.ledger, self.clock.now(), number, strategy)

    async def trace(self, name: str) -> AlertTrace | None:
        """By the alert's id, an order's reference, or the message's own "alert_id". Raises LedgerUnavailable."""
        return await alert_trace(self.ledger, name)

    async def newest_trace(self, strategy: str | None = None) -> AlertTrace | None:
        """Of the alert that came last; None: there was none. Raises LedgerUnavailable."""
        newest = await newest_alerts(self.ledger, 1, strategy=strategy)
        return await alert_trace(self.ledger, str(newest[0].alert.id)) if newest else None

    async def newest_alerts(self, number: int, strategy: str | None = None) -> Sequence[Alert]:
        """The last so many, the newest last. Raises LedgerUnavailable."""
        return [one.alert for one in await newest_alerts(self.ledger, number, strategy=strategy)]

    async def jobs(self) -> JobHistory:
        """When each job ran last, and how. Raises LedgerUnavailable."""
        return await job_history(self.ledger, self.clock.now())

    async def log_lines(self, number: int, level: str = "WARNING") -> Sequence[LogLine]:
        """The newest so many of this level and above, the oldest of them first."""
        return await self.log.newest(number, level) if self.log is not None else ()

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
            "version": self.run.version,
            "uptime_s": (self.clock.now() - self.run.started_at).total_seconds(),
            "simulated": list(self.run.simulated),
        }
        # Told, but no part of being well: the bot trades without anybody who looks.
        looked_at: Mapping[str, HealthPart] = {"telegram": self.chat, "channels": self.channels, "web": self.web}
        beside = {name: await part.health() for name, part in looked_at.items()}
        return Health(ok, {**parts, **beside, "daemon": about})
