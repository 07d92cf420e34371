"""docs/schedule.md against the code: the jobs and their lines."""

import re
from pathlib import Path

from tradebot.config import Settings
from tradebot.domain.calendar import Calendar
from tradebot.domain.job_plan import plans

GUIDE = (Path(__file__).parents[2] / "docs" / "schedule.md").read_text("utf-8")


def test_every_job_is_told_with_its_line() -> None:
    """The owner would wait for a report at the wrong time, or not know of a job at all."""
    crons = Settings().schedule.crons()
    assert dict(re.findall(r"^\| `([a-z_]+)` \| `([^`]+)` \|", GUIDE, re.MULTILINE)) == crons
    assert {plan.name for plan in plans(crons, Calendar())} == set(crons)
