"""A SQLite file that cannot be had, written or read: said plainly."""

import os
import resource
from pathlib import Path

import pytest

from tests.adapters.database.samples import an_alert, take_away
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.errors import ConfigError, LedgerUnavailable


async def test_the_folder_is_made_and_relative_paths_are_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the first start in an empty folder would fail."""
    monkeypatch.chdir(tmp_path)
    await migrate.up("sqlite:///a/b/bot.db")
    assert (tmp_path / "a" / "b" / "bot.db").exists()
    async with open_ledger(f"sqlite:///{tmp_path}/a/b/bot.db") as ledger:  # with the path's own slash: four
        await ledger.ping()


async def test_the_file_is_for_its_owner_alone(sqlite_url: str) -> None:
    """Otherwise every user of the machine reads all trades, and the doctor warns of what the bot has made itself."""
    before = os.umask(0o022)
    try:
        await migrate.up(sqlite_url)
        async with open_ledger(sqlite_url) as ledger, ledger.begin() as books:
            await books.insert_alert(an_alert())
            files = [Path(f"{sqlite_url.removeprefix('sqlite:///')}{end}") for end in ("", "-wal", "-shm")]
            assert [os.stat(file).st_mode & 0o777 for file in files] == [0o600] * 3
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///folder/", "sqlite:x.db", "x.db"]
)
async def test_a_url_without_file_is_refused(url: str) -> None:
    """Otherwise the books would live in memory, and be gone with the process."""
    with pytest.raises(ConfigError, match="sqlite:///"):
        async with open_ledger(url):
            pass


async def test_commits_outlive_power_cuts(sqlite_url: str) -> None:
    """Otherwise an alert answered with 200 could be gone after one."""
    await migrate.up(sqlite_url)
    async with migrate.open_driver(sqlite_url, 1) as driver, driver.transaction() as transaction:
        settings = [
            (await transaction.rows(f"PRAGMA {name}"))[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert [next(iter(row.values())) for row in settings] == ["wal", 2, 1]


async def test_a_full_disk_is_unavailable_and_heals(sqlite_url: str) -> None:
    """Otherwise a full disk would look like a bug, and what was half written would stay."""
    await migrate.up(sqlite_url)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with open_ledger(sqlite_url) as ledger:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (256 * 1024, hard)
        )  # no file may grow beyond: the system says so to SQLite
        try:
            with pytest.raises(LedgerUnavailable, match=r"test\.db.*disk"):
                async with ledger.begin() as books:
                    await books.insert_alert(an_alert(raw_body=os.urandom(1024 * 1024)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        async with ledger.begin() as books:
            assert await books.alerts(list(AlertStatus)) == []
            await books.insert_alert(an_alert())
        async with ledger.read() as books:
            assert len(await books.alerts(list(AlertStatus))) == 1


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Otherwise a wrong path would end in a traceback."""
    (tmp_path / "notes.txt").write_text("buy low, sell high\n" * 100)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        await migrate.up(f"sqlite:///{tmp_path}/notes.txt")


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Otherwise the owner would not learn what is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match="folder"):
        await migrate.up(f"sqlite:///{tmp_path}/file/bot.db")
    (tmp_path / "bot.db").mkdir()
    with pytest.raises(LedgerUnavailable, match="cannot be opened"):
        await migrate.up(f"sqlite:///{tmp_path}/bot.db")


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_nothing_is_stored_in_a_file_that_was_taken_away(sqlite_url: str, tmp_path: Path, how: str) -> None:
    """Otherwise alerts would be answered with 200, and be gone: SQLite writes on into the file that has no name any more."""
    await migrate.up(sqlite_url)
    async with open_ledger(sqlite_url) as ledger:
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())
        take_away(sqlite_url, tmp_path, how)
        with pytest.raises(LedgerUnavailable, match="was deleted or replaced while it was in use"):
            async with ledger.begin() as books:
                await books.insert_alert(an_alert(idempotency_key="another"))


@pytest.mark.parametrize("password", ["p@ss#w", "p#w", "p?w@x", "p/w"])
async def test_a_bare_sign_in_the_password_is_named(password: str) -> None:
    """Otherwise the error would say "no database", and show half of the password as the host."""
    with pytest.raises(ConfigError, match="%40 %3A %2F %3F %23") as caught:
        async with open_ledger(f"postgresql://bot:{password}@db.example:5432/tradebot"):
            pass
    assert password not in str(caught.value)
