"""Trading, as what people are shown sees it."""

from typing import Protocol

from tradebot.domain.gate import GateReason
from tradebot.domain.questions import Silent
from tradebot.domain.settings import TradingState


class SilentQuestions(Protocol):
    """Which questions IB does not answer."""

    @property
    def silent(self) -> tuple[Silent, ...]: ...


class OrderGate(Protocol):
    """Whether orders may leave, and why not."""

    @property
    def is_open(self) -> bool: ...

    @property
    def reasons(self) -> tuple[GateReason, ...]: ...


class TradingStateSource(Protocol):
    """The trading state in force."""

    @property
    def state(self) -> TradingState: ...

    @property
    def paused_strategies(self) -> frozenset[str]:
        """Those that are paused by name."""
