"""The owner changes a limit: checked, stored with its event, in force for the next decision.

Rules: a limit is changed only to a finite number inside its range; a count is whole; what the owner typed is told back to him
when it is wrong, with an example. The decision transaction reads the stored value, so there is nothing else to tell.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain import wording
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.limits import Limits, limit_range
from tradebot.domain.settings import limits_in
from tradebot.ports import Clock, Ledger

Value = Decimal | int


@dataclass(frozen=True, slots=True)
class Title:
    """How a limit is called by people, and by the command that changes it."""

    name: str  # as in `Limits` and in `bot_settings`
    words: str
    command: str
    example: str


TITLES = (
    Title("buy_amount_usd", "amount of a BUY", "set_amount", "750"),
    Title("max_open_positions", "open positions", "set_max_positions", "20"),
    Title("max_daily_buys", "buys a day", "set_max_daily", "10"),
    Title("max_total_investment", "total investment", "set_max_invest", "25000"),
    Title("max_per_ticker", "positions a ticker", "set_max_per_ticker", "2"),
    Title("max_daily_loss", "daily loss", "set_max_loss", "500"),
    Title("min_cash_reserve", "cash reserve", "set_reserve", "2000"),
)


class WrongValue(ValueError):
    """What was typed is no value for this limit; the message says what is, with an example."""


@dataclass(frozen=True, slots=True)
class Change:
    title: Title
    old: Value
    new: Value


def is_count(name: str) -> bool:
    return isinstance(getattr(Limits(), name), int)


def said(name: str, value: Value) -> str:
    """`$500.00`, or `20` for a count."""
    return f"{value:,}" if is_count(name) else wording.usd(Decimal(value))


def range_said(name: str) -> str:
    low, high = limit_range(name)
    return f"{said(name, int(low))} to {said(name, int(high))}"


def parse(title: Title, text: str) -> Value:
    """The value typed: `750`, `$1,500.50`. Raises WrongValue."""
    example = f"For example: /{title.command} {title.example}"
    kind = "a whole number" if is_count(title.name) else "an amount in USD"
    allowed = f"Allowed is {kind} from {range_said(title.name)}. {example}"
    plain = text.strip().removeprefix("$")
    if not re.fullmatch(r"-?([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,9})?", plain):
        raise WrongValue(f"“{text[:40]}” is no number. {allowed}")
    number = Decimal(plain.replace(",", ""))
    low, high = limit_range(title.name)
    if not low <= number <= high:
        raise WrongValue(f"{text[:40]} is out of range. {allowed}")
    if is_count(title.name):
        if number != int(number):
            raise WrongValue(f"{text[:40]} is not whole. {allowed}")
        return int(number)
    if number != round(number, 2):
        raise WrongValue(f"{text[:40]} has fractions of a cent. {allowed}")
    return number


class OwnersLimits:
    """The limits as they are stored, over the configured defaults."""

    def __init__(self, ledger: Ledger, defaults: Limits, clock: Clock) -> None:
        self._ledger = ledger
        self._defaults = defaults
        self._clock = clock

    async def current(self) -> Limits:
        """Raises LedgerUnavailable."""
        async with self._ledger.read() as books:
            return limits_in(await books.settings(), self._defaults)

    async def change(self, title: Title, text: str, by: str) -> Change:
        """Raises WrongValue, LedgerUnavailable. The same value again changes, and tells, nothing."""
        new = parse(title, text)
        async with self._ledger.begin() as books:
            old: Value = getattr(limits_in(await books.settings(), self._defaults), title.name)
            if new != old:
                now = self._clock.now()
                await books.put_setting(title.name, str(new), by, now)
                told = f"{title.words[0].upper()}{title.words[1:]}: {said(title.name, old)} → {said(title.name, new)}, by {by}."
                data = {"name": title.name, "from": str(old), "to": str(new)}
                await books.add_event(NewEvent(EventKind.SETTING_CHANGED, now, told, actor=by, data=data))
        return Change(title, old, new)
