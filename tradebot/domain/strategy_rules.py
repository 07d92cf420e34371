"""The rules of one strategy: when and what it may buy, how often, and whether there is anything to do. Pure.

Rules: as in `risk.py`, of which these checks are a part: a function that refuses or passes, and what is not known refuses. They
stop a BUY only: exits always pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import isfinite

from tradebot.domain.instructions import Instruction
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.strategies import MAIN, Sizing, Strategy
from tradebot.domain.targets import reached

_C = RefusalCode


@dataclass(frozen=True, slots=True)
class StrategyTerms:
    """A strategy as it is in force for one decision."""

    strategy: Strategy = field(default_factory=lambda: Strategy(name=MAIN))
    limits: Mapping[str, Decimal | int] = field(default_factory=dict)  # its own, by name, beside the account's
    paused: bool = False
    known: bool = True  # the file names it

    @property
    def has_own_amount(self) -> bool:
        """Whether its BUYs are sized by an amount in USD that is its own."""
        return self.strategy.sizing is Sizing.USD and "buy_amount_usd" in self.limits

    def buy_amount_usd(self, of_account: Decimal) -> Decimal:
        """For each BUY that is sized in USD: its own, else the account's."""
        own = self.limits.get("buy_amount_usd", self.strategy.size)
        return of_account if own is None else Decimal(own)


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """What is at stake of the strategy's: as the figures of these names in `Snapshot`, which are of all strategies."""

    held: Decimal = Decimal(0)
    in_flight: Decimal = Decimal(0)
    open_positions: int = 0
    ticker_positions: int = 0
    buys_today: int = 0
    realised_today: Decimal = Decimal(0)
    open_change: Decimal | None = Decimal(0)
    unpriced: str = ""
    at_risk: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class StrategyView:
    """The strategy whose alert is judged, and that alert, at the moment of the snapshot."""

    terms: StrategyTerms
    new_york: datetime
    instruction: Instruction | None = None
    held_qty: Decimal = Decimal(0)  # shares of the ticker, of this strategy
    alert_time: datetime | None = None
    newest_exit: datetime | None = None  # the latest `alert_time` of its SELLs of the ticker, received lately
    since_entry_s: float | None = (
        None  # since its last BUY of the ticker that filled anything; None: not within the cooldown
    )
    alerts_today: int = 0  # its BUY alerts of the New York date up to this one
    figures: OwnFigures = OwnFigures()

    @property
    def name(self) -> str:
        return self.terms.strategy.name


def enabled(ticker: str, own: StrategyView) -> Refusal | None:
    if own.terms.known and own.terms.strategy.enabled:
        return None
    return _refuse(_C.STRATEGY_DISABLED, own, known=int(own.terms.known))


def not_paused(ticker: str, own: StrategyView) -> Refusal | None:
    return _refuse(_C.STRATEGY_PAUSED, own) if own.terms.paused else None


def ticker_allowed(ticker: str, own: StrategyView) -> Refusal | None:
    """By the name of the books or by the alert's: a stock that IB has renamed has two."""
    names = {ticker, own.instruction.ticker if own.instruction is not None else ticker}
    if any(own.terms.strategy.admits(name) for name in names):
        return None
    return _refuse(
        _C.TICKER_NOT_ALLOWED, own, ticker=ticker, tickers=", ".join(sorted(own.terms.strategy.tickers or ()))
    )


def at_target(ticker: str, own: StrategyView) -> Refusal | None:
    return (
        _refuse(_C.AT_TARGET, own, ticker=ticker, held=own.held_qty) if reached(own.instruction, own.held_qty) else None
    )


def overtaken(ticker: str, own: StrategyView) -> Refusal | None:
    """TradingView's alerts may come in another order than they were sent: an exit must never be followed by its own entry."""
    if own.alert_time is None or own.newest_exit is None or own.alert_time >= own.newest_exit:
        return None
    times = {"alert_time": own.alert_time.isoformat(), "exit_time": own.newest_exit.isoformat()}
    return _refuse(_C.OVERTAKEN, own, ticker=ticker, **times)


def trading_window(ticker: str, own: StrategyView) -> Refusal | None:
    window, flat_by = own.terms.strategy.window, own.terms.strategy.flat_by
    if flat_by is not None and own.terms.strategy.is_flat(own.new_york):
        return _refuse(_C.TRADING_WINDOW, own, now=f"{own.new_york:%H:%M}", flat_by=f"{flat_by:%H:%M}")
    if window is None or own.terms.strategy.in_window(own.new_york):
        return None
    begin, end = window
    return _refuse(_C.TRADING_WINDOW, own, now=f"{own.new_york:%H:%M}", begin=f"{begin:%H:%M}", end=f"{end:%H:%M}")


def cooldown(ticker: str, own: StrategyView) -> Refusal | None:
    window_s, since_s = own.terms.strategy.cooldown_s, own.since_entry_s
    if window_s == 0 or since_s is None:
        return None
    if not isfinite(since_s):
        return Refusal(_C.NOT_KNOWN, {"figure": Figure.SINCE_LAST_BUY_S, "ticker": ticker})
    if abs(since_s) > window_s:  # a clock that was set back blocks nothing for longer
        return None
    return _refuse(_C.COOLDOWN, own, ticker=ticker, since_s=Decimal(f"{abs(since_s):.3f}"), window_s=window_s)


def alerts_today(ticker: str, own: StrategyView) -> Refusal | None:
    most = own.terms.strategy.max_alerts_per_day
    if most is None or own.alerts_today <= most:
        return None
    return _refuse(_C.MAX_ALERTS_PER_DAY, own, count=own.alerts_today, limit=most)


def _refuse(code: RefusalCode, own: StrategyView, **facts: Fact) -> Refusal:
    return Refusal(code, {**facts, "strategy": own.name})
