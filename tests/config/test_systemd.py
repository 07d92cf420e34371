"""What systemd hears, over real datagram sockets."""

import os
import socket
from pathlib import Path

import pytest

from tradebot.runtime.systemd import notify, patience, status, watchdog_interval_s


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_what_is_said(tmp_path: Path, abstract: bool) -> None:
    """The unit would never become ready, and systemd would kill a healthy bot."""
    address = f"\0tradebot-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(5)
        env = {"NOTIFY_SOCKET": address.replace("\0", "@")}
        for state in ("READY=1\nSTATUS=trading", "WATCHDOG=1", "STOPPING=1"):
            notify(state, env)
            assert ear.recv(1000).decode() == state


def test_a_status_is_one_line(tmp_path: Path) -> None:
    """An error of several lines would be read as commands by systemd, such as READY=1; or a whole page would be sent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(5)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        status("the database\nREADY=1 \udcff " + "x" * 100_000, patience(60), env)
        told = ear.recv(200_000).decode().split("\n")
    assert told[0].startswith("STATUS=the database READY=1 ? x")
    assert len(told[0]) < 500
    assert told[1:] == ["EXTEND_TIMEOUT_USEC=60000000"]


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/to/be/found", "/" + "x" * 200, "vsock:2:1"])
def test_without_systemd_nothing_happens(address: str | None) -> None:
    """The bot could not run from a terminal, or would stop because systemd did."""
    notify("READY=1", {} if address is None else {"NOTIFY_SOCKET": address})


def test_a_deaf_systemd_does_not_hold_the_loop(tmp_path: Path) -> None:
    """A full socket would block the event loop, and with it every order."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        for _ in range(5_000):
            notify("WATCHDOG=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert ear.recv(100) == b"WATCHDOG=1"


def test_the_watchdog_is_fed_twice_as_often_as_it_asks() -> None:
    """systemd would restart a healthy bot, or a process that it does not watch would feed it."""
    assert watchdog_interval_s({"WATCHDOG_USEC": "60000000"}) == 30
    assert watchdog_interval_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}) == 30
    assert watchdog_interval_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_interval_s({"WATCHDOG_USEC": "soon"}) is None
    assert watchdog_interval_s({}) is None
