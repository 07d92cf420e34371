"""The owner's limits, their defaults and ranges: one table for the configuration, the risk checks and the chat."""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum

USD_MAX = Decimal(10_000_000)
COUNT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force. USD are Decimal, counts are int. Stored in `bot_settings` under `limit_key`."""

    buy_amount_usd: Decimal = Decimal(500)
    max_open_positions: int = 200
    max_daily_buys: int = 50
    max_total_investment: Decimal = Decimal(50_000)
    max_per_ticker: int = 5
    max_daily_loss: Decimal = Decimal(1_000)
    min_cash_reserve: Decimal = Decimal(1_000)


class LossBasis(StrEnum):
    """What `max_daily_loss` is compared with."""

    REALISED = "realised"  # what sold today
    TOTAL = "total"  # and what the bot's open lots have lost besides, by IB's prices


@dataclass(frozen=True, slots=True)
class FixedLimits:
    """Controls that only the file changes. 0 switches off all but `max_alert_age_s` and `max_order_value_usd`."""

    max_alert_age_s: int = 300
    price_collar_pct: Decimal = Decimal(5)
    max_order_value_usd: Decimal = Decimal(25_000)
    repeat_window_s: int = 5
    max_spread_pct: Decimal = Decimal(5)
    allow_delayed_quotes: bool = False  # on a live account; elsewhere they are always allowed
    daily_loss_basis: LossBasis = LossBasis.REALISED
    max_risk_usd: Decimal = Decimal(0)  # what all positions and entries may lose down to their stops; 0: no limit
    what_if_above_usd: Decimal = Decimal(0)  # a larger BUY is asked IB for the margin that it takes; 0: none is


def limit_names() -> tuple[str, ...]:
    """The seven, in their order."""
    return tuple(field.name for field in fields(Limits))


def is_count(name: str) -> bool:
    """Whether the limit counts something; else it is USD."""
    return isinstance(getattr(Limits(), name), int)


def limit_range(name: str) -> tuple[Decimal, Decimal]:
    """The smallest and the largest value allowed for a limit, both included."""
    kind = {f.name: f.type for f in fields(Limits)}[name]
    low = Decimal(0) if name == "min_cash_reserve" else Decimal(1)
    return (low, USD_MAX) if kind is Decimal else (low, Decimal(COUNT_MAX))
