"""Every fault in turn: `python -m tests.faults [-k TEXT] [--jobs N]`. Prints a table; ends with 1 after a violation."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.conftest import fresh_database
from tests.faults.cases import Fault, every_fault
from tests.faults.drill import Outcome, drill, folder_for
from tests.faults.stage import staged
from tests.servers import PostgresServer, RedisServer

DRILL_DEADLINE_S = 240


CONSOLE = Console(width=200)


def say(line: str) -> None:
    CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("-k", default="", metavar="TEXT", help="only the faults whose name contains this")
    parser.add_argument("--jobs", type=int, default=2, help="faults at once")
    return parser.parse_args()


async def main() -> int:
    given, began = _arguments(), time.monotonic()
    faults = [fault for fault in every_fault() if given.k in str(fault)]
    home = Path(tempfile.mkdtemp(prefix="tradebot-faults-"))
    postgres, redis = PostgresServer(), RedisServer()
    results: dict[Fault, Outcome | str] = {}
    try:
        await postgres.start()
        await redis.start()
        waiting = iter(faults)
        await asyncio.gather(*(_worker(n, waiting, home, postgres, redis, results) for n in range(given.jobs)))
    finally:
        postgres.close()
        redis.close()
    bad = [fault for fault, result in results.items() if isinstance(result, str)]
    _print({fault: results[fault] for fault in faults}, time.monotonic() - began)
    if bad:
        say(f"what happened in these is kept in {home}")
    else:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if bad or not results else 0


async def _worker(
    worker: int,
    waiting: Iterator[Fault],
    home: Path,
    postgres: PostgresServer,
    redis: RedisServer,
    results: dict[Fault, Outcome | str],
) -> None:
    for fault in waiting:
        folder, began = folder_for(home, fault), time.monotonic()
        redis_url = redis.url.removesuffix("/0") + f"/{worker}"
        try:
            async with (
                asyncio.timeout(DRILL_DEADLINE_S),
                asynccontextmanager(fresh_database)(postgres.url) as url,
                staged(fault, folder, url, redis_url) as all_,
            ):
                results[fault] = await drill(fault, all_)
        except (AssertionError, TimeoutError, OSError) as error:
            results[fault] = f"VIOLATION: {error or type(error).__name__}"
            (folder / "violation").write_text(f"{fault}\n{error}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        say(f"{time.monotonic() - began:5.1f} s  {fault}: {str(results[fault])[:500]}")


def _print(results: dict[Fault, Outcome | str], took_s: float) -> None:
    table = Table(title="what breaks, and what came of it")
    for title in ("part", "fault", "answers meanwhile", "slowest", "all done after", "restarts", "alerts ended as"):
        table.add_column(title)
    for fault, result in results.items():
        if isinstance(result, str):
            table.add_row(fault.part, fault.name, "VIOLATION", "", "", "", result[:120])
            continue
        done = "needs a person" if result.done_s is None else f"{result.done_s:.1f} s"
        answers = " ".join(result.answers)
        table.add_row(
            fault.part, fault.name, answers, f"{result.slowest_s:.2f} s", done, str(result.restarts), result.ended
        )
    CONSOLE.print(table)
    bad = sum(isinstance(result, str) for result in results.values())
    say(f"{len(results)} faults, {bad} violations, {took_s / 60:.1f} minutes")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no server is left behind
    sys.exit(asyncio.run(main()))
