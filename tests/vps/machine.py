"""A machine in a container: the root booted with its own systemd, on a network that leads to this machine alone."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

NAME = "tbvps"
HOST_ADDRESS, ADDRESS = "10.213.0.1", "10.213.0.2"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Done:
    """What a shell said and how it ended."""

    code: int
    output: str
    seconds: float


@dataclass
class Machine:
    root: Path
    leader: int
    variables: dict[str, str] = field(default_factory=dict)

    async def sh(self, script: str, timeout_s: float = 60, variables: Mapping[str, str] | None = None) -> Done:
        """Runs the script as root's login would, up to its first failing line."""
        inside = {"HOME": "/root", "PATH": PATH, "LANG": "C.UTF-8", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive"}
        inside |= self.variables | dict(variables or {})
        command = [*_enter(self.leader), "env", "-i", *(f"{name}={value}" for name, value in inside.items())]
        command += ["bash", "-e", "-o", "pipefail", "-c", f"cd /root\n{script}"]
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            async with asyncio.timeout(timeout_s):
                output, _ = await process.communicate()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            return Done(124, f"not done after {timeout_s:.0f} s", time.monotonic() - began)
        return Done(process.returncode or 0, output.decode("utf-8", "replace"), time.monotonic() - began)

    async def start(self, script: str) -> asyncio.subprocess.Process:
        """Runs it beside everything else, its output into this program's pipe."""
        return await asyncio.create_subprocess_exec(
            *_enter(self.leader), "bash", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )


def _enter(leader: int) -> list[str]:
    return [
        "nsenter",
        f"--target={leader}",
        "--mount",
        "--pid",
        "--uts",
        "--ipc",
        "--net",
        "--cgroup",
        "--root",
        "--wd",
    ]


@asynccontextmanager
async def booted(root: Path, binds: Mapping[Path, str], log: Path) -> AsyncIterator[Machine]:
    """The machine, up and with its address; powered off at the end."""
    command = [
        "systemd-nspawn",
        "--quiet",
        f"--directory={root}",
        "--boot",
        "--register=no",
        "--keep-unit",
        f"--machine={NAME}",
    ]
    command += [
        "--hostname=vps",
        "--network-veth",
        "--console=pipe",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
    ]
    command += [f"--bind={outside}:{inside}" for outside, inside in binds.items()]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        machine = Machine(root, await _leader(process, log))
        await _host(f"ip address add {HOST_ADDRESS}/30 dev ve-{NAME} && ip link set ve-{NAME} up")
        await _up(machine)
        yield machine
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)  # an orderly power-off
            try:
                async with asyncio.timeout(60):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _leader(process: asyncio.subprocess.Process, log: Path) -> int:
    """The machine's process 1, as this machine sees it."""
    async with asyncio.timeout(60):
        while True:
            if process.returncode is not None:
                raise OSError(f"systemd-nspawn ended with {process.returncode}: see {log}")
            if found := [child for child in _children(process.pid) if _name(child) == "systemd"]:
                return found[0]
            await asyncio.sleep(0.1)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


async def _up(machine: Machine) -> None:
    await machine.sh(
        f"ip address add {ADDRESS}/30 dev host0; ip link set host0 up; ip route replace default via {HOST_ADDRESS}"
    )
    async with asyncio.timeout(90):
        while (done := await machine.sh("systemctl is-system-running")).output.strip() not in {"running", "degraded"}:
            await asyncio.sleep(0.2)
    if "degraded" in done.output:
        raise OSError(f"units failed at the start: {(await machine.sh('systemctl --failed --no-pager')).output}")


async def _host(script: str) -> None:
    process = await asyncio.create_subprocess_shell(script, stderr=subprocess.PIPE)
    _, complaint = await process.communicate()
    if process.returncode:
        raise OSError(f"{script}: {complaint.decode()}")
