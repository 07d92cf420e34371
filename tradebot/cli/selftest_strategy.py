"""Which strategy a selftest's alerts are sent to: one that would buy now, where the file names any. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.strategies import BY_STOP, OrderSource, Sizing, Strategies, Strategy


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose the alerts are, and the tickers that it may buy; `why_not`: no strategy would buy any, and so no order is sent."""

    strategy: Strategy
    tickers: Sequence[str]
    why_not: str | None = None


def choose(strategies: Strategies, tickers: Sequence[str], paused: Collection[str], now: datetime) -> Choice:
    """The first, in the file's order, that would buy one of these now; else the first, with each one's reason."""
    reasons = []
    for one in strategies:
        admitted = tuple(ticker for ticker in tickers if one.admits(ticker))
        reason = _why_not(one, admitted, paused, now)
        if reason is None:
            return Choice(one, admitted)
        reasons.append(f"{one.name} {reason}")
    return Choice(next(iter(strategies)), tickers, f"no strategy would buy now: {', '.join(reasons)}")


def _why_not(one: Strategy, admitted: Sequence[str], paused: Collection[str], now: datetime) -> str | None:
    because = {
        "is disabled": not one.enabled,
        "is paused": one.name in paused,
        "takes its sizes from the alert": one.sizing is Sizing.ALERT,
        "is sized by stops": one.sizing in BY_STOP,
        "buys by limit orders at the alert's price": one.orders is OrderSource.LIMIT,
        "is outside its window": not one.in_window(now.astimezone(NEW_YORK)),
        "may buy none of these tickers (name one of its own with --ticker)": not admitted,
    }
    return next((text for text, holds in because.items() if holds), None)
