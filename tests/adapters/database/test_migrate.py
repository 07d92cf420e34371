"""Tables come and go in numbered steps, and a database that does not fit is refused, on every database."""

import asyncio
import re
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from tests.adapters.database.samples import an_alert
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.errors import MigrationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to be changed."""
    copy = tmp_path / "migrations"
    copy.mkdir()
    for file in files("tradebot_migrations").iterdir():
        if file.name.endswith(".sql"):
            (copy / file.name).write_text(file.read_text())
    (copy / "9999_more.up.sql").write_text(
        "ALTER TABLE event ADD COLUMN more NUMERIC;\nCREATE TABLE extra (id BIGINT);\n"
    )
    (copy / "9999_more.down.sql").write_text("DROP TABLE extra;\nALTER TABLE event DROP COLUMN more;\n")
    return copy


def released() -> list[str]:
    return sorted(
        file.name.removesuffix(".up.sql")
        for file in files("tradebot_migrations").iterdir()
        if file.name.endswith(".up.sql")
    )


async def applied(url: str, folder: Path | None = None) -> list[str]:
    return [step.name for step in await migrate.status(url, folder=folder) if step.applied_at is not None]


async def test_up_down_and_up_again(empty_url: str) -> None:
    """Otherwise there would be no way back from an update."""
    assert await applied(empty_url) == []
    assert await migrate.up(empty_url) == released()
    assert await migrate.up(empty_url) == []
    assert await applied(empty_url) == released()
    async with open_ledger(empty_url) as ledger, ledger.begin() as books:
        await books.insert_alert(an_alert())
    assert await migrate.down(empty_url, steps=100) == released()[::-1]
    assert await migrate.down(empty_url) == []
    assert await applied(empty_url) == []
    assert await migrate.up(empty_url) == released()
    async with open_ledger(empty_url) as ledger, ledger.read() as books:
        assert await books.alerts(list(AlertStatus)) == []


async def test_down_takes_back_one_step(empty_url: str, folder: Path) -> None:
    """Otherwise `migrate down` would take every table away."""
    assert await migrate.up(empty_url, folder=folder) == [*released(), "9999_more"]
    assert await migrate.down(empty_url, folder=folder) == ["9999_more"]
    assert await applied(empty_url, folder) == released()


async def test_every_migration_has_its_way_back(folder: Path) -> None:
    """Otherwise an update could not be undone."""
    (folder / "9999_more.down.sql").unlink()
    with pytest.raises(MigrationError, match=r"9999_more\.down\.sql"):
        await migrate.up(f"sqlite:///{folder}/x.db", folder=folder)


def test_every_way_back_says_what_it_loses() -> None:
    """`make rollback` shows the first lines of each step that it undoes, and the owner would agree to he knows not what."""
    for file in files("tradebot_migrations").iterdir():
        if ".down." in file.name:
            said = re.match(r"(?:-- .+\n)+", file.read_text())
            assert said, file.name
            assert re.search(r"-- (?:Lost (?:is|are)|Nothing is lost)\b", said[0]), file.name


async def test_a_file_changed_after_it_was_applied_is_refused(empty_url: str, folder: Path) -> None:
    """Otherwise two databases of one version could differ."""
    await migrate.up(empty_url, folder=folder)
    with (folder / "9999_more.up.sql").open("a") as file:
        file.write("CREATE TABLE forgotten (id BIGINT);\n")
    for step in (migrate.up, migrate.down):
        with pytest.raises(MigrationError, match=r"9999_more was changed"):
            await step(empty_url, folder=folder)


async def test_a_newer_database_is_refused(empty_url: str, folder: Path) -> None:
    """Otherwise an old program would write into tables that it does not understand."""
    await migrate.up(empty_url, folder=folder)
    with pytest.raises(MigrationError, match=r"newer than the program.*9999_more.*update tradebot"):
        await migrate.up(empty_url)
    with pytest.raises(MigrationError, match="newer"):
        await migrate.down(empty_url)
    with pytest.raises(MigrationError, match="newer"):
        async with open_ledger(empty_url):
            pass
    assert await applied(empty_url) == [*released(), "9999_more"]


async def test_missing_and_old_tables_are_refused(
    empty_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the bot would start and fail at its first alert."""
    with pytest.raises(MigrationError, match="tradebot migrate up"):
        async with open_ledger(empty_url):
            pass
    await migrate.up(empty_url)
    monkeypatch.setattr(migrate, "files", lambda _: folder)
    with pytest.raises(MigrationError, match=r"older than this program.*9999_more.*migrate up"):
        async with open_ledger(empty_url):
            pass


async def test_a_migration_that_fails_leaves_nothing(empty_url: str, folder: Path) -> None:
    """Otherwise a broken update could be neither repeated nor taken back."""
    with (folder / "9999_more.up.sql").open("a") as file:
        file.write("INSERT INTO no_such_table VALUES (1);\n")
    with pytest.raises(Exception, match="no_such_table"):
        await migrate.up(empty_url, folder=folder)
    assert await applied(empty_url, folder) == released()
    (folder / "9999_more.up.sql").write_text("CREATE TABLE extra (id BIGINT);\n")
    assert await migrate.up(empty_url, folder=folder) == ["9999_more"]


async def test_two_at_once_are_safe(empty_url: str) -> None:
    """Otherwise two instances started together would spoil the tables."""
    both = await asyncio.gather(*(migrate.up(empty_url) for _ in range(4)))
    assert sorted(name for names in both for name in names) == released()


async def test_two_processes_at_once_are_safe(empty_url: str) -> None:
    """Otherwise a container that starts while the old one migrates would fail."""
    code = "import asyncio, sys; from tradebot.database import migrate; print(asyncio.run(migrate.up(sys.argv[1])))"
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, empty_url, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    said = [(await process.communicate())[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(re.findall(r"'(.+?)'", "".join(said))) == released()


async def test_status_changes_nothing(tmp_path: Path) -> None:
    """Otherwise asking would create a database in the wrong place."""
    steps = await migrate.status(f"sqlite:///{tmp_path}/none/bot.db")
    assert [(step.name, step.applied_at) for step in steps] == [(name, None) for name in released()]
    assert not (tmp_path / "none").exists()
