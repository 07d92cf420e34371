"""Words behind a command: which are strategies, which tickers, and which must be asked back."""

import pytest

from tradebot.domain.strategies import Strategies, Strategy
from tradebot.telegram.asked import ToSell, Unclear, split, strategy_of, to_sell

TWO = Strategies({name: Strategy(name=name) for name in ("ema", "spy")})
HELD = [("ema", "AAPL"), ("ema", "SPY"), ("spy", "AAPL"), ("ema", "BRK B")]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (None, [ToSell()]),
        ("ema", [ToSell("ema")]),
        ("EMA", [ToSell("ema")]),
        ("aapl", [ToSell(None, "AAPL")]),
        ("NASDAQ:AAPL", [ToSell(None, "AAPL")]),
        ("brk.b", [ToSell(None, "BRK B")]),
        ("brk b", [ToSell(None, "BRK B")]),
        ("ema brk b", [ToSell("ema", "BRK B")]),
        ("brk b ema", [ToSell("ema", "BRK B")]),
        ("AAPL spy", [ToSell("spy", "AAPL")]),
        ("spy", [ToSell("spy"), ToSell(None, "SPY")]),
        ("spy ema", [ToSell("ema", "SPY")]),
        ("ema spy", [ToSell("ema", "SPY")]),
    ],
)
def test_strategies_and_tickers_are_told_apart(words: str | None, meant: list[ToSell]) -> None:
    """A ticker would be sold for a strategy, or all that a strategy holds for one ticker."""
    assert to_sell(words, HELD, TWO) == meant


@pytest.mark.parametrize("words", ["msft", "ema msft", "spy spy", "emma", "; DROP", "aapl msft"])
def test_what_is_not_held_is_no_word_for_everything(words: str) -> None:
    """A typo would sell all there is."""
    with pytest.raises(Unclear, match="holds no"):
        to_sell(words, HELD, TWO)


def test_a_name_stands_for_itself_alone() -> None:
    """More words than a name would be dropped unseen, or a misspelt name would mean all strategies."""
    assert strategy_of(" Ema ", TWO) == "ema"
    assert strategy_of(None, TWO) is None
    for words in ("ema spy", "emma", "750"):
        with pytest.raises(Unclear):
            strategy_of(words, TWO)
    assert strategy_of("anything", Strategies()) is None
    assert split("ema  750", TWO) == ("ema", "750")
    assert split("750", TWO) == (None, "750")
