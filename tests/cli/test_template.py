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
