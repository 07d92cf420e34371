"""Help, version, and what a clumsy person types: one readable answer, exit code 2, and nothing made on the disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.cli.conftest import Type
from tradebot import __version__
from tradebot.cli.commands import COMMANDS


def every_command() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in commands.loaded().items():
        below = getattr(command, "commands", None)
        found += [(name, each) for each in below] if below else [(name,)]
    return found


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_help_has_an_example(typed: Type, command: tuple[str, ...]) -> None:
    """Broken, somebody who asks for help has to guess what a whole line looks like."""
    shown = typed(*command, "--help")
    assert shown.code == 0
    assert f"tradebot {' '.join(command)}" in shown.out.partition("Example")[2], shown.out


@pytest.mark.parametrize("command", [(), *every_command()], ids=" ".join)
def test_h_is_help(typed: Type, command: tuple[str, ...]) -> None:
    """Broken, the short form that every other program has is a mistake here."""
    assert typed(*command, "-h") == typed(*command, "--help")


def test_version(typed: Type) -> None:
    """Broken, a report of a defect cannot say what it is about."""
    assert typed("--version").out == f"tradebot {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_help_says(name: str) -> None:
    """The list of commands would promise something else than the command's own help."""
    assert " ".join(commands.loaded()[name].help.split("\n\n")[0].split()) == COMMANDS[name][1]


def test_every_command_is_in_the_list() -> None:
    """A command would be there that nobody can call."""
    assert set(commands.loaded()) == set(COMMANDS)


@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_what_says_only_a_few_words_loads_nothing_else(asked: str) -> None:
    """The version would take a second, as long as everything that the daemon needs takes to load."""
    heavy = "{'aiohttp', 'sqlite3', 'redis', 'aiogram', 'ib_async', 'pydantic'}"
    code = (
        "import sys; from tradebot.cli import cli; "
        f"cli([{asked!r}], standalone_mode=False); sys.exit(str({heavy} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr.strip() == "set()"


def test_the_environment_names_the_configuration(typed: Type, tmp_path: Path) -> None:
    """The command that `make deploy` installs would miss the service's configuration, or take the name for a mistake."""
    (tmp_path / "a.toml").write_text("nonsense = 1\n")
    (tmp_path / "b.toml").write_text("folly = 1\n")
    ran = typed("status", config=str(tmp_path / "a.toml"))
    assert (ran.code, "nonsense" in ran.err, "TRADEBOT_CONFIG" in ran.err) == (2, True, False)
    assert "folly" in typed("status", "--config", str(tmp_path / "b.toml"), config=str(tmp_path / "a.toml")).err


def test_first_words(typed: Type) -> None:
    """Broken, a new user is not told how to start."""
    assert "Start with tradebot run, then send tradebot alert BUY AAPL" in typed("--help").out


SECRET = "0123456789abcdefghij"
MISTAKES = {
    "alrt": "No such command 'alrt'. Did you mean 'alert'?",
    "status --nope": "No such option: --nope",
    "alert BUY": "Missing argument",
    "alert HOLD AAPL": "HOLD is no action: write BUY or SELL",
    "alert BUY AAPL --timeout 0": "greater than or equal to 1",
    "alert BUY AAPL --price abc": "--price abc is not a price: give USD a share",
    "alert BUY AAPL --price -3": "--price -3 is not a price",
    "alert BUY AAPL --price nan": "--price nan is not a price",
    "alert BUY AAPL --url 127.0.0.1:8000/webhook": "is no web address: write it whole",
    "alert BUY AAPL --url http://": "cannot be read: write it like http://127.0.0.1:8000/webhook",
    "resume --sells-only --everything": "exclude each other",
    "resume --strategy main --everything": "lifts that strategy's own pause",
    "pause --strategy emma": "there is no strategy emma among those that there are: main",
    "reassign main ema": "there is no strategy ema among those that there are: main",
    "reassign main main": "FROM and TO are the same strategy, main",
    "simgateway --port 70000": "less than or equal to 65535",
    "status --config nope.toml": "nope.toml: there is no such file",
    "migrate sideways": "No such command 'sideways'. There are: up, down, status.",
    "log": "No such command 'log'. Did you mean 'logs'?",
    "sell": "No such command 'sell'. `tradebot alert SELL AAPL` sells what the bot holds of it. There are: run, alert,",
    "frobnicate": "No such command 'frobnicate'. There are: run, alert, template, lint-alert, status, alerts, orders, "
    "positions, pnl, performance, stats, report, trace, logs, jobs, deliveries, channels, "
    "doctor, selftest, pause, resume, kill, split, reassign, backup, restore, export, "
    "token, password, migrate, drill, simgateway, price.",
    "selftest --url bot.example.com": "is no web address: write it whole",
    "selftest --url http://[": "cannot be read",
    "drill": "which two machines cannot share: a standby needs PostgreSQL",
    "queue": "No such command 'queue'. `tradebot status` shows what waits. There are: run, alert,",
    "trace": "Missing argument",
    "alerts --status nope": "nope is no status: write one of RECEIVED",
    "alerts -n 0": "greater than or equal to 1",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_wrong_usage(typed: Type, tmp_path: Path, line: str) -> None:
    """Broken, a typing mistake is answered with a riddle, or is taken for something else by a script."""
    ran = typed(*line.split(), webhook__secret=SECRET)
    assert (ran.code, MISTAKES[line] in " ".join(ran.err.replace("│", "").split())) == (2, True), ran.all
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["8000", "0"])
def test_alert_without_what_it_needs(typed: Type, tmp_path: Path, port: str) -> None:
    """Broken, an alert goes to port 0, or a second secret is made that no daemon knows."""
    ran = typed("alert", "BUY", "AAPL", webhook__port=port)
    assert ran.code == 2
    assert ("the daemon took any free port" if port == "0" else "there is no webhook secret") in ran.err
    assert list(tmp_path.iterdir()) == []


BAD_FILE = """
[webhook]
port = "8000"
secret = "hunter2"
[trading]
hours = "sometimes"
orders_per_secnd = 5
[databse]
url = "x"
"""


@pytest.mark.parametrize("line", ["status", "kill", "migrate up", "alert BUY AAPL"])
def test_five_mistakes_in_the_file_are_five_lines(typed: Type, tmp_path: Path, line: str) -> None:
    """Broken, the owner mends his configuration one start at a time, or his secret stands on the screen."""
    (tmp_path / "mine.toml").write_text(BAD_FILE)
    ran = typed(*line.split(), "--config", "mine.toml")
    assert ran.code == 2
    lines = ran.err.splitlines()
    assert len(lines) == 5, ran.err
    for key in ("webhook.port", "webhook.secret", "trading.hours", "trading.orders_per_secnd", "databse"):
        assert any(key in each for each in lines), key
    assert "hunter2" not in ran.all


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "kill",
        "pause",
        "pause --strategy main",
        "resume",
        "reassign ema main",
        "jobs",
        "alerts",
        "trace 1",
        "orders --json",
        "migrate down --yes",
        "migrate status",
    ],
)
def test_nothing_is_made_in_a_folder_where_no_daemon_runs(typed: Type, tmp_path: Path, line: str) -> None:
    """Broken, `kill` in the wrong folder stores the state in an empty database of its own and says "Stored"."""
    ran = typed(*line.split(), webhook__port="9")
    assert ran.code == 3
    assert f"there is no database {tmp_path}/data/tradebot.db: run this in the folder" in " ".join(ran.all.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["kill", "pause", "resume --everything"])
def test_a_state_that_cannot_be_stored(typed: Type, line: str) -> None:
    """Broken, the owner believes that he has killed the bot, and it trades on."""
    ran = typed(*line.split(), database__url="postgresql://bot:canary-password@127.0.0.1:9/bot")
    assert (ran.code, ran.out) == (3, "")
    assert "is NOT stored: PostgreSQL at 127.0.0.1:9, database bot" in ran.err
    assert "Nothing has changed" in ran.err
    assert ("stop the daemon itself" in ran.err) == (line != "resume --everything")
    assert "canary" not in ran.err


@pytest.mark.parametrize("line", ["status", "kill"])
def test_a_file_where_the_folder_should_be(typed: Type, tmp_path: Path, line: str) -> None:
    """Broken, a path that cannot work ends in a traceback."""
    (tmp_path / "data").write_text("not a folder")
    ran = typed(line)
    assert ran.code == 3
    assert f"there is no database {tmp_path}/data/tradebot.db" in " ".join(ran.all.split())


def test_what_is_no_database(typed: Type, tmp_path: Path) -> None:
    """Broken, a path to another file ends in a traceback, or that file is overwritten."""
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 no database" * 200)
    ran = typed("status", database__url="sqlite:///photo.jpg")
    assert (ran.code, "it is not a database: is the path right?" in " ".join(ran.out.split())) == (3, True), ran.all
    assert (tmp_path / "photo.jpg").read_bytes() == b"\xff\xd8 no database" * 200


def test_a_database_that_may_not_be_opened(typed: Type, tmp_path: Path) -> None:
    """Broken, the reason drowns in the traceback of a library's thread."""
    (tmp_path / "books").mkdir()
    ran = typed("migrate", "status", database__url="sqlite:///books")
    assert (ran.code, "Exception in thread" in ran.err) == (3, False), ran.all
    assert "cannot be opened: look at the folder, its owner and mode" in ran.err
