"""What the systemd unit promises. `make unit` has systemd's own tool judge it where there is one; this table holds everywhere, so
that a machine without systemd does not let a weaker unit through."""

from collections.abc import Mapping
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "tradebot.service"
BEHAVES: Mapping[str, str] = {
    "Type": "notify",
    "NotifyAccess": "main",
    "Restart": "always",
    "RestartPreventExitStatus": "2",
    "WatchdogSec": "60",
    "TimeoutStartSec": "120",
    "TimeoutStopSec": "30",
    "OOMPolicy": "continue",
    "StateDirectory": "tradebot",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
}
HARDENED: Mapping[str, str] = {
    "AmbientCapabilities": "",
    "CapabilityBoundingSet": "",
    "LimitCORE": "0",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProcSubset": "pid",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "SystemCallFilter": "@system-service ~@privileged @resources",
}


def _directives() -> Mapping[str, str]:
    """Each with its value; the values of one that stands more than once, one after the other."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return {name: " ".join(values) for name, values in found.items()}


@pytest.mark.parametrize("wanted", [BEHAVES, HARDENED], ids=["behaves", "hardened"])
def test_the_unit_keeps_what_it_promises(wanted: Mapping[str, str]) -> None:
    """A bot that is taken over could read the machine, or one that hangs would never be started again."""
    there = _directives()
    assert {name: there.get(name) for name in wanted} == wanted


def test_the_unit_never_runs_as_root() -> None:
    """Whoever takes over the bot would have the whole machine."""
    there = _directives()
    assert there.get("DynamicUser") == "yes" or there.get("User") == "tradebot"
