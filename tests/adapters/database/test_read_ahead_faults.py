"""What a decision reads at once, when the database cannot answer: "not now", whichever of the questions is looked at first."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.adapters.database.samples import an_alert
from tests.servers import PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.errors import LedgerUnavailable
from tradebot.trading.decision import read_ahead


@pytest.mark.parametrize("table", ["position", "bot_settings", "trade"])
async def test_reads_that_cannot_be_answered_in_time_are_not_now(own_postgres: PostgresServer, table: str) -> None:
    """Otherwise the worker takes it for a mistake of the program, and ends the alert, an exit too, as FAILED."""
    await migrate.up(own_postgres.url)
    async with open_ledger(own_postgres.url, timeout_s=1) as ledger:
        async with ledger.begin() as books:
            alert_id = await books.insert_alert(an_alert())
            assert alert_id is not None
            alert = await books.alert(alert_id)
            assert alert is not None
        other = await asyncpg.connect(own_postgres.url)
        try:
            async with other.transaction():
                await other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                with pytest.raises(LedgerUnavailable):
                    async with ledger.begin() as books:
                        await read_ahead(books, alert, datetime.now(UTC))
        finally:
            await other.close()
        async with ledger.begin() as books:  # and it heals
            await read_ahead(books, alert, datetime.now(UTC))


async def test_every_question_of_a_failed_round_trip_hears_why(own_postgres: PostgresServer) -> None:
    """Otherwise those behind the first fail with an assertion."""
    await migrate.up(own_postgres.url)
    async with open_ledger(own_postgres.url, timeout_s=1) as ledger:
        other = await asyncpg.connect(own_postgres.url)
        try:
            with pytest.raises(LedgerUnavailable):  # noqa: PT012
                async with ledger.begin() as books:
                    await books.settings()
                    pid = await other.fetchval(
                        "SELECT pid FROM pg_stat_activity WHERE application_name = 'tradebot' AND xact_start IS NOT NULL"
                    )
                    await other.execute("SELECT pg_terminate_backend($1)", pid)
                    heard = await asyncio.gather(
                        books.trades(), books.lots(), books.alerts(list(AlertStatus)), return_exceptions=True
                    )
                    assert [type(one) for one in heard] == [LedgerUnavailable] * 3
                    raise LedgerUnavailable("as heard")
        finally:
            await other.close()
