"""The one composition root: from what is outside (adapters, time, chance) and what was chosen (options), the whole bot.

Used by the daemon and by every test that needs more than one part of it. Explicit wiring, in the order of need; nothing is
started here, and nothing is set afterwards: who listens joins `Listeners` in its own constructor.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tradebot.domain.alerts import Alert
from tradebot.domain.analytics.thresholds import Thresholds
from tradebot.domain.hours import Hours
from tradebot.domain.instructions import Instruction
from tradebot.domain.job_plan import plans
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.restart_window import RestartWindow
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.operations.operations import Operations
from tradebot.ports import Broker, Chance, Clock, HealthPart, InstanceLock, Ledger, LogTail, Queue
from tradebot.queries.daemon import DaemonQueries, RunSettings
from tradebot.queries.parts import (
    BrokerPart,
    ChannelsPart,
    ChatPart,
    DatabasePart,
    QuestionsPart,
    QueuePart,
    TradingPart,
)
from tradebot.queries.performance import PerformanceQueries
from tradebot.queries.thresholds import ThresholdReader
from tradebot.runtime.jobs.jobs import Jobs, all_jobs
from tradebot.runtime.pulse import Pulse
from tradebot.runtime.scheduler import Scheduler, Work
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.broker_waits import BrokerWaits, HeldUp
from tradebot.trading.familiar import FamiliarTickers
from tradebot.trading.gate import Gate
from tradebot.trading.in_doubt import SECOND_LOOK_DELAY_S, InDoubtOrders
from tradebot.trading.intake import STORE_DEADLINE_S, Intake, ReportOn
from tradebot.trading.lifting import Lifting
from tradebot.trading.protection import Protection
from tradebot.trading.protective_orders import ProtectiveOrders
from tradebot.trading.questions import Questions
from tradebot.trading.rearm import Rearm
from tradebot.trading.recovery import Recovery
from tradebot.trading.rehearsal import Rehearsal, Setup
from tradebot.trading.requeue import Requeue
from tradebot.trading.switch import TradingSwitch
from tradebot.trading.timed_exits import TimedExits
from tradebot.trading.waiting import Waiting
from tradebot.trading.worker import SECOND_LOOK_DELAY_S as SELL_LOOK_DELAY_S
from tradebot.trading.worker import Worker, WorkerOptions
from tradebot.words import alert_report

Run = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Outside:
    """What the bot stands on: adapters that are open, the time, and a source of random bytes."""

    ledger: Ledger
    lock: InstanceLock
    queue: Queue
    broker: Broker
    clock: Clock
    chance: Chance
    pulse: Pulse


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the owner chose, as values; nothing here changes while the bot runs."""

    hours: Hours
    defaults: Limits
    fixed_limits: FixedLimits
    fractional: bool
    orders_per_second: int
    order_timeout_s: float
    pending_max_age: timedelta
    restart: RestartWindow
    crons: Mapping[str, str]  # each job's line, by its name
    simulated: Sequence[str]  # what is simulated, embedded or off, in words for people
    version: str
    strategies: Strategies = field(default_factory=Strategies)
    thresholds: Thresholds = field(default_factory=Thresholds)
    keep: timedelta | None = None  # how long the database keeps the record of what is over; None: for ever
    allow_buy: bool = False  # by hand, from the chat
    configured: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # for people, without a secret
    log: LogTail | None = None
    heartbeat: Callable[[], Awaitable[None]] | None = None  # to the owner's dead-man's switch
    second_look_delay_s: float = SECOND_LOOK_DELAY_S
    store_within_s: float = STORE_DEADLINE_S


@dataclass(frozen=True, slots=True)
class Tradebot:
    """The whole bot, built and not running yet."""

    outside: Outside
    gate: Gate
    switch: TradingSwitch
    listeners: Listeners
    booking: Booking
    in_doubt_orders: InDoubtOrders
    recovery: Recovery
    rearm: Rearm
    protection: Protection
    timed_exits: TimedExits
    familiar: FamiliarTickers
    worker: Worker
    requeue: Requeue
    intake: Intake
    queries: DaemonQueries
    operations: Operations
    jobs: Jobs
    scheduler: Scheduler

    def trading(self) -> Mapping[str, Run]:
        """What runs beside the worker so that alerts become trades, by task name."""
        return {
            "booking": self.booking.run,
            **self.recovery.loops(),
            "exits with shares left": self.rearm.run,
            "protection": self.protection.run,
            "timed exits": self.timed_exits.run,
            "familiar tickers": self.familiar.run,
            "trading switch": self.switch.run,
            "requeue": self.requeue.run,
        }


def build(outside: Outside, options: Options) -> Tradebot:
    """Everything, wired. Needs a running event loop."""
    ledger, queue, broker, clock, pulse = outside.ledger, outside.queue, outside.broker, outside.clock, outside.pulse
    core = _core(outside, options)
    gate, switch, listeners = core.gate, core.switch, core.listeners
    watching = _watching(core)
    intake = Intake(
        ledger,
        queue,
        clock,
        strategies=options.strategies,
        report=_report_on(core),
        store_within_s=options.store_within_s,
    )
    waiting = Waiting(ledger, queue, watching.lifting, core.broker_waits, clock=clock)
    worker = _worker(core, waiting, intake.just_stored)
    requeue = Requeue(ledger, queue, worker, options.hours, clock, pulse=pulse, pending_max_age=options.pending_max_age)
    queries = _queries(core)
    jobs = all_jobs(
        ledger,
        queries,
        clock,
        requeue=requeue.run_once,
        restart=options.restart,
        heartbeat=options.heartbeat,
        keep=options.keep,
    )
    return Tradebot(
        outside=outside,
        gate=gate,
        switch=switch,
        listeners=listeners,
        booking=core.booking,
        in_doubt_orders=watching.in_doubt_orders,
        recovery=watching.recovery,
        rearm=watching.rearm,
        protection=watching.protection,
        timed_exits=_timed_exits(core, intake),
        familiar=FamiliarTickers(ledger, broker, listeners, gate=gate, clock=clock, pulse=pulse),
        worker=worker,
        requeue=requeue,
        intake=intake,
        queries=queries,
        operations=_operations(core, intake),
        jobs=jobs,
        scheduler=scheduler(outside, options, jobs),
    )


@dataclass(frozen=True, slots=True)
class _Core:
    """What nearly every part is given."""

    outside: Outside
    options: Options
    gate: Gate
    switch: TradingSwitch
    listeners: Listeners
    booking: Booking
    questions: Questions
    broker_waits: BrokerWaits


def _core(outside: Outside, options: Options) -> _Core:
    ledger, clock, pulse, listeners = outside.ledger, outside.clock, outside.pulse, Listeners()
    return _Core(
        outside=outside,
        options=options,
        gate=Gate(),
        switch=TradingSwitch(ledger, clock, pulse),
        listeners=listeners,
        booking=Booking(ledger, outside.broker.events, clock, pulse, listeners),
        questions=Questions(clock),
        broker_waits=BrokerWaits(clock),
    )


@dataclass(frozen=True, slots=True)
class _Watching:
    """What looks after orders that have left."""

    in_doubt_orders: InDoubtOrders
    protection: Protection
    recovery: Recovery
    rearm: Rearm
    lifting: Lifting


def _watching(core: _Core) -> _Watching:
    outside, options, booking, switch, gate = core.outside, core.options, core.booking, core.switch, core.gate
    ledger, broker, clock, pulse, listeners = (
        outside.ledger,
        outside.broker,
        outside.clock,
        outside.pulse,
        core.listeners,
    )
    in_doubt_orders = InDoubtOrders(
        ledger, broker, booking, core.questions, clock, second_look_delay_s=options.second_look_delay_s
    )
    protective = ProtectiveOrders(ledger, broker, outside.lock, booking, switch, clock, outside.chance)
    protection = Protection(
        ledger,
        broker,
        protective,
        listeners,
        gate=gate,
        switch=switch,
        hours=options.hours,
        strategies=options.strategies,
        clock=clock,
        pulse=pulse,
        second_look_delay_s=options.second_look_delay_s,
    )
    recovery = _recovery(core, in_doubt_orders, protection.repair)
    rearm = Rearm(
        ledger, broker, booking, listeners, gate=gate, switch=switch, hours=options.hours, clock=clock, pulse=pulse
    )
    lifting = Lifting(
        ledger, broker, outside.lock, listeners, protective, clock=clock, ask_ib=recovery.ask_about_in_doubt
    )
    return _Watching(in_doubt_orders, protection, recovery, rearm, lifting)


def _recovery(
    core: _Core, in_doubt_orders: InDoubtOrders, repair_protection: Callable[[], Awaitable[None]]
) -> Recovery:
    outside, options = core.outside, core.options
    return Recovery(
        outside.ledger,
        outside.broker,
        in_doubt_orders,
        core.listeners,
        questions=core.questions,
        gate=core.gate,
        switch=core.switch,
        clock=outside.clock,
        pulse=outside.pulse,
        order_timeout_s=options.order_timeout_s,
        hours=options.hours,
        restart=options.restart,
        repair_protection=repair_protection,
    )


def _report_on(core: _Core) -> ReportOn:
    """What a test is answered with."""
    outside, options = core.outside, core.options
    setup = Setup(options.defaults, options.fixed_limits, options.hours, options.fractional)
    rehearsal = Rehearsal(outside.ledger, outside.broker, core.switch, outside.clock, setup)

    async def report_on(instruction: Instruction, strategy: Strategy) -> list[str]:
        found = await rehearsal.report(instruction, strategy)
        return alert_report.lines(found, name_strategy=options.strategies.only is None)

    return report_on


def _worker(core: _Core, waiting: Waiting, just_stored: Callable[[int], Alert | None]) -> Worker:
    outside, options = core.outside, core.options
    return Worker(
        outside.ledger,
        outside.queue,
        outside.broker,
        outside.lock,
        gate=core.gate,
        switch=core.switch,
        booking=core.booking,
        listeners=core.listeners,
        questions=core.questions,
        waiting=waiting,
        broker_waits=core.broker_waits,
        clock=outside.clock,
        pulse=outside.pulse,
        chance=outside.chance,
        options=WorkerOptions(
            fixed_limits=options.fixed_limits,
            defaults=options.defaults,
            hours=options.hours,
            fractional=options.fractional,
            orders_per_second=options.orders_per_second,
            second_look_delay_s=min(SELL_LOOK_DELAY_S, options.second_look_delay_s),
            strategies=options.strategies,
        ),
        just_stored=just_stored,
    )


def _timed_exits(core: _Core, intake: Intake) -> TimedExits:
    outside, options = core.outside, core.options
    return TimedExits(
        outside.ledger,
        intake,
        strategies=options.strategies,
        switch=core.switch,
        hours=options.hours,
        clock=outside.clock,
        pulse=outside.pulse,
    )


def _operations(core: _Core, intake: Intake) -> Operations:
    outside, options = core.outside, core.options
    return Operations(
        ledger=outside.ledger,
        queue=outside.queue,
        broker=outside.broker,
        switch=core.switch,
        intake=intake,
        booking=core.booking,
        defaults=options.defaults,
        clock=outside.clock,
        strategies=options.strategies,
        allow_buy=options.allow_buy,
    )


def _queries(core: _Core) -> DaemonQueries:
    outside, options, switch = core.outside, core.options, core.switch
    held_up = HeldUp(core.gate, core.broker_waits)
    run = RunSettings(
        defaults=options.defaults,
        fixed_limits=options.fixed_limits,
        hours=options.hours,
        simulated=options.simulated,
        started_at=outside.clock.now(),
        version=options.version,
        strategies=options.strategies,
        configured=options.configured,
    )
    parts: dict[str, HealthPart] = {
        "database": DatabasePart(outside.ledger, outside.lock),
        "queue": QueuePart(outside.queue),
        "broker": BrokerPart(outside.broker),
        "questions": QuestionsPart(core.questions),
        "trading": TradingPart(held_up, switch),
    }
    return DaemonQueries(
        ledger=outside.ledger,
        queue=outside.queue,
        broker=outside.broker,
        gate=held_up,
        switch=switch,
        questions=core.questions,
        parts=parts,
        chat=ChatPart(),
        channels=ChannelsPart(outside.ledger, outside.clock),
        run=run,
        clock=outside.clock,
        log=options.log,
        performance=PerformanceQueries(outside.ledger, options.hours, outside.clock),
        thresholds=ThresholdReader(outside.ledger, options.hours, options.strategies, options.thresholds),
    )


def scheduler(outside: Outside, options: Options, work: Mapping[str, Work]) -> Scheduler:
    """One that knows nothing but what the database knows. `work` is what each job does, by its name."""
    due = plans(options.crons, options.hours.calendar)
    return Scheduler(outside.ledger, [(plan, work[plan.name]) for plan in due], outside.clock, outside.pulse)
