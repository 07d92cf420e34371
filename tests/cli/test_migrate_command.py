"""`tradebot migrate`: up, down and status, and never under a running daemon."""

import io
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Type
from tests.cli.shell import tradebot
from tests.system.harness import Daemon, running


def test_up_status_down(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken, tables cannot be made or taken back by hand, or are deleted without a question."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))

    names = (
        "0001_initial",
        "0002_core",
        "0003_corporate_actions",
        "0004_strategies",
        "0005_orders",
        "0006_history",
        "0007_channels",
        "0008_api",
        "0009_daily_bars",
        "0010_sectors",
    )
    assert typed("migrate", "up").out == "".join(f"applied {name}\n" for name in names)
    assert "up to date" in typed("migrate", "up").out
    answer("n")
    refused = typed("migrate", "down")
    assert (refused.code, "deletes the data" in refused.out) == (1, True), refused.all
    lost = "undoing 0010_sectors: Nothing is lost that IB would not tell again: in which industry a stock is"
    assert refused.out.index(lost) < refused.out.index("deletes the data"), refused.out
    assert "0001_initial  applied " in typed("migrate", "status").out
    answer("y")
    down = typed("migrate", "down")
    assert (down.code, "undone 0010_sectors" in down.out) == (0, True), down.all
    assert "0001_initial  applied " in typed("migrate", "status").out
    whole = typed("migrate", "down", "--yes", "--steps", "9").out
    assert "undone 0002_core\nundone 0001_initial" in whole
    said = dict(
        line.removeprefix("undoing ").split(": ", 1) for line in whole.splitlines() if line.startswith("undoing ")
    )
    assert list(said) == sorted(names[:-1], reverse=True)
    assert all(lost.startswith(("Lost ", "Nothing is lost")) for lost in said.values()), said
    assert said["0001_initial"] == "Lost is all that the bot knows."
    nothing = typed("migrate", "down", "--yes", "--steps", "3")
    assert (nothing.code, nothing.out) == (0, "nothing to undo\n"), nothing.all


async def test_not_under_a_running_daemon(tmp_path: Path) -> None:
    """Broken, one line deletes the books of a bot that holds positions."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        ran = await tradebot(tmp_path, "migrate", "down", "--yes", env=daemon.env)
        assert (ran.code, "another instance already trades with this database" in ran.err) == (1, True), ran.all
        assert (await daemon.books()).events
