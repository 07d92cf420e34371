"""A message in two parts: the line that a lock screen shows, and what it leaves out. Pure.

Rules: the first line says what happened, with its figures; below it nothing of that is said again. A first line that is too wide
goes on below, from its last comma, colon or percentage in brackets that leaves it narrow enough.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradebot.domain.events import Event, NewEvent

WIDTH = 40
"""Characters that a phone shows in a line."""
_PARTING = re.compile(r"[,:] | \((?=[−+]?[0-9.]+ %\))")


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says."""

    first: str
    below: str = ""

    @property
    def fitted(self) -> "Said":
        """With a first line that is not too wide, where it can be parted."""
        if len(self.first) <= WIDTH:
            return self
        partings = list(_PARTING.finditer(self.first))
        if not partings:
            return self
        at = next((one for one in reversed(partings) if one.start() <= WIDTH), partings[0])
        first, rest = self.first[: at.start()], self.first[at.end() :]
        if at.group().endswith("("):
            rest = rest.replace(")", "", 1)
        return Said(first, "\n".join(filter(None, [f"{rest[0].upper()}{rest[1:]}", self.below])))


Says = Callable[[Any, Event | NewEvent], Said]
