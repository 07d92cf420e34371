"""The instance that trades: the name that the holder of the lock leaves in `bot_settings`, and its epoch. Pure.

Rules: the name tells who took the lock last; whether it still holds it, only the lock itself knows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

INSTANCE_KEY = "instance"
EPOCH_KEY = "epoch"


@dataclass(frozen=True, slots=True)
class Instance:
    """Who took the lock. `since` is text for people, in UTC; `epoch` counts the holders of this database."""

    host: str
    pid: int
    since: str
    epoch: int

    def __str__(self) -> str:
        return f"host {self.host}, process {self.pid}, since {self.since}"


def instance_in(settings: Mapping[str, str]) -> Instance | None:
    """None when no name is stored, or none that can be read."""
    try:
        stored = json.loads(settings.get(INSTANCE_KEY, ""))
        return Instance(stored["host"], int(stored["pid"]), stored["since"], int(settings.get(EPOCH_KEY, "0")))
    except (ValueError, TypeError, KeyError):
        return None
