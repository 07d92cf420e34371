"""What holds for every message: one meaning or a refusal, nothing else, and the secret nowhere."""

import json
import time
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.near_templates import SECRET, near_templates
from tests.domain.templates import TEMPLATES
from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import Target, Verb, read, stored
from tradebot.domain.payload.dialects import DIALECTS, SECRET_NAMES, Message, dialect_of, read_message, understand
from tradebot.domain.payload.message import Form
from tradebot.domain.strategies import ExitSize, Sizing, Strategy
from tradebot.errors import PayloadError

STRATEGIES = [Strategy(name="ema", sizing=sizing, exit_size=exit_size) for sizing in Sizing for exit_size in ExitSize]


@settings(max_examples=400, deadline=None)
@given(near_templates())
def test_no_message_is_understood_in_two_ways(message: Message) -> None:
    """Which of two meanings is traded would hang on the order of fields or of files."""
    try:
        got = understand(message)
    except PayloadError:
        return
    assert DIALECTS[got.instruction.dialect] is dialect_of(message)
    if message.fields is None:
        return
    turned = Message(dict(list(message.fields.items())[::-1]), message.text)
    assert understand(turned) == got
    if message.form is Form.JSON:
        others = [one for one in DIALECTS.values() if one.form is Form.JSON and one.lacks(message.fields) is None]
        assert {one.name for one in others} in ({got.instruction.dialect}, {"own", "traderspost"})


@settings(max_examples=400, deadline=None)
@given(near_templates())
def test_an_instruction_is_stored_as_it_is_and_never_opens_what_it_should_not(message: Message) -> None:
    """What is traded after a restart would be something else than what was accepted; or a short target would buy."""
    try:
        got = understand(message).instruction
    except PayloadError as error:
        assert str(error).isprintable()  # noqa: PT017 - both ends are right; no other exception is
        return
    assert read(json.loads(json.dumps(stored(got)))) == got
    text = json.dumps(stored(got))
    assert text.isascii()
    assert "\\u" not in text, "PostgreSQL could not store it"
    if got.target is not None and got.target.side is not Target.LONG:
        assert got.verb is Verb.EXIT
        assert got.size is None
    if got.size is not None:
        assert got.size.value > 0
    for strategy in STRATEGIES:
        reason = not_honoured(got, strategy)
        assert reason is None or ("Nothing was traded." in reason and reason.isprintable())


@settings(max_examples=200, deadline=None)
@given(near_templates(), st.sampled_from(SECRET_NAMES))
def test_the_secret_is_nowhere(message: Message, name: str) -> None:
    """The secret would be stored with the alert, or told in a chat."""
    if message.fields is None:
        return
    carrying = Message({**message.fields, name: SECRET}, message.text)
    try:
        told = json.dumps(stored(understand(carrying).instruction))
    except PayloadError as error:
        told = str(error)
    assert SECRET not in told


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_bytes_near_a_template_are_read_or_refused(data: st.DataObject) -> None:
    """A stranger's bytes would raise an error nobody planned for: a 500."""
    body = bytearray(data.draw(st.sampled_from(TEMPLATES)).sent)
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=5)):
        body[at] = byte
    cut = data.draw(st.integers(0, len(body)))
    for sent in (bytes(body), bytes(body[:cut]), bytes(body[cut:])):
        try:
            got = understand(read_message(sent))
        except PayloadError as error:
            assert str(error).isprintable()  # noqa: PT017 - both ends are right; no other exception is
        else:
            assert got.instruction.ticker.replace(" ", "").isalnum()
            assert json.dumps(stored(got.instruction)).count("\\u") == 0


def test_the_worst_messages_of_16_kib_are_read_quickly() -> None:
    """One message could hold up every order: the event loop waits while it is read."""
    many = {f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}": 1 for n in range(1500)}
    bodies = [
        json.dumps({"action": "buy", "ticker": "A", **many}).encode(),
        json.dumps({"action": "buy", "ticker": "A", "strategy": many}).encode(),
        ("action=buy\nticker=A\n" + "a=b\n" * 4000).encode(),
        ("a" * 40 + "=" + "b" * 16_000).encode(),
        b"=" * 16_384,
        b"buy " * 4096,
        ("BUY " + "1" * 16_000 + " A").encode(),
        json.dumps({"ticker": "A", "direction": "strategy.close", "metrics": [{"name": "qty"}] * 700}).encode(),
        json.dumps({"ticker": "A", "strategy": {"order_action": " " * 16_000}}).encode(),
        json.dumps({"symbol": " " * 15_000 + "A", "action": "buy", "quantity": "." * 900}).encode(),
    ]
    for body in bodies:
        took_s = []
        for _ in range(3):
            began = time.process_time()
            with suppress(PayloadError):
                understand(read_message(body))
            took_s.append(time.process_time() - began)
        assert min(took_s) < 0.1, f"the quickest of three: a busy machine may slow one down: {body[:40]!r}"
