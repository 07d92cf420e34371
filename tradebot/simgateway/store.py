"""The journal's storage: one append-only file of JSON lines, or memory.

A line is handed to the operating system before its effect is visible to any client, so a killed gateway forgets nothing it
answered. A line torn by the kill never took effect: it is cut off at the next start. The file is locked while it is open.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tradebot.errors import GatewayError
from tradebot.simgateway.entries import Entry, from_json, to_json


class Store:
    """The journal. ``lines`` holds what was read and written, in order, as JSON objects."""

    def __init__(self, path: Path | None) -> None:
        self.lines: list[dict[str, Any]] = []
        self._path = path
        self._fd: int | None = None
        if path is not None:
            self._fd = _open(path)

    def load(self) -> Iterator[Entry]:
        """Replay what an earlier run wrote. Raises GatewayError for a file that is no journal."""
        if self._fd is None:
            return
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._fd, whole)
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                values = json.loads(line)
                entry = from_json(dict(values))
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise GatewayError(
                    f"{self._path} line {number} is no journal entry ({error}): move the file away to start afresh"
                ) from error
            self.lines.append(values)
            yield entry

    def append(self, *entries: Entry) -> None:
        """Write entries in one go; they survive a kill of this process from here on. Raises GatewayError: nothing written."""
        values = [to_json(entry) for entry in entries]
        if self._fd is not None:
            self._write(self._fd, b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in values))
        self.lines += values

    def _write(self, fd: int, data: bytes) -> None:
        end = os.lseek(fd, 0, os.SEEK_END)
        try:
            while data:
                data = data[os.write(fd, data) :]
        except OSError as error:
            os.ftruncate(fd, end)
            raise GatewayError(f"cannot write the gateway's state file {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GatewayError(f"cannot open the gateway's state file {path}: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise GatewayError(
            f"another simulated gateway is running on {path}: stop it, or give this one another state file"
        ) from None
    return fd
