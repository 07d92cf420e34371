"""Tries every case of a table, some at once, each in a folder and on a database of its own; what a violation leaves is kept."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from rich.console import Console

from tests.conftest import fresh_database
from tests.midnight import seconds_until_the_day_lasts
from tests.servers import PostgresServer, RedisServer

Case = TypeVar("Case")
Result = TypeVar("Result")
CONSOLE = Console(width=200)


class Violation(str):
    """What was not as promised, instead of a result."""

    __slots__ = ()


@dataclass(frozen=True)
class Place:
    """Where one case happens."""

    folder: Path
    postgres_url: str  # an empty database
    redis_url: str


def arguments(program: str, description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("-k", default="", metavar="TEXT", help="only what has this in its name")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    return parser


@dataclass
class Trial(Generic[Case, Result]):
    cases: Sequence[Case]
    try_one: Callable[[Case, Place], Awaitable[Result]]
    """Raises AssertionError for whatever is not as promised."""
    show: Callable[[Mapping[Case, Result | Violation]], None]
    deadline_s: float

    async def run(self, jobs: int) -> int:
        """Prints each as it ends, and the table; the exit code."""
        began = time.monotonic()
        home = Path(tempfile.mkdtemp(prefix="tradebot-trial-"))
        postgres, redis = PostgresServer(), RedisServer()
        results: dict[Case, Result | Violation] = {}
        try:
            await postgres.start()
            await redis.start()
            waiting = iter(enumerate(self.cases, 1))
            redis_urls = (redis.url.removesuffix("/0") + f"/{number}" for number in range(jobs))
            await asyncio.gather(*(self._work(waiting, home, postgres.url, url, results) for url in redis_urls))
        finally:
            postgres.close()
            redis.close()
        self.show({case: results[case] for case in self.cases})
        bad = sum(isinstance(result, Violation) for result in results.values())
        say(f"{len(results)} tried, {bad} violations, {(time.monotonic() - began) / 60:.1f} minutes")
        if bad:
            say(f"what happened in these is kept in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
        return 1 if bad or not results else 0

    async def _work(
        self,
        waiting: Iterator[tuple[int, Case]],
        home: Path,
        postgres_url: str,
        redis_url: str,
        results: dict[Case, Result | Violation],
    ) -> None:
        for number, case in waiting:
            await asyncio.sleep(seconds_until_the_day_lasts(datetime.now(UTC)))
            folder, began = home / f"{number:04}", time.monotonic()
            folder.mkdir()
            try:
                async with (
                    asyncio.timeout(self.deadline_s),
                    asynccontextmanager(fresh_database)(postgres_url) as database_url,
                ):
                    results[case] = await self.try_one(case, Place(folder, database_url, redis_url))
            except (AssertionError, TimeoutError, OSError) as error:
                results[case] = Violation(str(error) or type(error).__name__)
                (folder / "violation").write_text(f"{case}\n{results[case]}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
            bad = "VIOLATION: " if isinstance(results[case], Violation) else ""
            say(f"{number:4} {time.monotonic() - began:5.1f} s  {case}: {bad}{str(results[case])[:500]}")


def say(line: str) -> None:
    CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)


def run(trial: Trial[Case, Result], jobs: int) -> None:
    """As the program that this is; ends it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no server is left behind
    sys.exit(asyncio.run(trial.run(jobs)))
