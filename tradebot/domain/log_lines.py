"""A line of the program's own log, as it is read back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log. `level` is empty and `at` None for one that cannot be read: `message` is then all of it."""

    at: datetime | None
    level: str
    message: str
    where: str = ""
    context: Mapping[str, object] | None = None
    exception: str = ""

    @property
    def is_broken(self) -> bool:
        return self.at is None
