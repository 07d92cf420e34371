"""Backups on both databases: whole, beside who writes, kept by number, and never half a file."""

import asyncio
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.adapters.database.samples import an_alert
from tests.backup.conftest import NOW, books, bought, waits
from tests.cli.conftest import Type
from tests.system.harness import ROOT
from tradebot.database import backups, migrate, open_ledger, postgres_dumps, sqlite_files
from tradebot.domain.alerts import AlertStatus
from tradebot.errors import BackupError, MigrationError


async def test_a_backup_tells_what_is_in_it(url: str, tmp_path: Path) -> None:
    """The owner would keep a file of which nobody knows what it holds, or that others can read."""
    async with books(url) as open_books:
        await bought(open_books, "AAPL", 10, NOW - timedelta(hours=3))
        await waits(open_books, NOW - timedelta(hours=2))
        await open_books.put_setting("account", "DU1234567", "bot", NOW)
    made = await backups.make(url, tmp_path / "backups", NOW)
    assert made.path.name == f"tradebot-20261120T223000Z-0010.{'db' if url.startswith('sqlite') else 'dump'}"
    assert list((tmp_path / "backups").iterdir()) == [made.path]
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    inside = made.contents
    assert (inside.alerts.count, inside.trades.count, inside.executions.count) == (2, 1, 1)
    assert inside.alerts.newest is not None
    assert (inside.step, inside.account, inside.held) == ("0010", "DU1234567", {"AAPL": 10})
    assert len(inside.waiting) == 2


async def test_the_newest_are_kept_and_nothing_else_is_touched(url: str, tmp_path: Path) -> None:
    """The disk would fill up, or a file that is none of the bot's backups would be deleted."""
    await migrate.up(url)
    others = [
        "notes.txt",
        "replaced-tradebot-20200101T000000Z-0004.dump",
        "tradebot-2020.db",
        "tradebot-20200101T000000Z-0004.db.gz",
    ]
    for name in others:
        (tmp_path / name).write_text("mine")
    made = [await backups.make(url, tmp_path, NOW + timedelta(days=day), keep=2) for day in range(3)]
    same_second = await backups.make(url, tmp_path, NOW + timedelta(days=2), keep=2)
    assert [one.pruned for one in made] == [[], [], [made[0].path]]
    assert same_second.pruned == [made[1].path]
    assert made[2].path.exists()
    clock_set_back = await backups.make(url, tmp_path, NOW - timedelta(days=9), keep=1)
    assert clock_set_back.path.exists()
    assert clock_set_back.pruned == [made[2].path, same_second.path]
    assert all((tmp_path / name).read_text() == "mine" for name in others)


async def test_a_writer_goes_on_while_it_is_copied(tmp_path: Path) -> None:
    """The daemon could not store an alert while a backup is made, or a busy daemon's backup would never end."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    async with books(url) as open_books:
        for _ in range(20):
            await open_books.insert_alert(an_alert(raw_body=os.urandom(1_000_000)))
    meanwhile = 0
    async with open_ledger(url) as ledger:
        while not meanwhile:  # a quick disk may be done before a first write
            copying = asyncio.create_task(asyncio.to_thread(_copied, tmp_path))
            while not copying.done():
                async with ledger.begin() as open_books:
                    assert await open_books.insert_alert(an_alert()) is not None
                meanwhile += not copying.done()
            alerts = await copying
            async with ledger.read() as open_books:
                now = len(await open_books.alerts((AlertStatus.RECEIVED,)))
    assert 20 <= alerts <= now


def _copied(folder: Path) -> int:
    target = folder / "copy.db"
    target.write_bytes(b"")
    sqlite_files.copy(folder / "tradebot.db", target)
    return sqlite_files.contents(target).alerts.count


async def test_no_room_leaves_the_old_ones_and_no_half_file(url: str, tmp_path: Path) -> None:
    """A full disk would end with half a backup under a good name, or with the old ones pruned for nothing."""
    await migrate.up(url)
    folder = tmp_path / "backups"
    old = await backups.make(url, folder, NOW)
    room = 40_000 if url.startswith("sqlite") else 4_000  # bytes that a file may have
    limited = (
        f"import resource, signal, sys; from tradebot.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room})); sys.argv[0] = 'tradebot'; main()"
    )
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-B", "-c", limited, "backup", str(folder), "--keep", "1"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TRADEBOT_DATABASE__URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False), ran.stderr
    assert re.search(r"the copy could not be written: .*is the disk full|pg_dump \d+: ", ran.stderr), ran.stderr
    assert list(folder.iterdir()) == [old.path]


async def test_a_disk_that_is_seen_to_be_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner would be told of an error of SQLite's, and not to make room."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    await migrate.up(url)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("", (), {"free": 1_000_000}))
    with pytest.raises(BackupError, match=r"its disk is full: a backup needs some .* MB, and 1\.0 MB are free"):
        await backups.make(url, tmp_path / "backups", NOW)
    assert not list((tmp_path / "backups").iterdir())


async def test_what_a_killed_backup_left_is_taken_away(tmp_path: Path) -> None:
    """Half files would pile up until the disk is full; or one that another process is writing would be taken away."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    await migrate.up(url)
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    left = tmp_path / f"tradebot-{ended.pid}.unfinished"
    under_way = tmp_path / "tradebot-1.unfinished"
    for file in (left, under_way):
        file.write_bytes(b"half")
    await backups.make(url, tmp_path, NOW)
    assert (left.exists(), under_way.exists()) == (False, True)


async def test_a_database_of_a_newer_program_is_refused(url: str, tmp_path: Path) -> None:
    """A program that does not know all tables would leave some out of the backup and say that it is whole."""
    async with books(url):
        pass
    async with migrate.open_driver(url, 5) as driver, driver.transaction() as transaction:
        await transaction.rows("INSERT INTO schema_migration VALUES ('0999_later', 'x', :now)", now=datetime.now(UTC))
    with pytest.raises(MigrationError, match="newer than the program"):
        await backups.make(url, tmp_path / "backups", NOW)
    assert not list((tmp_path / "backups").iterdir())


async def test_a_password_is_on_no_command_line(
    postgres_url: str, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every user of the machine could read the database's password in the list of processes."""
    spy = tmp_path / "spy"
    spy.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (spy / name).write_text(
            f'#!/bin/sh\necho {name} "$@" >> {spy}/lines\necho "$PGPASSWORD" >> {spy}/passwords\nexec {programs}/{name} "$@"\n'
        )
        (spy / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy}{os.pathsep}{os.environ['PATH']}")
    url = postgres_url.replace("postgres@", "postgres:s3cret%40pg@")
    await migrate.up(url)
    await backups.make(url, tmp_path / "backups", NOW)
    assert "pg_dump --format=custom" in (spy / "lines").read_text()
    assert "s3cret" not in (spy / "lines").read_text()
    assert "s3cret@pg" in (spy / "passwords").read_text().splitlines()


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("postgresql://tb:a%3Ab@h:5433/books", "postgresql://tb@h:5433/books", "a:b"),
        ("postgres://tb@h/books?password=x%26y&sslmode=require", "postgres://tb@h/books?sslmode=require", "x&y"),
        ("postgresql:///books?host=/run/postgresql", "postgresql:///books?host=%2Frun%2Fpostgresql", None),
        ("postgresql://tb:p@h1:1,h2:2/books", "postgresql://tb@h1:1,h2:2/books", "p"),
    ],
)
def test_a_url_is_parted_from_its_password(
    url: str, shown: str, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's programs would reach another server than the bot, or be refused."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert postgres_dumps.without_password(url) == shown
    assert postgres_dumps.environment(url).get("PGPASSWORD") == password


def test_what_to_install_is_told(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner would not know which package brings a fitting pg_dump."""
    with pytest.raises(BackupError, match=r"PostgreSQL 99, and the newest pg_dump here is \d+ .*postgresql-client-99"):
        postgres_dumps.Tools.fitting(99)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_dumps, "DEBIAN", tmp_path)
    with pytest.raises(BackupError, match=r"no pg_dump .* on this machine: apt install postgresql-client-16 "):
        postgres_dumps.Tools.fitting(16)


async def test_the_command_says_it_all(typed: Type, tmp_path: Path) -> None:
    """The owner would not see where the backup is, what is in it, or what it has taken away; or it would land elsewhere."""
    url = f"sqlite:///{tmp_path}/data/tradebot.db"
    async with books(url) as open_books:
        await bought(open_books)
    first = await asyncio.to_thread(typed, "backup", "kept", "--keep", "1")
    assert first.code == 0, first.all
    assert "1 alert (newest 2026-07-01 12:00:00 UTC), 1 order (newest 2026-11-20 19:30:00 UTC), 1 lot," in first.out
    assert "tables of step 0010" in first.out
    second = await asyncio.to_thread(typed, "backup", "kept", "--keep", "1")
    assert "Taken away, older: tradebot-" in second.out
    (left,) = (tmp_path / "kept").iterdir()
    assert str(left.name) in second.out
    blocked = tmp_path / "file"
    blocked.write_text("")
    refused = await asyncio.to_thread(typed, "backup", str(blocked))
    assert (refused.code, f"{blocked} is a file: a backup needs a folder" in refused.err) == (1, True), refused.all
    refused = await asyncio.to_thread(typed, "backup", str(blocked / "below"))
    assert (refused.code, "look at its owner, its mode and its space" in refused.err) == (1, True), refused.all


def test_without_a_database_nothing_is_made(typed: Type, tmp_path: Path) -> None:
    """A backup from the wrong folder would be one of an empty database."""
    ran = typed("backup")
    assert (ran.code, "there is no database" in ran.err) == (3, True), ran.all
    assert not (tmp_path / "data").exists()
