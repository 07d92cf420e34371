"""What is on or off, or how much, at this gateway and its account: set at the start, and changed while it runs.

A fault meets one request; a switch holds until it is changed. ``docs/simgateway.md`` describes each.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Switches:
    """The positions of all switches. Times in seconds."""

    # The API setting "Read-Only API": orders, cancels and lists of orders are refused (321).
    read_only: bool = False
    # How far the gateway's own clock is ahead, as its greeting and reqCurrentTime tell it.
    clock_ahead_s: float = 0.0
    # How executions' times are written: see CHOICES.
    execution_times: str = "local"
    # How long news of positions, and of account values and portfolio, trail what happens.
    positions_lag_s: float = 0.0
    values_lag_s: float = 0.0
    # Whether reqPositions is answered with the lagging state too.
    lagging_answers: bool = False
    # Whether news of account values and portfolio hold only what has changed.
    changed_values_only: bool = False
    # The values of AccountType and of TradingType-S (empty: not sent), and whether sales settle the next day.
    account_type: str = "INDIVIDUAL"
    trading_type: str = ""
    cash_account: bool = False
    # The base currency; if it is not USD, how much of it there is, and what a dollar is worth in it.
    base_currency: str = "USD"
    base_cash: float = 0.0
    usd_rate: float = 0.9
    # Further accounts of the same login, with commas between them.
    other_accounts: str = ""
    # Market orders fill in up to so many executions, the last of them between fill_min_s and fill_max_s after the order reached
    # the market, at prices up to slippage_pct % worse than the quote, or half of that better.
    fill_pieces_max: int = 1
    fill_min_s: float = 0.0
    fill_max_s: float = 0.0
    slippage_pct: float = 0.0
    # The spread of quotes that move, in % of the price; at least a cent.
    spread_pct: float = 0.01
    # How long after a request for market data the first price comes, and each further one after that.
    ticks_delay_s: float = 0.0
    # Prices that are not to be had, and what comes instead of them: see CHOICES.
    no_price_of: str = "none"
    no_price_as: str = "unsent"
    # How many messages a client may send in a second; 0: any number.
    messages_per_second_max: int = 0
    # What triggers a stop, and what a trailing one follows: see CHOICES.
    stops_by: str = "last"
    trails_by: str = "last"
    # From when on the children of a parent work: as it fills, or when it is over; and what becomes of the children of one that
    # ended partly filled.
    children_work: str = "part"
    cut_parent: str = "keeps"
    # Whether a part of an order ends its group of type 1, or only the whole.
    oca_1_acts: str = "part"
    # Whether orders that are not transmitted are in the open orders, and whether they outlive their client's connection.
    untransmitted_listed: bool = False
    untransmitted_stay: bool = False

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.other_accounts.split(",") if name.strip())

    @property
    def no_prices(self) -> frozenset[str]:
        return frozenset(("bid", "ask", "last") if self.no_price_of == "all" else self.no_price_of.split("_"))


# What is usual at a real gateway and account, together: `tradebot simgateway --realistic`.
REALISTIC = Switches(
    positions_lag_s=2.0,
    values_lag_s=3.0,
    changed_values_only=True,
    fill_pieces_max=4,
    fill_min_s=0.2,
    fill_max_s=3.0,
    slippage_pct=0.05,
    spread_pct=0.05,
    messages_per_second_max=50,
)

# The values of a text switch, where only some are allowed.
CHOICES = {
    "execution_times": ("local", "named", "utc"),
    "no_price_of": ("none", "bid", "ask", "last", "bid_ask", "all"),
    "no_price_as": ("unsent", "minus_one", "zero"),
    "stops_by": ("last", "bid_ask"),
    "trails_by": ("last", "bid_ask"),
    "children_work": ("part", "whole"),
    "cut_parent": ("keeps", "cancels"),
    "oca_1_acts": ("part", "whole"),
}
MAY_BE_NEGATIVE = ("clock_ahead_s",)


def switched(now: Switches, given: dict[str, Any]) -> Switches:
    """The switches after a change. Raises ValueError for an unknown one, or a value that it cannot have."""
    known = {each.name: getattr(now, each.name) for each in fields(now)}
    if unknown := sorted(given.keys() - known.keys()):
        raise ValueError(f"there is no switch {unknown[0]}; there is {', '.join(known)}")
    return replace(now, **{name: _value(name, known[name], value) for name, value in given.items()})


def _value(name: str, before: object, value: Any) -> Any:
    allowed = CHOICES.get(name)
    if isinstance(before, bool):
        fits, meant = isinstance(value, bool), "true or false"
    elif isinstance(before, str):
        fits = isinstance(value, str) and (allowed is None or value in allowed)
        meant = " or ".join(allowed or ("a text",))
    else:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        fits = fits and (value >= 0 or name in MAY_BE_NEGATIVE)
        meant = "a number" + ("" if name in MAY_BE_NEGATIVE else ", 0 or more")
    if not fits:
        raise ValueError(f"{name} is {meant}, not {value!r}")
    return value


def from_text(settings: list[str], *, realistic: bool = False) -> Switches:
    """Switches from ``name=value``, values as in JSON or plain text. Raises ValueError."""
    given = {}
    for setting in settings:
        name, found, text = setting.partition("=")
        if not found:
            raise ValueError(f"a switch is set as name=value, not {setting!r}")
        try:
            given[name] = json.loads(text)
        except ValueError:
            given[name] = text
    return switched(REALISTIC if realistic else Switches(), given)
