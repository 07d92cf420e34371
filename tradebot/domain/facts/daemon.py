"""What the day brings, and how the daemon is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from tradebot.domain.api_access import Scope
from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.limits import Limits
from tradebot.domain.settings import TradingState

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class MarketOpen(Facts):
    """A session began, and these alerts go on or had waited too long."""

    kind: ClassVar = _K.MARKET_OPEN
    severity: ClassVar = _S.INFO
    session: date
    closes: datetime
    early: str | None  # why it closes early
    sells: int
    buys: int
    expired: int


@dataclass(frozen=True, slots=True)
class TickerPnl:
    """A ticker's net P&L."""

    ticker: str
    pnl: Decimal  # USD


@dataclass(frozen=True, slots=True)
class ReportedPosition:
    """A position of the bot in the daily report."""

    ticker: str
    qty: Decimal
    cost: Decimal  # USD
    price: Decimal | None  # None: IB gave none


@dataclass(frozen=True, slots=True)
class StrategyDay:
    """What a strategy brought in the session, and what it holds. USD; None: not known."""

    strategy: str
    buys: int
    sells: int
    net: Decimal  # realised
    closed: int  # lots with a known P&L
    wins: int
    positions: int
    unrealised: Decimal | None  # None: a price is missing


@dataclass(frozen=True, slots=True)
class SessionPoint:
    """One session in the report's picture. USD."""

    day: date
    net: Decimal  # realised
    equity: Decimal | None  # as that day's report knew it


@dataclass(frozen=True, slots=True)
class DailyReport(Facts):
    """One session's figures. USD; None: not known."""

    kind: ClassVar = _K.DAILY_REPORT
    severity: ClassVar = _S.INFO
    session: date
    early_close: str | None  # why it closed early
    buys: int
    sells: int
    commissions: Decimal
    gross: Decimal
    net: Decimal
    by_ticker: Mapping[str, Decimal]
    closed: int  # lots with a known P&L
    wins: int
    written_off: int
    best: TickerPnl | None
    worst: TickerPnl | None
    unrealised: Decimal
    unrealised_unknown: tuple[str, ...]  # tickers without a price
    positions: tuple[ReportedPosition, ...]
    blocked: Mapping[str, int]  # alerts by the refusal's code
    failed: int  # alerts whose order failed, or could not be made
    waiting: int
    cash: Decimal | None
    equity: Decimal | None
    state: TradingState
    limits: Limits
    open_positions: int
    invested: Decimal
    buys_today: int
    lost_today: Decimal | None
    series: tuple[SessionPoint, ...] = ()
    ib_daily_pnl: Decimal | None = None  # IB's own, of the whole account
    by_strategy: tuple[StrategyDay, ...] = ()  # empty where there is one strategy


@dataclass(frozen=True, slots=True)
class HealthFailing(Facts):
    """A part is not well, now or still."""

    kind: ClassVar = _K.HEALTH_FAILING
    severity: ClassVar = _S.CRITICAL
    part: str
    since: datetime
    reasons: tuple[str, ...]  # what the part says of itself
    disconnected: bool = False


@dataclass(frozen=True, slots=True)
class HealthBack(Facts):
    """A part that failed is well again."""

    kind: ClassVar = _K.HEALTH_BACK
    severity: ClassVar = _S.INFO
    part: str
    since: datetime  # when it began to fail


@dataclass(frozen=True, slots=True)
class ChannelFailing(Facts):
    """Messages do not arrive on a channel."""

    kind: ClassVar = _K.CHANNEL_FAILING
    severity: ClassVar = _S.WARNING
    channel: str
    since: datetime
    error: str  # why not
    is_given_up: bool  # some will never arrive there; else they wait


@dataclass(frozen=True, slots=True)
class ChannelBack(Facts):
    """Messages arrive again on a channel of which it was told that they do not."""

    kind: ClassVar = _K.CHANNEL_BACK
    severity: ClassVar = _S.INFO
    channel: str
    since: datetime  # when it began to fail


@dataclass(frozen=True, slots=True)
class LoginReminder(Facts):
    """The weekly login at IB, due or done."""

    kind: ClassVar = _K.LOGIN_REMINDER
    severity: ClassVar = _S.INFO
    ended: datetime  # the last login
    dies: datetime  # the next one
    opens: datetime
    connected: bool
    since: datetime | None  # of the connection


class JobFailure(StrEnum):
    """Why a job did not do its work."""

    ERROR = "error"
    TIMEOUT = "timeout"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class JobFailed(Facts):
    """Runs of a job did not do their work."""

    kind: ClassVar = _K.JOB_FAILED
    severity: ClassVar = _S.WARNING
    job: str
    slots: tuple[datetime, ...]
    code: JobFailure
    detail: str
    next_run: datetime | None


@dataclass(frozen=True, slots=True)
class JobMissed(Facts):
    """Runs of a job that it is too late for."""

    kind: ClassVar = _K.JOB_MISSED
    severity: ClassVar = _S.WARNING
    job: str
    slots: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class ComponentStuck(Facts):
    """A component has not gone round within its time."""

    kind: ClassVar = _K.COMPONENT_STUCK
    severity: ClassVar = _S.CRITICAL
    component: str
    for_s: float
    restarts: bool  # whether the service manager starts the bot anew


@dataclass(frozen=True, slots=True)
class QueueJunk(Facts):
    """Entries in the queue were no alerts of this database, and were dropped."""

    kind: ClassVar = _K.QUEUE_JUNK
    severity: ClassVar = _S.WARNING
    queue: str
    entries: int


@dataclass(frozen=True, slots=True)
class ApiTokenChanged(Facts):
    """A token of the API was made, or revoked: whoever holds one may do what its scope admits to."""

    kind: ClassVar = _K.API_ACCESS
    severity: ClassVar = _S.WARNING
    token: str  # its id, which opens nothing
    name: str
    scope: Scope
    revoked: bool


@dataclass(frozen=True, slots=True)
class Started(Facts):
    """The daemon runs."""

    kind: ClassVar = _K.STARTED
    severity: ClassVar = _S.INFO
    version: str
    gateway: str | None  # host:port; None: the simulated one
    paper: bool | None  # None: not known


@dataclass(frozen=True, slots=True)
class Stopped(Facts):
    """The daemon was stopped."""

    kind: ClassVar = _K.STOPPED
    severity: ClassVar = _S.INFO
    version: str
    gateway: str | None
    paper: bool | None
