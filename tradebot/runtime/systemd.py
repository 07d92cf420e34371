"""What systemd wants to hear from a service of Type=notify (sd_notify(3)): READY, STATUS, WATCHDOG, STOPPING, EXTEND_TIMEOUT;
and whether its journal reads what is printed.

Without $NOTIFY_SOCKET, which is everywhere but under systemd, each call does nothing.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

STATUS_MAX = 400
"""Characters; the rest of a status is for the log."""


def listens(env: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd has asked to be told."""
    return env.get("NOTIFY_SOCKET", "").startswith(("/", "@"))


def notify(state: str, env: Mapping[str, str] = os.environ) -> None:
    """Sends lines such as "READY=1" or "WATCHDOG=1". Never blocks, never raises: systemd's ear is no reason to stop."""
    if not listens(env):
        return
    address = env["NOTIFY_SOCKET"]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.setblocking(False)
        out.connect("\0" + address[1:] if address.startswith("@") else address)
        out.send(state.encode(errors="replace"))


def status(text: str, more: str = "", env: Mapping[str, str] = os.environ) -> None:
    """The one line that `systemctl status` shows; `more` are further lines of the same message."""
    notify("\n".join(filter(None, [f"STATUS={' '.join(text.split())[:STATUS_MAX]}", more])), env)


def patience(seconds: float) -> str:
    """The line that asks for so much more time, from now, to become ready or to end; the unit's own time is never cut short."""
    return f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000:.0f}"


def journal_reads(stream: TextIO, env: Mapping[str, str] = os.environ) -> bool:
    """Whether this very stream is the journal's (systemd.exec(5), $JOURNAL_STREAM): what is redirected elsewhere is not, though
    the variable is inherited."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return env.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def with_priority(priority: int, text: str) -> str:
    """As the journal reads it: each line under a syslog priority, for `journalctl -p` (sd-daemon(3))."""
    return "".join(f"<{priority}>{line}\n" for line in text.splitlines())


def watchdog_interval_s(env: Mapping[str, str] = os.environ) -> float | None:
    """How often to send "WATCHDOG=1": half of what systemd waits (sd_watchdog_enabled(3)). None: it does not watch us."""
    period_us = env.get("WATCHDOG_USEC", "")
    if not period_us.isdecimal() or env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(period_us) / 2_000_000 or None
