"""What a long run would wear out, seen in a short one."""

from pathlib import Path

import pytest

from tests.soak.soak import soak


@pytest.mark.timeout(600)
async def test_days_of_alerts_and_faults_leave_nothing_behind(tmp_path: Path) -> None:
    """Every lost connection, order or alert would leave a task, a file or some memory behind, until the bot dies at night."""
    soaked = await soak(tmp_path, rounds=16, rounds_a_day=4)
    grown = soaked.grown()
    assert soaked.days == 3
    assert soaked.faults >= 8, "too little was done to say anything"
    assert grown["files"] <= 3, soaked.figures
    assert grown["connections"] <= 3, soaked.figures
    assert grown["threads"] <= 2, soaked.figures
    assert grown["tasks"] <= 3, soaked.figures
    assert grown["memory_mb"] <= 10, soaked.figures
