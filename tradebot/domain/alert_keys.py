"""The keys and hashes by which an alert is recognised when it comes again. Pure.

Rules:
- "KIND:NAME": KIND says whose the name is, so that a sender's own id never meets a hash, a button or a test.
- The same message to two strategies is two alerts: keys of other strategies than `main` begin with "STRATEGY/", and their
  hashes are of the strategy too. Those of `main` are what they were before there were strategies: old rows recognise replays.
"""

import hashlib
import re
from datetime import datetime
from enum import StrEnum

from tradebot.domain.strategies import MAIN

_SCOPE = re.compile("[a-z][a-z0-9_-]*/")


class KeyKind(StrEnum):
    """What comes before the colon."""

    ID = "id"  # the sender's `alert_id`
    HASH = "sha256"  # of the message; with the moment, where two alike may be two alerts
    OWN = "own"  # the bot's own alerts: the operation's key
    REJECTED = "rejected"  # with the moment: when the template is corrected, its alert_id must not be taken already
    TEST = "test"  # with the moment: a test takes no other alert's key


def scoped_key(strategy: str, key: str) -> str:
    """The key as it is stored."""
    return key if strategy == MAIN else f"{strategy}/{key}"


def scoped_hash(strategy: str, payload_hash: str) -> str:
    """The hash (hex) as it is stored."""
    return payload_hash if strategy == MAIN else hashlib.sha256(f"{strategy}/{payload_hash}".encode()).hexdigest()


def momentary(kind: KeyKind, payload_hash: str, now: datetime) -> str:
    """The key of a message that is another alert at another moment."""
    return f"{kind}:{payload_hash}@{now.isoformat()}"


def kind_and_name(stored_key: str) -> tuple[str, str]:
    """(the KeyKind; what the sender or the operation called it) of a stored key."""
    scope = _SCOPE.match(stored_key)
    kind, _, name = (stored_key[scope.end() :] if scope else stored_key).partition(":")
    return kind, name
