"""What systemd wants to hear from a service of Type=notify (sd_notify(3)): READY, STATUS, WATCHDOG, STOPPING.

Without $NOTIFY_SOCKET, which is everywhere but under systemd, each call does nothing.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, env: Mapping[str, str] = os.environ) -> None:
    """Sends lines such as "READY=1" or "STATUS=connecting". Never blocks, never raises: systemd's ear is no reason to stop."""
    address = env.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.setblocking(False)
        out.connect("\0" + address[1:] if address.startswith("@") else address)
        out.send(state.encode())


def watchdog_interval_s(env: Mapping[str, str] = os.environ) -> float | None:
    """How often to send "WATCHDOG=1": half of what systemd waits (sd_watchdog_enabled(3)). None: it does not watch us."""
    period_us = env.get("WATCHDOG_USEC", "")
    if not period_us.isdecimal() or env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(period_us) / 2_000_000 or None
