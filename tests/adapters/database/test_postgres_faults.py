"""A PostgreSQL that goes away, stands still or refuses: said plainly, and healed by itself."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.adapters.database.samples import an_alert
from tests.servers import PostgresServer, free_port, until
from tradebot.database import ledger, migrate, open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.errors import ConfigError, LedgerUnavailable
from tradebot.ports import Ledger

PASSWORD = "correct-horse-battery"


@pytest.fixture
async def own_ledger(own_postgres: PostgresServer) -> AsyncIterator[Ledger]:
    await migrate.up(own_postgres.url)
    async with open_ledger(own_postgres.url, timeout_s=1) as ledger:
        yield ledger


async def store(ledger: Ledger) -> None:
    async with ledger.begin() as books:
        await books.insert_alert(an_alert())


async def count(ledger: Ledger) -> int:
    async with ledger.read() as books:
        return len(await books.alerts(list(AlertStatus)))


async def test_killed_and_back_it_heals_and_has_lost_nothing(own_postgres: PostgresServer, own_ledger: Ledger) -> None:
    """Otherwise a restart of the database would need a restart of the bot."""
    await asyncio.gather(*(store(own_ledger) for _ in range(20)))
    await own_postgres.kill()
    with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1:\d+.*server running"):
        await store(own_ledger)
    with pytest.raises(LedgerUnavailable):
        await own_ledger.ping()
    await own_postgres.start()
    await own_ledger.ping()
    await asyncio.gather(*(store(own_ledger) for _ in range(20)))
    assert await count(own_ledger) == 40


async def test_a_restart_between_two_transactions_is_not_even_noticed(
    own_postgres: PostgresServer, own_ledger: Ledger
) -> None:
    """Otherwise the first alert after each restart of the database would be refused."""
    await asyncio.gather(*(store(own_ledger) for _ in range(5)))
    await own_postgres.stop()
    await own_postgres.start()
    await store(own_ledger)
    assert await count(own_ledger) == 6


async def test_killed_within_a_transaction_nothing_of_it_stays(
    own_postgres: PostgresServer, own_ledger: Ledger
) -> None:
    """Otherwise a decision could be half stored."""

    async def killed_within() -> None:
        async with own_ledger.begin() as books:
            await books.insert_alert(an_alert())
            await own_postgres.kill()
            await books.insert_alert(an_alert())

    with pytest.raises(LedgerUnavailable):
        await killed_within()
    await own_postgres.start()
    assert await count(own_ledger) == 0


async def test_standing_still_is_unavailable_in_time_and_heals(
    own_postgres: PostgresServer, own_ledger: Ledger
) -> None:
    """Otherwise a frozen server would hang the webhook, and TradingView would get no answer at all."""
    await store(own_ledger)
    own_postgres.pause()
    started = asyncio.get_running_loop().time()
    with pytest.raises(LedgerUnavailable, match="no answer in time"):
        await store(own_ledger)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await store(own_ledger)
    assert asyncio.get_running_loop().time() - started < 60
    own_postgres.resume()

    async def works() -> bool:
        try:
            await store(own_ledger)
        except LedgerUnavailable:
            return False
        return True

    await until(works, "the database takes alerts again")


async def test_standing_still_within_a_transaction_ends_in_time(
    own_postgres: PostgresServer, own_ledger: Ledger
) -> None:
    """Otherwise the rollback would wait for a server that does not answer."""

    async def paused_within() -> None:
        async with own_ledger.begin() as books:
            await books.insert_alert(an_alert())
            own_postgres.pause()
            await books.insert_alert(an_alert())

    started = asyncio.get_running_loop().time()
    with pytest.raises(LedgerUnavailable, match="no answer in time"):
        await paused_within()
    assert asyncio.get_running_loop().time() - started < 60
    own_postgres.resume()


async def test_read_only_is_unavailable_and_the_connection_is_not_kept(
    own_postgres: PostgresServer, own_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the bot would hold on to a server that was demoted to a standby, and call it well."""
    monkeypatch.setattr(ledger, "NOT_WRITTEN_FOR_S", 0.0)
    admin = await asyncpg.connect(own_postgres.url)
    try:
        await admin.execute(f"ALTER DATABASE {own_postgres.database} SET default_transaction_read_only = on")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tradebot'"
        )
        with pytest.raises(LedgerUnavailable, match="accepts no writes"):
            await store(own_ledger)
        with pytest.raises(LedgerUnavailable, match="accepts no writes"):
            await own_ledger.ping()
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"ALTER DATABASE {own_postgres.database} RESET default_transaction_read_only")
    finally:
        await admin.close()
    await own_ledger.ping()
    await store(own_ledger)
    assert await count(own_ledger) == 1


async def test_a_frozen_client_cannot_hold_the_settings(own_postgres: PostgresServer, own_ledger: Ledger) -> None:
    """Otherwise a bot that hangs within a decision could not be killed from a second process."""

    async def free() -> bool:
        try:
            async with open_ledger(own_postgres.url, timeout_s=1) as other, other.begin() as theirs:
                await theirs.settings()
        except LedgerUnavailable:
            return False
        return True

    async def stands_still() -> None:
        async with own_ledger.begin() as books:
            await books.settings()
            await until(free, "the server has ended the transaction that stands still")
            await books.insert_alert(an_alert())

    with pytest.raises(LedgerUnavailable):
        await stands_still()


async def test_nobody_listens(postgres_url: str) -> None:
    """Otherwise the owner would not learn which server is away."""
    port = free_port()
    gone = urlsplit(postgres_url)._replace(netloc=f"bot:{PASSWORD}@127.0.0.1:{port}").geturl()
    with pytest.raises(LedgerUnavailable, match=f"127.0.0.1:{port}") as refused:
        async with open_ledger(gone):
            pass
    assert PASSWORD not in str(refused.value)


async def test_a_database_that_does_not_exist(postgres_url: str) -> None:
    """Otherwise a misspelt name would end in a traceback."""
    with pytest.raises(LedgerUnavailable, match="create the database"):
        async with open_ledger(postgres_url + "_misspelt"):
            pass


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://bot:{PASSWORD}@host:port/name",
        f"postgresql://bot:x@{PASSWORD}:1@host/x",
        f"mysql://bot:{PASSWORD}@h/n",
    ],
)
async def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    """Otherwise the password would stand in the log."""
    with pytest.raises((ConfigError, LedgerUnavailable)) as refused:
        async with open_ledger(url, timeout_s=1):
            pass
    shown = str(refused.value) + repr(refused.value.__cause__)
    assert PASSWORD not in shown
