"""Limits in words: what each is called, by which command it is changed, and how a value is read and written."""

import re
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.limits import is_count, limit_range
from tradebot.operations.limits import InvalidLimit, Problem, Value, check
from tradebot.words import figures


@dataclass(frozen=True, slots=True)
class Title:
    """How a limit is called by people, and by the command that changes it."""

    name: str  # as in `Limits`
    words: str
    command: str
    help: str  # what the command sets, for the list of commands
    example: str

    @property
    def heading(self) -> str:
        return self.words[0].upper() + self.words[1:]


TITLES = (
    Title("buy_amount_usd", "amount of a BUY", "set_amount", "USD for each BUY", "750"),
    Title("max_open_positions", "open positions", "set_max_positions", "most open positions", "20"),
    Title("max_daily_buys", "buys a day", "set_max_daily", "most buys a day", "10"),
    Title("max_total_investment", "total investment", "set_max_invest", "most USD invested", "25000"),
    Title("max_per_ticker", "positions a ticker", "set_max_per_ticker", "most per ticker", "2"),
    Title("max_daily_loss", "daily loss", "set_max_loss", "USD of loss a day", "500"),
    Title("min_cash_reserve", "cash reserve", "set_reserve", "USD of cash never spent", "2000"),
)
BY_NAME = {title.name: title for title in TITLES}
_PROBLEMS = {
    Problem.OUT_OF_RANGE: "is out of range",
    Problem.NOT_WHOLE: "is not whole",
    Problem.FRACTION_OF_A_CENT: "has fractions of a cent",
}


class WrongValue(ValueError):
    """What was typed is no value for this limit; the message says what is, with an example."""


def value_text(name: str, value: Value) -> str:
    """`$500.00`, or `20` for a count."""
    return f"{int(value):,}" if is_count(name) else figures.usd(Decimal(value))


def range_text(name: str) -> str:
    low, high = limit_range(name)
    return f"{value_text(name, int(low))} to {value_text(name, int(high))}"


def parse(title: Title, text: str, example: str | None = None) -> Value:
    """The value typed: `750`, `$1,500.50`. `example`: what may be typed where this was. Raises WrongValue."""
    kind = "a whole number" if is_count(title.name) else "an amount in USD"
    allowed = f"Allowed is {kind} from {range_text(title.name)}. For example: {example or title.example}"
    plain = text.strip().removeprefix("$")
    if not re.fullmatch(r"-?([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,9})?", plain):
        raise WrongValue(f"“{text[:40]}” is no number. {allowed}")
    try:
        return check(title.name, Decimal(plain.replace(",", "")))
    except InvalidLimit as error:
        raise WrongValue(f"{text[:40]} {_PROBLEMS[error.problem]}. {allowed}") from error
