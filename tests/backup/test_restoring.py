"""A backup put in the place of the database, on both: checked before anything is touched, and whole at every moment."""

import asyncio
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.adapters.database.samples import NOON, a_trade
from tests.backup.conftest import NOW, books, bought, waits
from tests.cli.conftest import Type
from tests.cli.shell import DEADLINE_S
from tests.servers import until
from tests.system.harness import ROOT
from tradebot.database import backups, migrate, open_instance_lock, open_ledger, restore
from tradebot.database.address import PostgresAddress, parse
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.settings import STATE_KEY, TradingState, state_in
from tradebot.domain.trades import TradeStatus
from tradebot.errors import BackupError, LedgerUnavailable, LockHeld, MigrationError


async def held(url: str) -> dict[str, Decimal]:
    """Open shares by ticker, as the books have them now."""
    async with open_ledger(url) as ledger, ledger.read() as now:
        return {lot.ticker: lot.qty for lot in await now.lots()}


async def restored(url: str, file: Path, folder: Path) -> restore.Done:
    return await restore.carry_out(url, await restore.plan(url, file), folder, NOW)


async def test_the_books_are_the_backup_s_and_the_old_ones_are_kept(url: str, tmp_path: Path) -> None:
    """The restored bot would trade on other books than the backup's, or a restore by mistake could not be taken back."""
    async with books(url) as open_books:
        await bought(open_books, "AAPL", 10)
        await open_books.put_setting("account", "DU1234567", "bot", NOW)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    async with books(url) as open_books:
        await bought(open_books, "MSFT", 5)
    done = await restored(url, backup.path, tmp_path / "backups")
    assert await held(url) == {"AAPL": 10}
    assert done.kept is not None
    async with books(url) as open_books:
        assert (await open_books.settings())["account"] == "DU1234567"
        assert await bought(open_books, "KO", 3) == 2, "ids go on where the backup ends"
    again = await restored(url, done.kept, tmp_path / "backups")
    assert await held(url) == {"AAPL": 10, "MSFT": 5}
    assert again.kept is not None
    assert again.kept != done.kept
    assert done.kept.exists()


async def test_what_stands_still_and_what_was_done_stays_so(url: str, tmp_path: Path) -> None:
    """A backup would lift the kill switch, send again what was executed since, or give a bot that hangs its epoch back."""
    async with books(url) as open_books:
        done, still = await waits(open_books), await waits(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    async with books(url) as open_books:
        await open_books.move_alert(done, (AlertStatus.RECEIVED,), AlertStatus.EXPIRED, None)
        await open_books.put_setting(STATE_KEY, TradingState.KILLED, "owner", NOW)
        await open_books.put_setting("epoch", "7", "instance", NOW)
    plan = await restore.plan(url, backup.path)
    assert (plan.cleared, plan.state) == ([done], TradingState.KILLED)
    await restore.carry_out(url, plan, tmp_path / "backups", NOW)
    async with books(url) as open_books:
        settings = await open_books.settings()
        assert (state_in(settings), settings["epoch"]) == (TradingState.KILLED, "7")
        rows = [await open_books.alert(number) for number in (done, still)]
    assert [row.status for row in rows if row] == [AlertStatus.CLEARED, AlertStatus.RECEIVED]
    assert str(rows[0].reason if rows[0] else "") == "cleared (by=restore)"


async def test_an_exit_that_waits_for_its_rest_only_is_not_sold_whole_again(url: str, tmp_path: Path) -> None:
    """A SELL that waited in the backup, sold a part since and waits for its rest, would sell that part a second time."""
    async with books(url) as open_books:
        sells, untouched = await waits(open_books), await waits(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    async with books(url) as open_books:
        for alert, status, filled in ((sells, TradeStatus.PARTIAL, 6), (untouched, TradeStatus.FAILED, 0)):
            order = await open_books.trade(
                await a_trade(open_books, alert_id=alert, order_ref=f"tb-{alert}-1", side=Side.SELL, created_at=NOW)
            )
            assert order is not None
            await open_books.save_trade(replace(order, status=status, filled_qty=Decimal(filled), finished_at=NOW))
    assert (await restore.plan(url, backup.path)).cleared == [sells]


async def test_without_books_nothing_waits_and_nothing_is_bought(url: str, tmp_path: Path) -> None:
    """After a dead disk an old alert would be sent a second time, or BUYs leave before the owner has compared with TWS."""
    async with books(url) as open_books:
        waiting = await waits(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    if url.startswith("sqlite"):
        shutil.rmtree(tmp_path / "data")
    else:
        await migrate.down(url, 10)
    plan = await restore.plan(url, backup.path)
    assert (plan.present, plan.cleared, plan.state) == (None, [waiting], TradingState.PAUSED)
    done = await restore.carry_out(url, plan, tmp_path / "backups", NOW)
    assert done.kept is None
    async with books(url) as open_books:
        assert state_in(await open_books.settings()) is TradingState.PAUSED


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])


def damaged(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 9000] = b"\xff" * 9000
    file.write_bytes(whole)


def other(file: Path) -> None:
    file.write_bytes(b"id,ticker\n" * 100)


@pytest.mark.parametrize("spoil", [truncated, damaged, other, Path.unlink])
async def test_what_is_no_whole_backup_is_refused(url: str, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """The books would be replaced by half of them."""
    async with books(url) as open_books:
        await bought(open_books)
        for _ in range(50):
            await waits(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    spoil(backup.path)
    with pytest.raises(BackupError, match=r"is not a whole|is no backup of tradebot's|cannot be read"):
        await restore.plan(url, backup.path)
    assert await held(url) == {"AAPL": 10}


async def test_another_kind_of_database_is_refused(postgres_url: str, programs: Path, tmp_path: Path) -> None:
    """A restore would end somewhere in the middle of it."""
    sqlite = f"sqlite:///{tmp_path}/tradebot.db"
    for url, elsewhere in ((sqlite, postgres_url), (postgres_url, sqlite)):
        await migrate.up(url)
        file = (await backups.make(url, tmp_path / "backups", NOW)).path
        with pytest.raises(BackupError, match="another kind of database"):
            await restore.plan(elsewhere, file)


async def test_tables_that_cannot_be_kept_are_not_replaced(
    postgres_url: str, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trades and a kill that nobody can read at the moment would be dropped for good, and the bot would sell again."""
    async with books(postgres_url) as open_books:
        await bought(open_books)
    backup = await backups.make(postgres_url, tmp_path / "backups", NOW)
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute("BEGIN; LOCK TABLE execution")  # as VACUUM FULL has it, for minutes
        monkeypatch.setattr(migrate, "TIMEOUT_S", 0.5)
        with pytest.raises(BackupError, match="cannot be read, so they cannot be kept"):
            await restore.plan(postgres_url, backup.path)
    finally:
        await server.close()


async def test_never_while_a_daemon_has_it(url: str, tmp_path: Path) -> None:
    """A daemon would go on with books that are not there any more, and what it stored would be lost."""
    await migrate.up(url)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    async with open_instance_lock(url):
        with pytest.raises(LockHeld, match=f"process {os.getpid()}"):
            await restore.plan(url, backup.path)
    plan = await restore.plan(url, backup.path)
    async with open_instance_lock(url):  # started while the question was open
        with pytest.raises(LockHeld):
            await restore.carry_out(url, plan, tmp_path / "backups", NOW)
    with pytest.raises(BackupError, match="changed meanwhile"):  # by that daemon
        await restore.carry_out(url, plan, tmp_path / "backups", NOW)


async def test_the_tables_are_changed_by_who_has_the_lock(postgres_url: str, programs: Path, tmp_path: Path) -> None:
    """A daemon that started in the last moment would trade on tables that are being replaced."""
    async with books(postgres_url) as open_books:
        await bought(open_books)
    place = parse(postgres_url)
    assert isinstance(place, PostgresAddress)
    script = tmp_path / "script.sql"
    script.write_text("DROP TABLE event CASCADE;\n")
    tools = await backups.postgres_tools(place)
    async with open_instance_lock(postgres_url):
        with pytest.raises(BackupError, match="another instance trades with this database: stop it first"):
            await asyncio.to_thread(tools.bring_back, place, script)
    script.write_text("DROP TABLE event CASCADE;\nSELECT 1 / 0;\n")
    with pytest.raises(BackupError, match="division by zero"):
        await asyncio.to_thread(tools.bring_back, place, script)
    assert await held(postgres_url) == {"AAPL": 10}


async def test_a_kill_in_the_middle_is_not_lost(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tradebot kill`, typed while the old books are being kept, would be gone with them: the bot would start and sell."""
    async with books(url) as open_books:
        await bought(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    plan, changes = await restore.plan(url, backup.path), restore._what_changes

    def meanwhile(*given: Any) -> str:
        subprocess.run(
            [sys.executable, "-m", "tradebot", "kill"], cwd=tmp_path, check=False, capture_output=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TRADEBOT_DATABASE__URL": url},
        )  # fmt: skip
        return changes(*given)

    monkeypatch.setattr(restore, "_what_changes", meanwhile)
    with pytest.raises(BackupError, match="changed meanwhile"):
        await restore.carry_out(url, plan, tmp_path / "backups", NOW)
    async with books(url) as open_books:
        assert state_in(await open_books.settings()) is TradingState.KILLED


async def test_never_while_a_command_has_the_file_open(tmp_path: Path) -> None:
    """Two files would share one write-ahead log, and both be lost."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    async with books(url) as open_books:
        await bought(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    async with open_ledger(url) as ledger:
        await ledger.ping()
        with pytest.raises(LedgerUnavailable, match="another process holds it"):
            await restored(url, backup.path, tmp_path)
    await restored(url, backup.path, tmp_path)


async def test_older_tables_are_brought_up(url: str, tmp_path: Path) -> None:
    """A backup from before an update could not be used after it, which is when it is needed."""
    async with books(url) as open_books:
        await bought(open_books)
    await migrate.down(url, 8)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    assert backup.contents.step == "0002"
    async with books(url) as open_books:
        await bought(open_books, "MSFT", 5)
    missing = [
        "0003_corporate_actions",
        "0004_strategies",
        "0005_orders",
        "0006_history",
        "0007_channels",
        "0008_api",
        "0009_daily_bars",
        "0010_sectors",
    ]
    plan = await restore.plan(url, backup.path)
    assert plan.missing_steps == missing
    done = await restore.carry_out(url, plan, tmp_path / "backups", NOW)
    assert done.applied == missing
    assert await held(url) == {"AAPL": 10}


async def test_newer_tables_are_refused_by_name(url: str, tmp_path: Path) -> None:
    """An older program would read columns that mean something else by now; or the owner would not know which program to take."""
    await migrate.up(url)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    newer = tmp_path / "newer"
    shutil.copytree(Path(migrate.__file__).parents[2] / "migrations", newer)
    (newer / "0900_later.up.sql").write_text("CREATE TABLE later (id BIGINT);\n")
    (newer / "0900_later.down.sql").write_text("DROP TABLE later;\n")
    later = f"sqlite:///{tmp_path}/later.db" if url.startswith("sqlite") else url
    await migrate.up(later, folder=newer)
    file = tmp_path / "later.db"
    if not url.startswith("sqlite"):
        file = tmp_path / "later.dump"
        place = parse(url)
        assert isinstance(place, PostgresAddress)
        file.touch()
        (await backups.postgres_tools(place)).dump(place, [*migrate.tables(), "later"], file)
    with pytest.raises(MigrationError, match=r"newer than the program.*step 0900_later"):
        await restore.plan(url, file)
    assert backup.path.exists()


async def test_damaged_books_are_kept_with_what_is_left_of_them(tmp_path: Path) -> None:
    """The one case a backup is made for would not be helped, or the rests that somebody could save were thrown away."""
    url = f"sqlite:///{tmp_path}/tradebot.db"
    async with books(url) as open_books:
        await bought(open_books)
    backup = await backups.make(url, tmp_path / "backups", NOW)
    (tmp_path / "tradebot.db").write_bytes(b"not a database at all" * 500)
    (tmp_path / "tradebot.db-wal").write_bytes(b"newest")
    plan = await restore.plan(url, backup.path)
    assert (plan.present, "not a whole SQLite database" in (plan.why_unreadable or "")) == (None, True)
    done = await restore.carry_out(url, plan, tmp_path, NOW)
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"not a database")
    assert done.kept.with_name(f"{done.kept.name}-wal").read_bytes() == b"newest"
    assert await held(url) == {"AAPL": 10}


async def test_killed_anywhere_a_file_is_old_or_new(tmp_path: Path) -> None:
    """A power cut during a restore would leave no books, or half of them, and the daemon would begin with empty ones."""
    url = f"sqlite:///{tmp_path}/old.db"
    async with books(url) as open_books:
        await bought(open_books, "AAPL")
    backup = await backups.make(url, tmp_path / "backups", NOW)
    shutil.copyfile(backup.path, tmp_path / "backup.db")
    async with open_ledger(url) as ledger:
        async with ledger.begin() as open_books:
            await bought(open_books, "MSFT")
        for ending in ("", "-wal"):  # as a kill leaves them: the newest is in the log alone
            shutil.copyfile(tmp_path / f"old.db{ending}", tmp_path / f"left.db{ending}")
    for ending in ("", "-wal"):
        shutil.move(tmp_path / f"left.db{ending}", tmp_path / f"old.db{ending}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.backup.killed", str(tmp_path)), cwd=ROOT, stdout=subprocess.PIPE
    )
    printed, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    lines = printed.decode().splitlines()
    assert process.returncode == 0, lines
    old, new = "killed AAPL,MSFT", "killed AAPL,PAUSED"
    assert set(lines[:-1]) <= {old, new}
    assert lines[-1] == "done AAPL,PAUSED"
    assert lines.count(old) > 10
    assert lines == sorted(lines[:-1], key=[old, new].index) + lines[-1:], "from old to new once"


async def test_killed_in_the_middle_tables_are_the_old_ones(postgres_url: str, programs: Path, tmp_path: Path) -> None:
    """A kill between DROP and COPY would leave a server without books."""
    async with books(postgres_url) as open_books:
        await bought(open_books, "AAPL")
    backup = await backups.make(postgres_url, tmp_path / "backups", NOW)
    async with books(postgres_url) as open_books:
        await bought(open_books, "MSFT")
    reader, watcher = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    try:
        await reader.execute("BEGIN; LOCK TABLE event IN ACCESS SHARE MODE")  # psql comes to it after others, and waits
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradebot", "restore", str(backup.path), "--yes"), cwd=tmp_path, start_new_session=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TRADEBOT_DATABASE__URL": postgres_url},
        )  # fmt: skip
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass"

        async def in_the_middle() -> bool:
            return bool(await watcher.fetchval(waiting))

        await until(in_the_middle, "psql waits in the middle of its transaction")
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reader.execute("ROLLBACK")
    finally:
        await reader.close()
        await watcher.close()
    assert await held(postgres_url) == {"AAPL": 10, "MSFT": 10}
    await restored(postgres_url, backup.path, tmp_path / "backups")
    assert await held(postgres_url) == {"AAPL": 10}


def test_what_will_be_missing_is_said_before_the_question(
    typed: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner would say yes without knowing what he gives up; or nothing would ask him."""
    url = f"sqlite:///{tmp_path}/data/tradebot.db"

    async def fill() -> None:
        async with books(url) as open_books:
            await bought(open_books, "AAPL", 10)
            await bought(open_books, "DIS", 4)
            await open_books.put_setting("account", "DU1234567", "bot", NOW)

    async def trade() -> None:
        async with books(url) as open_books:
            await bought(open_books, "MSFT", 5, NOW + timedelta(hours=1))
            await open_books.rewrite_lots("main", "DIS", [])
            await open_books.put_setting("account", "DU7654321", "bot", NOW)

    asyncio.run(fill())
    made = typed("backup", "kept")
    assert made.code == 0, made.all
    (file,) = (tmp_path / "kept").iterdir()
    asyncio.run(trade())
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    asked = typed("restore", str(file))
    assert asked.code == 1
    assert (
        f"Missing afterwards: 1 alert (newest {NOON:%Y-%m-%d %H:%M:%S} UTC), 1 order (newest 2026-11-20 23:30:00 UTC), "
        "1 execution (newest 2026-11-20 23:30:00 UTC), 1 lot opened or closed (newest 2026-11-20 23:30:00 UTC)."
    ) in asked.out
    assert "  MSFT: the books hold 5 now and 0 afterwards: 5 will count as your own." in asked.out
    assert "  DIS: the books hold 0 now and 4 afterwards: 4 will be a mismatch." in asked.out
    assert "ANOTHER ACCOUNT: DU1234567; the present books belong to DU7654321" in asked.out
    assert "Afterwards trading is PAUSED" in asked.out
    assert f"in the place of SQLite file {tmp_path}/data/tradebot.db." in asked.out
    assert asyncio.run(held(url)) == {"AAPL": 10, "MSFT": 5}
    done = typed("restore", str(file), "--yes")
    assert (done.code, "The database that was there is kept: data/tradebot.db.replaced-" in done.out) == (0, True), (
        done.all
    )
    assert asyncio.run(held(url)) == {"AAPL": 10, "DIS": 4}
