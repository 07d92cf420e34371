"""A session's prices of one stock, as IB tells them after its close. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

SPY = "SPY"
"""What the account is measured beside."""


@dataclass(frozen=True, slots=True)
class DailyBar:
    """A session's prices of one stock, USD a share, adjusted for splits and dividends as of the newest bar that is stored
    with it."""

    ticker: str
    day: date  # New York
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
