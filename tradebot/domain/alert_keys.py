"""The keys by which an alert is recognised when it comes again. Pure.

Rules:
- "KIND:NAME": KIND says whose the name is, so that a sender's own id never meets a hash, a button or a test.
- The same message to two strategies is two alerts: keys of other strategies than `main` are "KIND@STRATEGY:NAME". Those of `main`
  are what they were before there were strategies: its old rows recognise what comes again.
"""

from datetime import datetime
from enum import StrEnum

from tradebot.domain.strategies import MAIN


class KeyKind(StrEnum):
    """What comes first in a key."""

    ID = "id"  # the sender's `alert_id`
    HASH = "sha256"  # of the message; with the moment, where two alike may be two alerts
    OWN = "own"  # the bot's own alerts: the operation's key
    REJECTED = (
        "rejected"  # with reason and moment: when the template is corrected, its alert_id must not be taken already
    )
    TEST = "test"  # with the moment: a test takes no other alert's key


def key_of(strategy: str, kind: KeyKind, name: str) -> str:
    """The key as it is stored."""
    return f"{kind}:{name}" if strategy == MAIN else f"{kind}@{strategy}:{name}"


def momentary(strategy: str, kind: KeyKind, payload_hash: str, now: datetime) -> str:
    """The key of a message that is another alert at another moment."""
    return key_of(strategy, kind, f"{payload_hash}@{now.isoformat()}")


def kind_and_name(key: str) -> tuple[str, str]:
    """(the KeyKind; what the sender or the operation called it)."""
    scope, _, name = key.partition(":")
    return scope.partition("@")[0], name
