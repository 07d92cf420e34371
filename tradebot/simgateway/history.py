"""Prices of past days, invented like all others: the same day has the same prices whoever asks, whenever.

Each stock goes its own way and takes a part in the market's; both come back to where they began, so that no stock is
worthless after years. Only the day that trades now is made of what was really quoted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import exp

from tradebot.simgateway.details import closed_all_day
from tradebot.simgateway.model import CENT, Bar, Listing, Quote

BEGIN = date(2015, 1, 2)
_BACK, _SCATTER = 0.985, 0.009  # of a day
_MARKET = "the market"


def bars(listing: Listing, quote: Quote, days: Sequence[date], today: date) -> Iterator[Bar]:
    """The prices of these days, which are in order; of `today` by its quote so far."""
    for day in days:
        if day == today:
            yield Bar(day, quote.open, quote.high, quote.low, quote.last, quote.volume)
            continue
        dice = random.Random(f"{listing.symbol} {day}")  # noqa: S311 - prices, not secrets
        close = _price(listing, day)
        opened = _cents(close * Decimal(repr(1 + dice.gauss(0, 0.004))))
        high = _cents(max(opened, close) * Decimal(repr(1 + abs(dice.gauss(0, 0.003)))))
        low = max(CENT, _cents(min(opened, close) * Decimal(repr(1 - abs(dice.gauss(0, 0.003))))))
        yield Bar(day, opened, high, low, close, Decimal(dice.randrange(1_000_000, 60_000_000)))


def sessions_before(last: date, count: int) -> Sequence[date]:
    """So many days of the exchange, the last of them on `last` or before it, in order; none from before `BEGIN`."""
    found: list[date] = []
    day = last
    while len(found) < count and day >= BEGIN:
        if not closed_all_day(day):
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def _price(listing: Listing, day: date) -> Decimal:
    away = _walk(listing.symbol)[day] + _walk(_MARKET)[day]
    return max(CENT, _cents(listing.price * Decimal(repr(exp(away)))))


class _Walk(dict[date, float]):
    """How far something is from where it began, day by day, as far as it was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._dice = random.Random(name)  # noqa: S311 - prices, not secrets
        self._next, self._at = BEGIN, 0.0

    def __missing__(self, day: date) -> float:
        while self._next <= day:
            self._at = self._at * _BACK + self._dice.gauss(0, _SCATTER)
            self[self._next] = self._at
            self._next += timedelta(days=1)
        return self[day]


@lru_cache(maxsize=64)
def _walk(name: str) -> _Walk:
    return _Walk(name)


def _cents(price: Decimal) -> Decimal:
    return price.quantize(CENT, ROUND_HALF_UP)
