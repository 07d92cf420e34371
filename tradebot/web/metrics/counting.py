"""Counts what happens in this process: by what its commits store, by what booking tells, and by the log's lines.

Rules: nothing here is on an alert's way. What the ledger tells comes in a turn of the loop of its own; what booking tells is put
off into one. A moment is that at which it was heard of, so a latency has what storing and booking took in it. From
its arrival on is timed what went its way without a stop: no alert that waited for the market, or was there before the start.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loguru import logger

from tradebot.domain.alerts import AlertStatus, NewAlert
from tradebot.domain.brokerage import OrderState
from tradebot.domain.changes import (
    AlertAdded,
    AlertMoved,
    AlertRepeated,
    Change,
    DeliveryTried,
    FillBooked,
    JobRecorded,
)
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import JobFailed, JobMissed
from tradebot.domain.reasons import Reason
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import NewTrade, OrderRole, Trade, TradeStatus
from tradebot.ports import Clock
from tradebot.trading.booking import Listeners
from tradebot.web.metrics.counters import LEVELS, Counters

if TYPE_CHECKING:
    from loguru import Message

Hearer = Callable[[Sequence[Change]], None]
_GOES_ON = (AlertStatus.RECEIVED, AlertStatus.PENDING, AlertStatus.PROCESSING)
MISSED = "missed"


KNOWN_MAX = 10_000
"""So many alerts are remembered, the newest, and so many orders."""


@dataclass(frozen=True, slots=True)
class _Known:
    """How an alert stands."""

    status: AlertStatus
    received: datetime | None  # None: before the start, or it waited for the market


@dataclass(slots=True)
class _OnItsWay:
    """An order of an alert."""

    strategy: str
    side: str
    received: datetime | None  # its alert; None: before the start, or it waited for the market
    last: datetime  # when it came to the stage before
    at_market: bool  # what waits for its price fills when the market wants
    acknowledged: bool = False


class Counting:
    """Joins the ledger and booking, and counts what it hears."""

    def __init__(self, counters: Counters, hearers: list[Hearer], listeners: Listeners, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._known: dict[int, _Known] = {}  # by id
        self._orders: dict[str, _OnItsWay] = {}  # by reference
        hearers.append(self.hear)
        listeners.sent.append(lambda order_ref: self._later(self._sent, order_ref))
        listeners.shown.append(lambda order_ref, state: self._later(self._shown, order_ref, state))
        listeners.filled.append(lambda trade: self._later(self._filled, trade))
        listeners.ended.append(lambda trade: self._later(self._ended, trade))

    def _later(self, count: Any, *heard: object) -> None:
        asyncio.get_running_loop().call_soon(count, self._clock.now(), *heard)

    # --- what was stored --------------------------------------------------------------------------------------------

    def hear(self, changes: Sequence[Change]) -> None:
        """What a commit has changed."""
        for change in changes:
            match change:
                case AlertAdded(alert_id, alert):
                    self._added(alert_id, alert)
                case AlertMoved():
                    self._moved(change)
                case AlertRepeated():
                    self._counters.repeated.inc()
                case NewTrade():
                    self._decided(change)
                case FillBooked(execution):
                    side = execution.side.lower()
                    self._counters.fills.labels(side).inc()
                    self._counters.traded.labels(side).inc(float(execution.shares * execution.price))
                case NewEvent():
                    self._event(change)
                case DeliveryTried(channel, events, attempt):
                    self._counters.deliveries.labels(channel, str(attempt)).inc(events)
                case JobRecorded(job):
                    self._counters.jobs.labels(job).inc()

    def _added(self, alert_id: int, alert: NewAlert) -> None:
        self._counters.received.labels(alert.strategy, alert.action.lower() if alert.action else "none").inc()
        self._stands(alert_id, alert.status, alert.received_at)
        if alert.status not in _GOES_ON:
            self._counters.alerts.labels(alert.strategy, alert.status.lower(), _code(alert.reason)).inc()

    def _moved(self, change: AlertMoved) -> None:
        known = self._known.get(change.alert_id)
        on_its_way = change.to in (AlertStatus.RECEIVED, AlertStatus.PROCESSING)
        self._stands(change.alert_id, change.to, known.received if known and on_its_way else None)
        stays = known is not None and known.status is change.to  # as when a commission comes late
        if change.to not in _GOES_ON and not stays:
            self._counters.alerts.labels(change.strategy, change.to.lower(), _code(change.reason)).inc()

    def _stands(self, alert_id: int, status: AlertStatus, received: datetime | None) -> None:
        self._known.pop(alert_id, None)  # it is the newest again
        self._known[alert_id] = _Known(status, received)
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def _decided(self, order: NewTrade) -> None:
        side, now = order.side.lower(), self._clock.now()
        self._counters.decided.labels(order.strategy, side, order.role.lower()).inc()
        if order.role not in (OrderRole.ENTRY, OrderRole.EXIT):
            return
        known = self._known.get(order.alert_id)
        received = known.received if known else None
        at_market = order.order_type is OrderType.MARKET
        self._orders[order.order_ref] = _OnItsWay(order.strategy, side, received, now, at_market)
        if len(self._orders) > KNOWN_MAX:  # of what never ended, or whose end was never heard of
            del self._orders[next(iter(self._orders))]
        if received is not None:
            self._counters.stages.labels("decided", side).observe(_seconds(received, now))

    def _event(self, event: NewEvent) -> None:
        facts = event.facts
        self._counters.events.labels(str(facts.kind), event.severity.lower()).inc()
        if isinstance(facts, JobFailed):
            self._counters.job_failures.labels(facts.job, str(facts.code)).inc(len(facts.slots))
        if isinstance(facts, JobMissed):
            self._counters.job_failures.labels(facts.job, MISSED).inc(len(facts.slots))

    # --- what booking tells -----------------------------------------------------------------------------------------

    def _sent(self, now: datetime, order_ref: str) -> None:
        order = self._orders.get(order_ref)
        if order is not None:
            self._counters.sent.labels(order.strategy, order.side).inc()
            self._stage("sent", order, now)

    def _shown(self, now: datetime, order_ref: str, state: OrderState) -> None:
        self._acknowledged(now, order_ref)

    def _filled(self, now: datetime, trade: Trade) -> None:
        self._acknowledged(now, trade.order_ref)

    def _acknowledged(self, now: datetime, order_ref: str) -> None:
        order = self._orders.get(order_ref)
        if order is not None and not order.acknowledged:
            order.acknowledged = True
            self._stage("acknowledged", order, now)

    def _ended(self, now: datetime, trade: Trade) -> None:
        labels = (trade.strategy, trade.side.lower(), trade.role.lower(), trade.status.lower())
        self._counters.ended.labels(*labels).inc()
        order = self._orders.pop(trade.order_ref, None)
        if order is not None and order.at_market and trade.status is TradeStatus.FILLED:
            self._stage("filled", order, now)
            if order.received is not None:
                self._counters.to_fill.labels(order.side).observe(_seconds(order.received, now))

    def _stage(self, stage: str, order: _OnItsWay, now: datetime) -> None:
        self._counters.stages.labels(stage, order.side).observe(_seconds(order.last, now))
        order.last = now


def count_log_lines(counters: Counters) -> int:
    """From now on; returns what `logger.remove` takes."""

    def count(message: "Message") -> None:
        level = message.record["level"].name
        if level in LEVELS:
            counters.log_lines.labels(level.lower()).inc()

    return logger.add(count, level=LEVELS[0], format=lambda _: "", backtrace=False, diagnose=False, catch=True)


def _code(reason: Reason | str | None) -> str:
    """Why, where it is a code: IB's words, and a reader's, are not told apart."""
    return reason.code if isinstance(reason, Reason) else ""


def _seconds(since: datetime, now: datetime) -> float:
    """A clock that was set back makes no negative time."""
    return max((now - since).total_seconds(), 0.0)
