"""A command typed in this very process: for what ends before anything is opened, a process of its own would only cost time."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from tests.bot_fixtures import bot, empty_books, make_at_gateway, make_bot  # noqa: F401 - fixtures
from tests.cli.shell import Ran
from tradebot.cli import main
from tradebot.config import Log
from tradebot.runtime.log import JsonLines, Redactor

Type = Callable[..., Ran]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Type:
    """`typed("alert", "BUY", webhook__port="9")` in an empty folder, through the real entry point."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, **settings: str) -> Ran:
        with monkeypatch.context() as here:
            here.setattr(sys, "argv", ["tradebot", *arguments])
            for key, value in settings.items():
                here.setenv(f"TRADEBOT_{key.upper()}", value)
            with pytest.raises(SystemExit) as end:
                main()
        code = end.value.code
        return Ran(code if isinstance(code, int) else 0, *capfd.readouterr())

    return run


@pytest.fixture
def log_folder(tmp_path: Path) -> Iterator[Path]:
    """Where all that this test logs is written, as the daemon writes it."""
    folder = tmp_path / "logs"
    sink = logger.add(JsonLines(Log(dir=str(folder)), Redactor([])), level="INFO", format="{message}")
    yield folder
    logger.remove(sink)
