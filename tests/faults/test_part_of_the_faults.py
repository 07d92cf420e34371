"""A part of the faults that fits into the normal run: `make faults` runs them all."""

from pathlib import Path

import pytest

from tests.faults.cases import every_fault
from tests.faults.drill import drill
from tests.faults.stage import staged

HANGS_S = 30.0
"""How quick a busy machine is says nothing: `make faults` has an idle one."""
PART = (
    "database · dies in use",
    "database · read-only (25006)",
    "IB socket · dies in use",
    "disk · full in use",
)


@pytest.mark.parametrize("name", PART)
async def test_mended_by_itself(name: str, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    """Broken, an alert is acknowledged and not stored, not answered, ordered twice, or the daemon does not come back."""
    [fault] = [one for one in every_fault() if str(one) == name]
    async with staged(fault, tmp_path, postgres_url, redis_url) as all_:
        outcome = await drill(fault, all_, in_time_s=HANGS_S)
    assert outcome.done_s is not None
