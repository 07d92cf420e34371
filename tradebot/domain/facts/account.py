"""What happens to the account: its positions, what the owner changed, the connection to IB."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.positions import Position
from tradebot.domain.risk import Fact
from tradebot.domain.settings import TradingState

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class WrittenOff(Facts):
    kind: ClassVar = _K.WRITTEN_OFF
    severity: ClassVar = _S.INFO
    ticker: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class ExitIncomplete(Facts):
    kind: ClassVar = _K.EXIT_INCOMPLETE
    severity: ClassVar = _S.CRITICAL
    ticker: str
    qty: Decimal  # shares left in the books


@dataclass(frozen=True, slots=True)
class OrphanOrder(Facts):
    kind: ClassVar = _K.ORPHAN_ORDER
    severity: ClassVar = _S.CRITICAL
    orders: tuple[str, ...]  # their references


@dataclass(frozen=True, slots=True)
class Mismatch(Facts):
    kind: ClassVar = _K.MISMATCH
    severity: ClassVar = _S.CRITICAL
    position: Position

    @property
    def ticker(self) -> str:
        return self.position.ticker


@dataclass(frozen=True, slots=True)
class OwnerHoldings(Facts):
    kind: ClassVar = _K.OWNER_HOLDINGS
    severity: ClassVar = _S.INFO
    position: Position

    @property
    def ticker(self) -> str:
        return self.position.ticker


@dataclass(frozen=True, slots=True)
class PositionsCompared(Facts):
    kind: ClassVar = _K.POSITIONS_COMPARED
    severity: ClassVar = _S.INFO
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class StateChanged(Facts):
    kind: ClassVar = _K.STATE_CHANGED
    severity: ClassVar = _S.WARNING
    before: TradingState
    to: TradingState


@dataclass(frozen=True, slots=True)
class SettingChanged(Facts):
    kind: ClassVar = _K.SETTING_CHANGED
    severity: ClassVar = _S.INFO
    name: str  # of the limit, as in `Limits`
    before: Decimal
    to: Decimal


@dataclass(frozen=True, slots=True)
class BrokerConnected(Facts):
    """Connected to the gateway; without an account: the gateway has found IB's servers again."""

    kind: ClassVar = _K.BROKER_CONNECTED
    severity: ClassVar = _S.INFO
    account: str | None
    paper: bool | None
    away_s: float | None  # None: not told to be away


@dataclass(frozen=True, slots=True)
class BrokerLost(Facts):
    kind: ClassVar = _K.BROKER_LOST
    severity: ClassVar = _S.WARNING
    away_s: float


@dataclass(frozen=True, slots=True)
class BrokerUnreachable(Facts):
    kind: ClassVar = _K.BROKER_UNREACHABLE
    severity: ClassVar = _S.CRITICAL
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class TradingRefused(Facts):
    kind: ClassVar = _K.TRADING_REFUSED
    severity: ClassVar = _S.CRITICAL
    code: str  # of the gate's reason
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateOpened(Facts):
    kind: ClassVar = _K.GATE_OPENED
    severity: ClassVar = _S.TRACE
