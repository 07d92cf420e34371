"""`tradebot jobs`: what ran, and what only seems to have run."""

from datetime import timedelta
from pathlib import Path

from tests.cli.shell import tradebot
from tests.clockwork import new_york
from tradebot.database import migrate, open_ledger
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import JobFailed, JobFailure, JobMissed


async def test_a_run_that_was_not_done_says_so(tmp_path: Path) -> None:
    """Broken, a comparison that failed stands there like one that was made."""
    url = f"sqlite:///{tmp_path}/data/tradebot.db"
    (tmp_path / "data").mkdir()
    await migrate.up(url)
    slot = new_york(2026, 11, 20, 10)
    async with open_ledger(url) as ledger, ledger.begin() as books:
        for job in ("position_sync", "market_open", "health_check"):
            assert await books.record_job(job, slot)
        failed = JobFailed("position_sync", (slot,), JobFailure.ERROR, "no answer", None)
        await books.add_event(NewEvent(failed, slot + timedelta(seconds=1)))
        await books.add_event(NewEvent(JobMissed("health_check", (slot,)), slot + timedelta(seconds=1)))
    ran = await tradebot(tmp_path, "jobs")
    lines = {line.split()[0]: " ".join(line.split()) for line in ran.out.splitlines() if line}
    assert ran.code == 0, ran.all
    assert "Fri 20 Nov 10:00 (failed)" in lines["position_sync"]
    assert "Fri 20 Nov 10:00 (missed)" in lines["health_check"]
    assert "Fri 20 Nov 10:00" in lines["market_open"]
    assert "(" not in lines["market_open"]
