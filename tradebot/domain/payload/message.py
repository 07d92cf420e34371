"""A message as it came: JSON, `name=value` lines, or a command in plain words. Pure.

Rules:
- UTF-8 (a BOM is tolerated), whatever the Content-Type. What begins with a brace is JSON (`strict_json.py`). What is made of
  `name=value` lines, or such pieces between semicolons, is key=value: names in any letter case, each once. What begins with a
  word that trades (`BUY 10 AAPL`) is text. All else is told how a message looks.
- The secret stands in the first of `SECRET_NAMES` that there is, whatever the dialect; beside text in a line
  of its own, `secret=…`, or the URL carries it.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from tradebot.domain.payload.shown import shown
from tradebot.domain.payload.strict_json import EXAMPLE, parse_object
from tradebot.errors import PayloadError

SECRET_NAMES = ("secret", "passphrase", "key", "token")
"""Where senders put the secret, in the order in which it is looked for."""
BLANKS = " \t\r\n"
"""What alert templates and word processors leave around a word."""

_SECRET_LINE = re.compile(rf"(?im)^[ \t]*(?:{'|'.join(SECRET_NAMES)})[ \t]*=([^;\r\n]*);?[ \t\r]*$".encode())
_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,39})[ \t]*=(.*)", re.DOTALL)
_COMMAND = re.compile(
    r"(?:buy|sell|exit|close|flat|add|cancel|reverse|breakeven|sell_?short|short|buy_?to_?cover|cover)(?:[ \t\r\n]|$)",
    re.IGNORECASE | re.ASCII,
)
_PAIRS_MAX = 100


class Form(StrEnum):
    """How a message is written."""

    JSON = "JSON"
    KEY_VALUE = "key=value lines"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as far as it was read: its fields, or its text; lines of key=value have both."""

    fields: Mapping[str, object] | None
    text: str | None = None

    @property
    def form(self) -> Form:
        if self.fields is None:
            return Form.TEXT
        return Form.JSON if self.text is None else Form.KEY_VALUE


def read_message(body: bytes) -> Message:
    """The message in its form. Raises PayloadError; never quotes values, which may be the secret."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PayloadError("The message is not UTF-8 text.") from None
    content = text.strip(BLANKS)
    if not content:
        raise PayloadError(f"The message is empty. Put this into the alert's message: {EXAMPLE}")
    if _PAIR.match(content):
        return Message(_pairs(content), content)
    if _COMMAND.match(content):
        return Message(None, content)
    return Message(parse_object(text))


def signed(body: bytes) -> tuple[Message, Sequence[str]]:
    """The message, and what stands in lines `secret=…` beside plain words. Raises PayloadError."""
    words = [word.decode("utf-8", "replace") for word in _SECRET_LINE.findall(body)]
    if words:
        with suppress(PayloadError):
            message = read_message(_SECRET_LINE.sub(b"", body))
            if message.form is Form.TEXT:
                return message, words
    return read_message(body), ()


def secret_in(message: Message) -> object:
    """What stands where the secret belongs; None where nothing does."""
    fields = message.fields or {}
    return next((fields[name] for name in SECRET_NAMES if name in fields), None)


def named_strategy(message: Message) -> str | None:
    """The strategy that the message names itself, as it is written; whether there is one is not looked at."""
    name = (message.fields or {}).get("strategy")
    return (name.strip(BLANKS) or None) if isinstance(name, str) else None


def _pairs(content: str) -> Mapping[str, object]:
    fields: dict[str, object] = {}
    lines = [piece for piece in re.split(r"[;\r\n]", content) if piece.strip(BLANKS)]
    if len(lines) > _PAIRS_MAX:
        raise PayloadError(f"The message has more than {_PAIRS_MAX} lines. A few fields are enough.")
    for number, line in enumerate(lines, 1):
        pair = _PAIR.fullmatch(line.strip(BLANKS))
        if pair is None:
            raise PayloadError(
                f"Piece {number} of the message is no name=value. Write one field a line, or semicolons between them:"
                " secret=…; action=buy; ticker={{ticker}}; price={{close}}; time={{timenow}}"
            )
        name = pair[1].lower()
        if name in fields:
            raise PayloadError(
                f"The message has the field {shown(name)} twice: which one is meant cannot be told. Remove one."
            )
        fields[name] = pair[2].strip(BLANKS)
    return fields
