"""Limits, the account's and each strategy's own: changed by a person, or set from the configuration as long as no person has.

Rules: a limit is changed only to a finite number inside its range; a count is whole, an amount has no fractions of a cent. The
decision transaction reads the stored value, so there is nobody else to tell. Every limit in force is a row of `bot_settings` from
the first start on, by "configuration" until a person changes it: from then on the file's value is not in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import product

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import SettingChanged
from tradebot.domain.limits import Limits, is_count, limit_names, limit_range
from tradebot.domain.settings import limit_key, limits_in, own_limits_in
from tradebot.domain.strategies import ACCOUNT, Strategies, Strategy
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
    old: Value | None  # None: the strategy had none of its own
    new: Value
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """A limit whose value in the file is not in force, because a person has changed it."""

    name: str
    configured: Value
    in_force: Value
    by: str
    strategy: str | None = None


async def change(
    ledger: Ledger,
    defaults: Limits,
    name: str,
    value: Value,
    actor: str,
    key: str,
    now: datetime,
    strategy: Strategy | None = None,
) -> LimitChange:
    """Of the account, or of the strategy. The same value again changes, and tells, nothing; nor does a key that was seen.

    Raises InvalidLimit, LedgerUnavailable.
    """
    new = check(name, value)
    scope, whose = (ACCOUNT, None) if strategy is None else (strategy.name, strategy.name)
    async with ledger.begin() as books:
        settings = await books.settings()
        old: Value | None = (
            getattr(limits_in(settings, defaults), name)
            if strategy is None
            else own_limits_in(settings, strategy).get(name)
        )
        if not await books.claim(key, "set_limit", actor, now):
            return LimitChange(name, old, new if old is None else old, whose)
        if new != old:
            await books.put_setting(limit_key(name, scope), str(new), actor, now)
            before = None if old is None else Decimal(old)
            await books.add_event(NewEvent(SettingChanged(name, before, Decimal(new), whose), now, actor=actor))
    return LimitChange(name, old, new, whose)


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


async def store_configured(
    ledger: Ledger, configured: Limits, now: datetime, strategies: Strategies | None = None
) -> Sequence[Overridden]:
    """Writes the file's limits where no person has changed them; returns those where one has, to another value.

    A limit of a strategy that is in the file no more ends with it, unless a person has set it since.
    """
    overridden = []
    async with ledger.begin() as books:
        stored, authors = await books.settings(), await books.setting_authors()
        in_force: dict[str | None, Mapping[str, Value]] = {None: asdict(limits_in(stored, configured))}
        of_file: dict[str | None, Mapping[str, Value]] = {None: asdict(configured)}
        for strategy in strategies or ():
            in_force[strategy.name], of_file[strategy.name] = own_limits_in(stored, strategy), strategy.limits
        for whose, name in product(of_file, limit_names()):
            key, value = limit_key(name, whose or ACCOUNT), of_file[whose].get(name)
            if authors.get(key, CONFIGURATION) != CONFIGURATION:
                if value is not None and in_force[whose][name] != value:
                    overridden.append(Overridden(name, value, in_force[whose][name], authors[key], whose))
            elif value is None:
                if key in stored:
                    await books.forget_setting(key)
            elif stored.get(key) != str(value):
                await books.put_setting(key, str(value), CONFIGURATION, now)
    return overridden
