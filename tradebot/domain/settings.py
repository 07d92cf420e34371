"""What `bot_settings` holds, read through one typed door: trading state, limits, orphan orders. Pure.

Rules: what was never stored has its default; a stored limit that is no number or out of range is not in force (`invalid_limits`).
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from tradebot.domain.limits import Limits, limit_range
from tradebot.domain.strategies import MAIN

STATE_KEY = "trading_state"
ORPHANS_KEY = "orphan_orders"  # JSON list: orders at IB that this database does not know, waiting for the owner
ACCEPTED_ORPHANS_KEY = "accepted_orphan_orders"
RESTORED_KEY = "restored_at"  # when these books, a backup's, were put in the place of others


class TradingState(StrEnum):
    """RUNNING trades; PAUSED takes no BUY; KILLED takes nothing."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    KILLED = "KILLED"


def state_in(settings: Mapping[str, str]) -> TradingState:
    """The stored trading state; a database that has none runs."""
    return TradingState(settings.get(STATE_KEY, TradingState.RUNNING))


def limit_key(name: str, strategy: str = MAIN) -> str:
    """The key under which a strategy's limit is stored."""
    return f"limit.{strategy}.{name}"


def limits_in(settings: Mapping[str, str], defaults: Limits) -> Limits:
    """The configured defaults, overridden by what the owner stored. `invalid_limits` names what is not in force."""
    changed: dict[str, Decimal | int] = {}
    for field in fields(Limits):
        value = _in_range(field.name, settings)
        if value is not None:
            changed[field.name] = int(value) if isinstance(getattr(defaults, field.name), int) else value
    return replace(defaults, **changed)  # type: ignore[arg-type]


def invalid_limits(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Stored limits that are no number or out of range, by name: the configured default is in force instead."""
    stored = {field.name: settings.get(limit_key(field.name)) for field in fields(Limits)}
    return {name: text for name, text in stored.items() if text is not None and _in_range(name, settings) is None}


def _in_range(name: str, settings: Mapping[str, str]) -> Decimal | None:
    value, (low, high) = _number(settings.get(limit_key(name))), limit_range(name)
    return value if value is not None and low <= value <= high else None


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    return number if number is None or number.is_finite() else None


def restored_at(settings: Mapping[str, str]) -> datetime | None:
    """What was done between the backup and this moment is not in these books; None: they were never restored."""
    stored = settings.get(RESTORED_KEY)
    return None if stored is None else datetime.fromisoformat(stored)


def accepted_orphans(settings: Mapping[str, str]) -> frozenset[str]:
    """Orders of another database that the owner knows of."""
    return frozenset(json.loads(settings.get(ACCEPTED_ORPHANS_KEY, "[]")))
