"""One instance trades: on every database, in this process and between processes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.adapters.database.samples import take_away
from tests.servers import PostgresServer
from tradebot.database import migrate, open_instance_lock, open_ledger
from tradebot.errors import LedgerUnavailable, LockHeld, MigrationError


@asynccontextmanager
async def holder(url: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A second process that wants the lock."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.adapters.database.holder", url, *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def test_every_holder_takes_the_next_epoch(url: str) -> None:
    """Otherwise an instance that lost its lock unnoticed could not be told from the new one."""
    for epoch in (1, 2, 3):
        async with open_instance_lock(url) as lock:
            assert lock.epoch == epoch
            assert lock.held
            assert not lock.lost.is_set()
            async with open_ledger(url) as ledger, ledger.read() as books:
                assert (await books.settings())["epoch"] == str(epoch)
        assert not lock.held


async def test_a_second_lock_is_refused_and_names_the_holder(url: str) -> None:
    """Otherwise two instances would both send orders, or the owner not know which to stop."""
    async with open_instance_lock(url) as lock:
        with pytest.raises(LockHeld, match=rf"{os.uname().nodename}, process {os.getpid()}, since 20"):
            async with open_instance_lock(url):
                pass
        assert lock.held
    async with open_instance_lock(url) as lock:
        assert lock.held


async def test_of_two_processes_exactly_one_wins(url: str) -> None:
    """Otherwise a container started twice would trade twice."""
    async with holder(url) as one, holder(url) as two:
        words = sorted([(await said(one)).split(), (await said(two)).split()])
        assert [word[0] for word in words] == ["held", "refused"]


async def test_kill_9_frees_the_lock(url: str) -> None:
    """Otherwise the bot could not start again after a crash."""
    async with holder(url) as other:
        assert await said(other) == "held 1"
        with pytest.raises(LockHeld):
            async with open_instance_lock(url):
                pass
        other.kill()
        await other.wait()
        async with asyncio.timeout(60), open_instance_lock(url, wait=True) as lock:
            assert lock.epoch == 2


async def test_waiting_gets_the_lock_when_it_is_free(url: str) -> None:
    """Otherwise a standby would never take over."""
    async with AsyncExitStack() as mine:
        await mine.enter_async_context(open_instance_lock(url))
        async with holder(url, "wait") as other:
            word = asyncio.create_task(said(other))
            done, _ = await asyncio.wait([word], timeout=1)
            assert not done
            await mine.aclose()
            assert await word == "held 2"


async def test_the_lock_needs_the_tables(empty_url: str) -> None:
    """Otherwise an instance could hold a lock without an epoch."""
    with pytest.raises(MigrationError, match="migrate up"):
        async with open_instance_lock(empty_url):
            pass


async def test_the_tables_are_brought_up_under_the_lock_only(empty_url: str) -> None:
    """A second daemon of a newer version would change the tables under the first, which then dies and cannot start again."""
    prepared: list[str] = []

    async def prepare() -> None:
        prepared.append("up")
        await migrate.up(empty_url)

    async with open_instance_lock(empty_url, prepare=prepare):
        with pytest.raises(LockHeld):
            async with open_instance_lock(empty_url, prepare=prepare):
                pass
    assert prepared == ["up"]


async def test_a_lock_file_taken_away_is_a_lock_lost(sqlite_url: str) -> None:
    """Otherwise a second instance would lock the new file, and both would trade."""
    await migrate.up(sqlite_url)
    async with open_instance_lock(sqlite_url) as lock:
        os.unlink(sqlite_url.removeprefix("sqlite:///") + ".lock")  # no coroutine should use Path
        assert not lock.held
        async with asyncio.timeout(60):
            await lock.lost.wait()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_restarts_takes_the_lock_with_it(own_postgres: PostgresServer, how: str) -> None:
    """Otherwise this instance would go on although another may hold the lock now."""
    await migrate.up(own_postgres.url)
    async with open_instance_lock(own_postgres.url) as lock:
        await getattr(own_postgres, how)()
        async with asyncio.timeout(60):
            await lock.lost.wait()
        assert not lock.held
        await own_postgres.start()
        assert not lock.held
        async with open_instance_lock(own_postgres.url) as after:
            assert after.held
            assert after.epoch == lock.epoch + 1
        assert lock.lost.is_set()


async def test_a_session_ended_by_the_server_is_a_lock_lost(postgres_url: str) -> None:
    """Otherwise an administrator's pg_terminate_backend would leave two instances trading."""
    await migrate.up(postgres_url)
    admin = await asyncpg.connect(postgres_url)
    try:
        async with open_instance_lock(postgres_url) as lock:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'tradebot instance lock' AND datname = current_database()"
            )
            async with asyncio.timeout(60):
                await lock.lost.wait()
            assert not lock.held
    finally:
        await admin.close()


async def test_a_server_that_stands_still_is_a_lock_lost(own_postgres: PostgresServer) -> None:
    """Otherwise a connection cut by a firewall would keep the lock for ever, as seen from here."""
    await migrate.up(own_postgres.url)
    async with open_instance_lock(own_postgres.url, timeout_s=0.5) as lock:
        own_postgres.pause()
        async with asyncio.timeout(60):
            await lock.lost.wait()
        assert not lock.held
        own_postgres.resume()


async def test_no_lock_without_a_server(own_postgres: PostgresServer) -> None:
    """Otherwise the bot would not say why it does not start."""
    await own_postgres.stop()
    with pytest.raises(LedgerUnavailable, match="server running"):
        async with open_instance_lock(own_postgres.url):
            pass


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_database_file_taken_away_is_a_lock_lost(sqlite_url: str, tmp_path: Path, how: str) -> None:
    """Otherwise the daemon would go on with a file that nobody will ever read again."""
    await migrate.up(sqlite_url)
    async with open_instance_lock(sqlite_url) as lock:
        assert lock.held
        take_away(sqlite_url, tmp_path, how)
        assert not lock.held
        await asyncio.wait_for(lock.lost.wait(), 60)
        assert "was deleted or replaced while the bot was running" in lock.why_lost


async def test_a_server_that_ends_idle_sessions_leaves_the_lock(own_postgres: PostgresServer) -> None:
    """Otherwise the daemon would exit and be started again every few seconds, on a server that closes idle sessions."""
    await migrate.up(own_postgres.url)
    connection = await asyncpg.connect(own_postgres.url)
    await connection.execute("ALTER ROLE CURRENT_USER SET idle_session_timeout = '300ms'")
    await connection.close()
    async with open_instance_lock(own_postgres.url) as lock, open_ledger(own_postgres.url) as ledger:
        await ledger.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lock.lost.wait(), 3)
        await ledger.ping()
