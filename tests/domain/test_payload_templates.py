"""Documented messages of other services become what they mean there, or are refused with the reason."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.domain.templates import TEMPLATES, Template
from tradebot.domain.instructions import Instruction, Verb, read, stored
from tradebot.domain.payload.changing import CHANGING_NAMES
from tradebot.domain.payload.dialects import DIALECTS, Understood, named_strategy, read_message, secret_in, understand
from tradebot.errors import PayloadError


def wanted(body: object) -> Understood:
    return understand(read_message(body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_documented_message_becomes_what_it_means(template: Template) -> None:
    """Somebody pastes a new address, and his alerts trade something else than they say."""
    if isinstance(template.becomes, Instruction):
        got = wanted(template.sent).instruction
        assert got == template.becomes
        assert read(json.loads(json.dumps(stored(got)))) == got, "what is stored is what was understood"
    else:
        with pytest.raises(PayloadError, match=template.becomes):
            wanted(template.sent)


def test_every_dialect_has_a_template_that_trades() -> None:
    """A dialect would be listed that nothing shows to work."""
    trading = {template.becomes.dialect for template in TEMPLATES if isinstance(template.becomes, Instruction)}
    assert trading == set(DIALECTS)


@pytest.mark.parametrize("name", ["secret", "passphrase", "key", "token"])
def test_the_secret_is_found_under_each_of_its_names(name: str) -> None:
    """A template of another service could not say its secret."""
    assert secret_in(read_message(json.dumps({name: "s", "action": "buy"}).encode())) == "s"
    assert secret_in(read_message(f"{name.upper()}=s\naction=buy".encode())) == "s"
    assert secret_in(read_message(b'{"token": "t", "secret": "s"}')) == "s", "the first of the names counts"
    assert secret_in(read_message(b"BUY 10 AAPL")) is None


def test_a_strategy_is_named_in_the_body() -> None:
    """An alert would be traded by another strategy than it names."""
    assert named_strategy(read_message(b'{"strategy": " ema\\n"}')) == "ema"
    assert named_strategy(read_message(b"strategy=ema;action=buy")) == "ema"
    assert named_strategy(read_message(b'{"strategy": {"order_action": "buy"}}')) is None
    assert wanted({"action": "buy", "ticker": "A", "strategy": "ema"}).instruction.strategy == "ema"
    for odd in ("My Best", "ema\x00", 5, ["ema"], True):
        with pytest.raises(PayloadError, match=r'"strategy" (is|must be)'):
            wanted({"action": "buy", "ticker": "A", "strategy": odd})


@pytest.mark.parametrize("place", ["comment", "alert_name", "order_id", "message", "id", "text"])
def test_words_in_comments_names_and_ids_never_trade(place: str) -> None:
    """A comment "close" would sell what the alert buys."""
    for word in ("close", "sell", "flat", "cancel", "exit all"):
        assert wanted({"action": "buy", "ticker": "AAPL", place: word}).instruction.verb is Verb.BUY


PLAIN: Mapping[str, Mapping[str, object]] = {
    "own": {"action": "buy", "ticker": "AAPL"},
    "traderspost": {"action": "buy", "ticker": "AAPL", "signalPrice": "5"},
    "nested": {"ticker": "AAPL", "strategy": {"order_action": "buy"}},
    "3commas": {"tv_instrument": "AAPL", "action": "buy"},
    "signalstack": {"symbol": "AAPL", "action": "buy"},
    "tbot": {"ticker": "AAPL", "direction": "strategy.entrylong", "metrics": []},
}


@pytest.mark.parametrize("name", CHANGING_NAMES)
@pytest.mark.parametrize("dialect", PLAIN)
def test_no_field_that_would_change_the_trade_is_dropped(dialect: str, name: str) -> None:
    """A size, a limit, a stop or a test would be silently something else, because this dialect writes it otherwise."""
    body = PLAIN[dialect]
    as_it_is = wanted(body).instruction
    for changed in (
        {**body, name: "5"},
        {**body, name.upper(): 5},
        {**body, "order": {name: "5"}},
        {**body, "strategy": {**as_object(body.get("strategy")), name: True}},
    ):
        try:
            got = wanted(changed).instruction
        except PayloadError as error:
            assert str(error).isprintable()  # noqa: PT017 - both ends are right; what is not is dropping it
        else:
            assert replace(got, dialect=dialect) != as_it_is, changed


def as_object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


# --- what is missing, and what is twice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"tv_exchange": "NASDAQ", "bot_uuid": "x", "action": "buy"},
            '"tv_instrument" is missing (in a message of 3Commas)',
        ),
        (
            {"direction": "strategy.close", "ticker": "A", "orderRef": "x"},
            '"metrics" is missing (in a message of TBOT)',
        ),
        ({"direction": "strategy.close", "ticker": "A", "metrics": "x"}, '"metrics" is missing'),
        (
            {"passphrase": "x", "bar": {}, "ticker": "A", "strategy": {"market_position": "long"}},
            '"strategy.order_action" is missing (in a message with a nested strategy)',
        ),
        ({"symbol": "A", "side": "buy"}, '"action" is missing (in a message of SignalStack) (the field "side"'),
        ({"ticker": "A", "order_action": "buy"}, '(the field "order_action" must be called "action")'),
        ({"sentiment": "long", "stopLoss": {}}, '"action" is missing (in a message of TradersPost)'),
        ({}, '"action" is missing. Write "action": "{{strategy.order.action}}".'),
    ],
)
def test_a_message_that_fits_no_dialect_is_told_the_nearest(fields: dict[str, object], told: str) -> None:
    """A template that lacks one field would be answered with a riddle."""
    with pytest.raises(PayloadError) as caught:
        wanted(fields)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"limit_price": 5, "limit-price": 5}, "twice, as"),
        ({"order_type": "market", "limit_price": 5}, "do not fit together"),
        ({"stop_loss": "5%", "stop_loss_price": 5}, "in 2 ways at once"),
        ({"trail_amount": 1, "trail_percent": 1, "order_type": "trailing_stop"}, "in 2 ways at once"),
        ({"quantity": 0}, "above zero"),
        ({"quantity": "NaN"}, "above zero"),
        ({"quantity": "1e3"}, "above zero"),
        ({"quantity": "１０"}, "above zero"),
        ({"quantity": "Infinity"}, "above zero"),
        ({"quantity": True}, "above zero"),
        ({"quantity": "-3"}, "above zero"),
        ({"quantity": [3]}, "above zero"),
        ({"quantity": 101, "quantity_type": "percent_of_position"}, "at most 100"),
        ({"stop_loss": "five%"}, "above zero"),
        ({"stop_loss": {"percent": 5}}, '"stop_loss" must be a positive number'),
        ({"market_position_size": "1e2"}, "must be a number with a decimal point"),
        ({"time_in_force": "opg"}, "are not traded"),
        ({"delay": "soon"}, "a number of seconds"),
        ({"strategy_info": "long"}, "must be an object in braces"),
        ({"sentiment": "long", "stopLoss": 5}, "must be an object in braces"),
        ({"sentiment": "long", "stopLoss": {"percent": 5, "amount": 1}}, "in 2 ways at once"),
        ({"sentiment": "long", "stopLoss": {"type": "trailing_stop", "percent": 5}}, "does not fit what else it has"),
        ({"sentiment": "long", "stopLoss": {"offset": 5}}, "which is not known"),
        ({"sentiment": "long", "takeProfit": {"pnlAmount": 5}}, "which is not known"),
        ({"sentiment": "long", "stop_loss": 5}, 'Call it "stopLoss"'),
        ({"market_position": "long", "action": "sell_short"}, "contradicts itself"),
        (
            {"market_position": "long", "prev_market_position": "flat", "action": "sell", "quantity": 5},
            "contradicts itself",
        ),
        (
            {
                "action": "buy",
                "market_position": "long",
                "market_position_size": 5,
                "prev_market_position": "long",
                "prev_market_position_size": 10,
            },
            "contradicts itself",
        ),
        ({"market_position_size": 5}, "does not say of which side"),
        ({"action": "sell", "market_position_size": 5, "prev_market_position_size": 10}, "does not say of which side"),
        (
            {"market_position": "long", "market_position_size": 150, "prev_market_position_size": 100, "quantity": 250},
            "does not say of which side",
        ),
        ({"action": "reverse"}, "reverses a position"),
        (
            {"market_position": "long", "prev_market_position": "short", "quantity": 20},
            "how much of its quantity covers it",
        ),
        (
            {
                "market_position": "long",
                "prev_market_position": "short",
                "prev_market_position_size": 20,
                "quantity": 20,
            },
            "contradicts itself",
        ),
    ],
)
def test_what_is_ambiguous_or_no_number_is_refused(fields: dict[str, object], told: str) -> None:
    """A guess between two meanings would trade the wrong one; NaN passes every limit it is compared with."""
    with pytest.raises(PayloadError) as caught:
        wanted({"action": "buy", "ticker": "AAPL", **fields})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("action=buy\nAAPL", "Piece 2 of the message is no name=value"),
        ("action=buy;ticker=AAPL;ACTION=sell", '"action" twice'),
        ("action=buy;signal=buy;ticker=AAPL", 'Both "action" and "signal" are there'),
        ("signal=buy;symbol=AAPL;volume=5;quantity=5", 'Both "volume" and "quantity" are there'),
        ("signal=buy;symbol=AAPL;order_type=limit;price=5;limit_price=6", 'Both "price" and "limit_price" are there'),
        ("signal=buy;symbol=AAPL;volume=12a%", "above zero"),
        ("a=1\n" * 200, "more than 100 lines"),
        ("BUY 10 AAPL now", "this one has 4 words"),
        ("BUY AAPL 10", "no US stock's ticker"),
        ("BUY", "this one has 1 words"),
        ("BUY 1e3 AAPL", "must be a number above zero"),
        ("BUY 10 LSE:AAL", "names the exchange"),
        ("cover 5 AAPL", "never short"),
        ("Buy signal on AAPL", "this one has 4 words"),
    ],
)
def test_lines_and_words_are_as_strict(body: str, told: str) -> None:
    """What is refused in JSON would be traded when it is written otherwise."""
    with pytest.raises(PayloadError) as caught:
        wanted(body.encode())
    assert told in str(caught.value)


# --- identity -----------------------------------------------------------------------------------------------------------

_BODY = b'{"secret":"a","passphrase":"p","action":"buy","ticker":"A","time":"2026-11-20T15:04:05Z"}'


def test_the_hash_of_main_is_that_of_the_version_before() -> None:
    """Alerts that are stored already would not be recognised when they come again: bought twice after an upgrade."""
    own = understand(read_message(b'{"secret":"a","action":"buy","ticker":"A","time":"2026-11-20T15:04:05Z"}')).identity
    assert own.payload_hash == "c7991bfaeb9f54819e72435e5fb157af3abb26ae8261c884e113aafa3bf29c12"
    assert own.key == f"sha256:{own.payload_hash}"


def test_the_same_message_to_two_strategies_is_two_alerts() -> None:
    """The second strategy's alert would be dropped as the first one's duplicate."""
    message = read_message(_BODY)
    named = read_message(_BODY.replace(b"{", b'{"alert_id":"Long",'))
    for one in (message, named):
        found = {understand(one, strategy).identity for strategy in ("main", "ema", "rsi")}
        assert len({identity.key for identity in found}) == len({identity.payload_hash for identity in found}) == 3
    assert understand(named, "ema").identity.key == "id@ema:Long"
    assert understand(read_message(b"BUY 1 A"), "ema").identity != understand(read_message(b"BUY 1 A")).identity


def test_fields_that_hold_the_secret_do_not_count() -> None:
    """A changed secret would turn a resend into a second order."""
    other = read_message(_BODY.replace(b'"p"', b'"q"'))
    assert understand(read_message(_BODY)).identity != understand(other).identity
    assert (
        understand(read_message(_BODY), secret_fields=("passphrase",)).identity
        == understand(other, secret_fields=("passphrase",)).identity
    )


@pytest.mark.parametrize("field", ["timestamp", "time"])
def test_a_message_with_a_time_has_a_key(field: str) -> None:
    """TradingView's resend of an alert of another service would be a second order after a minute."""
    keys = {
        template.name: wanted(template.sent).identity.key
        for template in TEMPLATES
        if isinstance(template.becomes, Instruction)
        and template.becomes.alert_time is not None
        and field in str(template.body)
    }
    assert len(keys) > 3
    assert all(key is not None and key.startswith("sha256:") for key in keys.values())
