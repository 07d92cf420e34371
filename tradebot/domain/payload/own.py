"""An alert's message: from the bytes TradingView sent to what they mean. Pure.

Rules:
- Strict JSON, whatever the Content-Type: UTF-8 (a BOM is tolerated), one object, depth at most 5, no key twice, no NaN, no
  Infinity, no number beyond all measure. The time taken is linear in the size; the size itself is limited by its reader.
- What is not understood for certain is refused, never guessed: a wrong guess buys another company's stock.
- Numbers may come as strings; only ASCII digits and letters count ("１２３" and Cyrillic letters are refused).
- Every refusal is a PayloadError that tells the sender of the alert what to correct, with an example.
- Identity: the sender's `alert_id`, else the SHA-256 of the canonical JSON without the secret. A message with neither `alert_id`
  nor `time` has no identity of its own (`key` is None): two of them are the same alert only within a short time.

Source of the placeholders and their forms: TradingView, "How to use a variable value in alert".
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.payload.not_honoured import refuse_not_honoured
from tradebot.domain.payload.placeholders import refuse_placeholder
from tradebot.domain.payload.shown import shown as _shown
from tradebot.domain.payload.symbols import listing, symbol
from tradebot.domain.payload.targets import Target, aim
from tradebot.errors import PayloadError

EXAMPLE = (
    '{"secret": "…", "action": "{{strategy.order.action}}", "ticker": "{{ticker}}",'
    ' "price": "{{close}}", "time": "{{timenow}}"}'
)

DEPTH_MAX = 5
ALERT_ID_CHARS_MAX = 128
PRICE_MIN = Decimal("0.0001")  # USD
PRICE_MAX = Decimal(10_000_000)  # USD; the dearest share ever, BRK.A, has stayed below one million
TIME_MIN, TIME_MAX = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

BLANKS = " \t\r\n"
"""What alert templates and word processors leave around a word."""

_NUMBER_CHARS_MAX = 30
_EXPONENT_MAX = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What other bots call our fields: a hint for people who bring their template along.
_OTHER_NAMES = {"action": ("side", "order_action", "signal"), "ticker": ("symbol", "instrument")}

_STRUCTURE = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12}")
_ISO_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH_TIME = re.compile(r"[0-9]{9,13}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a message is recognised when it comes again."""

    payload_hash: str  # SHA-256 (hex) of the canonical JSON without the secret
    key: str | None  # None: without `alert_id` and `time`, only the hash and the moment tell


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the alert asks for."""

    action: Side
    ticker: str  # IB's form: "BRK B"
    primary_exchange: str | None
    price: Decimal | None  # USD
    alert_time: datetime | None
    identity: Identity
    target: Target | None = None  # the position that is wanted afterwards, as far as the alert says


def parse(body: bytes) -> Mapping[str, object]:
    """The message's fields. Raises PayloadError; never quotes values, which may be the secret."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PayloadError("The message is not UTF-8 text.") from None
    if not text.strip():
        raise PayloadError(f"The message is empty. Put this into the alert's message: {EXAMPLE}")
    _refuse_depth(text)
    try:
        fields = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_decimal, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        _refuse_other_quotes(text)
        raise PayloadError(
            f"The message is not JSON: {error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}. "
            f'A placeholder that can be empty must stand in quotes: "price": "{{{{close}}}}". A whole message: {EXAMPLE}'
        ) from None
    if not isinstance(fields, dict):
        raise PayloadError(f"The message must be one JSON object in braces, like this: {EXAMPLE}")
    return fields


def understand(fields: Mapping[str, object]) -> Instruction:
    """What the fields ask for. Raises PayloadError."""
    exchange, ticker = _ticker(fields)
    action, target = aim(fields, _action(fields))
    refuse_not_honoured(fields)
    return Instruction(
        action=action,
        ticker=ticker,
        primary_exchange=exchange,
        price=_price(fields.get("price")),
        alert_time=_time(fields.get("time")),
        identity=_identity(fields),
        target=target,
    )


def payload_hash(fields: Mapping[str, object]) -> str:
    """SHA-256 (hex) of the canonical JSON: sorted keys, no spaces, no secret. Decimals hash by their digits."""
    rest = {name: value for name, value in fields.items() if name != "secret"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str)
    return digest(canonical.encode("ascii"))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- strict JSON ----------------------------------------------------------------------------------------------------


def _refuse_depth(text: str) -> None:
    """Counts brackets outside strings, so that the recursive decoder never sees a deep message."""
    depth, in_string = 0, False
    for match in _STRUCTURE.finditer(text):
        sign = match[0]
        if sign == '"':
            in_string = not in_string
        elif in_string or sign.startswith("\\"):
            continue
        elif sign in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise PayloadError(
                    f"The message is nested deeper than {DEPTH_MAX} levels. A flat object is enough: {EXAMPLE}"
                )
        else:
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise PayloadError(
            f"The message has the field {_shown(twice)} twice: which one is meant cannot be told. Remove one."
        )
    return fields


def _refuse_other_quotes(text: str) -> None:
    """For text that is not JSON: names the quotes of word processors and of Python, which look right to a person."""
    if re.search("[\u201c\u201d\u201e\u201f]", text):
        raise PayloadError(
            f"The message has curly quotes, as word processors write them: JSON needs straight ones. Type them anew: {EXAMPLE}"
        )
    if re.match(r"\s*\{\s*['\u2018\u2019]", text):
        raise PayloadError(f"The message has single quotes: JSON needs double ones. Write it like this: {EXAMPLE}")


def _constant(name: str) -> object:
    raise PayloadError(
        f"The message contains {name}, which is no number. Put placeholders that can be empty into quotes."
    )


def _integer(digits: str) -> int:
    if len(digits) > _NUMBER_CHARS_MAX:
        raise PayloadError(f"The message contains a number of {len(digits)} digits. Write long numbers in quotes.")
    return int(digits)


def _decimal(number: str) -> Decimal:
    exponent = re.split("[eE]", number)[-1] if "e" in number.lower() else "0"
    if len(number) > _NUMBER_CHARS_MAX or abs(int(exponent)) > _EXPONENT_MAX:
        raise PayloadError(
            "The message contains a number beyond all measure. Write it in quotes if it is not meant for trading."
        )
    return Decimal(number)


# --- the fields -----------------------------------------------------------------------------------------------------


def _text(fields: Mapping[str, object], name: str, example: str) -> str:
    """A field that must be there and be text, trimmed."""
    value = fields.get(name)
    if value is None or value == "":
        others = [other for other in _OTHER_NAMES.get(name, ()) if other in fields]
        hint = f' (the field "{others[0]}" must be called "{name}")' if others else ""
        raise PayloadError(f'"{name}" is missing{hint}. Write "{name}": "{example}".')
    if not isinstance(value, str):
        raise PayloadError(f'"{name}" must be text in quotes, but it is {_shown(value)}. Write "{name}": "{example}".')
    refuse_placeholder(name, value)
    return value.strip(BLANKS)


def _action(fields: Mapping[str, object]) -> Side:
    word = _text(fields, "action", "{{strategy.order.action}}")
    # Not str.upper() alone: "ſell" upper-cases to "SELL".
    if not word.isascii() or word.upper() not in Side.__members__:
        raise PayloadError(
            f'"action" must be BUY or SELL, but it is {_shown(word)}. Write "action": "{{{{strategy.order.action}}}}" in an alert'
            ' of a strategy, "action": "BUY" or "action": "SELL" in any other.'
        )
    return Side[word.upper()]


def _ticker(fields: Mapping[str, object]) -> tuple[str | None, str]:
    """(where it is listed, as far as the alert says; the ticker in IB's form)."""
    listed_at, ticker = symbol(_text(fields, "ticker", "{{ticker}}"))
    if fields.get("exchange") not in (None, ""):
        named = listing(_text(fields, "exchange", "{{exchange}}"), '"exchange"')
        listed_at = listed_at or named
    return listed_at, ticker


def _price(value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    price: Decimal | None = None
    if isinstance(value, str):
        refuse_placeholder("price", value)
        if _PRICE.fullmatch(value.strip(" ")):
            price = Decimal(value.strip(" "))
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        price = Decimal(value)
    if price is None or not PRICE_MIN <= price <= PRICE_MAX:
        raise PayloadError(
            f'"price" must be a positive number in US dollars with a decimal point, up to {PRICE_MAX:,}, but it is'
            f' {_shown(value)}. Write "price": "{{{{close}}}}", or leave the field out.'
        )
    return price


def _time(value: object) -> datetime | None:
    """ISO 8601 (UTC where no offset is given: TradingView's times are), or seconds or milliseconds since 1970."""
    if value is None or value == "":
        return None
    moment: datetime | None = None
    if isinstance(value, str):
        refuse_placeholder("time", value)
        word = value.strip(" ")
        if _EPOCH_TIME.fullmatch(word):
            moment = _since_1970(Decimal(word))
        elif _ISO_TIME.fullmatch(word):
            moment = _iso_time(word)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        moment = _since_1970(Decimal(value))
    if moment is None or not TIME_MIN <= moment < TIME_MAX:
        raise PayloadError(
            f'"time" must be a moment like 2026-11-20T15:04:05Z, or seconds or milliseconds since 1970, but it is'
            f' {_shown(value)}. Write "time": "{{{{timenow}}}}", or leave the field out.'
        )
    return moment


def _iso_time(word: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(word)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February; the year 1 moved by its offset
        return None


def _since_1970(number: Decimal) -> datetime | None:
    seconds = number / 1000 if number >= 10**11 else number
    if not 0 <= seconds < 10**11:
        return None
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _identity(fields: Mapping[str, object]) -> Identity:
    # "id:" and "sha256:" keep a sender's own id from ever meeting a hash.
    alert_id, body_hash = fields.get("alert_id"), payload_hash(fields)
    if alert_id is None or alert_id == "":
        timeless = fields.get("time") in (None, "")
        return Identity(body_hash, None if timeless else f"sha256:{body_hash}")
    if isinstance(alert_id, str):
        refuse_placeholder("alert_id", alert_id)
    elif isinstance(alert_id, int) and not isinstance(alert_id, bool):
        alert_id = str(alert_id)
    if not isinstance(alert_id, str) or len(alert_id) > ALERT_ID_CHARS_MAX or not alert_id.isprintable():
        raise PayloadError(
            f'"alert_id" must be text of at most {ALERT_ID_CHARS_MAX} printable characters, or a whole number, but it is'
            f' {_shown(alert_id)}. Write for instance "alert_id": "{{{{ticker}}}}-{{{{timenow}}}}", or leave the field out.'
        )
    return Identity(body_hash, f"id:{alert_id}")
