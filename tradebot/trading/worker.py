"""Takes ids from the queue, prepares, judges one at a time, and has the orders sent (`submission.py`).

Rules:
- Taking an id proves nothing; the decision's compare-and-set does. An id may come twice, late, or never: the requeue
  brings it again.
- Waiting is concurrent (quotes, contracts, positions), judging is serial: SELLs first, each side in the order taken.
- IB's message limit makes orders wait. An alert whose order certainly did not leave is judged again, later each time.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from loguru import logger

from tradebot.domain.alerts import UNDECIDED, Alert, AlertStatus, Side
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import AlertFailed
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import Fact, RefusalCode
from tradebot.domain.settings import (
    invalid_limits,
    limit_key,
    limits_in,
    own_limits_in,
    paused_strategies,
)
from tradebot.domain.strategies import ACCOUNT, Strategies, Strategy, UnknownStrategy
from tradebot.domain.strategy_rules import StrategyTerms
from tradebot.domain.trades import Trade
from tradebot.errors import (
    BrokerUnavailable,
    LedgerUnavailable,
    LockLost,
    QueueUnavailable,
)
from tradebot.ports import (
    ASKS_IB_S,
    IDLE_S,
    Books,
    Broker,
    Chance,
    Clock,
    InstanceLock,
    Ledger,
    Pulse,
    Queue,
)
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_waits import BrokerWaits
from tradebot.trading.decision import decide, read_ahead
from tradebot.trading.gate import Gate
from tradebot.trading.judging import AskMargin, Decided, Intent, Lift, NewOrder, Policy, PreTradeData, Wait
from tradebot.trading.preparing import Preparing
from tradebot.trading.questions import Questions
from tradebot.trading.sequencer import Sequencer
from tradebot.trading.snapshot import BrokerView
from tradebot.trading.submission import DecidedUnder, Submission, check_epoch
from tradebot.trading.switch import TradingSwitch
from tradebot.trading.taking import Taking
from tradebot.trading.waiting import ASK_AGAIN_S, Waiting

READ_MAX = 32
"""Alerts read from the database at once."""
BUYS_MAX = 32
"""BUYs prepared at once; SELLs wait for none of them."""
PRE_TRADE_MAX_AGE_S = 10.0
"""A quote older than this when its turn comes is asked for again."""
HOLDINGS_MAX_AGE_S = 1.0
"""As is what IB holds: the owner may have sold by hand while an exit waited behind another one."""
AGAIN_MAX_S = 30.0
"""From one to the next order of an alert whose orders cannot leave."""
SECOND_LOOK_DELAY_S = 3.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the owner chose, as far as decisions and sending depend on it."""

    fixed_limits: FixedLimits
    defaults: Limits
    hours: Hours
    fractional: bool
    orders_per_second: int
    second_look_delay_s: float = SECOND_LOOK_DELAY_S  # before IB is believed that it holds less than the books
    strategies: Strategies = field(default_factory=Strategies)


@dataclass(frozen=True, slots=True)
class _Prepared:
    data: PreTradeData
    at: float  # when it was complete, by the clock that only goes on
    waits_ended: int  # when it was asked for


class Worker:
    """Takes alerts from the queue and carries each to a decision, and its order to IB."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        broker: Broker,
        lock: InstanceLock,
        *,
        gate: Gate,
        switch: TradingSwitch,
        booking: Booking,
        listeners: Listeners,
        questions: Questions,
        waiting: Waiting,
        broker_waits: BrokerWaits,
        clock: Clock,
        pulse: Pulse,
        chance: Chance,
        options: WorkerOptions,
        just_stored: Callable[[int], Alert | None],
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._lock = lock
        self._gate = gate
        self._switch = switch
        self._booking = booking
        self._submission = Submission(ledger, broker, lock, gate, switch, booking, listeners, clock)
        self._questions = questions
        self._broker_waits = broker_waits
        self._clock = clock
        self._pulse = pulse
        self._judged = pulse.of("alerts in hand", ASKS_IB_S)
        self._chance = chance
        self._options = options
        self._just_stored = just_stored
        self._serial = asyncio.Lock()
        self._next_order_at = 0.0  # by the clock that only goes on
        self._waits_ended = 0  # of exits, for IB to take messages again
        self._taking = Taking(queue, clock)
        self._in_hand: set[int] = set()
        self._waiting = waiting
        self._sequencer = Sequencer(BUYS_MAX)
        self._preparing = Preparing(
            ledger,
            broker,
            switch,
            questions,
            self._sequencer,
            broker_waits,
            clock=clock,
            hours=options.hours,
            second_look_delay_s=options.second_look_delay_s,
        )
        listeners.ended.append(waiting.trade_ended)

    async def run(self) -> None:
        """Takes and handles until cancelled; alerts in hand are then finished first."""
        reading, beat = asyncio.Semaphore(READ_MAX), self._pulse.of("worker")
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    beat()
                    if not (self._in_hand or self._waiting.for_a_while):
                        self._judged()
                    if not await self._gate.opens(IDLE_S):
                        continue
                    async with reading:
                        alert_id = await self._taking.take(IDLE_S)
                    if alert_id is None or alert_id in self._in_hand or alert_id in self._waiting.for_a_while:
                        continue
                    self._in_hand.add(alert_id)
                    self._sequencer.take_place(alert_id)
                    group.create_task(self._handle(alert_id, reading), name=f"alert {alert_id}")
            except asyncio.CancelledError:
                await asyncio.shield(self._finish())
                raise

    @property
    def taking(self) -> Taking:
        """Where the ids come from."""
        return self._taking

    @property
    def waiting(self) -> Waiting:
        """What comes again."""
        return self._waiting

    @property
    def in_hand(self) -> frozenset[int]:
        """Alerts that are being handled, or wait for their ticker: the requeue leaves them alone."""
        return frozenset(self._in_hand) | self._waiting.for_a_while | self._waiting.parked

    # --- one alert --------------------------------------------------------------------------------------------------

    async def _handle(self, alert_id: int, reading: asyncio.Semaphore) -> None:
        with ExitStack() as context:
            context.enter_context(logger.contextualize(alert_id=alert_id))
            try:
                alert = self._just_stored(alert_id) or await self._read(alert_id, reading)
                if alert is None:
                    self._taking.note_junk(alert_id)
                elif alert.status is AlertStatus.RECEIVED:
                    await self._judge_and_send(alert, context)
            except LedgerUnavailable as error:
                logger.error("alert {} waits: {}", alert_id, error)
            except (BrokerUnavailable, QueueUnavailable) as error:
                logger.warning("alert {} waits: {}", alert_id, error)
            except LockLost:
                raise
            except Exception as error:
                logger.exception("alert {} cannot be handled", alert_id)
                await self._give_up(alert_id, error)
            finally:
                self._broker_waits.decided(alert_id)
                self._sequencer.leave(alert_id)
                self._in_hand.discard(alert_id)
                self._judged()

    async def _read(self, alert_id: int, reading: asyncio.Semaphore) -> Alert | None:
        async with reading, self._ledger.read() as books:
            return await books.alert(alert_id)

    async def _judge_and_send(self, alert: Alert, context: ExitStack) -> None:
        self._sequencer.is_a(alert.id, alert.action)
        await self._sequencer.near(alert.id)
        context.enter_context(logger.contextualize(ticker=alert.ticker))  # for what is logged of its failure, too
        prepared = await self._prepare(alert)
        while (decided := await self._in_turn(alert, prepared)) is Wait.LIMIT or isinstance(decided, AskMargin):
            if isinstance(decided, AskMargin):
                asked = await self._preparing.with_margin(alert, prepared.data, decided)
                prepared = replace(prepared, data=asked)
                continue
            entry = alert.action is Side.BUY
            if self._broker.throttled(entry=entry):
                while self._broker.throttled(entry=entry):
                    self._judged()
                    await self._broker.room(entry=entry)
                if not entry:
                    self._waits_ended += 1
                    self._sequencer.look_up()  # the exits behind it ask again, together
            if alert.action is Side.SELL:  # it is sized by what IB holds, which the owner may have changed meanwhile
                prepared = await self._prepare(alert)
        if isinstance(decided, Wait | Lift):
            await self._waiting.hold(alert, decided, prepared.data)

    async def _in_turn(self, alert: Alert, prepared: _Prepared) -> Decided:
        entry = alert.action is Side.BUY

        def outdated() -> bool:
            """An exit that has waited behind another one: those in this place ask again, together."""
            waited = prepared.waits_ended != self._waits_ended or self._age_s(prepared) > HOLDINGS_MAX_AGE_S
            return alert.action is Side.SELL and waited

        while True:
            await self._sequencer.wait(alert.id, unless=outdated)
            if entry:
                await self._pace()
            async with self._serial:
                if outdated():
                    return Wait.LIMIT
                if not self._sequencer.is_first(alert.id):
                    continue  # an exit came meanwhile
                if self._broker.throttled(entry=entry):
                    return Wait.LIMIT
                stale = self._age_s(prepared) > PRE_TRADE_MAX_AGE_S
                return Wait.BROKER if stale else await self._decide_and_send(alert, prepared.data)

    # --- preparing --------------------------------------------------------------------------------------------------

    async def _prepare(self, alert: Alert) -> _Prepared:
        waits_ended = self._waits_ended
        return _Prepared(await self._preparing.ask(alert), self._clock.monotonic(), waits_ended)

    def _age_s(self, prepared: _Prepared) -> float:
        return self._clock.monotonic() - prepared.at

    async def _pace(self) -> None:
        """Keeps to `orders_per_second`. No exit waits for it, nor for an entry that does: only for IB's own limit."""
        await self._clock.sleep(max(0.0, self._next_order_at - self._clock.monotonic()))

    # --- deciding and sending ---------------------------------------------------------------------------------------

    async def _decide_and_send(self, alert: Alert, pre_trade: PreTradeData) -> Decided:
        under = DecidedUnder(self._gate.generation, self._broker.connection.link_session, self._clock.monotonic())
        if not (self._gate.is_open and self._gate.compared == under.link_session and self._lock.held):
            return Wait.BROKER  # without the lock: the next holder decides it
        decided: Decided = None
        try:
            async with self._ledger.begin() as books:
                under = replace(under, began=self._clock.monotonic())
                decided = await self._decide(books, alert, pre_trade)
        except LedgerUnavailable:
            if isinstance(decided, Intent):  # whether it is stored is not known; that nothing left of it is
                await self._did_not_leave(alert, decided.trade, Reason(ReasonCode.DATABASE_SILENT))
            raise
        if isinstance(decided, Intent):
            self._next_order_at = under.began + len(decided.group) / self._options.orders_per_second
            order = decided.order
            with logger.contextualize(order_ref=order.order_ref):
                logger.info(
                    "decided: {} {:f} {}, order {} is stored", order.side, order.qty, alert.ticker, order.order_ref
                )
                not_sent = await self._submission.submit(decided, under)
                if not_sent is not None:
                    await self._did_not_leave(alert, decided.trade, not_sent)
        return decided

    async def _decide(self, books: Books, alert: Alert, pre_trade: PreTradeData) -> Decided:
        await read_ahead(books, alert, self._options.hours.day_start(self._clock.now()))
        settings = await books.settings()
        check_epoch(settings, self._lock)
        view = BrokerView(
            now=self._clock.now(),
            state=self._switch.in_force(settings),
            account=self._broker.account(),
            positions=self._broker.positions(),
            live=self._broker.connection.paper is not True,
            exits_only=self._questions.exits_only,
            kept_quote=self._broker.kept_quote,
        )
        if not self._broker.connection.up:
            return Wait.BROKER  # it broke since this alert's turn came: what is not known now is no reason to refuse
        terms = self._terms(alert.strategy, settings)
        for scope in (ACCOUNT, alert.strategy):
            for name, stored in invalid_limits(settings, scope).items():
                logger.error("stored limit {} is {!r}: the configured one is used", limit_key(name, scope), stored)
        limits = limits_in(settings, self._options.defaults)
        policy = Policy(self._options.fixed_limits, limits, self._options.hours, self._options.fractional, terms)
        new_order = NewOrder(self._broker.next_order_id, lambda: self._chance(4))
        return await decide(books, alert.id, pre_trade, policy, view, new_order=new_order)

    def _terms(self, name: str, settings: Mapping[str, str]) -> StrategyTerms:
        """One that the file does not name any more buys nothing, and sells what it holds."""
        try:
            strategy = self._options.strategies.named(name)
        except UnknownStrategy:
            return StrategyTerms(Strategy(name=name), known=False)
        flat_by = self._options.hours.flat_by(strategy.flat_by, self._clock.now())
        strategy = replace(strategy, flat_by=flat_by)
        return StrategyTerms(strategy, own_limits_in(settings, strategy), paused=name in paused_strategies(settings))

    async def _did_not_leave(self, alert: Alert, trade: Trade, reason: Reason) -> None:
        """Has the alert judged again, later each time. While the database does not answer, that is stored when it does."""
        try:
            again = await self._booking.judge_again(trade.id, reason, drawn_from=trade)
        except LedgerUnavailable as error:
            logger.error("that order {} did not leave is not stored yet: {}", trade.order_ref, error)
            self._waiting.start(self._store_later(alert, trade, reason), f"did not leave {alert.id}")
            return
        if again:
            wait_s = min(AGAIN_MAX_S, ASK_AGAIN_S * 2 ** min(trade.n - 1, 10))
            self._waiting.again(alert, wait_s)

    async def _store_later(self, alert: Alert, trade: Trade, reason: Reason) -> None:
        await self._clock.sleep(ASK_AGAIN_S)
        await self._did_not_leave(alert, trade, reason)

    async def _give_up(self, alert_id: int, error: Exception) -> None:
        """An alert that breaks the program ends visibly, unless it has an order: then recovery has the last word."""
        facts: Mapping[str, Fact] = {"detail": f"{type(error).__name__}: {error}"}
        reason = Reason(RefusalCode.INTERNAL_ERROR, facts)
        try:
            async with self._ledger.begin() as books:
                if await books.move_alert(alert_id, UNDECIDED, AlertStatus.FAILED, reason):
                    alert = await books.alert(alert_id)
                    ticker, side = (alert.ticker, alert.action) if alert else (None, None)
                    failed = AlertFailed(ticker, side, RefusalCode.INTERNAL_ERROR, facts)
                    await books.add_event(NewEvent(failed, self._clock.now(), alert_id))
        except LedgerUnavailable as silence:
            logger.error("alert {} waits: {}", alert_id, silence)

    async def _finish(self) -> None:
        """What is being decided is decided to its end; what merely waits is stored and comes again."""
        async with self._serial:
            self._waiting.end()
