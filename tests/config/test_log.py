"""The log as a process writes it: routing, context, rotation, and no secret in any form. Each scene runs in a process of its own,
for logging belongs to the whole process."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tradebot.config import Log
from tradebot.runtime.log import Redactor

SECRET = 'Kz8&"q\\Ω/ t7=Canary'
TOKEN = "987654321:AAErt7Uio_9pLkjhgfdsZxcvbnm-QwErTy1"

SET_UP = """
import logging, sys, threading
from loguru import logger
from tradebot.config import Log
from tradebot.runtime.log import setup
SECRET = {secret!r}
setup(Log(level={level!r}, dir={dir!r}, rotation_mb=1, retention_days=1), [SECRET, {token!r}, "", "abcd"], daemon={daemon})
"""


def scene(
    folder: Path, code: str, *, level: str = "INFO", daemon: bool = True, env: dict[str, str] | None = None
) -> tuple[str, list[dict[str, Any]]]:
    """Runs `code` in a process with the log set up; returns its console and the objects in its file."""
    text = SET_UP.format(secret=SECRET, token=TOKEN, level=level, dir=str(folder / "logs"), daemon=daemon) + code
    bare = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    run = subprocess.run(
        [sys.executable, "-W", "default", "-c", text],
        env=bare | (env or {}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    file = folder / "logs" / "tradebot.jsonl"
    entries = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    return run.stdout + run.stderr, entries


def test_the_context_of_an_alert_stands_in_console_and_file(tmp_path: Path) -> None:
    """A line could not be traced to its alert, and the file could not be searched by it."""
    console, entries = scene(
        tmp_path,
        "with logger.contextualize(alert_id=7, order_ref='tb-7-0a1b2c3d', ticker='AAPL', trade_id=None):\n"
        "    logger.info('placed {} shares', 20)\n"
        "logger.debug('not wanted')\n",
    )
    assert console.endswith("placed 20 shares [alert=7 ticker=AAPL order=tb-7-0a1b2c3d]\n")
    (entry,) = entries
    assert (entry["alert_id"], entry["order_ref"], entry["ticker"]) == (7, "tb-7-0a1b2c3d", "AAPL")
    assert "trade_id" not in entry
    assert (entry["level"], entry["message"], entry["where"]) == ("INFO", "placed 20 shares", "__main__:9")
    assert entry["time"].endswith("+00:00")


def test_the_names_that_others_search_by_stay(tmp_path: Path) -> None:
    """A saved search, or a collector of the log, would find nothing any more; or the docs would name what there is not."""
    _, (entry, failed) = scene(
        tmp_path,
        "with logger.contextualize(order_ref='tb-7-0a1b2c3d', ticker='AAPL', alert_id=7): logger.info('x')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logger.exception('y')\n",
    )
    assert list(entry) == ["time", "level", "message", "where", "alert_id", "ticker", "order_ref"]
    assert list(failed) == ["time", "level", "message", "where", "exception"]
    docs = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")
    section = docs.partition("## What became of an alert")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {*entry, *failed}


def test_the_daemon_s_own_simulated_gateway_repeats_nothing(tmp_path: Path) -> None:
    """Every order would be told twice, once by each side; or what goes wrong there, or is asked for by DEBUG, would be silent."""
    code = (
        "for level in ('INFO', 'WARNING'):\n"
        "    logger.patch(lambda entry: entry.update(name='tradebot.simgateway.gateway')).log(level, level)\n"
    )
    assert [entry["message"] for entry in scene(tmp_path / "info", code)[1]] == ["WARNING"]
    assert [entry["message"] for entry in scene(tmp_path / "debug", code, level="DEBUG")[1]] == ["INFO", "WARNING"]
    console, _ = scene(tmp_path / "alone", code, daemon=False)
    assert len(console.splitlines()) == 2


def test_libraries_speak_through_the_same_log_and_their_chatter_is_left_out(tmp_path: Path) -> None:
    """A library's error would bypass redaction and file; or its every message would drown the bot's own lines."""
    code = (
        "for name in ('ib_async.wrapper', 'aiogram.event'):\n"
        "    logging.getLogger(name).info('chatter of %s', name)\n"
        "    logging.getLogger(name).error('error {braces} of %s', name)\n"
        "logging.getLogger('other').warning('wrong arguments %d', 'x')\n"
        "import warnings; warnings.warn('mind this')\n"
    )
    _, entries = scene(tmp_path, code)
    assert [(entry["where"].split(":")[0], entry["level"]) for entry in entries] == [
        ("ib_async.wrapper", "ERROR"),
        ("aiogram.event", "ERROR"),
        ("other", "WARNING"),
        ("py.warnings", "WARNING"),
    ]
    assert entries[0]["message"] == "error {braces} of ib_async.wrapper"
    _, entries = scene(tmp_path / "debug", code, level="DEBUG")
    assert len([entry for entry in entries if "chatter" in entry["message"]]) == 2


# Each road by which a secret could reach the log. The last one ends the process.
LEAKS = {
    "message": "logger.error('secret ' + SECRET)",
    "argument": "logger.error('secret {}', SECRET)",
    "context": "logger.bind(ticker=SECRET).error('bound')",
    "json": "import json; logger.error(json.dumps({'secret': SECRET}))",
    "repr": "logger.error('{!r}', {'secret': SECRET})",
    "url": "from urllib.parse import *; logger.error('GET /webhook?' + urlencode({'secret': SECRET}) + quote(SECRET))",
    "exception": "try: raise ValueError(SECRET)\nexcept ValueError: logger.exception('failed')",
    "cause": "try:\n  try: raise ValueError(SECRET)\n  except ValueError as e: raise KeyError(SECRET) from e\n"
    "except KeyError: logger.exception('failed')",
    "locals": "def f(given):\n    held = given + '!'\n    return 1 / 0\n"
    "try: f(SECRET)\nexcept ZeroDivisionError: logger.exception('***')",
    "standard logging": "logging.getLogger('aiohttp').error('x %s', SECRET)",
    "standard exception": "try: raise ValueError(SECRET)\nexcept ValueError: logging.getLogger('asyncio').exception('y')",
    "thread": "def f(): raise ValueError(SECRET)\nt = threading.Thread(target=f); t.start(); t.join()",
    "token unknown to us": "logger.error('https://api/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe')",
    "token of the API": "logger.error('Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiI1ZjNhIn0.AAHdqTcvCH1vGWJxfSeof')",
    "token known to us": f"logger.error('{TOKEN}')",
    "password in an address": "logger.error('cannot reach postgresql://me:Canary@db:5432/x')",
    "warning": "import warnings; warnings.warn(SECRET)",
    "event loop": "import asyncio\ndef g(): raise ValueError(SECRET)\n"
    "async def f(): asyncio.get_running_loop().call_soon(g); await asyncio.sleep(0)\nasyncio.run(f())",
    "uncaught": "raise ValueError(SECRET)",
}


def test_no_secret_reaches_console_or_file_by_any_road(tmp_path: Path) -> None:
    """A secret would stand in a file that people send around."""
    code = "\n".join(f"logger.info('ROAD {road}')\n{code}" for road, code in LEAKS.items())
    console, entries = scene(tmp_path, code, level="DEBUG")
    file = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    for written in (console, file):
        roads = {text.split('"')[0].splitlines()[0]: text for text in written.split("ROAD ")[1:]}
        assert list(roads) == list(LEAKS)
        for road, text in roads.items():
            assert "***" in text, road
            assert not re.search("Canary|Kz8|AAHdqTcvCH1|AAErt7Uio", text), road


@pytest.mark.parametrize("secret", [SECRET, "plain-secret-0123456789", "ünïcödé-sécrét-π", "a+b/c==d&e f%20g"])
def test_every_form_of_a_secret_is_cut(secret: str) -> None:
    """A library that encodes what it logs would carry the secret past the redaction."""
    redact = Redactor([secret, secret[:9]])
    inside = json.dumps({"body": json.dumps({"secret": secret})})
    forms = [secret, quote(secret), quote(secret, safe="").lower(), json.dumps(secret), repr(secret), inside]
    for form in forms:
        assert secret[-6:] not in redact(form), form
    assert json.loads(redact(json.dumps({"a": secret, "b": 1}))) == {"a": "***", "b": 1}


def test_words_that_are_no_secrets_stay() -> None:
    """Redaction would eat the log: times, prices, order references and short words."""
    line = "12:30:05.123 tb-12-0a1b2c3d BUY 20 AAPL at 187.32; http://127.0.0.1:8000/health latest a:b@c"
    assert Redactor(["", "test"])(line) == line


def test_a_line_from_outside_cannot_forge_another(tmp_path: Path) -> None:
    """An alert's text could write "order filled" lines of its own, or clear the owner's terminal."""
    console, entries = scene(
        tmp_path,
        "logger.info('ticker {}', 'A\\n2026-11-20 10:00:00.000Z INFO killed\\r\\x1b[2J')\n"
        "try: raise ValueError('x\\n2026-11-20 INFO killed')\n"
        "except ValueError: logger.exception('y')\n",
    )
    assert "\x1b" not in console
    assert "\r" not in console
    assert [line for line in console.splitlines() if "killed" in line and not line.startswith("    ")] == []
    assert len(entries) == 2


def test_colour_only_where_a_person_looks(tmp_path: Path) -> None:
    """Escape codes would fill journal and files, or a terminal would be hard to read."""
    code = "logger.error('red')"
    plain, _ = scene(tmp_path, code)
    assert "\x1b[" not in plain
    main, side = pty.openpty()
    text = SET_UP.format(secret=SECRET, token=TOKEN, level="INFO", dir=str(tmp_path), daemon=False) + code
    subprocess.run([sys.executable, "-c", text], stderr=side, check=True, timeout=60)
    os.close(side)
    assert b"\x1b[" in os.read(main, 10_000)
    os.close(main)


def test_under_systemd_lines_carry_priorities_instead_of_times(tmp_path: Path) -> None:
    """journalctl -p warning would show nothing, and every line would carry two times."""
    code = "logger.info('a\\nb'); logger.success('s'); logger.warning('w'); logger.error('e'); logger.critical('c')"
    text = SET_UP.format(secret=SECRET, token=TOKEN, level="INFO", dir=str(tmp_path / "logs"), daemon=True) + code
    journal = tmp_path / "journal"
    with journal.open("w") as stream:
        there = os.fstat(stream.fileno())
        env = os.environ | {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
        subprocess.run([sys.executable, "-c", text], stderr=stream, env=env, timeout=60, check=True)
    assert journal.read_text() == "<6>a\n<6>    b\n<5>s\n<4>w\n<3>e\n<2>c\n"


def test_what_is_redirected_from_systemd_elsewhere_keeps_its_times(tmp_path: Path) -> None:
    """A file that a service's child writes would have priorities in place of times, for the variable is inherited."""
    console, _ = scene(tmp_path, "logger.info('a')", env={"JOURNAL_STREAM": "8:1"})
    assert re.match(r"\d{4}-\d\d-\d\d .* INFO     a\n", console)


def test_a_start_that_fails_is_an_error_in_the_journal(tmp_path: Path) -> None:
    """`journalctl -p warning` would not show why the bot does not start."""
    journal = tmp_path / "journal"
    with journal.open("w") as stream:
        there = os.fstat(stream.fileno())
        env = os.environ | {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}", "TRADEBOT_WEBHOOK__PORT": "no port"}
        command = [sys.executable, "-m", "tradebot", "run"]
        failed = subprocess.run(command, cwd=tmp_path, stderr=stream, env=env, timeout=60, check=False)
    assert failed.returncode == 2
    assert journal.read_text().startswith("<3>tradebot: ")
    assert all(line.startswith("<3>") for line in journal.read_text().splitlines())


def test_a_full_file_is_renamed_and_old_ones_go(tmp_path: Path) -> None:
    """The log would fill the disk, and with it stop the database."""
    folder = tmp_path / "logs"
    folder.mkdir()
    old = folder / "tradebot-20260101T000000.000000Z.jsonl"
    old.write_text("{}\n")
    os.utime(old, (1, 1))
    _, entries = scene(tmp_path, "for n in range(25): logger.info('{} {}', n, 'x' * 100_000)")
    files = sorted(folder.iterdir())
    assert old not in files
    assert len(files) == 3
    assert all(file.stat().st_size < 1_200_000 for file in files)
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sorted(int(line["message"].split()[0]) for line in lines) == list(range(25))
    assert entries == lines[-len(entries) :]
    assert (folder / "tradebot.jsonl").stat().st_mode & 0o077 == 0


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    """A full disk would stop trading, or print the record with its secrets."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "tradebot.jsonl").symlink_to("/dev/full")
    code = "logger.info('one ' + SECRET); logger.info('two'); print('went on')"
    text = SET_UP.format(secret=SECRET, token=TOKEN, level="INFO", dir=str(tmp_path / "logs"), daemon=True) + code
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "went on\n"
    assert run.stderr.count("cannot be written: No space left on device; trading goes on") == 1
    assert "Canary" not in run.stderr
    assert "two" in run.stderr


def test_a_closed_console_does_not_stop_the_bot(tmp_path: Path) -> None:
    """`tradebot run | head` would bring the bot down with open orders."""
    code = (
        "import os; r, w = os.pipe(); os.dup2(w, 2); os.close(w); os.close(r); logger.info('one'); logger.info('two')"
    )
    _, entries = scene(tmp_path, code)
    assert [entry["message"] for entry in entries] == ["one", "two"]


def test_a_folder_that_cannot_be_used_is_a_configuration_mistake(tmp_path: Path) -> None:
    """The owner would see a traceback instead of the key to mend."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            SET_UP.format(secret="", token="", level="INFO", dir=str(tmp_path / "logs"), daemon=True),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ConfigError: log.dir" in run.stderr
    assert "name a folder that tradebot may write to" in run.stderr


def test_short_commands_leave_the_daemon_s_file_alone(tmp_path: Path) -> None:
    """A second process would rename the file under the daemon."""
    console, _ = scene(tmp_path, "logger.info('hello')", daemon=False)
    assert "hello" in console
    assert not Path(Log(dir=str(tmp_path / "logs")).dir).exists()


def test_all_files_together_stay_below_their_limit(tmp_path: Path) -> None:
    """A flood of lines would fill the disk within the days that files are kept."""
    (tmp_path / "logs").mkdir()
    old = tmp_path / "logs" / "tradebot-20261101T000000.000000Z.jsonl"
    old.write_text("old\n" * 300_000)
    code = "setup(Log(level='INFO', dir={!r}, rotation_mb=1, total_mb=3), [], daemon=True)\n"
    code += "for n in range(6_000): logger.info('x' * 1_000)\n"
    scene(tmp_path, code.format(str(tmp_path / "logs")))
    kept = list((tmp_path / "logs").glob("*.jsonl"))
    assert len(kept) > 1
    assert old not in kept
    assert sum(file.stat().st_size for file in kept) <= 3_100_000
