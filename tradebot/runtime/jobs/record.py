"""The record of a run: the database remembers each slot that was done, and no slot is done twice."""

from collections.abc import Sequence
from datetime import datetime

from tradebot.domain.events import NewEvent
from tradebot.ports import Ledger


async def store_run(ledger: Ledger, job: str, due: datetime, events: Sequence[NewEvent] = ()) -> None:
    """Records the run together with what it tells; nothing for a slot that is recorded. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        if await books.record_job(job, due):
            for event in events:
                await books.add_event(event)
