"""Retention takes away what is old and needed by nobody, in small steps; and the account's equity, on both databases."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert, an_execution
from tests.facts import bought, every_kind
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.equity import Equity
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.ports import Books, Ledger

OLD = NOON - timedelta(days=400)
BEFORE = NOON - timedelta(days=365)


async def an_order(books: Books, status: TradeStatus, ended: AlertStatus) -> Trade:
    """An order of long ago, its alert, and an event of each."""
    trade = await books.trade(await a_trade(books, created_at=OLD))
    assert trade is not None
    await books.save_trade(replace(trade, status=status))
    await books.move_alert(trade.alert_id, list(AlertStatus), ended, None)
    await event(books, OLD, alert_id=trade.alert_id)
    await event(books, OLD, alert_id=trade.alert_id, trade_id=trade.id)
    return trade


async def event(books: Books, at: datetime, **about: Any) -> int:
    told = await books.add_event(NewEvent(bought(), at, **about))
    await books.mark_delivered("owner", [told], at)
    return told


async def prune_all(books: Books, limit: int = 100) -> int:
    """Until nothing is left; how many rows went."""
    gone = 0
    while step := await books.prune(BEFORE, limit):
        assert step <= limit
        gone += step
    return gone


async def test_old_events_go_in_small_steps_with_their_deliveries(ledger: Ledger) -> None:
    """Broken, the database grows for ever, or one night's pruning holds up an exit."""
    async with ledger.begin() as books:
        ids = [await event(books, OLD + timedelta(minutes=n)) for n in range(25)]
        young = [await event(books, BEFORE), await event(books, NOON)]
    steps = []
    for _ in range(4):
        async with ledger.begin() as books:
            steps.append(await books.prune(BEFORE, 10))
    assert steps == [10, 10, 5, 0]
    async with ledger.read() as books:
        assert [one.id for one in await books.events()] == young
        assert not set(ids) & set(young)


async def test_what_some_channel_waits_for_stays(ledger: Ledger) -> None:
    """Broken, a message that a long outage kept back is never told."""
    async with ledger.begin() as books:
        await books.serve_channels(["telegram", "e-mail"])
        waits = await books.add_event(NewEvent(every_kind()[EventKind.MISMATCH], OLD))
        await books.mark_delivered("e-mail", [waits], OLD)
        told = await books.add_event(NewEvent(every_kind()[EventKind.MISMATCH], OLD))
        for channel in ("telegram", "e-mail"):
            await books.mark_delivered(channel, [told], OLD)
        assert await prune_all(books) == 1
        assert [one.id for one in await books.undelivered("telegram", 10)] == [waits]


async def test_events_of_what_is_not_over_stay(ledger: Ledger) -> None:
    """Broken, the trace of an open lot, or of an order whose fate nobody knows, is gone when it is needed."""
    async with ledger.begin() as books:
        over = await an_order(books, TradeStatus.FILLED, AlertStatus.EXECUTED)
        sold = await an_order(books, TradeStatus.FILLED, AlertStatus.EXECUTED)
        held = await an_order(books, TradeStatus.FILLED, AlertStatus.EXECUTED)
        unknown = await an_order(books, TradeStatus.UNKNOWN, AlertStatus.UNKNOWN)
        working = await an_order(books, TradeStatus.SUBMITTED, AlertStatus.PROCESSING)
        await books.rewrite_lots("main", "AAPL", [a_lot(over.id, sold.id), a_lot(held.id)])
        pending = await books.insert_alert(an_alert(received_at=OLD, status=AlertStatus.PENDING))
        await event(books, OLD, alert_id=pending or 0)
        await prune_all(books)
        kept = {one.alert_id for one in await books.events()}
    assert kept == {held.alert_id, unknown.alert_id, working.alert_id, pending}


async def test_each_job_keeps_its_newest_run(ledger: Ledger) -> None:
    """Broken, a restart would run a job again for a slot that it has done."""
    async with ledger.begin() as books:
        for days in range(3):
            await books.record_job("sunday_reminder", OLD + timedelta(days=days))
            await books.record_job("health_check", OLD + timedelta(days=days))
        await books.record_job("health_check", NOON)
        assert await prune_all(books, limit=2) == 2 + 3
        assert await books.job_runs() == {"sunday_reminder": OLD + timedelta(days=2), "health_check": NOON}


async def test_what_people_did_and_were_told_once_stays(ledger: Ledger) -> None:
    """Broken, a button of long ago acts a second time, or a setting falls back to its default."""
    async with ledger.begin() as books:
        assert await books.claim("telegram:1", "flatten", "Ann", OLD)
        await books.put_setting("told_positions", "{}", "bot", OLD)
        assert await prune_all(books) == 0
    async with ledger.begin() as books:
        assert not await books.claim("telegram:1", "flatten", "Ann", NOON)
        assert [await books.was_claimed(f"telegram:{number}") for number in (1, 2)] == [True, False]
        assert await books.settings() == {"told_positions": "{}"}


async def test_what_could_not_be_delivered_stays(ledger: Ledger) -> None:
    """Broken, an event that Telegram refused for a year is gone without anybody having read it."""
    async with ledger.begin() as books:
        waits = await books.add_event(NewEvent(every_kind()[EventKind.MISMATCH], OLD))
        await books.delivery_failed("owner", [waits], "Forbidden")
        assert await prune_all(books) == 0
        assert [one.id for one in await books.undelivered("owner", 10)] == [waits]


async def test_alerts_lose_their_bodies_and_nothing_else(ledger: Ledger) -> None:
    """Broken, a replay of years ago would be traded, or what was traded be forgotten."""
    async with ledger.begin() as books:
        old = an_alert(received_at=OLD, status=AlertStatus.EXECUTED, instruction={"action": "buy"})
        waits = an_alert(received_at=OLD, status=AlertStatus.UNKNOWN)
        young = an_alert(received_at=BEFORE, status=AlertStatus.EXECUTED)
        ids = [await books.insert_alert(alert) or 0 for alert in (old, waits, young)]
        assert await prune_all(books) == 1
    async with ledger.begin() as books:
        assert await books.insert_alert(old) is None, "its key is still taken"
        stored = [await books.alert(one) for one in ids]
    names = list(an_alert().__slots__)
    expected = [
        Alert(**{name: getattr(alert, name) for name in names}, id=one)
        for alert, one in zip((replace(old, raw_body=b""), waits, young), ids, strict=True)
    ]
    assert stored == expected


async def test_orders_lots_fills_and_decisions_stay(ledger: Ledger) -> None:
    """Broken, the books no longer add up, or nobody knows why an order left."""
    async with ledger.begin() as books:
        bought = await an_order(books, TradeStatus.FILLED, AlertStatus.EXECUTED)
        sold = await an_order(books, TradeStatus.FILLED, AlertStatus.EXECUTED)
        await books.put_execution(bought.id, an_execution(order_ref=bought.order_ref, time=OLD))
        await books.rewrite_lots("main", "AAPL", [a_lot(bought.id, sold.id, entry_time=OLD, exit_time=OLD)])
        await books.add_equity(Equity("DU1", OLD, Decimal(1), None, None, None))
        before = await books.trades(), await books.lots(), await books.executions(bought.id)
        assert await prune_all(books) == 4, "their events"
        assert (await books.trades(), await books.lots(), await books.executions(bought.id)) == before
        assert (await books.decision(sold.id) or {})["checks"]
        assert len(await books.equity("DU1", OLD)) == 1


async def test_equity_comes_back_in_order_and_to_the_cent(ledger: Ledger) -> None:
    """Broken, the curve that the owner judges his strategy by is not what IB reported."""
    points = [
        Equity("DU1", NOON + timedelta(minutes=15 * n), Decimal("100000.01") + n, Decimal(5), Decimal("-1.50"), None)
        for n in range(3)
    ]
    async with ledger.begin() as books:
        for point in reversed(points):
            await books.add_equity(point)
        await books.add_equity(replace(points[0], cash=Decimal(0)))
        await books.add_equity(replace(points[0], account="DU2"))
    async with ledger.read() as books:
        assert await books.equity("DU1", NOON) == points
        assert await books.equity("DU1", NOON + timedelta(minutes=1)) == points[1:]
        assert [one.account for one in await books.equity("DU2", NOON)] == ["DU2"]
