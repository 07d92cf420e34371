"""A wall clock of the test's own for whole processes: libfaketime, preloaded.

Rules: a process that starts with this environment starts at that very instant and runs on from it; monotonic time stays real, so
that only the calendar moves. Nothing is skipped when the library cannot be had: the test fails and says what to do.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def starting_at(now: datetime) -> dict[str, str]:
    """The environment of a process for which it is `now` when it starts."""
    return _env(_library(), now)


def _env(library: str, now: datetime) -> dict[str, str]:
    at = f"@{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return {"TZ": "UTC", "LD_PRELOAD": library, "FAKETIME": at, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


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
