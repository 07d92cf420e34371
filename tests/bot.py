"""The bot as the daemon builds it, around a fake broker: real SQLite file, real queue, time that can be skipped."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from tests.adapters.database.samples import an_alert, an_execution
from tests.fakes import Clock, FakeBroker, FakeLock, WatchedLedger
from tradebot.config import Settings
from tradebot.database import open_ledger
from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.analytics.thresholds import Thresholds
from tradebot.domain.brokerage import Execution, Order
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import Event, EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.instructions import Instruction, Verb, stored
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.reasons import Reason
from tradebot.domain.restart_window import NO_RESTART, RestartWindow
from tradebot.domain.strategies import MAIN, Strategies, Strategy
from tradebot.domain.trades import NewTrade, Trade, TradeStatus
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Broker, Ledger, LogTail, Queue
from tradebot.queries import counting
from tradebot.queues import EmbeddedQueue
from tradebot.runtime.build import Options, Outside, build
from tradebot.runtime.pulse import Pulse
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.words.reasons import reason

FRIDAY_NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 12:00 in New York, the exchange is open
DEADLINE_S = 60.0
TURN_MAX = 60
CRONS = Settings().schedule.crons()
NO_FIXED_LIMITS = FixedLimits(price_collar_pct=Decimal(0), repeat_window_s=0)

# Their loop's clock is set ahead while a process counts: its own deadline must not take that for one that hangs.
counting.DEADLINE_S = 1_000_000.0


@dataclass(frozen=True)
class Setup:
    """What a test wants otherwise than here."""

    start: datetime = FRIDAY_NOON
    always: bool = True
    limits: Limits = field(default_factory=Limits)
    fixed_limits: FixedLimits = NO_FIXED_LIMITS
    orders_per_second: int = 1000
    second_look_delay_s: float = 0.01
    order_timeout_s: float = 30.0
    restart: RestartWindow = NO_RESTART
    keep: timedelta | None = timedelta(days=365)
    crons: Mapping[str, str] = field(default_factory=dict)  # lines that differ from the default's
    heartbeat: Callable[[], Awaitable[None]] | None = None
    simulated: Sequence[str] = ()
    strategies: Sequence[Strategy] = (Strategy(name=MAIN),)
    thresholds: Thresholds = field(default_factory=Thresholds)
    queue: Queue | None = None  # None: an embedded one of its own
    allow_buy: bool = False
    log: LogTail | None = None
    fake: type[FakeBroker] = FakeBroker

    @property
    def options(self) -> Options:
        return Options(
            hours=Hours(Calendar(), always=self.always),
            defaults=self.limits,
            fixed_limits=self.fixed_limits,
            fractional=False,
            orders_per_second=self.orders_per_second,
            order_timeout_s=self.order_timeout_s,
            pending_max_age=timedelta(hours=96),
            restart=self.restart,
            crons={**CRONS, **self.crons},
            keep=self.keep,
            simulated=self.simulated,
            strategies=Strategies({strategy.name: strategy for strategy in self.strategies}),
            thresholds=self.thresholds,
            version="0.1.0",
            allow_buy=self.allow_buy,
            log=self.log,
            heartbeat=self.heartbeat,
            second_look_delay_s=self.second_look_delay_s,
            store_within_s=60,
        )


class Bot:
    ledger: WatchedLedger

    def __init__(self, ledger: Ledger, url: str, setup: Setup, broker: Broker | None = None) -> None:
        """`broker`: a real one; else `self.broker` is the fake that the test drives."""
        self.clock = Clock(setup.start)
        self.url = url
        self.ledger = WatchedLedger(ledger)
        self.pulse = Pulse(self.clock)
        self.broker, self.lock = setup.fake(self.clock), FakeLock()
        self.queue = setup.queue or EmbeddedQueue()
        self.options = setup.options
        outside = Outside(
            self.ledger, self.lock, self.queue, broker or self.broker, self.clock, secrets.token_hex, self.pulse
        )
        self.built = built = build(outside, self.options)
        self.gate, self.switch, self.booking = built.gate, built.switch, built.booking
        self.in_doubt_orders, self.recovery = built.in_doubt_orders, built.recovery
        self.worker, self.requeue, self.intake = built.worker, built.requeue, built.intake
        self.operations, self.queries = built.operations, built.queries
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._alerts = count(1)

    # --- running ----------------------------------------------------------------------------------------------------

    async def start(self, *, connected: bool = True) -> None:
        """Everything that trades in the daemon; `connected`: returns when the gate is open."""
        work = {**self.built.trading(), "worker": self.worker.run}
        self.tasks = {name: asyncio.create_task(run(), name=name) for name, run in work.items()}
        if connected:
            self.broker.connect()
            await self.is_open()

    async def stop(self) -> None:
        """As the daemon stops: the worker first. Fails when a task had died."""
        for names in (["worker"], [name for name in self.tasks if name != "worker"]):
            tasks = [self.tasks.pop(name) for name in names if name in self.tasks]
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error
        await self.intake.finish()

    async def after_decision(self, happening: Callable[[], Awaitable[None]]) -> None:
        """Lets this happen once, between the commit of the next order's intent and its last step."""
        before = len(await self.trades())

        async def after_commit() -> None:
            if self.ledger.after_commit is not None and len(await self.trades()) > before:
                self.ledger.after_commit = None
                await happening()

        self.ledger.after_commit = after_commit

    # --- time -------------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for what happens by itself, now."""
        real = 0
        while not await condition():
            real += 1
            assert real * 0.005 < DEADLINE_S, f"waited in vain until {what}"
            await self.moment()

    async def moment(self) -> None:
        """Five milliseconds of the loop's time."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        loop.call_later(0.005, woken.set_result, None)
        await woken

    async def at_once(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for what happens without any timer: time stands still meanwhile."""
        began = time.perf_counter()  # a busy disk may take seconds to store what happens
        with self.clock.standing_still():
            while time.perf_counter() - began < DEADLINE_S:
                if await condition():
                    return
                await self.trades()  # a moment in which others get their turn
        raise AssertionError(f"waited in vain until {what}")

    async def sooner_or_later(self, condition: Callable[[], Awaitable[bool]], what: str, within_s: int = 300) -> None:
        """Lets time fly, second by second, until it has happened."""
        for _ in range(within_s):
            if await condition():
                return
            await self.second()
        raise AssertionError(f"{within_s} s went by in vain until {what}")

    async def second(self, number: int = 1) -> None:
        """A second goes by, and whoever waited for it gets his turn."""
        self.clock.skip(number)
        due = self.clock.now() + timedelta(milliseconds=20)

        async def over() -> bool:
            return self.clock.now() > due

        await self.until(over, "a moment has passed")
        for _ in range(
            TURN_MAX
        ):  # on a busy machine a transaction outlasts the moment; one that hangs on purpose is left
            if not self.ledger.under_way:
                return
            await self.moment()

    async def seconds(self, number: int, *, at_once: int = 1) -> None:
        for _ in range(number // at_once):
            await self.second(at_once)

    async def is_open(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.gate.wait_open()

    # --- alerts -----------------------------------------------------------------------------------------------------

    async def alert(self, side: str, ticker: str = "AAPL", **fields: object) -> int:
        """A stored alert on its way to the queue."""
        told = {"action": side, "ticker": ticker, "alert_id": f"test-{next(self._alerts)}", **fields}
        while True:
            try:
                return (await self.intake.accept(told, b"raw", None)).alert_id
            except LedgerUnavailable:
                if self.ledger.away:
                    raise
                await self.intake.finish()  # a busy machine: what it was too slow for is stored by now, and a duplicate

    async def asks(
        self,
        strategy: str,
        verb: Verb,
        ticker: str = "AAPL",
        *,
        received_at: datetime | None = None,
        alert_time: datetime | None = None,
        **wanted: Any,
    ) -> int:
        """An alert of the strategy, stored as the intake stores one that was understood so, and on its way to the queue."""
        instruction = Instruction(dialect="own", verb=verb, ticker=ticker, alert_time=alert_time, **wanted)
        alert = an_alert(
            received_at=received_at or self.clock.now(),
            ticker=ticker,
            action=instruction.side,
            alert_time=alert_time,
            strategy=strategy,
            dialect=instruction.dialect,
            instruction=stored(instruction),
            price=instruction.price,
        )
        async with self.ledger.begin() as books:
            alert_id = await books.insert_alert(alert)
        assert alert_id is not None
        await self.queue.push(instruction.side, [alert_id])
        return alert_id

    async def row(self, alert_id: int) -> Alert:
        async with self.ledger.read() as books:
            alert = await books.alert(alert_id)
        assert alert is not None
        return alert

    async def becomes(self, alert_id: int, *statuses: AlertStatus) -> Alert:
        async def reached() -> bool:
            return (await self.row(alert_id)).status in statuses

        try:
            await self.until(reached, f"alert {alert_id} is {statuses}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.row(alert_id)}, gate {self.gate.reasons}") from None
        return await self.row(alert_id)

    async def sent(self, number: int = 1) -> Order:
        """The newest order, when so many have been sent."""

        async def enough() -> bool:
            return len(self.broker.sent) >= number

        await self.until(enough, f"{number} orders are sent, of {len(self.broker.sent)}")
        assert len(self.broker.sent) == number
        return self.broker.sent[-1]

    async def leaves(self, number: int = 1) -> None:
        """Lets time fly until so many orders have been sent."""

        async def enough() -> bool:
            return len(self.broker.sent) >= number

        await self.sooner_or_later(enough, f"{number} orders are sent, of {len(self.broker.sent)}")

    async def order(self, side: str = "BUY", ticker: str = "AAPL") -> tuple[int, str]:
        """An alert whose order is at IB: alert id and order ref."""
        before = len(self.broker.sent)
        alert_id = await self.alert(side, ticker)
        return alert_id, (await self.sent(before + 1)).order_ref

    async def owns(self, shares: int, ticker: str = "AAPL", at_ib: int | None = None, *, strategy: str = MAIN) -> Trade:
        """A lot bought yesterday; `at_ib` shares are at IB, where that is another number."""
        con_id = self.broker.con_ids.setdefault(ticker, len(self.broker.con_ids))
        number = next(self._alerts)
        async with self.ledger.begin() as books:
            alert_id = await books.insert_alert(
                an_alert(received_at=self.clock.now(), ticker=ticker, strategy=strategy)
            )
            assert alert_id is not None
            await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
            trade = NewTrade(
                alert_id=alert_id,
                ticker=ticker,
                con_id=con_id,
                side=Side.BUY,
                requested_qty=Decimal(shares),
                order_ref=f"tb-{alert_id}-owned",
                ib_position_before=Decimal(0),
                reserved=Decimal(0),
                decision={},
                created_at=self.clock.now() - timedelta(days=1),
                strategy=strategy,
            )
            await books.insert_trade(trade)
        fill = an_execution(
            f"owned.{number}.01",
            order_ref=trade.order_ref,
            order_id=0,
            perm_id=8000 + number,
            con_id=con_id,
            ticker=ticker,
            shares=Decimal(shares),
            price=Decimal(100),
            commission=Decimal(1),
            time=self.clock.now() - timedelta(days=1),
        )
        await self.booking.book(trade.order_ref, BrokerUpdate(executions=[fill]))
        if self.broker.held is not None:
            before = sum(
                (lot.qty for lot in await self.lots(LotStatus.OPEN, ticker) if lot.con_id == con_id), Decimal(0)
            )
            self.broker.held[con_id] = Decimal(before if at_ib is None else at_ib)
        self.clock.skip(11)
        return await self.trade(trade.order_ref)

    async def bought(self, shares: int = 5, ticker: str = "AAPL", price: int | str = 100) -> str:
        """A BUY that has filled, long enough ago to be settled everywhere; returns its order ref."""
        alert_id, order_ref = await self.order("BUY", ticker)
        self.broker.fill(order_ref, shares, price)
        await self.becomes(alert_id, AlertStatus.EXECUTED)
        self.clock.skip(11)
        return order_ref

    # --- books ------------------------------------------------------------------------------------------------------

    async def trade(self, order_ref: str) -> Trade:
        async with self.ledger.read() as books:
            trade = await books.trade_by_ref(order_ref)
        assert trade is not None
        return trade

    async def trade_of(self, alert_id: int) -> Trade:
        async with self.ledger.read() as books:
            trade = await books.trade_of_alert(alert_id)
        assert trade is not None
        return trade

    async def trades(self) -> list[Trade]:
        async with self.ledger.read() as books:
            return list(await books.trades())

    async def turns(self, order_ref: str, *statuses: TradeStatus) -> Trade:
        """The trade once it has one of these statuses, with whatever time that takes."""

        async def reached() -> bool:
            return (await self.trade(order_ref)).status in statuses

        try:
            await self.sooner_or_later(reached, f"{order_ref} is {statuses}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.trade(order_ref)}, gate {self.gate.reasons}") from None
        return await self.trade(order_ref)

    async def lots(self, status: LotStatus | None = None, ticker: str | None = None) -> list[Lot]:
        async with self.ledger.read() as books:
            return list(await books.lots(status, ticker=ticker))

    async def executions(self, order_ref: str) -> list[Execution]:
        trade = await self.trade(order_ref)
        async with self.ledger.read() as books:
            return list(await books.executions(trade.id))

    async def events(self, *kinds: EventKind, alert_id: int | None = None) -> list[Event]:
        async with self.ledger.read() as books:
            found = await books.events(alert_id=alert_id)
        return [event for event in found if not kinds or event.kind in kinds]

    async def told(self, kind: EventKind, number: int = 1) -> list[Event]:
        async def enough() -> bool:
            return len(await self.events(kind)) >= number

        await self.until(enough, f"{kind} is told {number} times")
        return await self.events(kind)


@asynccontextmanager
async def open_bot(
    template: Path, folder: Path, setup: Setup | None = None, broker: Broker | None = None
) -> AsyncIterator[Bot]:
    path = folder / "tradebot.db"
    if not path.exists():
        shutil.copy(template, path)
    url = f"sqlite:///{path}"
    # The loop's clock is set ahead while statements are under way: their own deadline must not take that for a dead disk.
    async with open_ledger(url, timeout_s=1_000_000) as ledger:
        bot = Bot(ledger, url, setup or Setup(), broker)
        try:
            yield bot
        finally:
            await bot.stop()


def said(why: Reason | str | None) -> str:
    """Why an alert or an order ended as it did, as people read it."""
    return "" if why is None else reason(why)


def qty(lots: list[Lot]) -> Decimal:
    return sum((lot.qty for lot in lots), Decimal(0))
