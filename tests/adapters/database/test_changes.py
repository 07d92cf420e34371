"""Who counts what happens hears of each commit, and of nothing that was not stored; on both databases."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.adapters.database.samples import NOON, a_trade, an_alert, an_execution
from tests.facts import every_kind
from tradebot.database import open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.changes import (
    AlertAdded,
    AlertMoved,
    AlertRepeated,
    Attempt,
    Change,
    DeliveryTried,
    FillBooked,
    JobRecorded,
)
from tradebot.domain.delivery import Backlog
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import NewTrade
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Ledger

DEADLINE_S = 60.0


class Heard:
    """Everything that a ledger's commits have told."""

    def __init__(self, ledger: Ledger) -> None:
        self.changes: list[Change] = []
        self._came = asyncio.Event()
        ledger.hearers.append(self._hear)

    def _hear(self, changes: Sequence[Change]) -> None:
        self.changes.extend(changes)
        self._came.set()

    async def next(self) -> list[Change]:
        async with asyncio.timeout(DEADLINE_S):
            await self._came.wait()
        self._came.clear()
        heard, self.changes = self.changes, []
        return heard


def event(kind: EventKind) -> NewEvent:
    return NewEvent(every_kind()[kind], NOON)


async def test_each_change_of_a_commit_is_heard_once(ledger: Ledger) -> None:
    """Broken, what the metrics count is not what was stored."""
    heard, expired = Heard(ledger), Reason(ReasonCode.EXPIRED, {"max_age_s": 1})
    first, *more = an_alert(strategy="ema"), an_alert(), an_alert()
    trace, told = event(EventKind.ORDER_INTENT), event(EventKind.STARTED)
    async with ledger.begin() as books:
        await books.serve_channels(["telegram"])
        alert_id = await books.insert_alert(first)
        assert alert_id is not None
        ids = await books.insert_alerts(more)
        assert await books.insert_alert(first) is None
        await books.count_duplicate(alert_id)
        assert await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.EXPIRED, expired)
        assert not await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.EXPIRED, expired)
        await books.add_events([trace, told])
        assert await books.record_job("equity", NOON)
        assert not await books.record_job("equity", NOON)
    assert await heard.next() == [
        AlertAdded(alert_id, first),
        *(AlertAdded(ids[one.idempotency_key], one) for one in more),
        AlertRepeated(alert_id),
        AlertMoved(alert_id, "ema", AlertStatus.EXPIRED, expired),
        told,
        trace,
        JobRecorded("equity"),
    ]


async def test_orders_and_fills_are_heard(ledger: Ledger) -> None:
    """Broken, orders and fills are not counted, or a fill each time that it is told."""
    heard, fill = Heard(ledger), an_execution()
    async with ledger.begin() as books:
        trade_id = await a_trade(books)
        assert await books.put_execution(trade_id, fill)
        assert not await books.put_execution(trade_id, fill)
    added, intent, booked = await heard.next()
    assert isinstance(added, AlertAdded)
    assert isinstance(intent, NewTrade)
    assert (intent.alert_id, booked) == (added.alert_id, FillBooked(fill))


async def test_what_was_undone_is_not_heard(ledger: Ledger) -> None:
    """Broken, an alert is counted that nobody has stored."""
    heard = Heard(ledger)
    with pytest.raises(LedgerUnavailable):
        await _and_fail(ledger)
    kept = event(EventKind.STARTED)
    async with ledger.begin() as books:
        with pytest.raises(ZeroDivisionError):
            await _and_undo(books)
        await books.add_event(kept)
    assert (await heard.next(), ledger.unavailable) == ([kept], 1)


async def _and_fail(ledger: Ledger) -> None:
    async with ledger.begin() as books:
        await books.insert_alert(an_alert())
        raise LedgerUnavailable


async def _and_undo(books: Books) -> None:
    async with books.savepoint():
        await books.insert_alert(an_alert())
        raise ZeroDivisionError


async def test_who_hears_wrong_stops_nothing(ledger: Ledger) -> None:
    """Broken, a mistake in counting undoes or ends what trades."""
    mistakes: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mistakes.append(context["exception"]))
    ledger.hearers.append(lambda changes: mistakes.append(changes[99]))
    heard = Heard(ledger)
    async with ledger.begin() as books:
        await books.insert_alert(an_alert())
    assert len(await heard.next()) == 1
    assert [type(mistake) for mistake in mistakes] == [IndexError]


async def test_what_waits_for_each_channel_is_known(ledger: Ledger, url: str) -> None:
    """Broken, nobody sees that messages do not come through, nor since when."""
    heard = Heard(ledger)
    async with ledger.begin() as books:
        await books.serve_channels(["telegram", "mail"])
        facts = every_kind()[EventKind.STARTED]
        ids = [await books.add_event(NewEvent(facts, NOON + timedelta(hours=n))) for n in range(3)]
    await heard.next()
    async with ledger.begin() as books:
        await books.mark_delivered("mail", ids, NOON)
        await books.mark_delivered("telegram", ids[:1], NOON)
        await books.delivery_failed("telegram", ids[1:], "no answer")
        await books.give_up_delivery("telegram", ids[2:], "no answer")
    assert await heard.next() == [
        DeliveryTried("mail", 3, Attempt.DELIVERED),
        DeliveryTried("telegram", 1, Attempt.DELIVERED),
        DeliveryTried("telegram", 2, Attempt.FAILED),
        DeliveryTried("telegram", 1, Attempt.GIVEN_UP),
    ]
    async with open_ledger(url) as other, other.read() as books:
        assert await books.backlogs() == [
            Backlog("mail", 0, None),
            Backlog("telegram", 1, NOON + timedelta(hours=1)),
        ]
