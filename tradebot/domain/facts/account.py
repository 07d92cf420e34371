"""What happens to the account: its positions, what the owner changed, the connection to IB."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from tradebot.domain.corporate_actions import Split
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.positions import Position
from tradebot.domain.questions import Question
from tradebot.domain.refusals import Fact
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import MAIN

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class WrittenOff(Facts):
    """The books were lowered to what IB shows, on the owner's word."""

    kind: ClassVar = _K.WRITTEN_OFF
    severity: ClassVar = _S.INFO
    ticker: str
    qty: Decimal
    strategy: str | None = None  # whose lots, where several strategies held it
    elsewhere: Decimal = Decimal(0)  # shares that are missing besides, in other strategies' books


class ExitLeft(StrEnum):
    """Why an exit left shares, and is not sent again by itself."""

    BEING_SOLD = "being_sold"  # another SELL order at IB covers them
    REFUSED = "refused"  # by IB, in its words
    NOT_SHOWN = "not_shown"  # IB shows no such order: it may still come to life
    CANCELLED = "cancelled"  # at IB and not by the bot: the owner's word
    ENDED = "ended"  # by IB, in words that are on no list
    KILLED = "killed"
    STOPPED = "stopped"  # by the bot: IB held it, and did not work on it
    NOT_PROVEN = "not_proven"  # IB's answers and the books do not agree on what has filled
    TRIED = "tried"  # sent again as often as it is
    RESTORED = "restored"  # the books are a backup's: what was sold since is not in them


@dataclass(frozen=True, slots=True)
class ExitIncomplete(Facts):
    """A SELL has ended and left shares in the books."""

    kind: ClassVar = _K.EXIT_INCOMPLETE
    severity: ClassVar = _S.CRITICAL
    ticker: str
    qty: Decimal  # shares left in the books
    code: ExitLeft | None = None
    detail: str = ""  # IB's words; the permIds of what is being sold


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An exit that the kill switch stopped, and what its strategy's books still hold of it."""

    ticker: str
    qty: Decimal
    strategy: str = MAIN
    part: bool = False  # only so many shares were to be sold; else all


@dataclass(frozen=True, slots=True)
class ExitsHeldBack(Facts):
    """The kill switch is lifted, and these exits were stopped by it."""

    kind: ClassVar = _K.EXITS_HELD_BACK
    severity: ClassVar = _S.CRITICAL
    exits: tuple[HeldBack, ...]


@dataclass(frozen=True, slots=True)
class OrphanOrder(Facts):
    """IB shows orders with the bot's reference that this database does not know."""

    kind: ClassVar = _K.ORPHAN_ORDER
    severity: ClassVar = _S.CRITICAL
    orders: tuple[str, ...]  # their references


@dataclass(frozen=True, slots=True)
class Mismatch(Facts):
    """The books hold more of a contract than IB shows."""

    kind: ClassVar = _K.MISMATCH
    severity: ClassVar = _S.CRITICAL
    position: Position

    @property
    def ticker(self) -> str:
        return self.position.ticker


@dataclass(frozen=True, slots=True)
class OwnerHoldings(Facts):
    """IB shows what the books hold of a contract, or more: the rest is the owner's."""

    kind: ClassVar = _K.OWNER_HOLDINGS
    severity: ClassVar = _S.INFO
    position: Position

    @property
    def ticker(self) -> str:
        return self.position.ticker


@dataclass(frozen=True, slots=True)
class SplitSeen(Facts):
    """IB shows what a split makes of the books' shares. With an alert: a SELL that waits for the owner's answer."""

    kind: ClassVar = _K.SPLIT_SEEN
    severity: ClassVar = _S.CRITICAL
    split: Split

    @property
    def ticker(self) -> str:
        return self.split.ticker


@dataclass(frozen=True, slots=True)
class SplitBooked(Facts):
    """Lots were rebased, on the owner's word."""

    kind: ClassVar = _K.SPLIT_BOOKED
    severity: ClassVar = _S.INFO
    split: Split
    by_strategy: Mapping[str, Decimal] = field(default_factory=dict)  # what each has now, where several held it

    @property
    def ticker(self) -> str:
        return self.split.ticker


@dataclass(frozen=True, slots=True)
class SplitDenied(Facts):
    """It was no split, on the owner's word: the difference is one like any other."""

    kind: ClassVar = _K.SPLIT_DENIED
    severity: ClassVar = _S.INFO
    split: Split

    @property
    def ticker(self) -> str:
        return self.split.ticker


@dataclass(frozen=True, slots=True)
class Renamed(Facts):
    """IB calls a contract that the books hold by another ticker than they do."""

    kind: ClassVar = _K.RENAMED
    severity: ClassVar = _S.WARNING
    ticker: str  # of the books
    new_ticker: str
    con_id: int


@dataclass(frozen=True, slots=True)
class PositionsCompared(Facts):
    """Books and IB were compared, with this result."""

    kind: ClassVar = _K.POSITIONS_COMPARED
    severity: ClassVar = _S.INFO
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class StateChanged(Facts):
    """The trading state was changed; with a strategy: its own, which is PAUSED or RUNNING."""

    kind: ClassVar = _K.STATE_CHANGED
    severity: ClassVar = _S.WARNING
    before: TradingState
    to: TradingState
    strategy: str | None = None
    still_paused: tuple[str, ...] = ()  # of the whole bot, RUNNING again: the strategies that stay paused by name


@dataclass(frozen=True, slots=True)
class SettingChanged(Facts):
    """A limit was changed; with a strategy: its own."""

    kind: ClassVar = _K.SETTING_CHANGED
    severity: ClassVar = _S.INFO
    name: str  # of the limit, as in `Limits`
    before: Decimal | None  # None: the strategy had none of its own
    to: Decimal
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class TickerBlock(Facts):
    """The owner lets no strategy buy a ticker, or lets them again."""

    kind: ClassVar = _K.TICKER_BLOCK
    severity: ClassVar = _S.INFO
    ticker: str
    blocked: bool


@dataclass(frozen=True, slots=True)
class TellingChanged(Facts):
    """The owner wants to hear of a group of events in the chat otherwise than before."""

    kind: ClassVar = _K.TELLING_CHANGED
    severity: ClassVar = _S.INFO
    group: EventGroup
    before: Telling
    to: Telling


@dataclass(frozen=True, slots=True)
class Moved:
    """What a strategy was given of a ticker."""

    ticker: str
    qty: Decimal  # shares in open lots
    trades: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Reassigned(Facts):
    """A strategy was given all that another one had traded of these tickers."""

    kind: ClassVar = _K.REASSIGNED
    severity: ClassVar = _S.WARNING
    from_strategy: str
    to_strategy: str
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class BrokerConnected(Facts):
    """Connected to the gateway; without an account: the gateway has found IB's servers again."""

    kind: ClassVar = _K.BROKER_CONNECTED
    severity: ClassVar = _S.INFO
    account: str | None
    paper: bool | None
    away_s: float | None  # None: the loss was not reported


@dataclass(frozen=True, slots=True)
class BrokerLost(Facts):
    """The connection to IB has been lost for so many seconds."""

    kind: ClassVar = _K.BROKER_LOST
    severity: ClassVar = _S.WARNING
    away_s: float
    why_not: str | None = None  # as the last attempt, or the gateway, said it


@dataclass(frozen=True, slots=True)
class BrokerUnreachable(Facts):
    """The configured attempts to connect are used up; slow ones go on."""

    kind: ClassVar = _K.BROKER_UNREACHABLE
    severity: ClassVar = _S.CRITICAL
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class TradingRefused(Facts):
    """The gate was closed for a reason that only a person can remove."""

    kind: ClassVar = _K.TRADING_REFUSED
    severity: ClassVar = _S.CRITICAL
    code: str  # of the gate's reason
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TradingAllowed(Facts):
    """A gateway that refused orders as read-only takes them again."""

    kind: ClassVar = _K.TRADING_ALLOWED
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class QuestionSilent(Facts):
    """IB does not answer a question that trading stands on."""

    kind: ClassVar = _K.QUESTION_SILENT
    severity: ClassVar = _S.CRITICAL
    question: Question
    since: datetime
    empty: bool  # it is answered with nothing, though the books have fills of today


@dataclass(frozen=True, slots=True)
class QuestionAnswered(Facts):
    """A question of whose silence the owner was told is answered again."""

    kind: ClassVar = _K.QUESTION_ANSWERED
    severity: ClassVar = _S.INFO
    question: Question
    since: datetime


@dataclass(frozen=True, slots=True)
class ClockOff(Facts):
    """This machine's clock and the gateway's are apart."""

    kind: ClassVar = _K.CLOCK_OFF
    severity: ClassVar = _S.WARNING
    ahead_s: float  # this machine's before the gateway's; negative: behind


@dataclass(frozen=True, slots=True)
class GateOpened(Facts):
    """Books and IB agree: orders may leave."""

    kind: ClassVar = _K.GATE_OPENED
    severity: ClassVar = _S.TRACE
