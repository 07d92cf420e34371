"""Takes ids from the queue, prepares, judges one at a time, and has the orders sent (`submission.py`).

Rules:
- Taking an id proves nothing; the decision's compare-and-set does. An id may come twice, late, or never: the requeue
  brings it again.
- Waiting is concurrent (quotes, contracts, positions), judging is serial: SELLs first, each side in the order taken.
- IB's message limit makes orders wait. An alert whose order certainly did not leave is judged again, later each time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from loguru import logger

from tradebot.domain.alerts import UNDECIDED, Alert, AlertStatus, Side
from tradebot.domain.brokerage import NoQuote, Quote
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import AlertFailed
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.lots import Lot, LotStatus, shares_by_contract
from tradebot.domain.questions import Question
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import Fact, RefusalCode
from tradebot.domain.settings import (
    TradingState,
    invalid_limits,
    limit_key,
    limits_in,
    own_limits_in,
    paused_strategies,
)
from tradebot.domain.strategies import ACCOUNT, Strategies, Strategy, UnknownStrategy
from tradebot.domain.strategy_rules import StrategyTerms
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade
from tradebot.errors import (
    BrokerUnavailable,
    LedgerUnavailable,
    LockLost,
    QueueUnavailable,
    UnknownContract,
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
    PositionReport,
    Pulse,
    Queue,
)
from tradebot.trading import second_look
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_waits import BrokerWaits
from tradebot.trading.decision import decide, holds_back, read_ahead
from tradebot.trading.entries_at_work import is_cancel
from tradebot.trading.gate import Gate
from tradebot.trading.judging import AskMargin, Decided, Intent, Lift, NewOrder, Policy, PreTradeData, Wait
from tradebot.trading.lifting import Lifting
from tradebot.trading.margin import ask_margin
from tradebot.trading.questions import Questions
from tradebot.trading.sequencer import Sequencer
from tradebot.trading.snapshot import BrokerView
from tradebot.trading.submission import DecidedUnder, Submission, check_epoch
from tradebot.trading.switch import TradingSwitch
from tradebot.trading.taking import Taking

READ_MAX = 32
"""Alerts read from the database at once."""
BUYS_MAX = 32
"""BUYs prepared at once; SELLs wait for none of them."""
PRE_TRADE_MAX_AGE_S = 10.0
"""A quote older than this when its turn comes is asked for again."""
HOLDINGS_MAX_AGE_S = 1.0
"""As is what IB holds: the owner may have sold by hand while an exit waited behind another one."""
ASK_AGAIN_S = 1.0
AGAIN_MAX_S = 30.0
"""From one to the next order of an alert whose orders cannot leave."""
LOOK_AGAIN_S = 5.0
"""Whether the owner has answered: an exit waits for him, and IB's positions are asked for anew each time."""
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


@dataclass(frozen=True, slots=True)
class _Parked:
    """An alert that waits for an order to end."""

    alert: Alert
    con_ids: frozenset[int]  # that its order would be of
    replaces: bool = False  # also for its strategy's entries that rest: they are being cancelled

    def waits_for(self, trade: Trade) -> bool:
        of_its_own = trade.ticker == self.alert.ticker or trade.con_id in self.con_ids
        cancelled = self.replaces and trade.strategy == self.alert.strategy and trade.role is OrderRole.ENTRY
        return of_its_own and (cancelled or holds_back(trade, self.alert))


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
        lifting: Lifting,
        broker_waits: BrokerWaits,
        clock: Clock,
        pulse: Pulse,
        chance: Chance,
        options: WorkerOptions,
        just_stored: Callable[[int], Alert | None],
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._broker = broker
        self._lock = lock
        self._gate = gate
        self._switch = switch
        self._booking = booking
        self._submission = Submission(ledger, broker, lock, gate, switch, booking, listeners, clock)
        self._questions = questions
        self._lifting = lifting
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
        self._sequencer = Sequencer(BUYS_MAX)
        self._parked: dict[int, _Parked] = {}  # by alert id
        self._tasks: set[asyncio.Task[None]] = set()
        listeners.ended.append(self.trade_ended)

    async def run(self) -> None:
        """Takes and handles until cancelled; alerts in hand are then finished first."""
        reading, beat = asyncio.Semaphore(READ_MAX), self._pulse.of("worker")
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    beat()
                    if not self._in_hand:
                        self._judged()
                    if not await self._gate.opens(IDLE_S):
                        continue
                    async with reading:
                        alert_id = await self._taking.take(IDLE_S)
                    if alert_id is None or alert_id in self._in_hand:
                        continue
                    self._in_hand.add(alert_id)
                    self._sequencer.take_place(alert_id)
                    group.create_task(self._handle(alert_id, reading), name=f"alert {alert_id}")
            except asyncio.CancelledError:
                await asyncio.shield(self._finish())
                raise

    def trade_ended(self, trade: Trade) -> None:
        """What waited for it goes on."""
        waited = [one for one in self._parked.values() if one.waits_for(trade)]
        self._start(self._release(waited), f"release {trade.ticker}")

    @property
    def taking(self) -> Taking:
        """Where the ids come from."""
        return self._taking

    @property
    def in_hand(self) -> frozenset[int]:
        """Alerts that are being handled, or wait for their ticker: the requeue leaves them alone."""
        return frozenset(self._in_hand) | frozenset(self._parked)

    async def release_idle(self) -> None:
        """Lets go on what waits for no order any more. Raises LedgerUnavailable."""
        if not self._parked:
            return
        async with self._ledger.read() as books:
            unresolved = await books.trades(UNRESOLVED)
        idle = [one for one in self._parked.values() if not any(one.waits_for(trade) for trade in unresolved)]
        await self._release(idle)

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
                prepared = await self._ask_margin(alert, prepared, decided)
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
        if decided in (Wait.TICKER, Wait.ENTRY) and alert.ticker is not None:
            logger.info("alert {} waits until the order of {} has ended", alert.id, alert.ticker)
            self._parked[alert.id] = _Parked(alert, prepared.data.con_ids, replaces=decided is Wait.ENTRY)
        elif isinstance(decided, Lift):
            logger.debug("alert {} waits until nothing protects the shares that it sells", alert.id)
            self._parked[alert.id] = _Parked(alert, prepared.data.con_ids)
            await self._lifting.lift(decided)
            if decided.cuts:  # no end of an order will release it
                self._parked.pop(alert.id, None)
                self._start(self._again(alert, ASK_AGAIN_S), f"again {alert.id}")
        elif decided is Wait.BROKER:
            reason = prepared.data.unavailable or "what it told is too old, or not complete yet"
            level = "INFO" if self._broker_waits.waits(alert.id, reason) else "DEBUG"
            logger.log(level, "alert {} waits for IB: {}", alert.id, reason)
            self._start(self._again(alert, ASK_AGAIN_S), f"again {alert.id}")
        elif decided is Wait.OWNER:
            logger.debug("alert {} waits for the owner: was it a split?", alert.id)
            self._start(self._again(alert, LOOK_AGAIN_S), f"again {alert.id}")

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
        return _Prepared(await self._ask_broker(alert), self._clock.monotonic(), waits_ended)

    def _age_s(self, prepared: _Prepared) -> float:
        return self._clock.monotonic() - prepared.at

    async def _ask_broker(self, alert: Alert) -> PreTradeData:
        """Asks the broker for what the decision will need; nothing where the answer cannot matter."""
        blocked = self._switch.state is TradingState.KILLED or is_cancel(alert)
        if blocked or alert.ticker is None or not self._options.hours.is_open(self._clock.now()):
            return PreTradeData(unavailable="nothing was asked of it yet")
        try:
            if alert.action is Side.SELL:
                return await self._ask_for_sell(alert, alert.ticker)
            return await self._ask_for_buy(alert, alert.ticker)
        except UnknownContract as error:
            return PreTradeData(no_contract=str(error))
        except BrokerUnavailable as error:
            return PreTradeData(unavailable=str(error))

    async def _ask_for_buy(self, alert: Alert, ticker: str) -> PreTradeData:
        if self._questions.exits_only:
            return PreTradeData(unavailable=f"it does not answer about {self._questions.silent[0].question}")
        contract = await self._broker.contract(ticker, alert.primary_exchange)
        quote = await self._broker.quote(contract)
        if isinstance(quote, NoQuote):  # that there is none, the refusal says
            logger.debug("quote {} none", contract.ticker)
            return PreTradeData(contract=contract, no_quote=quote, con_ids=frozenset({contract.con_id}))
        level = "DEBUG" if alert.id in self._broker_waits else "INFO"  # it is asked for again every second
        logger.log(level, "quote {} {}", contract.ticker, _quoted(quote))
        return PreTradeData(contract=contract, quote=quote, con_ids=frozenset({contract.con_id}))

    async def _ask_margin(self, alert: Alert, prepared: _Prepared, wanted: AskMargin) -> _Prepared:
        """Nothing that it waits for holds up another alert."""
        self._sequencer.leave(alert.id)
        try:
            margin = await ask_margin(self._broker, wanted.order)
        finally:
            self._sequencer.take_place(alert.id)
            self._sequencer.is_a(alert.id, alert.action)
        return replace(prepared, data=replace(prepared.data, margin=margin))

    async def _ask_for_sell(self, alert: Alert, ticker: str) -> PreTradeData:
        async with self._ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN, strategy=alert.strategy)
        if any(lot.ticker == ticker for lot in lots):
            return await self._look_at_holdings([lot for lot in lots if lot.ticker == ticker])
        if not lots:
            return PreTradeData()
        # The books may hold it under the ticker of before it was renamed. No exit of what they do hold waits for that answer.
        self._sequencer.leave(alert.id)
        try:
            contract = await self._broker.contract(ticker, alert.primary_exchange)
        except UnknownContract:
            return PreTradeData()
        finally:
            self._sequencer.take_place(alert.id)
            self._sequencer.is_a(alert.id, alert.action)
        renamed = [lot for lot in lots if lot.con_id == contract.con_id]
        return replace(await self._look_at_holdings(renamed), contract=contract) if renamed else PreTradeData()

    async def _look_at_holdings(self, lots: Sequence[Lot]) -> PreTradeData:
        async def ask() -> PositionReport:
            return await self._questions.ask(self._broker.position_report, Question.OPEN_ORDERS, Question.POSITIONS)

        async with self._ledger.read() as books:
            protection = await books.protection_of([lot.opening_trade_id for lot in lots])
        own = frozenset(order.order_ref for order in protection)
        delay_s = self._options.second_look_delay_s
        report = await second_look.position_report(ask, self._clock, shares_by_contract(lots), delay_s, own)
        con_ids = frozenset(lot.con_id for lot in lots)
        if report is None:
            return PreTradeData(unavailable="its answers about the position do not agree", con_ids=con_ids)
        return PreTradeData(position_report=report, con_ids=con_ids)

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
            self._start(self._store_later(alert, trade, reason), f"did not leave {alert.id}")
            return
        if again:
            wait_s = min(AGAIN_MAX_S, ASK_AGAIN_S * 2 ** min(trade.n - 1, 10))
            self._start(self._again(alert, wait_s), f"again {alert.id}")

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

    # --- waiting alerts ---------------------------------------------------------------------------------------------

    async def _again(self, alert: Alert, wait_s: float) -> None:
        self._in_hand.add(alert.id)
        try:
            await self._clock.sleep(wait_s)
        finally:
            self._in_hand.discard(alert.id)
        await self._push([alert])

    async def _release(self, parked: Iterable[_Parked]) -> None:
        await self._push([one.alert for one in parked if self._parked.pop(one.alert.id, None) is not None])

    async def _push(self, alerts: Iterable[Alert]) -> None:
        ordered = sorted(alerts, key=lambda alert: alert.id)
        try:
            for side in (Side.SELL, Side.BUY):
                if ids := [alert.id for alert in ordered if alert.action is side]:
                    await self._queue.push(side, ids)
        except QueueUnavailable as error:
            for alert in ordered:  # whatever order's end has freed them
                keyed = logger.bind(alert_id=alert.id, ticker=alert.ticker, order_ref=None)
                keyed.warning("alert {} waits: {}; the requeue brings it again", alert.id, error)

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self) -> None:
        """What is being decided is decided to its end; what merely waits is stored and comes again."""
        async with self._serial:
            for task in self._tasks:
                task.cancel()


def _quoted(quote: Quote) -> str:
    prices = (("bid", quote.bid), ("ask", quote.ask), ("last", quote.last))
    told = " ".join(f"{name} {'none' if price is None else price}" for name, price in prices)
    return f"{told} {'delayed' if quote.delayed else 'live'}"
