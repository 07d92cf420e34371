"""Who makes progress says so."""

from collections.abc import Callable
from typing import Protocol

Beat = Callable[[], None]
"""Says that a component has gone round once more."""

IDLE_S = 10.0
"""So long a component waits for work before it beats and waits on."""
ASKS_IB_S = 300.0
"""The time of a component that asks IB: some questions, ten seconds each, behind those of two others."""


class Pulse(Protocol):
    """Who makes progress says so. A component that runs as long as the bot beats once a round, whether there was work or not.

    To wait for what is outside is progress, for no restart heals IB, Telegram, database or queue; each such wait has a time-out
    of its own, and `within_s` is longer than all that one round may wait for. What stands still longer is a deadlock, or a
    task that has ended unseen.
    """

    def of(self, component: str, within_s: float = 120.0) -> Beat:
        """From now on this component beats, never further apart than that."""

    def end(self, component: str) -> None:
        """It has ended, as it should."""
