"""`[strategies.NAME]`: from file, variables and credentials to what the bot trades by, and one line a mistake."""

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.config.test_loading import OTHER_SECRET, SECRET, file_of, mistakes
from tradebot.config import keys, load
from tradebot.domain.limits import limit_names, limit_range
from tradebot.domain.strategies import (
    MAIN,
    ExitSize,
    ExitSource,
    OnNewSignal,
    OrderSource,
    Sizing,
    Strategies,
    Strategy,
)
from tradebot.domain.terms import Exits, Level, LevelKind, TimeInForce


def percent(value: str) -> Level:
    return Level(LevelKind.PERCENT, Decimal(value))


def amount(value: str) -> Level:
    return Level(LevelKind.AMOUNT, Decimal(value))


EVERYTHING = f"""
[strategies.ema]
sizing = "shares"
size = 10
exit_size = "alert"
orders = "alert"
tif = "gtc"
good_for_s = 3600
on_new_signal = "replace"
exits = "alert"
stop_loss = "5%"
take_profit = "$12.50"
break_even_after = "$4"
flat_by = "15:55"
max_holding = "36h"
max_risk_usd = 150
tickers = ["NASDAQ:AAPL", "brk.b", "MSFT"]
window = "20:00-03:30"
cooldown_s = 60
max_alerts_per_day = 12
enabled = false
secret = "{SECRET}"
max_daily_buys = 3
max_daily_loss = 99.5
min_cash_reserve = 0

[strategies.rsi]
size = 750

[strategies.breakout-2]
sizing = "alert"
buy_amount_usd = 900
trailing = "3.5%"
"""


def test_a_section_is_a_strategy(tmp_path: Path) -> None:
    """A strategy would trade by another size, at another time, or with a limit less than its section says."""
    settings = load(file_of(tmp_path, EVERYTHING), {})
    assert list(settings.strategies()) == [
        Strategy(
            name="ema",
            sizing=Sizing.SHARES,
            size=Decimal(10),
            exit_size=ExitSize.ALERT,
            tickers=frozenset({"AAPL", "BRK B", "MSFT"}),
            window=(time(20), time(3, 30)),
            cooldown_s=60,
            max_alerts_per_day=12,
            enabled=False,
            orders=OrderSource.ALERT,
            tif=TimeInForce.GTC,
            good_for=timedelta(hours=1),
            on_new_signal=OnNewSignal.REPLACE,
            exits=ExitSource.ALERT,
            own_exits=Exits(stop_loss=percent("5"), take_profit=amount("12.50")),
            break_even_after=amount("4"),
            flat_by=time(15, 55),
            max_holding=timedelta(hours=36),
            max_risk_usd=Decimal(150),
            limits={"max_daily_buys": 3, "max_daily_loss": Decimal("99.5"), "min_cash_reserve": Decimal(0)},
        ),
        Strategy(name="rsi", limits={"buy_amount_usd": Decimal(750)}),
        Strategy(
            name="breakout-2",
            sizing=Sizing.ALERT,
            exits=ExitSource.OWN,
            own_exits=Exits(trailing=percent("3.5")),
            limits={"buy_amount_usd": Decimal(900)},
        ),
    ]


@pytest.mark.parametrize("text", ["", "[strategies]\n"])
def test_without_a_section_there_is_main(tmp_path: Path, text: str) -> None:
    """Who has never heard of strategies would have none, and no alert of his would be traded."""
    assert load(file_of(tmp_path, text), {}).strategies() == Strategies()


def test_with_a_section_there_is_no_main(tmp_path: Path) -> None:
    """Alerts without a name would be traded under a strategy that the file does not have."""
    assert load(file_of(tmp_path, "[strategies.ema]\n"), {}).strategies().names == ("ema",)
    assert load(file_of(tmp_path, "[strategies.ema]\n[strategies.main]\n"), {}).strategies().names == ("ema", MAIN)


@pytest.mark.parametrize("name", limit_names())
def test_a_strategy_s_limit_has_the_range_of_the_account_s(tmp_path: Path, name: str) -> None:
    """File and chat would allow different values for the same limit."""
    low, high = limit_range(name)
    for value in (low, high):
        [strategy] = load(file_of(tmp_path, f"[strategies.ema]\n{name} = {value}"), {}).strategies()
        assert strategy.limits == {name: value}
    for value in (low - 1, high + 1):
        assert f"strategies.ema.{name} = {value}" in mistakes(tmp_path, f"[strategies.ema]\n{name} = {value}")[0]


def test_variables_say_all_of_a_strategy(tmp_path: Path) -> None:
    """A container that is configured by variables alone could have no strategy."""
    env = {
        "TRADEBOT_STRATEGIES__EMA__SIZING": "equity_pct",
        "TRADEBOT_STRATEGIES__EMA__SIZE": "2.5",
        "TRADEBOT_STRATEGIES__EMA__TICKERS": "AAPL, NYSE:KO",
        "TRADEBOT_STRATEGIES__EMA__WINDOW": "09:35-15:45",
        "TRADEBOT_STRATEGIES__EMA__ENABLED": "false",
        "TRADEBOT_STRATEGIES__EMA__MAX_DAILY_BUYS": "3",
    }
    assert list(load(file_of(tmp_path, ""), env).strategies()) == [
        Strategy(
            name="ema",
            sizing=Sizing.EQUITY_PCT,
            size=Decimal("2.5"),
            tickers=frozenset({"AAPL", "KO"}),
            window=(time(9, 35), time(15, 45)),
            enabled=False,
            limits={"max_daily_buys": 3},
        )
    ]


def test_a_variable_wins_over_the_file_by_any_name(tmp_path: Path) -> None:
    """A name that no shell can write as it is could not be reached by a variable."""
    text, env = "[strategies.my-ema]\nmax_daily_buys = 9", {"TRADEBOT_STRATEGIES__MY_EMA__MAX_DAILY_BUYS": "3"}
    [strategy] = load(file_of(tmp_path, text), env).strategies()
    assert (strategy.name, strategy.limits) == ("my-ema", {"max_daily_buys": 3})


def test_a_misspelt_variable_is_no_strategy_of_its_own(tmp_path: Path) -> None:
    """A slip of the hand would open a strategy that takes alerts, and the size meant for the real one would be lost."""
    told = mistakes(tmp_path, "[strategies.ema]\n", {"TRADEBOT_STRATEGIES__EMMA__SIZE": "300"})
    assert told == [
        "TRADEBOT_STRATEGIES__EMMA__SIZE (environment): unknown variable; did you mean TRADEBOT_STRATEGIES__EMA__SIZE?"
    ]
    told = mistakes(tmp_path, "", {"TRADEBOT_STRATEGIES__EMA__SISE": "300"})
    assert told == [
        "TRADEBOT_STRATEGIES__EMA__SISE (environment): unknown variable; did you mean TRADEBOT_STRATEGIES__EMA__SIZE?"
    ]


def in_directory(folder: Path, **secrets: str) -> dict[str, str]:
    """An environment with these credentials."""
    (folder / "credentials").mkdir()
    for name, text in secrets.items():
        (folder / "credentials" / name).write_text(text + "\n")
    return {"CREDENTIALS_DIRECTORY": str(folder / "credentials")}


def test_a_strategy_s_secret_is_a_credential(tmp_path: Path) -> None:
    """The secret would have to stand in the file, or one that lies in the directory would be ignored."""
    env = in_directory(tmp_path, strategies_ema_secret=SECRET)
    settings = load(file_of(tmp_path, "[strategies.ema]\n[strategies.rsi]\n"), env)
    assert settings.accepted_secrets("the webhook's") == {"ema": (SECRET,), "rsi": ("the webhook's",)}
    assert SECRET in settings.secrets()
    assert SECRET not in f"{settings!r}"


def test_a_credential_of_no_strategy_is_a_mistake(tmp_path: Path) -> None:
    """A strategy would take the webhook's secret, although its own lies there under a misspelt name."""
    env = in_directory(tmp_path, strategies_emma_secret=SECRET)
    assert mistakes(tmp_path, "[strategies.ema]\n", env) == [
        "strategies_emma_secret (credentials directory): unknown credential; did you mean strategies_ema_secret?"
    ]


def test_who_has_a_secret_of_its_own_takes_no_other(tmp_path: Path) -> None:
    """Whoever knows the webhook's secret could trade for a strategy that was closed to him; or a change of it lose alerts."""
    text = f"""
        [webhook]
        previous_secret = "{OTHER_SECRET}"
        [strategies.ema]
        secret = "{SECRET}"
        [strategies.rsi]
    """
    accepted = load(file_of(tmp_path, text), {}).accepted_secrets("the webhook's")
    assert accepted == {"ema": (SECRET,), "rsi": ("the webhook's", OTHER_SECRET)}
    assert load(file_of(tmp_path, ""), {}).accepted_secrets("the webhook's") == {MAIN: ("the webhook's",)}


NO_NAME = (
    "is no name of a strategy: it begins with a small letter, then come small letters, digits, _ and -, 32 at most"
)
MISTAKES = {
    "[strategies.Ema]": f"strategies.Ema (tradebot.toml): {NO_NAME}",
    "[strategies.2ema]\nsize = 5": NO_NAME,
    '[strategies."e.ma"]\nsize = 5': NO_NAME,
    f"[strategies.{'a' * 33}]\nsize = 5": NO_NAME,
    "[strategies.all]\nsize = 5": '"all" stands for all strategies together: choose another name',
    "[strategies.account]\nsize = 5": '"account" stands for all strategies together: choose another name',
    "[strategies.a-b]\n[strategies.a_b]": "strategies.a_b (tradebot.toml): has the same variables as strategies.a-b",
    "[strategies]\nsize = 5": "strategies.size (tradebot.toml): belongs to a strategy: write [strategies.NAME] on a line",
    "strategies = 5": "strategies (tradebot.toml): belongs to a strategy: write [strategies.NAME] on a line of its own",
    "[strategy.ema]\nsize = 5": "strategy (tradebot.toml): unknown section; did you mean strategies.NAME?",
    "[strategies.ema]\nsise = 5": "strategies.ema.sise (tradebot.toml): unknown key; did you mean strategies.ema.size?",
    "[strategies.ema]\nmax_order_value_usd = 5": "unknown key; did you mean trading.max_order_value_usd?",
    '[strategies.ema]\nsizing = "alert"\nsize = 5': 'is set, but sizing = "alert" takes every size from the alert',
    '[strategies.ema]\nsizing = "shares"': 'is missing while strategies.ema.sizing is "shares": set size = 10 for',
    '[strategies.ema]\nsizing = "equity_pct"': 'strategies.ema.sizing is "equity_pct": set size = 5 for instance',
    '[strategies.ema]\nsizing = "risk_usd"': 'is missing while strategies.ema.sizing is "risk_usd": set size = 100',
    '[strategies.ema]\nsizing = "risk_pct"': 'is missing while strategies.ema.sizing is "risk_pct": set size = 1',
    "[strategies.ema]\nsize = 5\nbuy_amount_usd = 5": "is the same as strategies.ema.buy_amount_usd under sizing",
    "[strategies.ema]\nsize = 0.5": 'strategies.ema.size = 0.5 (tradebot.toml): under sizing = "usd" allowed are numbers from',
    '[strategies.ema]\nsizing = "risk_pct"\nsize = 101': 'under sizing = "risk_pct" allowed are numbers from 0.01 to 100',
    "[strategies.ema]\nsize = -1": "strategies.ema.size = -1 (tradebot.toml): allowed are numbers from 0.01",
    '[strategies.ema]\nsize = "5"': 'strategies.ema.size = "5" (tradebot.toml): allowed are numbers',
    '[strategies.ema]\nsizing = "usdt"': 'allowed are "usd", "shares", "equity_pct", "risk_usd", "risk_pct", "alert"',
    '[strategies.ema]\nexit_size = "half"': 'strategies.ema.exit_size = "half" (tradebot.toml): allowed are "all", "alert"',
    '[strategies.ema]\norders = "stop"': 'orders = "stop" (tradebot.toml): allowed are "market", "limit", "alert"',
    '[strategies.ema]\norders = "limit"\ntif = "IOC"': 'tif = "IOC" (tradebot.toml): allowed are "DAY", "GTC"',
    '[strategies.ema]\norders = "alert"\ngood_for_s = 4': "allowed are whole numbers from 5 to 7,776,000",
    '[strategies.ema]\ntif = "GTC"': 'orders = "alert" or "limit", or take tif out',
    "[strategies.ema]\ngood_for_s = 60": "strategies.ema.good_for_s (tradebot.toml): is of orders that wait for a price",
    '[strategies.ema]\norders = "market"\non_new_signal = "replace"': "and strategies.ema places market orders",
    '[strategies.ema]\norders = "limit"\non_new_signal = "both"': 'allowed are "refuse", "replace"',
    '[strategies.ema]\nexits = "own"': 'strategies.ema.exits = "own" (tradebot.toml): allowed are "none", "alert"',
    '[strategies.ema]\nexits = "none"\nstop_loss = "5%"': 'stop_loss (tradebot.toml): is set, but exits = "none"',
    "[strategies.ema]\nstop_loss = 5": 'allowed are a percentage of the entry price below 100, such as "5%", and USD a share',
    '[strategies.ema]\nstop_loss = "5"': 'stop_loss = "5" (tradebot.toml): allowed are a percentage',
    '[strategies.ema]\nstop_loss = "$5%"': "allowed are a percentage",
    '[strategies.ema]\nstop_loss = "100%"': "allowed are a percentage",
    '[strategies.ema]\nstop_loss = "0%"': "allowed are a percentage",
    '[strategies.ema]\ntake_profit = "-5%"': "allowed are a percentage of the entry price below 10,000",
    '[strategies.ema]\nstop_loss = "5%"\ntrailing = "3%"': "strategies.ema.trailing (tradebot.toml): is set beside",
    '[strategies.ema]\ntrailing = "5%"\nbreak_even_after = "3%"': "moves a stop that stays",
    '[strategies.ema]\nbreak_even_after = "3%"': 'moves a stop, and there is none: set stop_loss = "5%" for instance',
    '[strategies.ema]\nflat_by = "3pm"': 'allowed is "HH:MM" in New York time, such as "15:55"',
    '[strategies.ema]\nmax_holding = "5"': 'allowed is a time from one minute to 365 days, such as "90m", "4h" or "5d"',
    '[strategies.ema]\nmax_holding = "366d"': "allowed is a time from one minute to 365 days",
    "[strategies.ema]\nmax_risk_usd = 0": "strategies.ema.max_risk_usd = 0 (tradebot.toml): allowed are numbers from 1",
    '[strategies.ema]\ntickers = ["AAPL", "LSE:VOD"]': "LSE:VOD is none",
    "[strategies.ema]\ntickers = []": "names none: take it out to trade all, or set enabled = false to buy nothing",
    '[strategies.ema]\nwindow = "9:35-15:45"': 'allowed is "HH:MM-HH:MM" in New York time, such as "09:35-15:45"',
    '[strategies.ema]\nwindow = "10:00-10:00"': "begins when it ends: take it out to trade all day",
    "[strategies.ema]\ncooldown_s = -1": "strategies.ema.cooldown_s = -1 (tradebot.toml): allowed are whole numbers from 0",
    "[strategies.ema]\nmax_alerts_per_day = 0": "allowed are whole numbers from 1 to 10,000",
    '[strategies.ema]\nenabled = "yes"': "allowed are true and false",
    '[strategies.ema]\nsecret = "hunter2"': "strategies.ema.secret (tradebot.toml): has 7 characters; allowed are at least",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_is_one_line(tmp_path: Path, text: str) -> None:
    """The owner would have to guess which key is meant, or would start with a strategy that is not what he wrote."""
    told = mistakes(tmp_path, text)
    assert len(told) == 1, told
    assert MISTAKES[text] in told[0]
    assert "hunter2" not in told[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """The owner would mend his strategies one start at a time."""
    told = mistakes(tmp_path, '[strategies.Ema]\nsizing = "shares"\n[strategies.rsi]\nwindow = "x"\ntickers = 1\n')
    assert [line.partition(" ")[0].rstrip(":") for line in told] == [
        "strategies.Ema",
        "strategies.Ema.size",
        "strategies.rsi.tickers",
        "strategies.rsi.window",
    ]


def test_every_key_of_a_strategy_has_its_variable() -> None:
    """Two keys would be reached by one variable, or a key by none."""
    names = [key.variable for key in keys(["ema", "rsi"])]
    assert len(names) == len(set(names))
    assert "TRADEBOT_STRATEGIES__RSI__MAX_ALERTS_PER_DAY" in names
