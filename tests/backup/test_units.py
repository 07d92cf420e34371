"""The unit and the timer that ship: a line that the program takes, after the close, and little that it may do."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.cli.conftest import Type

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "docs" / "deploy" / "systemd"
UNIT = (UNITS / "tradebot-backup.service").read_text("utf-8")
TIMER = (UNITS / "tradebot-backup.timer").read_text("utf-8")
MAIN = (ROOT / "tradebot.service").read_text("utf-8")


def test_the_unit_s_line_is_one_that_the_program_takes(typed: Type) -> None:
    """The first backup would fail at night, and nobody is told before one is needed."""
    (line,) = re.findall(r"^ExecStart=(.+)$", UNIT, re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert program == "/opt/tradebot/current/bin/tradebot"
    assert arguments[:2] == ["backup", "/var/backups/tradebot"]
    ran = typed(*arguments)
    assert "/etc/tradebot/config.toml" in ran.err, ran.all  # all else was understood
    assert "ReadWritePaths=/var/lib/tradebot /var/backups/tradebot" in UNIT


def test_the_unit_is_closed_as_the_bot_s_own_is() -> None:
    """The backup would be the way around what the bot's unit forbids."""
    kinds = (
        "Protect",
        "Private",
        "Restrict",
        "Capability",
        "Ambient",
        "SystemCall",
        "NoNew",
        "Lock",
        "Memory",
        "RemoveIPC",
        "UMask",
    )
    forbids = {line for line in MAIN.splitlines() if line.startswith(kinds)}
    assert len(forbids) > 20
    assert forbids - set(UNIT.splitlines()) == set()


def test_the_timer_comes_after_the_close_and_makes_up_for_what_it_missed() -> None:
    """A day's trades would be in no backup until the next evening, or a machine that was off would have none."""
    assert "OnCalendar=*-*-* 17:30:00 America/New_York" in TIMER
    assert "Persistent=true" in TIMER
    assert "WantedBy=timers.target" in TIMER


def test_systemd_takes_them(tmp_path: Path) -> None:
    """systemd would refuse the unit, ignore a line of it, or find it open."""
    for path in UNITS.glob("tradebot-backup.*"):
        (tmp_path / path.name).write_text(
            re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(), flags=re.MULTILINE)
        )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["tradebot-backup.service", "tradebot-backup.timer"]
    analyze = shutil.which("systemd-analyze")
    commands = [["verify", "--man=no", *names], ["security", "--offline=true", "--threshold=15", names[0]]]
    for command in commands if analyze else []:
        ran = subprocess.run([str(analyze), *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
        assert "tradebot-backup" not in ran.stderr, ran.stderr
