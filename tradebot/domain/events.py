"""Events: what happened, for the owner and as the trace of an alert. Rows of `event`.

Rules:
- An event is facts, never words: `tradebot.words.events` says them. One frozen dataclass of facts a kind (`domain/facts.py`),
  which carries its kind and its severity.
- What another event tells as well is a trace, whatever its kind's severity is: who writes it says so (`told`).
- Frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
- What another version of the program has stored is still an event: its facts are then `OtherFacts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tradebot.domain.alerts import Side


class Severity(StrEnum):
    """How much an event matters to the owner."""

    TRACE = "TRACE"  # kept as the trace of an alert, delivered to nobody
    INFO = "INFO"
    WARNING = "WARNING"  # not as wished, and nothing that cannot wait until morning
    CRITICAL = "CRITICAL"


class EventKind(StrEnum):
    """What can happen."""

    ALERT_STORED = "alert_stored"
    ALERT_REJECTED = "alert_rejected"
    ALERT_CONFLICT = "alert_conflict"  # same alert_id, another body
    ALERT_REPEATED = "alert_repeated"  # the same again, later than a resend
    ALERT_UNREADABLE = "alert_unreadable"  # no secret that can be read, from an address that may send
    ALERT_TESTED = "alert_tested"  # a test: what would have become of it
    FIELDS_NOT_USED = "fields_not_used"  # known, and without effect here: told once a strategy and template
    ALERT_PENDING = "alert_pending"
    ALERT_BLOCKED = "alert_blocked"
    ALERT_AT_TARGET = "alert_at_target"  # there was nothing to do: what it wants is so already
    TARGET_GAP = "target_gap"  # the sender's position before its alert is not the one in the books
    ENTRIES_CANCELLED = "entries_cancelled"  # as an alert asked: all that worked or waited has ended
    ALERT_FAILED = "alert_failed"  # no order was made of it: unknown ticker, internal error
    ALERT_EXPIRED = "alert_expired"
    ALERT_CLEARED = "alert_cleared"
    ORDER_INTENT = "order_intent"
    ORDER_ACCEPTED = "order_accepted"
    ORDER_WAITS = "order_waits"  # an entry is at IB and waits for its price
    ORDER_CANCELLING = "order_cancelling"
    ORDER_EXPIRES = "order_expires"  # good till cancelled, and IB cancels it with the quarter
    EXIT_WORKS_ON = "exit_works_on"
    PROTECTION_LIFTED = "protection_lifted"  # for an exit
    ORDER_STUCK = "order_stuck"
    SHARES_UNPROTECTED = "shares_unprotected"  # no stop at IB, or one that does not do what it should
    PROTECTION_PLACED = "protection_placed"  # anew
    PROTECTION_CHANGED = "protection_changed"
    ORDER_TOLD = "order_told"  # IB's words about an exit's order
    EXIT_ARMED_AGAIN = "exit_armed_again"
    EXIT_WAITS_FOR_OPEN = "exit_waits_for_open"  # cut off by the close
    PARTIAL_FILL = "partial_fill"
    BUY_FILLED = "buy_filled"
    SELL_FILLED = "sell_filled"
    STOPPED_OUT = "stopped_out"
    TARGET_REACHED = "target_reached"
    SOLD_BEYOND = "sold_beyond"  # more than the books held
    PROTECTION_WORKS = "protection_works"  # all of it is at IB, and its entry has filled
    PROTECTION_ENDED = "protection_ended"  # unfilled
    ORDER_FAILED = "order_failed"
    ORDER_JUDGED_AGAIN = "order_judged_again"  # certainly did not leave: its alert waits for its next order
    ORDER_HELD_UP = "order_held_up"  # so for the third time
    ORDER_UNKNOWN = "order_unknown"
    ORDER_RESOLVED = "order_resolved"  # an UNKNOWN order's fate became known
    BOOKS_CORRECTED = "books_corrected"  # a finished trade's figures changed
    WRITTEN_OFF = "written_off"  # lots closed because their shares are gone
    EXIT_INCOMPLETE = "exit_incomplete"  # shares left after a SELL
    EXITS_HELD_BACK = "exits_held_back"  # by the kill switch, told when it is lifted
    ORPHAN_ORDER = "orphan_order"  # our prefix at IB, not in the database
    MISMATCH = "mismatch"
    OWNER_HOLDINGS = "owner_holdings"
    SPLIT_SEEN = "split_seen"  # recognised, and to be answered by the owner
    SPLIT_BOOKED = "split_booked"
    SPLIT_DENIED = "split_denied"
    RENAMED = "renamed"
    STATE_CHANGED = "state_changed"
    SETTING_CHANGED = "setting_changed"
    TICKER_BLOCK = "ticker_block"  # the owner lets no strategy buy a ticker, or lets them again
    TELLING_CHANGED = "telling_changed"  # the owner hears otherwise of a group of events in the chat
    API_ACCESS = "api_access"  # one was made for the API, or revoked
    REASSIGNED = "reassigned"
    BROKER_CONNECTED = "broker_connected"
    BROKER_LOST = "broker_lost"
    BROKER_UNREACHABLE = "broker_unreachable"
    TRADING_REFUSED = "trading_refused"  # live account not allowed, wrong account, read-only API
    TRADING_ALLOWED = "trading_allowed"  # the Read-Only API was switched off
    QUESTION_SILENT = "question_silent"  # IB does not answer a question that trading stands on
    QUESTION_ANSWERED = "question_answered"
    CLOCK_OFF = "clock_off"  # this machine's, compared with the gateway's
    GATE_OPENED = "gate_opened"
    MARKET_OPEN = "market_open"  # a session began; the alerts that waited for it go on
    DAILY_REPORT = "daily_report"
    WEEKLY_REPORT = "weekly_report"
    MONTHLY_REPORT = "monthly_report"
    THRESHOLD_CROSSED = "threshold_crossed"  # a figure is beyond the limit that the owner gave it
    THRESHOLD_BACK = "threshold_back"
    POSITIONS_COMPARED = "positions_compared"
    HEALTH_FAILING = "health_failing"  # a part is not well: reported when it begins, and every hour
    HEALTH_BACK = "health_back"
    CHANNEL_FAILING = "channel_failing"  # messages do not arrive there: told once, on the others
    CHANNEL_BACK = "channel_back"
    LOGIN_REMINDER = "login_reminder"
    JOB_FAILED = "job_failed"
    JOB_MISSED = "job_missed"  # due while the bot was down, and too late to be made up
    COMPONENT_STUCK = "component_stuck"  # a part of the program makes no progress: a defect
    QUEUE_JUNK = "queue_junk"  # entries in the queue that no bot has put there
    STARTED = "started"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one thing that happened. Each subclass is one kind of event."""

    kind: ClassVar[EventKind]
    severity: ClassVar[Severity]


@dataclass(frozen=True, slots=True)
class OtherFacts:
    """What another version of the program has stored: a kind that is not known here, or other facts than are known here."""

    kind: str
    severity: Severity
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def ticker(self) -> str | None:
        return str(self.values["ticker"]) if self.values.get("ticker") else None

    @property
    def side(self) -> Side | None:
        return next((side for side in Side if side == self.values.get("side")), None)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One thing that happened, about to be stored. `actor` is who caused it; `told` is False where another event tells it too."""

    facts: Facts
    at: datetime
    alert_id: int | None = None
    trade_id: int | None = None
    actor: str = "bot"
    told: bool = True

    @property
    def severity(self) -> Severity:
        return self.facts.severity if self.told else Severity.TRACE


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is stored. `text` is the sentence of 0.1.0, None for all others: sentences are made when it is read."""

    facts: Facts | OtherFacts
    at: datetime
    alert_id: int | None = None
    trade_id: int | None = None
    actor: str = "bot"
    id: int = 0
    text: str | None = None
    strategy: str | None = None  # whose alert it is about; None: about none
    told: bool = True  # False: another event tells it as well

    @property
    def kind(self) -> str:
        """An EventKind, or the name that another version of the program gave it."""
        return self.facts.kind

    @property
    def severity(self) -> Severity:
        return self.facts.severity if self.told else Severity.TRACE

    @property
    def ticker(self) -> str | None:
        ticker: str | None = getattr(self.facts, "ticker", None)
        return ticker

    @property
    def side(self) -> Side | None:
        side: Side | None = getattr(self.facts, "side", None)
        return side


def code_of(facts: Facts) -> str | None:
    """What tells events of one kind apart, where there is such a thing."""
    code = getattr(facts, "code", None)
    return None if code is None else str(code)
