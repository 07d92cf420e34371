"""`tradebot logs`: the log files as a person reads them, full ones included, and as they grow."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from tests.cli.conftest import Type
from tests.cli.shell import Ran
from tradebot.config import Log
from tradebot.runtime.log import JsonLines, Redactor
from tradebot.runtime.log_reading import Wanted, follow, newest_lines, open_tail

NOW = datetime.now(UTC).replace(microsecond=123_000)
"""When the file was read: a run of all tests may take longer than a line stays new."""


def a_line(
    message: str, *, now: datetime | None = None, ago_s: float = 0, level: str = "INFO", **context: object
) -> str:
    at = ((now or datetime.now(UTC)) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")
    return json.dumps({"time": at, "level": level, "message": message, "where": "tradebot.x:1", **context}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two full files and the one in use."""
    made = tmp_path / "logs"
    made.mkdir()
    (made / "tradebot-20261119T000000.000000Z.jsonl").write_text(
        a_line("oldest", ago_s=9000) + a_line("old", ago_s=8000)
    )
    (made / "tradebot-20261120T000000.000000Z.jsonl").write_text(
        a_line("bought", ago_s=6000, alert_id=1, ticker="AAPL")
    )
    (made / "tradebot.jsonl").write_text(
        a_line("slow", ago_s=1800, level="WARNING", alert_id=12, order_ref="tb-12-ab12cd34", ticker="MSFT")
        + '{"time": "2026-11-2\n'
        + a_line("new", ago_s=1)
    )
    return made


def messages(ran: Ran) -> list[str]:
    """Without time and level."""
    assert ran.code == 0, ran.all
    return [line[34:] for line in ran.out.splitlines()]


BROKEN = '{"time": "2026-11-2'
SLOW = "slow [alert=12 ticker=MSFT order=tb-12-ab12cd34]"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", ["oldest", "old", "bought [alert=1 ticker=AAPL]", SLOW, BROKEN, "new"]),
        ("-n 2", [BROKEN, "new"]),
        ("-n 4", ["bought [alert=1 ticker=AAPL]", SLOW, BROKEN, "new"]),
        ("-n 0", []),
        ("--alert 1", ["bought [alert=1 ticker=AAPL]"]),
        ("--alert tb-12-ab12cd34", [SLOW]),
        ("--level warning", [SLOW, BROKEN]),
        ("--level Warning --alert 12", [SLOW]),
        ("--since 1h", [SLOW, BROKEN, "new"]),
        ("--since 121m", ["bought [alert=1 ticker=AAPL]", SLOW, BROKEN, "new"]),
        ("--since 10m", ["new"]),
    ],
)
def test_which_lines(typed: Type, folder: Path, line: str, found: list[str]) -> None:
    """A line of a full file is missing, one of alert 12 is shown for alert 1, or a broken line ends it all."""
    assert messages(typed("logs", *line.split(), log__dir=str(folder))) == found


def test_a_line_is_the_console_s(typed: Type, folder: Path) -> None:
    """What a person has learned to read and to search for looks otherwise here; or the log steers his terminal."""
    (folder / "tradebot.jsonl").write_text(a_line("red \x1b[31m\nforged", now=NOW, exception="Traceback\n  of it\n"))
    ran = typed("logs", "-n", "1", log__dir=str(folder))
    assert ran.out == f"{NOW:%Y-%m-%d %H:%M:%S}.123Z INFO     red \\x1b[31m\n    forged\n    Traceback\n      of it\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe\n",
        b"[1]\n",
        b"null\n",
        b'{"time": 7}\n',
        b'{"time": "2026-11-20T00:00:00", "level": "INFO", "message": ""}\n',
        b'{"time"',
    ],
)
def test_no_line_is_too_broken(typed: Type, folder: Path, raw: bytes) -> None:
    """The one file that is worth reading after a crash cannot be read."""
    (folder / "tradebot.jsonl").write_bytes(raw)
    ran = typed("logs", "-n", "1", log__dir=str(folder))
    assert (ran.code, ran.out.startswith("?  ")) == (0, True), ran.all


def test_where_there_is_nothing(typed: Type, tmp_path: Path, folder: Path) -> None:
    """Silence is taken for a daemon that had nothing to say; or a script cannot tell it."""
    none = typed("logs", log__dir=str(tmp_path / "nowhere"))
    assert (none.code, none.out) == (1, "")
    assert f"the log files in {tmp_path}/nowhere cannot be read: No such file or directory" in none.err
    (tmp_path / "empty").mkdir()
    empty = typed("logs", log__dir=str(tmp_path / "empty"))
    assert (empty.code, "there is no log file in" in empty.err) == (1, True), empty.all
    other = typed("logs", "--alert", "99", log__dir=str(folder))
    assert (other.code, "the log files have no such line" in other.err) == (1, True), other.all


@pytest.mark.parametrize("line", ["--since 5x", "--since soon", "--alert x", "--level loud"])
def test_what_is_mistyped(typed: Type, line: str) -> None:
    """A filter that is not understood filters nothing, or everything."""
    ran = typed("logs", *line.split())
    assert (ran.code, line in ran.err) == (2, True), ran.all


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    folder = tmp_path / "followed"
    folder.mkdir()
    return folder


def test_it_follows_over_every_change_of_the_file(followed: Path) -> None:
    """What is logged around the moment at which a file is full is lost, or shown twice."""
    sink = logger.add(JsonLines(Log(dir=str(followed), rotation_mb=1), Redactor([])), format="{message}", level="INFO")
    long, number = "x" * 400_000, 0

    def log_some() -> None:
        """Seven lines, which fill two files and begin a third."""
        nonlocal number
        for _ in range(7):
            number += 1
            logger.info("{} {}", number, long)

    try:
        log_some()
        with open_tail(followed) as tail:
            before = [line.message.split()[0] for line in newest_lines(tail, Wanted(), 4)]
            grown = follow(tail, Wanted(), log_some)
            after = [next(grown).message.split()[0] for _ in range(14)]
    finally:
        logger.remove(sink)
    assert before == ["4", "5", "6", "7"]
    assert after == [str(each) for each in range(8, 22)]
    assert len(list(followed.glob("tradebot-*.jsonl"))) > 3


def test_it_takes_a_line_once_it_is_whole(followed: Path) -> None:
    """A line that is being written is shown as a broken one."""
    file = followed / "tradebot.jsonl"
    pieces = iter([a_line("first")[:20], a_line("first")[20:] + a_line("second"), ""])
    file.touch()

    def write() -> None:
        with file.open("a") as open_file:
            open_file.write(next(pieces))

    with open_tail(followed) as tail:
        assert newest_lines(tail, Wanted(), 5) == []
        grown = follow(tail, Wanted(), write)
        assert [next(grown).message, next(grown).message] == ["first", "second"]


def test_it_begins_before_there_is_a_file_and_outlives_one_that_is_deleted(followed: Path) -> None:
    """Somebody starts to look before he starts the daemon, or clears the folder, and never sees a line."""
    file = followed / "tradebot.jsonl"
    steps: Iterator[Callable[[], object]] = iter(
        [lambda: file.write_text(a_line("one")), file.unlink, lambda: file.write_text(a_line("two"))]
    )

    def happens() -> None:
        next(steps)()

    with open_tail(followed) as tail:
        grown = follow(tail, Wanted(), happens)
        assert [next(grown).message, next(grown).message] == ["one", "two"]


def test_ctrl_c_ends_it_well(typed: Type, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has seen enough is shown a traceback, or a script takes it for a failure."""

    def ctrl_c(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tradebot.cli.logs.time.sleep", ctrl_c)
    assert messages(typed("logs", "-f", "-n", "1", log__dir=str(folder))) == ["new"]
