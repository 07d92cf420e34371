"""docs/telegram.md against the code's table of commands."""

import re
from pathlib import Path

from tradebot.telegram.commands import COMMANDS
from tradebot.telegram.confirmations import GOOD_FOR_S

GUIDE = (Path(__file__).parents[2] / "docs" / "telegram.md").read_text("utf-8")


def test_the_guide_has_every_command_and_no_other() -> None:
    """The owner could not find a command, or would be promised one that is not there."""
    told = re.findall(r"^\| `/(\w+)` \| (.*?) \| `(.*?)` \|$", GUIDE, re.MULTILINE)
    assert told == [(command.name, command.help, command.example) for command in COMMANDS]


def test_the_guide_tells_how_long_a_button_is_good() -> None:
    """The owner would wonder why his button does nothing."""
    assert f"good for {GOOD_FOR_S:.0f} seconds" in GUIDE
