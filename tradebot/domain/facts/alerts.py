"""What happens to alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from tradebot.domain.alerts import Side
from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.refusals import Fact

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class AlertStored(Facts):
    """An alert was stored and acknowledged."""

    kind: ClassVar = _K.ALERT_STORED
    severity: ClassVar = _S.TRACE
    ticker: str
    side: Side
    price: Decimal | None = None  # the alert's own
    source_ip: str | None = None
    target: str | None = None  # the position that it wants afterwards: why a buy became an exit


@dataclass(frozen=True, slots=True)
class AlertRejected(Facts):
    """A message was not understood; with a ticker and a side: it was, and asks for what is not honoured."""

    kind: ClassVar = _K.ALERT_REJECTED
    severity: ClassVar = _S.WARNING
    reason: str  # what the reader of the message says of it
    source_ip: str | None = None
    ticker: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class AlertConflict(Facts):
    """Another message came with an alert_id that is taken."""

    kind: ClassVar = _K.ALERT_CONFLICT
    severity: ClassVar = _S.CRITICAL
    ticker: str
    side: Side
    alert_key: str  # the "alert_id" of the message
    known_alert: int
    known_ticker: str | None
    known_side: Side | None
    source_ip: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRepeated(Facts):
    """A message came that is stored already, later than TradingView sends again: it is not traded."""

    kind: ClassVar = _K.ALERT_REPEATED
    severity: ClassVar = _S.WARNING
    ticker: str | None
    side: Side | None
    alert_key: str | None  # the "alert_id" of the message; None: it has none, and is the same to the last character
    known_alert: int
    after_s: float


@dataclass(frozen=True, slots=True)
class AlertUnreadable(Facts):
    """A message without the right secret came from an address that may send alerts."""

    kind: ClassVar = _K.ALERT_UNREADABLE
    severity: ClassVar = _S.WARNING
    reason: str  # what its sender was answered
    source_ip: str | None
    more: int = 0  # others since the last report
    gave_secret: bool = False  # a wrong one; else none that could be read


@dataclass(frozen=True, slots=True)
class AlertTested(Facts):
    """A test was judged; it is never sent."""

    kind: ClassVar = _K.ALERT_TESTED
    severity: ClassVar = _S.INFO
    ticker: str | None
    side: Side | None
    report: tuple[str, ...]  # what would have become of it, a line a finding
    strategy: str | None = None  # None: there is one only


@dataclass(frozen=True, slots=True)
class FieldsNotUsed(Facts):
    """The first alert of a strategy that has these fields, which are known and change nothing."""

    kind: ClassVar = _K.FIELDS_NOT_USED
    severity: ClassVar = _S.INFO
    ticker: str | None
    side: Side | None
    fields: tuple[str, ...]  # as they are written
    dialect: str
    strategy: str | None = None  # None: there is one only


@dataclass(frozen=True, slots=True)
class RefusedFacts(Facts):
    """An alert of which no order is made, or not yet. Not a kind of its own."""

    ticker: str | None
    side: Side | None
    code: str  # of the refusal
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertPending(RefusedFacts):
    """An alert waits for the market to open."""

    kind: ClassVar = _K.ALERT_PENDING
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class AlertBlocked(RefusedFacts):
    """A check refused, or a newer SELL superseded the alert."""

    kind: ClassVar = _K.ALERT_BLOCKED
    severity: ClassVar = _S.WARNING
    passed: tuple[str, ...] = ()  # the checks before


@dataclass(frozen=True, slots=True)
class AlertAtTarget(RefusedFacts):
    """What the alert wants is so already: there was nothing to do."""

    kind: ClassVar = _K.ALERT_AT_TARGET
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class EntriesCancelled(RefusedFacts):
    """An alert asked for entries to be cancelled, and none works or waits any more."""

    kind: ClassVar = _K.ENTRIES_CANCELLED
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class TargetGap(Facts):
    """The sender's position before its alert is not the one in the books: an alert between the two is missing."""

    kind: ClassVar = _K.TARGET_GAP
    severity: ClassVar = _S.WARNING
    ticker: str
    strategy: str
    believed: Decimal | None  # the sender's shares, 0 for none; None: some, it does not say how many
    held: Decimal  # of the strategy, in the books


@dataclass(frozen=True, slots=True)
class AlertFailed(RefusedFacts):
    """No order can be made of it."""

    kind: ClassVar = _K.ALERT_FAILED
    severity: ClassVar = _S.WARNING


@dataclass(frozen=True, slots=True)
class AlertExpired(Facts):
    """An alert waited too long for the market."""

    kind: ClassVar = _K.ALERT_EXPIRED
    severity: ClassVar = _S.WARNING
    ticker: str | None
    side: Side | None
    max_age_s: float


@dataclass(frozen=True, slots=True)
class AlertCleared(Facts):
    """A person took the alert out of the queue."""

    kind: ClassVar = _K.ALERT_CLEARED
    severity: ClassVar = _S.INFO
    ticker: str | None
    side: Side | None
