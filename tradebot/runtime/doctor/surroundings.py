"""What the doctor is asked to look at, and the machine that it looks at."""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tradebot.config import Settings

GB = 1_000_000_000


Parts = Mapping[str, Mapping[str, object]]
"""What a running daemon tells of itself at /health."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the configuration and where it came from, and what the command line asks for besides."""

    settings: Settings
    health: Callable[[], Awaitable[Parts | None]]  # None: no daemon answers
    file: Path | None  # the configuration file that was read
    env: Mapping[str, str] = field(repr=False)
    ticker: str = "AAPL"
    public: str | None = None  # the webhook's address outside
    live: bool = False
    patience: float = 1.0  # all deadlines are as many times as long

    def within(self, seconds: float) -> float:
        """A deadline."""
        return seconds * self.patience


@dataclass(frozen=True, slots=True)
class Machine:
    """What no test can break at the machine itself."""

    folder: Path = Path()  # the working directory, which relative paths begin at
    system_backups: Path = Path("/var/backups/tradebot")
    free_bytes: Callable[[Path], int] = lambda place: shutil.disk_usage(place).free
    mounts: Callable[[], str] = lambda: Path("/proc/self/mountinfo").read_text("utf-8", "replace")
    zone: Callable[[str], object] = ZoneInfo
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def place(self, path: Path | str) -> Path:
        """Where a path of the configuration leads."""
        return self.folder / path


def there(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def size(number_of_bytes: int) -> str:
    """`12.3 GB`, `340 MB`."""
    if number_of_bytes >= GB:
        return f"{number_of_bytes / GB:.1f} GB"
    return f"{number_of_bytes / 1_000_000:.0f} MB"
