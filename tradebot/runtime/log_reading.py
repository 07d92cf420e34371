"""Reads back the JSON lines that `log.py` has written, the files that are full included.

Rules: files are taken in the order of their times; a line that is none of the log's is a line all the same, shown as it stands;
what is being written while it is read is taken once it is whole.
"""

import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from tradebot.domain.log_lines import LogLine
from tradebot.runtime.log import FILE_NAME, KEYS, visible

LEVELS: Mapping[str, int] = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "SUCCESS": 25,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}
_OWN = ("time", "level", "message", "where", "exception")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines. A broken one is wanted unless an alert is asked for that it does not name."""

    alert_id: int | None = None
    level: str = "TRACE"  # and above
    since: datetime | None = None

    def lines(self, raw: Iterable[bytes]) -> Iterator[LogLine]:
        """Lines in the order of their times; a broken one is as old as the one before it."""
        names_it = re.compile(b"" if self.alert_id is None else rb'"alert_id": %d\b' % self.alert_id)
        old = False
        for each in raw:
            if not names_it.search(each):  # cheaper than to read it
                continue
            line = read_line(each)
            if line.at is not None:
                old = self.since is not None and line.at < self.since
            if not old and (line.is_broken or self._fits(line)):
                yield line

    def _fits(self, line: LogLine) -> bool:
        is_its = self.alert_id is None or (line.context or {}).get("alert_id") == self.alert_id
        return is_its and LEVELS.get(line.level, LEVELS["CRITICAL"]) >= LEVELS[self.level]


def read_line(raw: bytes) -> LogLine:
    text = raw.decode(errors="replace").rstrip("\r\n")
    try:
        fields = json.loads(text)
        at = datetime.fromisoformat(fields["time"])
        level, message = fields["level"], fields["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return LogLine(None, "", text)
    if at.tzinfo is None or not (isinstance(level, str) and isinstance(message, str)):
        return LogLine(None, "", text)
    context = {name: value for name, value in fields.items() if name not in _OWN}
    return LogLine(at, level, message, str(fields.get("where", "")), context, str(fields.get("exception", "")))


def as_on_the_console(line: LogLine) -> str:
    """As the daemon has printed it: what came from outside cannot steer the terminal here either."""
    if line.at is None:
        return f"{'?':<24} {'?':<8} {visible(line.message)}"
    context = " ".join(f"{KEYS.get(name, name)}={value}" for name, value in _ordered(line.context or {}))
    shown = f"{line.at:%Y-%m-%d %H:%M:%S}.{line.at.microsecond // 1000:03}Z {line.level:<8} {visible(line.message)}"
    shown += visible(f" [{context}]") if context else ""
    return shown + (visible("\n" + line.exception.rstrip()) if line.exception else "")


def _ordered(context: Mapping[str, object]) -> list[tuple[str, object]]:
    names = [*(name for name in KEYS if name in context), *(name for name in context if name not in KEYS)]
    return [(name, context[name]) for name in names]


# --- files ----------------------------------------------------------------------------------------------------------


def log_files(folder: Path) -> list[Path]:
    """The oldest first, the one in use last. Raises OSError where the folder cannot be looked into."""
    current = folder / FILE_NAME
    full = sorted(path for path in folder.iterdir() if path.match("tradebot-*.jsonl"))  # their names are their times
    return [*full, *([current] if current.exists() else [])]


def all_lines(folder: Path, wanted: Wanted) -> list[LogLine]:
    """Raises OSError."""
    return [line for path in log_files(folder) for line in wanted.lines(_raw(path, wanted.since))]


def begins_at(folder: Path) -> datetime | None:
    """When the oldest line was written that is still there. Raises OSError."""
    for path in log_files(folder):
        for raw in _raw(path, None):
            if (at := read_line(raw).at) is not None:
                return at
    return None


def _raw(path: Path, since: datetime | None) -> Iterator[bytes]:
    try:
        if since is not None and path.stat().st_mtime < since.timestamp():
            return
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:  # the daemon has renamed or pruned it meanwhile
        return


class Tail:
    """The log as it grows, from the beginning of the newest file on and over every change of the file."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder = folder
        self._file: BinaryIO | None = None
        self._begun = b""  # a line that is not whole yet
        while self._file is None and (files := log_files(folder)):
            with suppress(FileNotFoundError):  # it was renamed just now
                self._file = files[-1].open("rb")
        newer = self._next_files()
        self.older = [path for path in log_files(folder)[:-1] if path not in newer]

    @property
    def has_files(self) -> bool:
        return self._file is not None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def new(self, *, unfinished: bool = False) -> Iterator[bytes]:
        """Each call gives what has come since; with `unfinished` also a last line that is not whole. Raises OSError."""
        yield from self._rest()
        for path in self._next_files():
            try:
                file = path.open("rb")
            except FileNotFoundError:  # it was renamed just now: the next call finds it
                break
            self.close()
            self._file = file
            yield from self._flushed()  # the file before ended in it
            yield from self._rest()
        if unfinished:
            yield from self._flushed()

    def _rest(self) -> Iterator[bytes]:
        while self._file is not None and (piece := self._file.readline()):
            self._begun += piece
            if self._begun.endswith(b"\n"):
                yield from self._flushed()

    def _flushed(self) -> Iterator[bytes]:
        begun, self._begun = self._begun, b""
        if begun:
            yield begun

    def _next_files(self) -> list[Path]:
        """Those after the one that is being read. Where that one is gone all newer ones."""
        files = log_files(self._folder)
        if self._file is None:
            return files
        here = os.fstat(self._file.fileno())
        there = [_status(path) for path in files]
        for number, status in enumerate(there):
            if status is not None and os.path.samestat(status, here):
                return files[number + 1 :]
        pairs = zip(files, there, strict=True)
        return [path for path, status in pairs if status is not None and status.st_mtime >= here.st_mtime]


_LOOKED_AT = 4_000_000
"""Bytes from the end of the log, for who asks the running daemon: to read it all would take the processor from orders."""


def newest_of(folder: Path, number: int, level: str) -> Sequence[LogLine]:
    """Lines of this level and above from the end of the log, the oldest of them first; none where it cannot be read."""
    names = "|".join(name for name, value in LEVELS.items() if value >= LEVELS[level])
    has_level = re.compile(rb'"level": "(%s)"' % names.encode())
    found: deque[LogLine] = deque()
    left = _LOOKED_AT
    with suppress(OSError):
        for path in reversed(log_files(folder)):
            raw, left = _end_of(path, left)
            for each in reversed(raw):
                if len(found) == number:
                    return list(found)
                if has_level.search(each) and LEVELS.get((line := read_line(each)).level, 0) >= LEVELS[level]:
                    found.appendleft(line)
    return list(found)


def _end_of(path: Path, most: int) -> tuple[list[bytes], int]:
    """Whole lines of the last so many bytes, and how many are left of these. Raises OSError."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - most)
            file.seek(begin)
            lines = file.read(most).splitlines()
    except FileNotFoundError:  # renamed or pruned meanwhile
        return [], most
    return lines[1:] if begin else lines, most - (size - begin)


@contextmanager
def open_tail(folder: Path) -> Iterator[Tail]:
    """Raises OSError."""
    tail = Tail(folder)
    try:
        yield tail
    finally:
        tail.close()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def newest_lines(tail: Tail, wanted: Wanted, number: int, *, unfinished: bool = False) -> list[LogLine]:
    """The newest so many, the oldest of them first; `tail` then goes on behind them. Raises OSError."""
    found = deque(wanted.lines(tail.new(unfinished=unfinished)), maxlen=number)
    for path in reversed(tail.older):
        if len(found) == number:
            break
        before = deque(wanted.lines(_raw(path, wanted.since)), maxlen=number - len(found))
        found.extendleft(reversed(before))
    return list(found)


def follow(tail: Tail, wanted: Wanted, wait: Callable[[], None]) -> Iterator[LogLine]:
    """New lines for ever; `wait` before each look. Raises OSError."""
    while True:
        wait()
        yield from wanted.lines(tail.new())
