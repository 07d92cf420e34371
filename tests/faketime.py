"""A wall clock of the test's own for whole processes: libfaketime, preloaded.

Rules: a process has the clock of its environment, either from its start on (`starting_at`) or as far off the real one as a file
says at any moment (`kept_in`, `set_ahead`). Monotonic time stays real, as it does when somebody sets a machine's clock.
Nothing is skipped when the library cannot be had: the test fails and says what to do.
"""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_CACHE_S = 1  # reading the file at every look at the clock is no way: two threads at once would garble it


def starting_at(now: datetime) -> dict[str, str]:
    """The environment of a process for which it is `now` when it starts."""
    return _env(_library(), now)


def kept_in(file: Path) -> dict[str, str]:
    """The environment of a process whose clock `set_ahead` sets at any time; until then it is right."""
    return _preloaded(_library()) | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_CACHE_DURATION": str(_CACHE_S)}


async def set_ahead(file: Path, ahead: timedelta) -> None:
    """Sets the clock of the processes that keep it in this file, and returns when they have it; negative: behind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{ahead.total_seconds():+f}")
    os.replace(fresh, file)
    await asyncio.sleep(_CACHE_S + 1.1)  # it counts in whole seconds


def clear_up(pid: int) -> None:
    """What the library shared with the children of a process; who is killed leaves it behind, for the next with its pid."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        Path("/dev/shm", name).unlink(missing_ok=True)


def _env(library: str, now: datetime) -> dict[str, str]:
    return _preloaded(library) | {"FAKETIME": f"@{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"}


def _preloaded(library: str) -> dict[str, str]:
    return {"TZ": "UTC", "LD_PRELOAD": library, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


@cache
def _library() -> str:
    """The library of the libfaketime wheel, else that of Debian's package faketime: the first that works here."""
    spec = find_spec("libfaketime")
    package = [] if spec is None or spec.origin is None else [Path(spec.origin).parent]
    candidates = [root / "vendor/libfaketime/src/libfaketime.so.1" for root in package]
    candidates += Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    for candidate in candidates:
        env = os.environ | _env(str(candidate), datetime(2001, 1, 1, tzinfo=UTC))
        year = [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"]
        asked = subprocess.run(year, env=env, capture_output=True, text=True, check=False)
        if asked.stdout.strip() == "2001":
            return str(candidate)
    raise AssertionError(
        "no libfaketime for the tests: install the development requirements (`make test` does; they bring it for Linux on "
        "x86-64), or Debian's and Ubuntu's package faketime"
    )
