"""What `bot_settings` holds, read through one typed door: trading state, limits, blocked tickers, tellings, orphan orders. Pure.

Rules: what was never stored has its default; a stored limit that is no number or out of range is not in force (`invalid_limits`).
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.limits import Limits, is_count, limit_range
from tradebot.domain.strategies import ACCOUNT, Strategy

STATE_KEY = "trading_state"
ACCOUNT_KEY = "account"  # the only one that these books trade
ORPHANS_KEY = "orphan_orders"  # JSON list: orders at IB that this database does not know, waiting for the owner
ACCEPTED_ORPHANS_KEY = "accepted_orphan_orders"
AGAIN_KEY = (
    "protect_again.{}"  # by entry: up to this trade id it is as if the bot had ended its stops, at the owner's word
)
RESTORED_KEY = "restored_at"  # when these books, a backup's, were put in the place of others


class TradingState(StrEnum):
    """RUNNING trades; PAUSED takes no BUY; KILLED takes nothing."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    KILLED = "KILLED"


def state_in(settings: Mapping[str, str]) -> TradingState:
    """The stored trading state; a database that has none runs."""
    return TradingState(settings.get(STATE_KEY, TradingState.RUNNING))


def strategy_state_key(strategy: str) -> str:
    """The key under which it is stored that a strategy is paused."""
    return f"state.{strategy}"


def paused_strategies(settings: Mapping[str, str]) -> frozenset[str]:
    """Those that the owner has paused by name; one that no file names any more may be among them."""
    prefix = strategy_state_key("")
    return frozenset(
        key.removeprefix(prefix)
        for key, value in settings.items()
        if key.startswith(prefix) and value == TradingState.PAUSED
    )


def blocked_key(ticker: str) -> str:
    """The key under which it is stored that the owner wants no BUY of a ticker."""
    return f"blocked.{ticker}"


def blocked_tickers(settings: Mapping[str, str]) -> frozenset[str]:
    """Those of which the owner wants no BUY, of any strategy."""
    prefix = blocked_key("")
    return frozenset(key.removeprefix(prefix) for key in settings if key.startswith(prefix))


def telling_key(group: EventGroup) -> str:
    """The key under which it is stored how the owner is told of a group in the chat."""
    return f"telling.{group}"


def tellings_in(settings: Mapping[str, str]) -> Mapping[EventGroup, Telling]:
    """How the owner is told of each group in the chat; what is stored and no telling is ON."""
    stored = {group: settings.get(telling_key(group)) for group in EventGroup}
    return {group: next((one for one in Telling if one == stored[group]), Telling.ON) for group in EventGroup}


def limit_key(name: str, scope: str = ACCOUNT) -> str:
    """The key under which a limit of the account, or of a strategy, is stored."""
    return f"limit.{scope}.{name}"


def limits_in(settings: Mapping[str, str], defaults: Limits) -> Limits:
    """The account's: the configured ones, overridden by what the owner stored. `invalid_limits` names what is not in force."""
    return replace(defaults, **_stored_limits(settings, ACCOUNT))  # type: ignore[arg-type]


def own_limits_in(settings: Mapping[str, str], strategy: Strategy) -> Mapping[str, Decimal | int]:
    """The strategy's own, by name: the configured ones, overridden by what the owner stored. A name that is not there: no limit
    beside the account's."""
    return {**strategy.limits, **_stored_limits(settings, strategy.name)}


def invalid_limits(settings: Mapping[str, str], scope: str = ACCOUNT) -> Mapping[str, str]:
    """Stored limits that are no number or out of range, by name: the configured default is in force instead."""
    stored = {field.name: settings.get(limit_key(field.name, scope)) for field in fields(Limits)}
    return {
        name: text for name, text in stored.items() if text is not None and _in_range(name, settings, scope) is None
    }


def _stored_limits(settings: Mapping[str, str], scope: str) -> dict[str, Decimal | int]:
    found = {field.name: _in_range(field.name, settings, scope) for field in fields(Limits)}
    return {name: int(value) if is_count(name) else value for name, value in found.items() if value is not None}


def _in_range(name: str, settings: Mapping[str, str], scope: str) -> Decimal | None:
    value, (low, high) = _number(settings.get(limit_key(name, scope))), limit_range(name)
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
