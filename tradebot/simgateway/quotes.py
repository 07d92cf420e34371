"""Prices that move: one seeded random walk over every stock, each of which can be set or frozen.

A step moves the mid by up to about 0.1 %, rounded to cents, never below one dollar's worth of spread. A quote that was set
or frozen stands still until it is released.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from tradebot.simgateway.model import CENT, Listing, Quote, scaled

_STEP_SHARE = 0.0004


class Quotes:
    """Current quotes by symbol. ``rng`` decides every movement, so a seed repeats a day."""

    def __init__(self, listings: Iterable[Listing], rng: random.Random) -> None:
        self._rng = rng
        self._quotes = {listing.symbol: _start(listing.price) for listing in listings}
        self._still: set[str] = set()
        self.frozen = False

    def __getitem__(self, symbol: str) -> Quote:
        return self._quotes[symbol]

    def step(self, spread_pct: float = 0.01) -> list[str]:
        """Move every free quote once, to that spread; the symbols whose quote changed."""
        if self.frozen:
            return []
        return [symbol for symbol in self._quotes if symbol not in self._still and self._move(symbol, spread_pct)]

    def set(self, symbol: str, bid: Decimal, ask: Decimal, last: Decimal | None = None) -> None:
        """Put a quote where a test wants it; it stands still from then on."""
        if symbol not in self._quotes:
            raise ValueError(f"no such ticker: {symbol}")
        if not 0 < bid <= ask:
            raise ValueError(f"a quote needs 0 < bid <= ask, not {bid} and {ask}")
        self._still.add(symbol)
        self._put(symbol, bid, ask, last or ((bid + ask) / 2).quantize(CENT, ROUND_HALF_UP))

    def release(self, symbol: str) -> None:
        """Let a set quote move again."""
        self._still.discard(symbol)

    def split(self, symbol: str, ratio: Decimal) -> None:
        """Every price of a stock times a ratio."""
        old = self._quotes[symbol]
        bid, ask, last, close, opened, high, low = (
            scaled(each, ratio) for each in (old.bid, old.ask, old.last, old.close, old.open, old.high, old.low)
        )
        self._quotes[symbol] = replace(
            old, bid=bid, ask=max(bid + CENT, ask), last=last, close=close, open=opened, high=high, low=low
        )

    def close(self) -> None:
        """A day is over: what was last paid is its close, and where the next one begins."""
        for symbol, old in self._quotes.items():
            last = old.last
            self._quotes[symbol] = replace(old, close=last, open=last, high=last, low=last)

    def rename(self, old: str, new: str) -> None:
        """A stock's quote goes on under another symbol."""
        self._quotes[new] = self._quotes.pop(old)
        if old in self._still:
            self._still.add(new)
            self._still.discard(old)

    def add(self, listing: Listing) -> None:
        """A new stock's quote, instead of an older one's of its symbol."""
        self._quotes[listing.symbol] = _start(listing.price)

    def _move(self, symbol: str, spread_pct: float) -> bool:
        old = self._quotes[symbol]
        mid = (old.bid + old.ask) / 2 * Decimal(repr(1 + self._rng.gauss(0, _STEP_SHARE)))
        spread = _spread(mid, spread_pct)
        bid = max(CENT, (mid - spread / 2).quantize(CENT, ROUND_HALF_UP))
        if bid == old.bid:
            return False
        self._put(symbol, bid, bid + spread, self._rng.choice((bid, bid + spread)))
        return True

    def _put(self, symbol: str, bid: Decimal, ask: Decimal, last: Decimal) -> None:
        old = self._quotes[symbol]
        high, low = max(old.high, last), min(old.low, last)
        volume = old.volume + old.last_size
        self._quotes[symbol] = replace(old, bid=bid, ask=ask, last=last, high=high, low=low, volume=volume)


def _start(price: Decimal) -> Quote:
    spread = _spread(price)
    bid = (price - spread / 2).quantize(CENT, ROUND_HALF_UP)
    return Quote(bid=bid, ask=bid + spread, last=price, close=price, open=price, high=price, low=price)


def _spread(price: Decimal, pct: float = 0.01) -> Decimal:
    return max(CENT, (price * Decimal(str(pct)) / 100).quantize(CENT, ROUND_HALF_UP))
