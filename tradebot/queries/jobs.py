"""Which jobs ran when, and which of their runs did not do their work."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.events import EventKind
from tradebot.domain.facts.daemon import JobFailed, JobMissed
from tradebot.ports import Ledger

_NOT_DONE = (EventKind.JOB_FAILED, EventKind.JOB_MISSED)


@dataclass(frozen=True, slots=True)
class JobHistory:
    """The last slot of each job that ever ran, and the slots, by job and moment, in which one failed or was missed."""

    last: Mapping[str, datetime]
    not_done: Mapping[tuple[str, datetime], EventKind]


async def job_history(ledger: Ledger, now: datetime) -> JobHistory:
    """Looks back as far as the oldest of the last runs. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        last = await books.job_runs()
        events = await books.events_since(_NOT_DONE, min(last.values(), default=now))
    not_done: dict[tuple[str, datetime], EventKind] = {}
    for event in events:
        match event.facts:
            case JobFailed(job=job, slots=slots):
                not_done |= {(job, slot): EventKind.JOB_FAILED for slot in slots}
            case JobMissed(job=job, slots=slots):
                not_done |= {(job, slot): EventKind.JOB_MISSED for slot in slots}
    return JobHistory(last, not_done)
