"""The published JSON Schemas against the code that reads."""

import json

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from tests.docs.write_schemas import FOLDER, rendered
from tests.domain.near_templates import UNDERSTOOD, near_templates
from tests.domain.templates import Template
from tradebot.domain.payload.dialects import DIALECTS, Message, dialect_of, read_message, understand
from tradebot.domain.payload.schemas import messages, schema
from tradebot.errors import PayloadError

MODELS = {name: messages(dialect) for name, dialect in DIALECTS.items()}


def fits(message: Message) -> bool:
    """By the types from which its dialect's schema is made."""
    try:
        MODELS[dialect_of(message).name].validate_python(message.text if message.fields is None else message.fields)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", DIALECTS)
def test_the_published_schema_is_the_codes(name: str) -> None:
    """Somebody checks his template against a schema that the bot left long ago. `make schemas` writes them."""
    assert (FOLDER / f"{name}.json").read_text("utf-8") == rendered(schema(DIALECTS[name]))


def test_nothing_else_is_published() -> None:
    """A dialect that is gone would go on being documented."""
    assert {file.stem for file in FOLDER.glob("*.json")} == set(DIALECTS)


@pytest.mark.parametrize("template", UNDERSTOOD, ids=lambda template: template.name)
def test_a_documented_message_fits_its_schema(template: Template) -> None:
    """A template that trades would be marked as wrong by an editor that knows the schema."""
    assert fits(read_message(template.sent))


@settings(max_examples=400, deadline=None)
@given(near_templates())
def test_what_is_understood_fits_the_schema(message: Message) -> None:
    """The schema would refuse what the bot trades: it would be a second opinion, and a wrong one."""
    try:
        understand(message)
    except PayloadError:
        return
    assert fits(message), json.dumps(message.fields, default=str)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("own", {"action": "buy"}),
        ("own", {"action": "hold", "ticker": "AAPL"}),
        ("own", {"action": "buy", "ticker": "AAPL", "quantity": "1e3"}),
        ("traderspost", {"action": "buy", "ticker": "TSLA", "orderType": "iceberg"}),
        ("nested", {"ticker": "AAPL", "strategy": {}}),
        ("3commas", {"tv_instrument": "NVDA", "action": "buy", "order": {"amount": "NaN"}}),
        ("signalstack", {"action": "buy", "quantity": 5}),
        ("tbot", {"ticker": "MSFT", "direction": "strategy.entrylong", "metrics": [{"name": "size", "value": 5}]}),
        ("keyvalue", {"action": "hold"}),
        ("text", "please buy AAPL"),
        ("text", "buy"),
    ],
)
def test_a_schema_finds_mistakes(name: str, body: object) -> None:
    """A schema that admits everything would find nothing."""
    with pytest.raises(ValidationError):
        MODELS[name].validate_python(body)
