"""Nothing is rounded, shifted or cut on its way through a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.alerts import AlertRejected
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import TradeStatus
from tradebot.ports import Ledger


@pytest.mark.parametrize(
    "amount",
    [
        *(
            "0",
            "0.1",
            "0.2",
            "0.30",
            "-0.5",
            "1E+3",
            "1E-12",
            "0.00000001",
            "187.32150001",
            "9999999999999999.99999999",
        ),
        "123456789012345678901234567890.123456789012345678901234567890",
        "-1234567890123456789012345678901234567890",
    ],
)
async def test_money_comes_back_to_the_last_digit(ledger: Ledger, amount: str) -> None:
    """Otherwise P&L and limits would drift by what floats lose."""
    exact = Decimal(amount)
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(price=exact))
        await books.rewrite_lots("main", "AAPL", [a_lot(await a_trade(books), pnl=exact, qty=exact)])
    async with ledger.read() as books:
        alert = await books.alert(alert_id or 0)
        (lot,) = await books.lots()
    assert alert is not None
    for stored in (alert.price, lot.pnl, lot.qty):
        assert isinstance(stored, Decimal)
        assert stored == exact


async def test_a_tenth_and_two_tenths_are_three_tenths(ledger: Ledger) -> None:
    """Otherwise money went through a float somewhere."""
    async with ledger.begin() as books:
        for price in ("0.1", "0.2"):
            await books.insert_alert(an_alert(price=Decimal(price)))
        prices = [alert.price for alert in await books.alerts([AlertStatus.RECEIVED]) if alert.price is not None]
    assert sum(prices) == Decimal("0.3")


@pytest.mark.parametrize("wrong", [0.1, float("nan"), Decimal("NaN"), Decimal("Infinity")])
async def test_floats_and_numbers_that_are_none_are_refused(ledger: Ledger, wrong: object) -> None:
    """Otherwise a NaN in the books would pass every limit."""
    with pytest.raises((TypeError, ValueError), match=r"float|stored"):
        async with ledger.begin() as books:
            await books.insert_alert(an_alert(price=wrong))
    async with ledger.read() as books:
        assert await books.alerts([AlertStatus.RECEIVED]) == []


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 8, 1, 59, 59, 999999, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1),
        datetime(2026, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=14))),
        datetime(2026, 7, 1, tzinfo=UTC),
    ],
)
async def test_a_moment_stays_the_same_moment_and_is_utc(ledger: Ledger, moment: datetime) -> None:
    """Otherwise "today" in New York would begin hours too early or too late."""
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(received_at=moment, payload_hash="zone"))
        assert await books.recent_alert("zone", moment.astimezone(UTC)) is not None
        assert await books.recent_alert("zone", moment.astimezone(UTC) + timedelta(microseconds=1)) is None
    async with ledger.read() as books:
        alert = await books.alert(alert_id or 0)
    assert alert is not None
    assert alert.received_at == moment.astimezone(UTC)
    assert alert.received_at.utcoffset() == timedelta(0)


async def test_a_time_without_zone_is_refused(ledger: Ledger) -> None:
    """Otherwise the server's own zone would be put in its place."""
    with pytest.raises(ValueError, match="no time zone"):
        async with ledger.begin() as books:
            await books.insert_alert(an_alert(received_at=NOON.replace(tzinfo=None)))


@pytest.mark.parametrize("body", [b"", b"\x00", b'{"a": "\x00"}', b"\xff\xfe\x80", bytes(range(256)) * 64])
async def test_any_bytes_are_kept_as_the_body(ledger: Ledger, body: bytes) -> None:
    """Otherwise a body that is no text would make the webhook fail instead of answering."""
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(raw_body=body))
    async with ledger.read() as books:
        alert = await books.alert(alert_id or 0)
    assert alert is not None
    assert alert.raw_body == body


async def test_text_that_no_database_takes_is_made_storable(ledger: Ledger) -> None:
    """Otherwise a NUL in IB's error text would keep a fill from being booked."""
    nasty = "order\0 refused \ud800 – naïve 🚀"
    async with ledger.begin() as books:
        trade = await books.trade(await a_trade(books))
        assert trade is not None
        await books.save_trade(replace(trade, status=TradeStatus.FAILED, error_message=nasty))
        await books.move_alert(
            trade.alert_id, list(AlertStatus), AlertStatus.FAILED, Reason("not_connected", {"detail": nasty})
        )
        await books.add_event(NewEvent(AlertRejected(nasty), NOON))
        assert await books.alert_by_key(nasty) is None
    async with ledger.read() as books:
        trade = await books.trade(trade.id)
        (event,) = await books.events()
        assert trade is not None
        alert = await books.alert(trade.alert_id)
    assert alert is not None
    storable = "order\ufffd refused \ufffd – naïve 🚀"
    assert trade.error_message == storable
    assert alert.reason == Reason("not_connected", {"detail": storable})
    assert event.facts == AlertRejected(storable)
