"""By what a message is recognised when it comes again. Pure.

Rules:
- The sender's `alert_id`, else the SHA-256 of the canonical message without the secret. A message with neither `alert_id` nor a
  time has no identity of its own (`key` is None): two of them are the same alert only within a short time.
- The same message to two strategies is two alerts: keys and hashes of every strategy but `main` are made with its name. Those of
  `main` are what they were before there were strategies: its rows recognise what comes again.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tradebot.domain.alert_keys import KeyKind, key_of
from tradebot.domain.payload.message import Message
from tradebot.domain.payload.placeholders import refuse_placeholder
from tradebot.domain.payload.shown import shown
from tradebot.domain.strategies import MAIN
from tradebot.errors import PayloadError

ALERT_ID_CHARS_MAX = 128


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a message is recognised when it comes again."""

    payload_hash: str  # SHA-256 (hex) of the canonical message without the secret
    key: str | None  # None: without `alert_id` and a time, only the hash and the moment tell


def payload_hash(fields: Mapping[str, object], strategy: str = MAIN, secret_fields: Collection[str] = ()) -> str:
    """SHA-256 (hex) of the canonical JSON: sorted keys, no spaces, no secret. Decimals hash by their digits."""
    rest = {name: value for name, value in fields.items() if name != "secret" and name not in secret_fields}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str)
    return digest((canonical if strategy == MAIN else f"{strategy}:{canonical}").encode("ascii"))


def digest(data: bytes) -> str:
    """SHA-256 (hex)."""
    return hashlib.sha256(data).hexdigest()


def identity(message: Message, *, timed: bool, strategy: str = MAIN, secret_fields: Collection[str] = ()) -> Identity:
    """`timed`: the message says when it was sent; `secret_fields`: those that hold the secret. Raises PayloadError."""
    fields = message.fields
    if fields is None:
        return Identity(payload_hash({"text": (message.text or "").split()}, strategy), None)
    body_hash = payload_hash(fields, strategy, secret_fields)
    alert_id = _alert_id(fields.get("alert_id"))
    if alert_id is None:
        return Identity(body_hash, key_of(strategy, KeyKind.HASH, body_hash) if timed else None)
    return Identity(body_hash, key_of(strategy, KeyKind.ID, alert_id))


def _alert_id(value: object) -> str | None:
    if value is None or value == "":
        return None
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, str):
        refuse_placeholder("alert_id", value)
    if not isinstance(written, str) or len(written) > ALERT_ID_CHARS_MAX or not written.isprintable():
        raise PayloadError(
            f'"alert_id" must be text of at most {ALERT_ID_CHARS_MAX} printable characters, or a whole number, but it is'
            f' {shown(value)}. Write for instance "alert_id": "{{{{ticker}}}}-{{{{timenow}}}}", or leave the field out.'
        )
    return written
