"""What the reliability page names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")


def test_every_named_test_exists() -> None:
    """A promise would stand beside a proof that is gone."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 20
    gone = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text("utf-8")]
    assert not gone


def test_the_commands_it_names_are_there() -> None:
    """`make crash` and `make faults` would be words only."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = set(re.findall(r"`make (\w+)`", PAGE))
    assert {"crash", "faults"} <= commands
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)
