"""As much of systemd as the installer asks for, for an installation below $ROOT: starts and stops the installed unit.

A unit is run as its file and drop-in say: ExecStart, WorkingDirectory, LoadCredential, and `start` waits for READY or the end.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(os.environ["ROOT"])
RUN = ROOT / "run" / "systemd"
UNITS = ROOT / "etc" / "systemd" / "system"


def moved(path: str) -> str:
    """A path of the unit below the folder of this installation."""
    return str(ROOT / path[1:]) if path.startswith("/") else path


def settings(unit: str) -> list[tuple[str, str]]:
    files = [UNITS / f"{unit}.service", *sorted((UNITS / f"{unit}.service.d").glob("*.conf"))]
    lines = [line.strip() for file in files for line in file.read_text().splitlines()]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines if line[:1].isupper())]


def stop(unit: str) -> None:
    pid_file = RUN / f"{unit}.pid"
    if not pid_file.exists():
        return
    with suppress(ProcessLookupError):
        daemon = os.pidfd_open(int(pid_file.read_text()))
        signal.pidfd_send_signal(daemon, signal.SIGTERM)
        select.select([daemon], [], [])
    pid_file.unlink()


def start(unit: str) -> int:
    told = settings(unit)
    only = dict(told)
    credentials = RUN / "credentials"
    shutil.rmtree(credentials, ignore_errors=True)
    credentials.mkdir()
    for name, value in told:
        if name == "LoadCredential":
            credential, _, path = value.partition(":")
            shutil.copy(moved(path), credentials / credential)
    (RUN / "notify").unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, (RUN / "journal").open("ab") as journal:
        ear.bind(str(RUN / "notify"))
        ear.settimeout(0.1)
        daemon = subprocess.Popen(
            [moved(word) for word in only["ExecStart"].split()],
            cwd=moved(only["WorkingDirectory"].replace("%S", "/var/lib")),
            env={
                "PATH": "/usr/bin:/bin",
                "NOTIFY_SOCKET": str(RUN / "notify"),
                "CREDENTIALS_DIRECTORY": str(credentials),
            },
            stdin=subprocess.DEVNULL,
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
        (RUN / f"{unit}.pid").write_text(str(daemon.pid))
        while daemon.poll() is None:
            with suppress(TimeoutError):
                if b"READY=1" in ear.recv(1000):
                    return 0
    return 1


def main(words: list[str]) -> int:
    with (RUN / "asked").open("a") as asked:
        print(*words, file=asked)
    command, *units = [word for word in words if not word.startswith("--")]
    if command in {"stop", "restart"}:
        stop(units[0])
    return start(units[0]) if command in {"start", "restart"} else 0


sys.exit(main(sys.argv[1:]))
