"""Limits: changed by a person, or set from the configuration as long as no person has changed them.

Rules: a limit is changed only to a finite number inside its range; a count is whole, an amount has no fractions of a cent. The
decision transaction reads the stored value, so there is nobody else to tell. Every limit in force is a row of `bot_settings` from
the first start on, by "configuration" until a person changes it: from then on the file's value is not in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import SettingChanged
from tradebot.domain.limits import Limits, is_count, limit_range
from tradebot.domain.settings import limit_key, limits_in
from tradebot.ports import Ledger

CONFIGURATION = "configuration"
Value = Decimal | int


class Problem(StrEnum):
    """Why a value is none for a limit."""

    OUT_OF_RANGE = "out_of_range"
    NOT_WHOLE = "not_whole"
    FRACTION_OF_A_CENT = "fraction_of_a_cent"


class InvalidLimit(ValueError):
    """The value is none for this limit; `problem` says why."""

    def __init__(self, name: str, problem: Problem) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A limit before and after; equal where nothing was changed."""

    name: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Overridden:
    """A limit whose value in the file is not in force, because a person has changed it."""

    name: str
    configured: Value
    in_force: Value
    by: str


async def change(
    ledger: Ledger, defaults: Limits, name: str, value: Value, actor: str, key: str, now: datetime
) -> LimitChange:
    """The same value again changes, and tells, nothing; nor does a key that was seen. Raises InvalidLimit, LedgerUnavailable."""
    new = check(name, value)
    async with ledger.begin() as books:
        old: Value = getattr(limits_in(await books.settings(), defaults), name)
        if not await books.claim(key, "set_limit", actor, now):
            return LimitChange(name, old, old)
        if new != old:
            await books.put_setting(limit_key(name), str(new), actor, now)
            await books.add_event(NewEvent(SettingChanged(name, Decimal(old), Decimal(new)), now, actor=actor))
    return LimitChange(name, old, new)


def check(name: str, value: Value) -> Value:
    """The value as it is stored. Raises InvalidLimit."""
    low, high = limit_range(name)
    if not (Decimal(value).is_finite() and low <= value <= high):
        raise InvalidLimit(name, Problem.OUT_OF_RANGE)
    if is_count(name):
        if value != int(value):
            raise InvalidLimit(name, Problem.NOT_WHOLE)
        return int(value)
    if value != round(value, 2):
        raise InvalidLimit(name, Problem.FRACTION_OF_A_CENT)
    return Decimal(value)


async def store_configured(ledger: Ledger, configured: Limits, now: datetime) -> Sequence[Overridden]:
    """Writes the file's limits where no person has changed them; returns those where one has, to another value."""
    overridden = []
    async with ledger.begin() as books:
        stored, authors = await books.settings(), await books.setting_authors()
        in_force = limits_in(stored, configured)
        for field in fields(Limits):
            name, key = field.name, limit_key(field.name)
            value: Value = getattr(configured, name)
            if authors.get(key, CONFIGURATION) == CONFIGURATION:
                if stored.get(key) != str(value):
                    await books.put_setting(key, str(value), CONFIGURATION, now)
            elif getattr(in_force, name) != value:
                overridden.append(Overridden(name, value, getattr(in_force, name), authors[key]))
    return overridden
