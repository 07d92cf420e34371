"""What stands behind a command: a strategy's name, a ticker, an amount. Pure.

Rules: a word is a strategy where it is the name of one, in any letter case, and a ticker where the bot holds it; what is both is
asked back, what is neither is told. Where there is one strategy, words that name nothing change nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.payload.symbols import symbol
from tradebot.domain.strategies import Strategies
from tradebot.errors import PayloadError, TradebotError
from tradebot.words.limits import BY_NAME, WrongValue, parse
from tradebot.words.standing import no_such


class Unclear(TradebotError):
    """What was asked for is not there, or could be two things; the message says what there is."""


def split(words: str | None, strategies: Strategies) -> tuple[str | None, str]:
    """The strategy that the first word names, and what stands behind it; without one, all words."""
    first, _, rest = (words or "").strip().partition(" ")
    name = first.lower()
    return (name, rest.strip()) if name in strategies.names else (None, (words or "").strip())


def strategy_of(words: str | None, strategies: Strategies) -> str | None:
    """For a command that takes a strategy and nothing else; None: for all of them, or for the only one. Raises Unclear."""
    return None if strategies.only is not None else _named(words, strategies)


def strategy_to_switch(words: str | None, strategies: Strategies) -> str | None:
    """The same, but the only one counts by its name too: it may be paused by it. Raises Unclear."""
    return split(words, strategies)[0] if strategies.only is not None else _named(words, strategies)


def _named(words: str | None, strategies: Strategies) -> str | None:
    name, rest = split(words, strategies)
    if name is None and rest:
        raise Unclear(no_such(rest, strategies))
    if rest:
        raise Unclear(f"One strategy at a time: what is “{rest[:40]}” behind {name}?")
    return name


@dataclass(frozen=True, slots=True)
class ToSell:
    """What is to be sold: of one strategy or of all, one ticker or everything."""

    strategy: str | None = None
    ticker: str | None = None

    def admits(self, strategy: str, ticker: str) -> bool:
        return self.strategy in (None, strategy) and self.ticker in (None, ticker)


def to_sell(words: str | None, held: Collection[tuple[str, str]], strategies: Strategies) -> Sequence[ToSell]:
    """`held`: (strategy, ticker) of all open lots. Several: the word is a strategy and a ticker, and it is to be asked which.

    Raises Unclear for a ticker that is not held.
    """
    name, rest = split(words, strategies)
    if name is not None and not rest:
        ticker = name.upper()
        both = ticker in {ticker for _, ticker in held}
        return [ToSell(strategy=name), ToSell(ticker=ticker)] if both else [ToSell(strategy=name)]
    if not rest:
        return [ToSell()]
    readings = [(name, rest)]
    before, _, last = (words or "").strip().rpartition(" ")
    behind, _ = split(last, strategies)
    if before and behind is not None:
        readings = [(behind, before), *(readings if name else [])]
    found = [(owner, _held(word, held, owner)) for owner, word in readings]
    known = [ToSell(owner, ticker) for owner, ticker in found if ticker is not None]
    if not known:
        raise Unclear(_not_held(*readings[0], held, strategies))
    return known


def _held(word: str, held: Collection[tuple[str, str]], strategy: str | None) -> str | None:
    """The ticker in IB's form; None where it is not held."""
    try:
        ticker = symbol(word)[1]
    except PayloadError:
        ticker = word.upper()
    return ticker if any(ToSell(strategy, ticker).admits(*one) for one in held) else None


def _not_held(strategy: str | None, word: str, held: Collection[tuple[str, str]], strategies: Strategies) -> str:
    tickers = sorted({ticker for owner, ticker in held if strategy in (None, owner)})
    who = f"Strategy {strategy}" if strategy else "The bot"
    holds = f"It holds {', '.join(tickers[:20])}." if tickers else "It holds nothing."
    known = "" if strategies.only else f" Strategies: {', '.join(strategies.names)}."
    return f"{who} holds no “{word[:40]}”. {holds}{known}"


def ticker_of(words: str | None, command: str) -> str:
    """The ticker that is typed, in IB's form. Raises Unclear."""
    typed = (words or "").strip()
    if not typed:
        raise Unclear(f"Which ticker? For example: /{command} AAPL")
    try:
        return symbol(typed)[1]
    except PayloadError:
        raise Unclear(f"“{typed[:40]}” is no US stock's ticker. For example: /{command} AAPL") from None


@dataclass(frozen=True, slots=True)
class ToBuy:
    """What is to be bought, and for whom. `usd` None: as the strategy sizes its BUYs."""

    strategy: str
    ticker: str
    usd: Decimal | None


def to_buy(words: str | None, strategies: Strategies) -> ToBuy:
    """`AAPL`, `AAPL 500`, `ema AAPL 500`, `AAPL ema $500`: one strategy, where there are several. Raises Unclear."""
    typed = (words or "").split()
    usd = None
    if typed and typed[-1][-1:].isdecimal() and typed[-1].lstrip("-$")[:1].isdecimal():
        usd = _usd(typed.pop(), typed)
    whole = " ".join(typed)
    name, rest = split(whole, strategies)
    if not rest:  # a strategy's name that is a ticker too
        name, rest = None, whole
    if name is None and len(typed) > 1 and (behind := split(typed[-1], strategies)[0]) is not None:
        name, rest = behind, " ".join(typed[:-1])
    ticker = ticker_of(rest, "buy")
    default = strategies.default()
    if name is None and default is None:
        raise Unclear(f"Which strategy buys it? For example: /buy {strategies.names[0]} {ticker} 500")
    return ToBuy(name or (default.name if default else ""), ticker, usd)


def _usd(word: str, ticker: Sequence[str]) -> Decimal:
    try:
        return Decimal(parse(BY_NAME["buy_amount_usd"], word, " ".join(["/buy", *ticker, "500"])))
    except WrongValue as error:
        raise Unclear(str(error)) from None


def count_of(words: str | None, command: str, default: int, most: int) -> int:
    """How many are asked for. Raises Unclear."""
    typed = (words or "").strip()
    if not typed:
        return default
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 5 and 0 < int(typed) <= most):
        raise Unclear(f"“{typed[:40]}” is no number from 1 to {most}. For example: /{command} {default}")
    return int(typed)
