"""A part of what goes wrong with brackets that fits into the normal run: `make faults` runs it all."""

from pathlib import Path

import pytest

from tests.faults.bracket_drill import drill
from tests.faults.brackets import every_flaw
from tests.faults.stage import with_brackets

PART = ("both children fill", "line cut before the stop, seen", "the stop's cancel unanswered")


@pytest.mark.parametrize("name", PART)
async def test_a_bracket_ends_as_it_must(name: str, tmp_path: Path) -> None:
    """Broken, shares stand without a stop and nobody hears of it, or are sold twice, or an exit waits for good."""
    [flaw] = [one for one in every_flaw() if one.name == name]
    async with with_brackets(tmp_path) as stage:
        outcome = await drill(flaw, stage)
    assert "BUY" in outcome.ended
