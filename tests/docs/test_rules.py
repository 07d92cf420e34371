"""The README's table of checks and the diagram of an alert's states, against the code that they describe."""

import re
from dataclasses import fields
from pathlib import Path

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.orders import ALERT_STEPS
from tradebot.domain.risk import BUY_POLICY, SELL_POLICY
from tradebot.words.refusals import title

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
STORED_AS = {AlertStatus.RECEIVED, AlertStatus.REJECTED}
"""The states in which intake stores an alert."""


def rows_of_the_table() -> list[tuple[list[str], str, str]]:
    """Checks, what they stop, and unless what, row by row."""
    section = README.partition("## What may leave\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [(checks.split(", "), stops, unless) for checks, stops, unless in rows[2:]]


def test_the_table_has_every_check_in_its_order_and_no_other() -> None:
    """The owner would rely on a check that is not made, or be surprised by one that he was never told of."""
    told = [check for checks, _, _ in rows_of_the_table() for check in checks]
    assert told == [title(name) for name, _ in BUY_POLICY]
    assert f"{len(BUY_POLICY)} checks," in README


def test_the_table_says_what_stops_an_exit() -> None:
    """The owner would believe that an exit waits for room under a limit, or that nothing stops one."""
    stops_exits = [check for checks, stops, _ in rows_of_the_table() if "SELL" in stops for check in checks]
    assert stops_exits == [title(name) for name, _ in SELL_POLICY]
    assert all("BUY" in stops for _, stops, _ in rows_of_the_table())


def test_the_table_names_keys_that_exist() -> None:
    """The owner would look for a key that is not there."""
    named = {name for _, _, unless in rows_of_the_table() for name in re.findall(r"`(\w+)`", unless)}
    assert named
    assert named <= {field.name for kind in (Limits, FixedLimits) for field in fields(kind)}


def test_the_diagram_has_every_step_of_an_alert_and_no_other() -> None:
    """A reader would wait for a state that never comes, or take a step that happens for a defect."""
    [diagram] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", ARCHITECTURE, re.DOTALL)
    drawn = re.findall(r"^ +(\[\*\]|[A-Z]+) --> ([A-Z]+)(?:: .+)?$", diagram, re.MULTILINE)
    assert len(drawn) == diagram.count("-->")
    assert len(set(drawn)) == len(drawn)
    begins = {("[*]", str(status)) for status in STORED_AS}
    assert set(drawn) == begins | {(str(a), str(b)) for a, targets in ALERT_STEPS.items() for b in targets}
