"""A restore of a SQLite file that dies at its n-th step on the disk, for every n: `python -m tests.backup.killed FOLDER`.

Each time one process is killed by SIGKILL just before the n-th file operation or SQLite opening, and what it left is looked at:
the database there is the old one or the new one, whole, and opens with all it had. Prints what was there after each kill.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tradebot.database import migrate, restore

STEPS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "sqlite3.connect", "os.chmod", "shutil.copyfile")
NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)


def main(folder: Path) -> None:
    """`folder` has `old.db` with its write-ahead log, and `backup.db`."""
    n = 0
    while True:
        n += 1
        here = folder / f"run {n}"
        here.mkdir()
        for name in ("tradebot.db", "tradebot.db-wal"):
            shutil.copyfile(folder / name.replace("tradebot", "old"), here / name)
        child = os.fork()
        if child == 0:
            _restore(here, folder / "backup.db", n)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        assert killed or status == 0, status
        print("killed" if killed else "done", _content(here / "tradebot.db"), flush=True)  # noqa: T201
        asyncio.run(migrate.up(f"sqlite:///{here}/tradebot.db"))  # a daemon's start
        shutil.rmtree(here)
        if not killed:
            return


def _restore(here: Path, backup: Path, die_at: int) -> None:
    os.chdir(here)
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        about = any(str(here) in str(one) or "tradebot" in str(one) for one in arguments)
        if event in STEPS and about and not str(arguments[0]).endswith((".py", ".pyc", ".sql")):
            seen += 1
            if seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    async def work() -> None:
        url = f"sqlite:///{here}/tradebot.db"
        plan = await restore.plan(url, backup)
        sys.addaudithook(count)
        await restore.carry_out(url, plan, here, NOW)

    asyncio.run(work())
    os._exit(0)


def _content(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return ",".join(row[0] for row in connection.execute("SELECT ticker FROM trade ORDER BY id"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
