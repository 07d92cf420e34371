"""Job runs and events of a time, on both databases."""

from datetime import timedelta

from tests.adapters.database.samples import NOON
from tests.facts import every_kind
from tradebot.domain.events import EventKind, NewEvent
from tradebot.ports import Ledger


async def test_a_run_is_recorded_once_and_the_last_is_known(ledger: Ledger) -> None:
    """Broken, a job runs twice for one slot, or a restart takes a run of last week for the last one."""
    async with ledger.begin() as books:
        assert await books.job_runs() == {}
        for hours in (0, 5, 3):
            assert await books.record_job("daily_report", NOON + timedelta(hours=hours))
        assert await books.record_job("market_open", NOON)
        assert not await books.record_job("daily_report", NOON)
    async with ledger.read() as books:
        assert await books.job_runs() == {"daily_report": NOON + timedelta(hours=5), "market_open": NOON}


async def test_events_of_a_time(ledger: Ledger) -> None:
    """Broken, the daily report counts yesterday's blocked alerts, or another kind of event."""
    async with ledger.begin() as books:
        for minutes in (-1, 0, 1):
            for kind in (EventKind.ALERT_BLOCKED, EventKind.ALERT_FAILED, EventKind.STARTED):
                await books.add_event(NewEvent(every_kind()[kind], NOON + timedelta(minutes=minutes)))
    async with ledger.read() as books:
        found = await books.events_since((EventKind.ALERT_BLOCKED, EventKind.ALERT_FAILED), NOON)
        assert [(event.kind, (event.at - NOON).total_seconds()) for event in found] == [
            ("alert_blocked", 0),
            ("alert_failed", 0),
            ("alert_blocked", 60),
            ("alert_failed", 60),
        ]
        assert await books.events_since((), NOON) == []
