"""Every way to write an alert: which one a message is in, and what it asks for. Pure.

Rules:
- One file a dialect; each ends in one `Instruction`. Which it is follows from the form of the message and the names of its
  fields, never from a guess: a message that fits two is refused naming both, one that fits none naming the nearest and what it
  lacks.
- `action` and `ticker` are the bot's own; a field or an action that only TradersPost has makes them TradersPost's.
- Every refusal is a PayloadError that tells the sender of the alert what to correct, and never holds the secret.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload import keyvalue, nested, own, signalstack, tbot, text, threecommas, traderspost
from tradebot.domain.payload.dialect import Dialect
from tradebot.domain.payload.fields import missing
from tradebot.domain.payload.identity import Identity, digest, identity, payload_hash
from tradebot.domain.payload.message import SECRET_NAMES, Form, Message, named_strategy, read_message, secret_in
from tradebot.domain.strategies import MAIN
from tradebot.errors import PayloadError

__all__ = [
    "DIALECTS",
    "SECRET_NAMES",
    "Dialect",
    "Form",
    "Identity",
    "Message",
    "Understood",
    "dialect_of",
    "digest",
    "identity",
    "named_strategy",
    "payload_hash",
    "read_message",
    "secret_in",
    "understand",
]

DIALECTS: Mapping[str, Dialect] = {
    one.name: one
    for one in (
        own.DIALECT,
        traderspost.DIALECT,
        nested.DIALECT,
        threecommas.DIALECT,
        signalstack.DIALECT,
        tbot.DIALECT,
        text.DIALECT,
        keyvalue.DIALECT,
    )
}

_IN_JSON = tuple(one for one in DIALECTS.values() if one.form is Form.JSON)

# What other bots call what is missing: a hint for people who bring their template along.
_OTHER_NAMES = {
    "action": ("side", "order_action", "signal", "direction", "data"),
    "ticker": ("symbol", "instrument", "tv_instrument"),
}


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message asks for, and by what it is recognised when it comes again."""

    instruction: Instruction
    identity: Identity


def understand(message: Message, strategy: str = MAIN, secret_fields: Collection[str] = ()) -> Understood:
    """What the message asks of this strategy; `secret_fields` are those that hold the secret. Raises PayloadError."""
    wanted = dialect_of(message).understand(message)
    timed = wanted.alert_time is not None
    return Understood(wanted, identity(message, timed=timed, strategy=strategy, secret_fields=secret_fields))


def dialect_of(message: Message) -> Dialect:
    """The one dialect that the message is in. Raises PayloadError."""
    if message.fields is None:
        return text.DIALECT
    if message.form is Form.KEY_VALUE:
        return keyvalue.DIALECT
    fields = message.fields
    fitting = [one for one in _IN_JSON if one.lacks(fields) is None]
    if own.DIALECT in fitting:  # TradersPost's have the same two names
        fitting.remove(own.DIALECT if traderspost.is_marked(fields) else traderspost.DIALECT)
    if len(fitting) > 1:
        raise PayloadError(
            f"The message is {' and '.join(one.title for one in fitting)} at once: which fields count cannot be told. Nothing was"
            " traded. Take the fields of one of them out."
        )
    if not fitting:
        raise _nearest(fields)
    return fitting[0]


def _nearest(fields: Mapping[str, object]) -> PayloadError:
    """What the message lacks to be what it is nearest to: of the dialect with most of its own names in it."""
    nearest = max(_IN_JSON, key=lambda one: len(one.marks & fields.keys()))  # the first of equals: the bot's own
    lacks = nearest.lacks(fields)
    assert lacks is not None, "a message that lacks nothing fits"
    others = [other for other in _OTHER_NAMES.get(lacks.name, ()) if other in fields]
    hint = f' (the field "{others[0]}" must be called "{lacks.name}")' if others else ""
    return missing(lacks.name, lacks.example, hint if nearest is own.DIALECT else f" (in {nearest.title}){hint}")
