"""What a channel is: how events become one message, and how that message leaves. The rest is the outbox's, the same for all."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from tradebot.domain.events import Event, Severity
from tradebot.ports import Beat


class Message(Protocol):
    """One message, about these events."""

    @property
    def events(self) -> Sequence[Event]: ...


Lanes = Sequence[Collection[Severity]]
CRITICALS_FIRST: Lanes = ((Severity.CRITICAL,), (Severity.WARNING, Severity.INFO))
M = TypeVar("M", bound=Message)


class Channel(Protocol[M]):
    """Where events are delivered."""

    name: str
    lanes: Lanes
    """What goes before what; each lane keeps the order of its events."""
    pace_s: float
    """So long at least from one message to the next; what happens meanwhile goes into one. Criticals do not wait for it."""
    keeps_all: bool
    """Whether nothing is ever given up here, however long it waits: so where nobody else would tell it."""

    def fold(self, events: Sequence[Event], now: datetime) -> M:
        """As many of these as one message holds, at least the first, in their order. Pure; there is one at least."""

    async def send(self, message: M, beat: Beat) -> None:
        """Returns when the other side has taken it. Raises NotDelivered."""

    async def check(self) -> str:
        """Asks the other side whether it would take a message, and sends none. Says what was found. Raises NotDelivered."""

    async def close(self) -> None:
        """What was opened on the way is closed."""


class NotDelivered(Exception):
    """`why`: one line without a secret. `retry_after_s`: what the other side asked for. `is_refused`: the other side has
    understood, and does not want it; the same again would be refused again."""

    def __init__(self, why: str, *, retry_after_s: float | None = None, is_refused: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s
        self.is_refused = is_refused
