"""`tradebot template`: what to paste, where the secret goes, and that it is shown on request only."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Type

SECRET = "0123456789abcdefghij"
OF_EMA = "zyxwvutsrqponmlkjihg"
TWO = f"""
[webhook]
secret = "{SECRET}"
[strategies.ema]
sizing = "alert"
secret = "{OF_EMA}"
[strategies.grid]
"""


@pytest.fixture
def two(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(TWO)


def test_the_secret_is_shown_on_request_only(typed: Type) -> None:
    """It would stand in a terminal's history, or in a screenshot that asks for help."""
    shown = typed("template", webhook__secret=SECRET)
    assert (shown.code, SECRET in shown.all, shown.out.count("THE_SECRET")) == (0, False, 8)
    asked = typed("template", "--with-secret", webhook__secret=SECRET)
    assert (asked.out.count(f'"secret": "{SECRET}"'), "THE_SECRET" in asked.out) == (7, False)


def test_the_url_is_the_strategy_s_and_so_is_the_secret(typed: Type, two: None) -> None:
    """The alert would go to another strategy, or be refused."""
    shown = typed("template", "--strategy", "ema", "--url", "https://t.example.com/webhook", "--with-secret").out
    assert "\nhttps://t.example.com/webhook/ema\n" in shown
    assert OF_EMA in shown
    assert SECRET not in shown
    assert SECRET in typed("template", "--strategy", "grid", "--with-secret").out
    assert "what [strategies.ema] secret says" in typed("template", "--strategy", "ema").out


def test_a_dialect_without_fields_has_its_secret_in_the_url(typed: Type) -> None:
    """A text has no place for it: every alert would be refused."""
    shown = typed("template", "--dialect", "text", "--with-secret", webhook__secret="a b&c/0123456789abcdef")
    assert "https://bot.example.com/webhook?secret=a%20b%26c%2F0123456789abcdef\n" in shown.out


def test_a_kind_alone(typed: Type) -> None:
    """The owner of an indicator would paste a message whose placeholders only a strategy fills in."""
    shown = typed("template", "--indicator").out
    assert "{{strategy." not in shown
    assert "to buy:" not in typed("template", "--strategy-alert").out


def test_lines_of_pine_begin_at_the_margin(typed: Type) -> None:
    """Pine minds indentation: the script would not compile."""
    assert len(re.findall(r"^(buyMessage|sellMessage) = ", typed("template").out, re.MULTILINE)) == 4


def test_what_cannot_be_chosen(typed: Type, two: None) -> None:
    """A template of another strategy, or of another dialect, would be pasted."""
    for line, said in {
        "": "there are several strategies, and none is called main: say which one, --strategy NAME: ema, grid",
        "--strategy emma": "there is no strategy emma among those that there are: ema, grid",
        "--strategy ema --dialect octobot": "octobot is no dialect: write one of own, traderspost",
        "--strategy ema --indicator --strategy-alert": "exclude each other",
    }.items():
        ran = typed("template", *line.split())
        assert (ran.code, said in " ".join(ran.err.replace("│", "").split())) == (2, True), ran.all


def test_a_stop_and_a_target_stand_in_it_where_the_strategy_takes_them(typed: Type, tmp_path: Path) -> None:
    """The owner has set exits = "alert", pastes the template, and nothing that he buys is protected."""
    section = f'[webhook]\nsecret = "{SECRET}"\n[strategies.ema]\nexits = "alert"\nstop_loss = "5%"\n'
    (tmp_path / "config.toml").write_text(section)
    for dialect, said in {
        "own": '"stop_loss": "{{plot_0}}", "take_profit": "{{plot_1}}"',
        "traderspost": '"stopLoss": {"type": "stop", "stopPrice": "{{plot_0}}"}, "takeProfit": {"limitPrice": "{{plot_1}}"}',
        "keyvalue": "stop_loss={{plot_0}};take_profit={{plot_1}}",
        "tbot": """{"name": "exit.stop", "value": "' + str.tostring(stopPrice) + '"}""",
    }.items():
        shown = typed("template", "--dialect", dialect).out
        assert said in shown, dialect
        assert "They leave with the entry and work at IB" in shown
    assert "This dialect cannot say a stop or a target" in typed("template", "--dialect", "text").out
    (tmp_path / "config.toml").write_text(section.replace('exits = "alert"', ""))
    assert "stop_loss" not in typed("template").out


def test_what_the_template_says_is_a_bracket(typed: Type, tmp_path: Path) -> None:
    """A template would be pasted that the bot itself refuses, or that buys without its stop."""
    section = f'[webhook]\nsecret = "{SECRET}"\n[strategies.ema]\nsizing = "alert"\nexits = "alert"\n'
    (tmp_path / "config.toml").write_text(section)
    lines = typed("template", "--indicator", "--with-secret").out.splitlines()
    (tmp_path / "buy.json").write_text(lines[lines.index("to buy:") + 1])
    shown = typed("lint-alert", "buy.json")
    assert (shown.code, "It would BUY 10 AAPL, stop $178.00, target $206.00." in shown.out) == (0, True), shown.all
    assert "stop loss at $178.00, take profit at $206.00" in shown.out
    assert "Level(" not in shown.out, "what is read is said in words"
