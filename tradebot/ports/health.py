"""How the bot is, as its parts and its log say it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tradebot.domain.log_lines import LogLine


class HealthPart(Protocol):
    """Something that can fail on its own, and says itself how it is."""

    async def health(self) -> Mapping[str, object]:
        """Values of JSON, and `ok`: whether the bot can rely on it. Raises nothing; never holds a secret."""


class LogTail(Protocol):
    """The end of the program's own log, of which secrets are cut out already."""

    async def newest(self, number: int, level: str) -> Sequence[LogLine]:
        """Lines of this level and above, the oldest of them first; none where the log cannot be read."""
