"""The messages to paste, and the Pine lines that send the same."""

import json
import re

import pytest

from tradebot.domain.alerts import Side
from tradebot.domain.payload.samples import fill
from tradebot.domain.payload.templates import TEMPLATED, Kind, in_pine, template
from tradebot.domain.strategies import ExitSize, Sizing, Strategy

DEFAULT = Strategy(name="main")
BY_ALERT = Strategy(name="ema", sizing=Sizing.ALERT)
BY_ALERT_EXITS_TOO = Strategy(name="ema", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT)
ON_A_CHART = {
    "syminfo.ticker": "AAPL",
    "syminfo.prefix": "NASDAQ",
    "str.tostring(close)": "187.32",
    "str.tostring(timenow)": "1795705445000",
    "timeframe.period": "5",
    "str.tostring(qty)": "10",
}
_TERM = re.compile(r"'((?:\\.|[^'\\\n])*)'|([a-z_.]+(?:\([a-z]+\))?)")


def run_pine(expression: str) -> str:
    """What Pine makes of literals and variables that are joined by `+`."""
    said = ""
    while expression:
        term = _TERM.match(expression)
        assert term, expression
        literal, name = term.groups()
        said += ON_A_CHART[name] if name else re.sub(r"\\(.)", lambda e: {"n": "\n"}.get(e[1], e[1]), literal)
        expression = expression[term.end() :].removeprefix(" + ")
    return said


@pytest.mark.parametrize("text", ['{"a": "it\'s"}', "back\\slash", "two\nlines", "{{ticker}}'{{close}}", "{{ticker}}"])
def test_pine_says_what_the_message_says(text: str) -> None:
    """A quote or a backslash in the secret would end the literal: the script does not compile, or sends another secret."""
    [filled] = fill(text)
    assert run_pine(in_pine(text)) == filled.text


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("dialect", TEMPLATED)
def test_the_lines_of_pine_send_the_messages_of_a_condition(dialect: str, kind: Kind) -> None:
    """The script would send something else than the box, or a placeholder that nobody fills in."""
    one = template(dialect, kind, BY_ALERT_EXITS_TOO)
    lines = dict(re.findall(r"^(buyMessage|sellMessage) = (.+)$", one.pine, re.MULTILINE))
    by_hand = template(dialect, Kind.INDICATOR, BY_ALERT_EXITS_TOO).messages
    for name, side in (("buyMessage", Side.BUY), ("sellMessage", Side.SELL)):
        said = run_pine(lines[name])
        assert "{{" not in said
        [pasted] = fill(by_hand[side])
        assert said == pasted.text.replace("2026-11-20T15:04:05Z", "1795705445000")


@pytest.mark.parametrize("strategy", [DEFAULT, BY_ALERT, BY_ALERT_EXITS_TOO], ids=["usd", "alert", "alert, exits too"])
@pytest.mark.parametrize("dialect", TEMPLATED)
def test_a_size_is_written_only_where_it_is_honoured(dialect: str, strategy: Strategy) -> None:
    """The message would be refused for its size, or for having none."""
    message = template(dialect, Kind.STRATEGY, strategy).messages[None]
    if "alert_message" not in message:
        assert ("contracts" in message) == (strategy.sizing is Sizing.ALERT)


def test_a_secret_with_signs_stands_in_json() -> None:
    """The message would be no JSON, or carry another secret."""
    odd = "a\"b\\c'd€"
    assert json.loads(template("own", Kind.INDICATOR, DEFAULT, odd).messages[Side.BUY])["secret"] == odd
