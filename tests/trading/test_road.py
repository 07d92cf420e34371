"""How often an alert's road asks the database: each time it waits for an answer, and so does its order."""

import pytest

from tests.bot import Bot
from tradebot.database.sqlite import SqliteTransaction


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements, in order."""
    statements, real = [], SqliteTransaction.rows

    async def rows(self: SqliteTransaction, sql: str, **values: object) -> object:
        statements.append(" ".join(line for line in sql.splitlines() if not line.startswith("--")))
        return await real(self, sql, **values)

    monkeypatch.setattr(SqliteTransaction, "rows", rows)
    return statements


async def test_an_order_leaves_after_few_statements(bot: Bot, asked: list[str]) -> None:
    """Each statement more is a part of a millisecond later in the market, for every order."""
    asked.clear()
    await bot.alert("BUY")
    await bot.sent()
    road = asked[: next(number for number, sql in enumerate(asked) if sql.startswith("INSERT INTO trade")) + 3]
    told = "\n".join(road)
    assert len([sql for sql in road if "FROM position" in sql]) <= 2, (
        told
    )  # those that are open, and those closed today
    assert len([sql for sql in road if sql.startswith("SELECT key, value FROM bot_settings")]) <= 2, told
    assert len(road) <= 16, told
