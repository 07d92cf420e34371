"""What lint finds in a message, whatever is wrong with it, and that it shows no more and no less than what is read."""

import json
from collections.abc import Mapping

import pytest

from tests.docs.alerts_page import PAGE, examples
from tradebot.domain.honoured import not_honoured
from tradebot.domain.payload.dialects import DIALECTS, dialect_of, read_message, understand
from tradebot.domain.payload.lint import Linted, lint
from tradebot.domain.payload.message import SECRET_NAMES, Message
from tradebot.domain.payload.notes import NoteCode
from tradebot.domain.payload.readings import Use, readings
from tradebot.domain.payload.samples import fill
from tradebot.domain.payload.templates import TEMPLATED, Kind, template
from tradebot.domain.strategies import MAIN, ExitSize, Sizing, Strategies, Strategy
from tradebot.errors import PayloadError

SECRET = "0123456789abcdefghij"
TWO = Strategies({"ema": Strategy(name="ema"), "grid": Strategy(name="grid")})
N = NoteCode


def linted(text: str, strategies: Strategies | None = None, path: str | None = None) -> Linted:
    """As TradingView would send it, the first of its occasions."""
    return lint(fill(text)[0], strategies or Strategies(), path, lambda _: [SECRET])


def alert(**fields: object) -> str:
    return json.dumps({"secret": SECRET, "action": "buy", "ticker": "AAPL", **fields})


def noted(one: Linted) -> dict[NoteCode, Mapping[str, str]]:
    return {note.code: note.facts for note in one.notes}


def test_a_right_message_has_nothing_but_its_secret_noted() -> None:
    """Every message would be called wrong, and nobody would read the notes."""
    one = linted(alert())
    assert (one.refused, noted(one)) == ((), {N.AUTHENTIC: {"field": "secret"}})
    assert one.dialect is not None
    assert (one.dialect.name, one.decided_by) == ("own", ("action", "ticker"))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "The message is empty"),
        ("{“action”: “buy”}", "curly quotes"),
        ("{'action': 'buy'}", "single quotes"),
        (alert(ticker="{{SYMBOL}}"), "still has the placeholder {{SYMBOL}}, which TradingView does not know"),
        (json.dumps({"secret": SECRET, "action": "buy", "tikcer": "AAPL"}), '"ticker" is missing'),
        (alert(symbol="AAPL"), "at once: which fields count cannot be told"),
        (alert(strategy="emma"), 'There is no strategy "emma"'),
        (alert(price="NaN"), '"price" must be a positive number'),
    ],
)
def test_what_would_not_be_taken_is_said(message: str, said: str) -> None:
    """The owner would learn of it from TradingView's log of an alert that never traded."""
    assert said in " ".join(linted(message).refused)


@pytest.mark.parametrize(
    ("fields", "code", "facts"),
    [
        ({"secret": "wrong"}, N.NOT_AUTHENTIC, {"field": "secret"}),
        ({"secret": f"{SECRET[:9]}\n{SECRET[9:]}"}, N.BROKEN_LINE, {"field": "secret"}),
        ({"secret": "…"}, N.STAND_IN, {"field": "secret"}),
        ({"secret": "YOUR_SECRET"}, N.STAND_IN, {"field": "secret"}),
        ({"secret": None}, N.NOT_AUTHENTIC, {"field": "secret"}),
        ({"stratgy": "ema"}, N.MISSPELT, {"field": "stratgy", "meant": "strategy"}),
        ({"market_positon": "flat"}, N.MISSPELT, {"field": "market_positon", "meant": "market_position"}),
        ({"mood": "good"}, N.PASSED_OVER, {"fields": "mood"}),
        ({"note": "{{CLOSE}}"}, N.UNKNOWN_PLACEHOLDER, {"written": "{{CLOSE}}", "meant": "{{close}}"}),
        ({"test": True}, N.TEST, {}),
        ({"prev_market_position": "flat"}, N.NOT_USED, {"fields": "prev_market_position"}),
    ],
)
def test_what_would_be_taken_otherwise_than_meant_is_noted(
    fields: Mapping[str, object], code: NoteCode, facts: Mapping[str, str]
) -> None:
    """A slip of the pen would be found by the trade that it causes, or prevents."""
    assert noted(linted(alert(**fields)))[code] == facts


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_the_secret_may_stand_under_any_of_its_names(name: str) -> None:
    """Who brings a message along would be told to rename what is understood."""
    one = linted(json.dumps({name: SECRET, "action": "buy", "ticker": "AAPL"}))
    assert noted(one) == {N.AUTHENTIC: {"field": name}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"action": "buy", "ticker": "AAPL"}', N.UNSIGNED),
        ('{"password": "x", "action": "buy", "ticker": "AAPL"}', N.MISNAMED),
        ('{"secret": "0123456789\nabcdefghij", "action": "buy", "ticker": "AAPL"}', N.BROKEN_LINE),
        ("{{strategy.order.alert_message}}", N.IN_THE_SCRIPT),
    ],
)
def test_a_message_without_a_readable_secret_is_noted(message: str, code: NoteCode) -> None:
    """The webhook answers 401 or 400, and TradingView shows a number."""
    assert code in noted(linted(message))


def test_the_secret_may_stand_in_a_line_beside_plain_words() -> None:
    """What the webhook takes would be called unreadable."""
    one = linted(f"close NVDA\nsecret={SECRET}")
    assert (one.refused, noted(one)) == ((), {N.AUTHENTIC: {"field": "secret"}})
    assert N.NOT_AUTHENTIC in noted(linted("close NVDA\nsecret=another"))


def test_the_nearest_name_is_said_where_no_dialect_fits() -> None:
    """ "ticker is missing" would stand beside a message in which the owner sees it."""
    one = linted('{"secret": "x", "action": "buy", "tikcer": "AAPL"}')
    assert noted(one)[N.MISSPELT] == {"field": "tikcer", "meant": "ticker"}


@pytest.mark.parametrize(
    ("path", "named", "whose"),
    [("ema", None, "ema"), (None, "grid", "grid"), ("ema", "grid", None), (None, None, None), ("emma", None, None)],
)
def test_whose_it_is(path: str | None, named: str | None, whose: str | None) -> None:
    """The alert would be judged under another strategy than the webhook gives it to."""
    one = linted(alert(**({"strategy": named} if named else {})), TWO, path)
    assert (one.strategy.name if one.strategy else None) == whose
    assert bool(one.refused) == (whose is None)


def test_no_value_that_may_be_a_secret_is_shown() -> None:
    """The owner pastes the report into a question to others."""
    for name in SECRET_NAMES:
        one = linted(json.dumps({name: "hunter2-hunter2", "action": "buy", "ticker": "AAPL", "x": 1}))
        assert "hunter2" not in repr((one.notes, one.refused, one.readings))


MESSAGES = [filled.text for one in examples(PAGE.read_text("utf-8")) for filled in fill(one.message)]


@pytest.mark.parametrize("text", MESSAGES, ids=range(len(MESSAGES)))
def test_a_field_that_is_shown_as_without_effect_has_none(text: str) -> None:
    """The report would say of a field that it changes nothing, and it changes the trade; or the other way round."""
    try:
        message = read_message(text.encode())
        found, dialect = understand(message).instruction, dialect_of(message)
    except PayloadError:
        return
    if message.fields is None:
        return
    for one in readings(message, dialect, found.unused):
        if one.use in (Use.UNKNOWN, Use.NOT_USED):
            rest = Message(_without(message.fields, one.field.split(".")), message.text)
            again = understand(rest).instruction
            assert (again.verb, again.size, again.target, again.price, again.alert_time) == (
                found.verb,
                found.size,
                found.target,
                found.price,
                found.alert_time,
            ), one


def _without(fields: Mapping[str, object], path: list[str]) -> dict[str, object]:
    name, *rest = path
    inner = fields[name]
    if not rest or not isinstance(inner, dict):
        return {other: value for other, value in fields.items() if other != name}
    return {**fields, name: _without(inner, rest)}


STRATEGIES = [
    Strategy(name=MAIN),
    Strategy(name=MAIN, sizing=Sizing.ALERT),
    Strategy(name=MAIN, sizing=Sizing.ALERT, exit_size=ExitSize.ALERT),
]


def test_there_is_a_template_of_every_dialect() -> None:
    """Who looks for his service's template finds none."""
    assert set(TEMPLATED) == set(DIALECTS)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=["usd", "alert", "alert, exits too"])
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("dialect", TEMPLATED)
def test_what_is_printed_to_be_pasted_is_taken(dialect: str, kind: Kind, strategy: Strategy) -> None:
    """The bot's own template would be refused by the bot."""
    texts = {
        *template(dialect, kind, strategy).messages.values(),
        *template(dialect, Kind.INDICATOR, strategy).messages.values(),
    }
    for text in texts:
        for filled in fill(text):
            one = lint(filled, Strategies({MAIN: strategy}), None, lambda _: ["another"])
            if noted(one).keys() == {N.IN_THE_SCRIPT}:
                continue  # what the script sends is the indicator's messages: they are in `texts`
            assert one.refused == ()
            assert {note.code for note in one.notes} <= {N.STAND_IN, N.UNSIGNED, N.NOT_USED, N.PASSED_OVER}
            assert one.dialect is not None
            assert one.instruction is not None
            assert one.dialect.name == dialect
            assert not_honoured(one.instruction, strategy) is None
