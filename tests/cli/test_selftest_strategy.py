"""Whose alerts a selftest sends."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest

from tests.system.harness import SECRET
from tradebot.cli.selftest import _of_all, addresses
from tradebot.cli.selftest_steps import Trial
from tradebot.cli.selftest_strategy import Choice, choose
from tradebot.config import Settings
from tradebot.domain.strategies import Sizing, Strategies, Strategy

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # in New York
TICKERS = ("F", "KO")
WELL = Strategy(name="well")


def of(*strategies: Strategy) -> Strategies:
    return Strategies({one.name: one for one in strategies})


def chosen(*strategies: Strategy, paused: Sequence[str] = ()) -> Choice:
    return choose(of(*strategies), TICKERS, paused, NOON)


@pytest.mark.parametrize(
    ("other", "why_not"),
    [
        (Strategy(name="other", enabled=False), "other is disabled"),
        (Strategy(name="other", sizing=Sizing.ALERT), "other takes its sizes from the alert"),
        (Strategy(name="other", sizing=Sizing.RISK_USD, size=Decimal(5)), "other is sized by stops"),
        (Strategy(name="other", window=(time(9, 35), time(12))), "other is outside its window"),
        (Strategy(name="other", tickers=frozenset({"AAPL"})), "other may buy none of these tickers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_that_would_not_buy_is_passed_over(other: Strategy, why_not: str) -> None:
    """A trial would fail, or not be made at all, although another strategy is ready for it."""
    assert chosen(other, WELL) == Choice(WELL, TICKERS)
    alone = chosen(other)
    assert (alone.strategy, alone.tickers) == (other, TICKERS)
    assert alone.why_not is not None
    assert alone.why_not.startswith(f"no strategy would buy now: {why_not}")


def test_a_paused_one_is_passed_over() -> None:
    """A trial would be sent to a strategy that its owner has stopped."""
    assert chosen(WELL, Strategy(name="next"), paused=["well"]).strategy.name == "next"


def test_only_what_it_may_buy_is_bought() -> None:
    """The trial's BUY would be refused, and the bot called broken."""
    assert chosen(Strategy(name="ema", tickers=frozenset({"KO", "AAPL"}))).tickers == ("KO",)


def test_its_address_and_its_secret_are_used() -> None:
    """Every message would be answered 401, or belong to another strategy."""
    settings = Settings.model_validate(
        {"webhook": {"secret": SECRET}, "strategies": {"ema": {"secret": SECRET[::-1]}, "rsi": {}}}
    )
    near, _ = addresses(settings, None)
    for paused, strategy, secret in (([], "ema", SECRET[::-1]), (["ema"], "rsi", SECRET)):
        trial = Trial(settings, near, None, "?", parts={"trading": {"paused_strategies": paused}})
        trial.choose_strategy(NOON)
        assert (trial.address(near), trial.secret) == (f"http://127.0.0.1:8000/webhook/{strategy}", secret)


def test_a_strategy_s_address_stands_for_the_webhook() -> None:
    """Who gives the address that stands in his alerts would be told that `/health` is missing, or that the path is wrong."""
    assert _of_all("https://bot.example.com/webhook/ema") == "https://bot.example.com/webhook"
    assert _of_all("https://bot.example.com/webhook") == "https://bot.example.com/webhook"
    assert _of_all("https://bot.example.com/tv/webhook/a/b") == "https://bot.example.com/tv/webhook/a/b"


def test_without_strategies_nothing_changes() -> None:
    """The one strategy that there is would be sent to an address that proxies of older installations do not pass on."""
    settings = Settings()
    near, _ = addresses(settings, None)
    trial = Trial(settings, near, None, SECRET)
    trial.choose_strategy(NOON)
    assert (trial.address(near), trial.secret) == ("http://127.0.0.1:8000/webhook", SECRET)
