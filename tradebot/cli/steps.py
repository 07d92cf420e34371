"""The steps of an alert, from its events and from what the log says of it, with the time between them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from tradebot.domain.events import EventKind
from tradebot.domain.log_lines import LogLine
from tradebot.queries.alert_trace import AlertTrace, TracedOrder
from tradebot.words import events as words

_K = EventKind


class StepKind(StrEnum):
    """What a step is, as far as the time before or after it has a name."""

    RECEIVED = "received"
    ANSWERED = "answered"
    WAITS = "waits"  # for the market
    WAITS_FOR_TICKER = "waits_for_ticker"
    WAITS_FOR_IB = "waits_for_ib"
    QUOTE = "quote"
    REFUSED = "refused"
    DECIDED = "decided"
    JUDGED_AGAIN = "judged_again"
    SENT = "sent"
    AT_IB = "at_ib"
    TOLD = "told"  # IB's words
    WORKS_ON = "works_on"
    CANCELLING = "cancelling"
    FILLED = "filled"
    FAILED = "failed"
    ENDED = "ended"  # without an order
    UNKNOWN = "unknown"
    RESOLVED = "resolved"
    OTHER = "other"


_S = StepKind
_OF_EVENTS = {
    _K.ALERT_STORED: _S.RECEIVED,
    _K.ALERT_REJECTED: _S.RECEIVED,
    _K.ALERT_PENDING: _S.WAITS,
    _K.EXIT_WAITS_FOR_OPEN: _S.WAITS,
    _K.ALERT_BLOCKED: _S.REFUSED,
    _K.ALERT_FAILED: _S.REFUSED,
    _K.ORDER_INTENT: _S.DECIDED,
    _K.ORDER_JUDGED_AGAIN: _S.JUDGED_AGAIN,
    _K.ORDER_HELD_UP: _S.JUDGED_AGAIN,
    _K.EXIT_ARMED_AGAIN: _S.JUDGED_AGAIN,
    _K.ORDER_ACCEPTED: _S.AT_IB,
    _K.ORDER_TOLD: _S.TOLD,
    _K.EXIT_WORKS_ON: _S.WORKS_ON,
    _K.ORDER_STUCK: _S.WORKS_ON,
    _K.ORDER_CANCELLING: _S.CANCELLING,
    _K.PROTECTION_LIFTED: _S.CANCELLING,
    _K.ALERT_TESTED: _S.ENDED,
    _K.ALERT_EXPIRED: _S.ENDED,
    _K.ALERT_CLEARED: _S.ENDED,
    _K.ENTRIES_CANCELLED: _S.ENDED,
    _K.PARTIAL_FILL: _S.FILLED,
    _K.BUY_FILLED: _S.FILLED,
    _K.SELL_FILLED: _S.FILLED,
    _K.ORDER_FAILED: _S.FAILED,
    _K.ORDER_UNKNOWN: _S.UNKNOWN,
    _K.ORDER_RESOLVED: _S.RESOLVED,
}
_OF_LINES = (
    (re.compile(r"alert \d+ from .+: (queued|duplicate|rejected)"), _S.ANSWERED),
    (re.compile(r"alert \d+ waits until the order of "), _S.WAITS_FOR_TICKER),
    (re.compile(r"alert \d+ waits for IB: "), _S.WAITS_FOR_IB),
    (re.compile(r"quote "), _S.QUOTE),
    (re.compile(r"order \S+ sent: "), _S.SENT),
    (re.compile(r"order \S+: SUBMITTING → SUBMITTED"), _S.AT_IB),
    (re.compile(r"IB -?\d+ on "), _S.TOLD),
)
_IN_THE_DATABASE = re.compile(r"decided: |checks: |execution |order \S+ did not leave and is judged again: ")
_LOG_CHANNEL = "tradebot.notify."
"""Says events, which are steps already."""
_AFTER = {
    _S.WAITS: "waited for the market to open",
    _S.WAITS_FOR_TICKER: "waited for the ticker's earlier order to end",
    _S.WAITS_FOR_IB: "waited for IB",
    _S.JUDGED_AGAIN: "waited to be judged again",
    _S.UNKNOWN: "stayed UNKNOWN",
}
_BEFORE = {
    _S.ANSWERED: "until the sender was answered",
    _S.QUOTE: "waited for the quote",
    _S.REFUSED: "until it was judged",
    _S.DECIDED: "until it was judged",
    _S.SENT: "between storing the order and sending it",
    _S.AT_IB: "until IB showed the order",
    _S.TOLD: "until IB said something of it",
    _S.WORKS_ON: "worked at IB",
    _S.CANCELLING: "worked at IB until it was cancelled",
    _S.ENDED: "waited until it was ended",
    _S.FILLED: "until it was filled and booked",
    _S.FAILED: "until the order ended",
    _S.UNKNOWN: "until the order counted as UNKNOWN",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to the alert. `gap_s` is the time since the step before, None for the first."""

    at: datetime
    kind: StepKind
    text: str
    source: str  # "database" or "log"
    gap_s: float | None = None
    gap: str = ""  # what that time was spent with


def steps(trace: AlertTrace, lines: Iterable[LogLine]) -> list[Step]:
    """In the order of their times, each with the time since the one before."""
    logged = [step for line in lines if (step := _logged(line)) is not None]
    of_log = {step.kind for step in logged}
    stored = [
        Step(
            event.at,
            next((kind for name, kind in _OF_EVENTS.items() if name == event.kind), _S.OTHER),
            words.text(event),
            "database",
        )
        for event in trace.events
    ]
    if _S.QUOTE not in of_log:
        stored += [step for order in trace.orders for step in _quote(trace, order)]
    if any(step.kind is _S.AT_IB for step in stored):
        logged = [step for step in logged if step.kind is not _S.AT_IB]
    return _with_gaps(sorted([*stored, *logged], key=_when))


def longest(found: Sequence[Step]) -> Step | None:
    """The step with the longest time since the one before it on the alert's way; None where there is only one. What only happens
    beside its way (the same message days later, another line of the log) is no part of it, and makes no time shorter."""
    way = _with_gaps([step for step in found if step.kind is not _S.OTHER])
    return max(way[1:], key=lambda step: step.gap_s or 0, default=None)


def _when(step: Step) -> datetime:
    """The log keeps milliseconds, cut off: a line is as late as it can be."""
    return step.at + timedelta(microseconds=999) if step.source == "log" else step.at


def _with_gaps(found: Sequence[Step]) -> list[Step]:
    return [*found[:1], *(_after(earlier, step) for earlier, step in pairwise(found))]


def _after(earlier: Step, step: Step) -> Step:
    spent = _AFTER.get(earlier.kind) or _BEFORE.get(step.kind) or "until the next step"
    gap_s = max((step.at - earlier.at).total_seconds(), 0.0)
    return Step(step.at, step.kind, step.text, step.source, gap_s, spent)


def _logged(line: LogLine) -> Step | None:
    if line.at is None or line.where.startswith(_LOG_CHANNEL) or _IN_THE_DATABASE.match(line.message):
        return None
    kind = next((kind for pattern, kind in _OF_LINES if pattern.match(line.message)), _S.OTHER)
    level = "" if line.level in ("TRACE", "DEBUG", "INFO", "SUCCESS") else f"{line.level}: "
    return Step(line.at, kind, f"{level}{line.message}", "log")


def _quote(trace: AlertTrace, order: TracedOrder) -> Iterable[Step]:
    """From the order itself, where the log does not tell when it came."""
    quote = order.trade.quote
    if quote is not None and isinstance(quote.get("at"), str):
        at = datetime.fromisoformat(str(quote["at"]))
        if trace.alert.received_at <= at <= order.trade.created_at:
            told = " ".join(f"{name} {quote.get(name) or 'none'}" for name in ("bid", "ask", "last"))
            yield Step(at, _S.QUOTE, f"quote {order.trade.ticker} {told}", "database")
