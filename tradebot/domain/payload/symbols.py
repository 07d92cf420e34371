"""Tickers and exchanges as TradingView writes them, in IB's form. Pure.

Rules: only US stocks and funds, and only what is certain: the same letters at another exchange are another company. What is
known not to be traded is refused by its name (over-the-counter, preferred), so that its owner need not look for a mistake.
"""

import re
from collections.abc import Mapping

from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError

# TradingView's names of US exchanges, and which of them say where a stock is listed. BATS is the Cboe data feed, which carries
# every US stock, and AMEX stands for both NYSE American and NYSE Arca: as a primary exchange either would often be wrong.
_LISTED_AT: Mapping[str, str | None] = {
    "NASDAQ": "NASDAQ",
    "NYSE": "NYSE",
    "NYSEARCA": "NYSEARCA",
    "CBOE": "CBOE",
    "AMEX": None,
    "BATS": None,
    "ARCA": "NYSEARCA",
    "NYSE ARCA": "NYSEARCA",
    "NYSE AMERICAN": None,
}
_NAMED = tuple(name for name in _LISTED_AT if name not in ("ARCA", "NYSE ARCA", "NYSE AMERICAN"))
_OVER_THE_COUNTER = frozenset({"OTC", "OTCM", "OTCBB", "OTCQB", "OTCQX", "PINK", "PINX", "GREY"})

_TICKER = re.compile(r"([A-Z][A-Z0-9]{0,5})(?:[. ]([A-Z]))?")
# TradingView's "BAC/PL", IB's "BAC PRL", and two other spellings in use.
_PREFERRED = re.compile(r"[A-Z][A-Z0-9]{0,5}(/P[A-Z]|[ ./]PR[ .]?[A-Z])")


def symbol(word: str, where: str = '"ticker"') -> tuple[str | None, str]:
    """(where it is listed, as far as the word says; the ticker in IB's form, "BRK B"). Raises PayloadError."""
    prefix, colon, rest = word.rpartition(":")
    listed_at = listing(prefix, where) if colon else None
    if rest.isascii() and _PREFERRED.fullmatch(rest.upper()):
        raise PayloadError(
            f"{where} is {shown(word)}: preferred shares are not traded, only common stocks and funds. Nothing was traded."
        )
    parts = _TICKER.fullmatch(rest.upper()) if rest.isascii() else None
    if parts is None:
        raise PayloadError(
            f"{where} is {shown(word)}, which is no US stock's ticker: one to six letters or digits, with a class after a"
            f' point where there is one. Write {where}: "{{{{ticker}}}}", or for instance "AAPL", "NASDAQ:AAPL" or "BRK.B".'
        )
    return listed_at, f"{parts[1]} {parts[2]}" if parts[2] else parts[1]


def listing(exchange: str, where: str) -> str | None:
    """IB's primary exchange for a name of TradingView's; None where it does not tell. Raises PayloadError."""
    name = re.sub("_DLY?$", "", exchange.upper())  # TradingView's mark for delayed data
    if name in _OVER_THE_COUNTER:
        raise PayloadError(
            f"{where} names {shown(exchange)}: over-the-counter stocks are not traded, only those listed at an exchange."
            " Nothing was traded."
        )
    if not exchange.isascii() or name not in _LISTED_AT:
        raise PayloadError(
            f"{where} names the exchange {shown(exchange)}, which is not one of {', '.join(_NAMED)}. Only US stocks are"
            " traded: the same ticker at another exchange is another company. Set the alert on the US listing."
        )
    return _LISTED_AT[name]
