"""The whole sweep: `python -m tests.crash [-k TEXT] [--loads N] [--jobs N]`. Prints a table; ends with 1 after a violation."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.conftest import fresh_database
from tests.crash.cases import Case, every_case
from tests.crash.sweep import PASSWORD, Servers, run_case
from tests.servers import PostgresServer, RedisServer

CASE_DEADLINE_S = 180


CONSOLE = Console(width=200)


def say(line: str) -> None:
    CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("-k", default="", metavar="TEXT", help="only the cases whose name contains this")
    parser.add_argument("--loads", type=int, default=10, help="kills at random times under load, on each database")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once")
    return parser.parse_args()


async def main() -> int:
    given, began = _arguments(), time.monotonic()
    cases = [case for case in every_case(given.loads) if given.k in str(case)]
    home = Path(tempfile.mkdtemp(prefix="tradebot-crash-"))
    postgres, redis = PostgresServer(), RedisServer()
    results: dict[Case, str] = {}
    try:
        await postgres.start()
        await redis.start()
        waiting = iter(enumerate(cases, 1))
        await asyncio.gather(*(_worker(n, waiting, home, postgres, redis, results) for n in range(given.jobs)))
    finally:
        postgres.close()
        redis.close()
    bad = [case for case, result in results.items() if result.startswith("VIOLATION")]
    _print(results, time.monotonic() - began)
    if bad:
        say(f"what happened in these is kept in {home}")
    else:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if bad or not results else 0


async def _worker(
    worker: int,
    waiting: Iterator[tuple[int, Case]],
    home: Path,
    postgres: PostgresServer,
    redis: RedisServer,
    results: dict[Case, str],
) -> None:
    for number, case in waiting:
        folder, began = home / f"{number:04}", time.monotonic()
        folder.mkdir(exist_ok=True)
        try:
            async with asyncio.timeout(CASE_DEADLINE_S), asynccontextmanager(fresh_database)(postgres.url) as url:
                with_password = url.replace("postgres@", f"postgres:{PASSWORD}@")
                servers = Servers(with_password, redis.url.removesuffix("/0") + f"/{worker}")
                results[case] = await run_case(case, folder, servers)
        except (AssertionError, TimeoutError, OSError) as error:
            results[case] = f"VIOLATION: {error or type(error).__name__}"
            (folder / "violation").write_text(f"{case}\n{error}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        took_s = time.monotonic() - began
        say(f"{number:4} {took_s:5.1f} s  {case}: {results[case][:400]}")


def _print(results: dict[Case, str], took_s: float) -> None:
    table = Table(title="killed at every point: what became of the alert")
    for title in ("what went on", "killed", "the gateway", "cases", "ended as", "violations"):
        table.add_column(title)
    rows: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for case, result in results.items():
        rows[*case.row, case.gateway].append(result)
    for row, found in rows.items():
        good = Counter(result for result in found if not result.startswith("VIOLATION"))
        ended = " · ".join(f"{count} {status}" for status, count in good.items())
        table.add_row(*row, str(len(found)), ended, str(len(found) - good.total() or "ok"))
    CONSOLE.print(table)
    bad = sum(result.startswith("VIOLATION") for result in results.values())
    say(f"{len(results)} cases, {bad} violations, {took_s / 60:.1f} minutes")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no server is left behind
    sys.exit(asyncio.run(main()))
