"""Prices of past days, as a client of the common library asks for them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ib_async import IB, Stock

from tests.adapters.simgateway.conftest import Connect, errors, settings, until
from tradebot.simgateway import open_gateway

NOW = datetime(2026, 6, 3, 15, tzinfo=UTC)  # a Wednesday, 11:00 in New York


async def ask(ib: IB, symbol: str = "SPY", **changes: Any) -> list[Any]:
    given: dict[str, Any] = {
        "endDateTime": "",
        "durationStr": "1 W",
        "barSizeSetting": "1 day",
        "whatToShow": "ADJUSTED_LAST",
        "useRTH": True,
    }
    return list(await ib.reqHistoricalDataAsync(Stock(symbol, "SMART", "USD"), **(given | changes)))


async def test_a_week_with_the_day_that_trades(connect: Connect) -> None:
    """A client would get other days than the exchange's, or none of today."""
    now = NOW
    async with open_gateway(settings(clock=lambda: now)) as gateway:
        ib = await connect(gateway)
        bars = await ask(ib)
        days = [bar.date for bar in bars]
        assert days == [date(2026, 5, 28), date(2026, 5, 29), date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3)]
        assert bars[-1].close == float(gateway.quote("SPY").last)
        now = NOW - timedelta(hours=3)
        assert [bar.date for bar in await ask(ib, durationStr="2 D")] == days[2:4]  # before the open
        (last,) = await ask(ib, whatToShow="TRADES", endDateTime="20260531 23:59:59 US/Eastern", durationStr="1 D")
        assert (last.date, last.close) == (days[1], bars[1].close)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"symbol": "NONE"}, 200, "No security definition"),
        ({"endDateTime": "20260531 23:59:59 US/Eastern"}, 321, "End date not supported with adjusted last"),
        ({"durationStr": "400 D"}, 321, "longer than 365 days must be made in years"),
        ({"durationStr": "1 century"}, 321, "duration is invalid"),
        ({"barSizeSetting": "5 mins"}, 321, "only bars of 1 day"),
        ({"whatToShow": "BID"}, 321, "BID is not simulated"),
    ],
)
async def test_what_is_refused(ib: IB, changes: dict[str, Any], code: int, words: str) -> None:
    """A question that the gateway cannot answer would be left unanswered, or be answered with something else."""
    received = errors(ib)
    asking = asyncio.create_task(ask(ib, **changes))  # the library waits a minute for what was refused
    await until("error", lambda: received)
    asking.cancel()
    assert (received[-1][1], words in received[-1][2]) == (code, True)
