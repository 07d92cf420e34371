"""The log: a readable console and a file of JSON lines, with every secret cut out of the finished line.

- Redaction is the last step before writing, so it holds for messages, context, exceptions and tracebacks of any library alike.
- Tracebacks never show local variables (loguru's `diagnose`).
- Every line about an alert carries `KEYS`, from `logger.contextualize` or `bind`: on the console as `alert=1 ticker=AAPL
  order=tb-1-…`, where `grep -w alert=1` finds alert 1 and not alert 10, and in the file as fields. Their names never change.
- A full disk or a closed console never stops trading: the line is lost, and that is said once on the other side.
- A line of the log is a line: what came from outside cannot forge a second one, nor steer the terminal.
"""

import errno
import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote, quote_plus

from loguru import logger

from tradebot.config import TOKEN_SHAPE, URL_PASSWORD_SHAPE
from tradebot.config import Log as LogSettings
from tradebot.errors import ConfigError
from tradebot.runtime import systemd

if TYPE_CHECKING:
    from loguru import Message, Record

REDACTED = "***"
FILE_NAME = "tradebot.jsonl"
KEYS = {"alert_id": "alert", "ticker": "ticker", "order_ref": "order"}
"""What names an alert's lines: in the file, and on the console, in this order."""
# Shorter ones are ordinary words ("test"): cutting them out would make the log unreadable. As `user:word@` they are cut.
SECRET_LENGTH_MIN = 5
# syslog's priorities, by loguru's levels.
_PRIORITIES = ((50, 2), (40, 3), (30, 4), (25, 5), (20, 6))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_CHATTY = ("aiogram", "aiohttp.access", "asyncio", "ib_async")
_NEVER_BELOW_WARNING = ("aiosqlite",)  # three lines a statement would bury all others
_SIMULATED = "tradebot.simgateway"


class Redactor:
    """Cuts known secrets, in every form a line can carry them, and what is shaped like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SECRET_LENGTH_MIN for form in _forms(secret)}
        # Longest first: where one secret begins with another, no tail may be left standing.
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, line: str) -> str:
        if self._known:
            line = self._known.sub(REDACTED, line)
        return URL_PASSWORD_SHAPE.sub(rf"\1:{REDACTED}", TOKEN_SHAPE.sub(REDACTED, line))


def _forms(secret: str) -> Iterator[str]:
    """As it is, URL-encoded, as in JSON and as in a Python repr; and each of these once more inside a JSON line."""
    encoded = (quote(secret, safe=""), quote(secret), quote_plus(secret))
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    for form in (secret, *encoded, *(re.sub("%..", lambda hex_: hex_[0].lower(), each) for each in encoded), *escaped):
        yield form
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]


def setup(settings: LogSettings, secrets: Iterable[str], *, daemon: bool = True, console: TextIO | None = None) -> None:
    """Sends all logging of this process, libraries' included, to console and file. Raises ConfigError when the file's folder
    cannot be used. `daemon=False` is for other commands, whose lines do not belong in the daemon's file. The simulated gateway is
    heard in full there; inside the daemon it would repeat what the daemon says."""
    redact = Redactor(secrets)
    level = settings.level
    heard: dict[str | None, str | int | bool] = {_SIMULATED: "WARNING"} if daemon and not _is_debug(level) else {}
    stream = console or sys.stderr
    logger.remove()
    to_journal = systemd.journal_reads(stream)
    logger.add(
        _Console(stream, redact, to_journal=to_journal),
        level=level,
        filter=heard,
        format=_journal_format if to_journal else _console_format,
        colorize=stream.isatty(),
        backtrace=False,
        diagnose=False,
    )
    if daemon:
        lines = JsonLines(settings, redact)
        logger.add(lines, level=level, filter=heard, format="{message}", backtrace=False, diagnose=False)
    _route_standard_logging(level)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


# --- console --------------------------------------------------------------------------------------------------------


class _Console:
    def __init__(self, stream: TextIO, redact: Redactor, *, to_journal: bool) -> None:
        self._stream, self._redact, self._to_journal = stream, redact, to_journal

    def write(self, message: "Message") -> None:
        line = self._redact(str(message))
        if self._to_journal:
            number = message.record["level"].no
            line = systemd.with_priority(
                next((priority for above, priority in _PRIORITIES if number >= above), 7), line
            )
        with suppress(OSError, ValueError):  # a closed pipe: nobody is listening
            self._stream.write(line)
            self._stream.flush()


def _console_format(record: "Record") -> str:
    _prepare(record)
    return (
        "<green>{time:YYYY-MM-DD HH:mm:ss.SSS!UTC}Z</green> <level>{level: <8}</level> {extra[_text]}"
        "<dim>{extra[_context]}</dim>{extra[_trace]}\n"
    )


def _journal_format(record: "Record") -> str:
    _prepare(record)
    return "{extra[_text]}{extra[_context]}{extra[_trace]}\n"


def _prepare(record: "Record") -> None:
    """Message, context and traceback as the console shows them: continuation lines indented, control characters visible."""
    extra = record["extra"]
    context = " ".join(f"{KEYS.get(name, name)}={value}" for name, value in _context(record))
    extra["_text"] = visible(record["message"])
    extra["_context"] = visible(f" [{context}]") if context else ""
    extra["_trace"] = visible("\n" + _traceback(record).rstrip()) if record["exception"] else ""


def _context(record: "Record") -> Iterator[tuple[str, object]]:
    """What `contextualize` and `bind` gave, the keys first; a name without a value says nothing."""
    extra = record["extra"]
    names = [*(name for name in KEYS if name in extra), *(name for name in extra if name not in KEYS)]
    return ((name, extra[name]) for name in names if extra[name] is not None and name[0] != "_")


def visible(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text).replace("\n", "\n    ")


def _traceback(record: "Record") -> str:
    """Python's own traceback, which shows no local variables."""
    error = record["exception"]
    return "".join(traceback.format_exception(error.type, error.value, error.traceback)) if error else ""


# --- file -----------------------------------------------------------------------------------------------------------


class JsonLines:
    """One JSON object a line, in a file that is renamed when full. Kept apart from loguru's own file sink, which prints the
    whole record, secrets included, when the disk is full."""

    def __init__(self, settings: LogSettings, redact: Redactor) -> None:
        self._path = Path(settings.dir) / FILE_NAME
        self._bytes_max = settings.rotation_mb * 1_000_000
        self._kept = timedelta(days=settings.retention_days)
        self._kept_bytes = settings.total_mb * 1_000_000
        self._redact = redact
        self._failed = False
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise ConfigError(
                f'log.dir = "{settings.dir}": the log cannot be written there: {error.strerror}; name a folder that '
                "tradebot may write to"
            ) from error

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = FileIO(os.open(self._path, flags, 0o600), "a")  # unbuffered: a line is written, or it is not
        self._prune()

    def write(self, message: "Message") -> None:
        try:
            if self._file.closed:
                self._open()
            line = ("\n" * self._failed + self._redact(_json(message.record)) + "\n").encode(errors="backslashreplace")
            self._write_whole(line)
            self._failed = False
            if self._file.tell() >= self._bytes_max:
                self._rotate()
        except OSError as error:
            if not self._failed:
                self._failed = True
                words = f"the log file {self._path} cannot be written: {error.strerror}; trading goes on\n"
                with suppress(OSError, ValueError):
                    sys.stderr.write(systemd.with_priority(3, words) if systemd.journal_reads(sys.stderr) else words)

    def _write_whole(self, line: bytes) -> None:
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def stop(self) -> None:
        with suppress(OSError):
            self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._path.rename(self._path.with_name(f"tradebot-{stamp}.jsonl"))
        self._open()

    def _prune(self) -> None:
        """Full files that are too old, or too many: the one in use, which may grow to its limit, counts as full."""
        oldest = (datetime.now(UTC) - self._kept).timestamp()
        left = self._kept_bytes - self._bytes_max
        for full in sorted(self._path.parent.glob("tradebot-*.jsonl"), reverse=True):  # their names are their times
            known = full.stat()
            left -= known.st_size
            if known.st_mtime < oldest or left < 0:
                full.unlink(missing_ok=True)


def _json(record: "Record") -> str:
    fields: dict[str, object] = {
        "time": record["time"].astimezone(UTC).isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "message": record["message"],
        "where": f"{record['name']}:{record['line']}",
    }
    fields |= dict(_context(record))
    if record["exception"]:
        fields["exception"] = _traceback(record)
    return json.dumps(fields, default=str, ensure_ascii=False)


# --- libraries ------------------------------------------------------------------------------------------------------


class _Intercept(logging.Handler):
    """Hands the standard library's log records to loguru, under the name of the logger that they came from."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a library's own mistake in its arguments must not cost the line
            message = f"{record.msg} {record.args}"
        level: str | int = record.levelname if record.levelname in _LEVELS else record.levelno

        def named(entry: "Record") -> None:
            entry["name"], entry["line"] = record.name, record.lineno

        logger.opt(exception=record.exc_info).patch(named).log(level, "{}", message)


_LEVELS: Mapping[str, int] = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def _route_standard_logging(level: str) -> None:
    """Libraries that tell every message they see are heard from WARNING on, unless the owner asks for DEBUG."""
    logging.basicConfig(handlers=[_Intercept()], level=_LEVELS.get(level, 1), force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if _is_debug(level) else logging.WARNING)
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _is_debug(level: str) -> bool:
    return level in ("TRACE", "DEBUG")


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Python's own traceback goes straight to stderr, past the redaction."""
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, error or kind(), trace)
        return
    logger.opt(exception=(kind, error, trace)).critical("uncaught error: this is a mistake in tradebot")
