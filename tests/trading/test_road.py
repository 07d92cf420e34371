"""How often an alert's road asks the database: each time it waits for an answer, and so does its order."""

from typing import Any

import pytest

from tests.bot import Bot
from tradebot.database.books import SqlBooks

ROAD = [
    *("insert_alert", "add_event"),  # stored, and acknowledged
    # asked for at once
    *("settings", "alert", "trades", "trades_of_alert", "lots", "trades_since_or_ended", "lots_closed_since"),
    *("last_order_id", "alerts"),
    "newest_alert_time",
    *("move_alert", "insert_trade", "add_event"),  # decided
    "settings",  # the last look before the order is written
]
BESIDE = {"newest_alerts", "tickers_without_industry", "industries"}
"""Which tickers to look up, once a connection, and in which industries they are."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements, in order."""
    names, real = list[str](), SqlBooks._rows

    async def rows(self: SqlBooks, name: str, **parameters: Any) -> Any:
        names.append(name)
        return await real(self, name, **parameters)

    monkeypatch.setattr(SqlBooks, "_rows", rows)
    return names


async def test_an_order_leaves_after_few_statements(bot: Bot, asked: list[str]) -> None:
    """Each statement more is a part of a millisecond later in the market, for every order."""
    asked.clear()
    await bot.alert("BUY")
    await bot.sent()
    road = [name for name in asked if name not in BESIDE]
    assert road[: len(ROAD)] == ROAD
