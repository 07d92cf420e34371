"""A clean Debian 12, made once with debootstrap and kept as an archive.

What is in it is what the smallest image of a provider has of this: systemd, the login, certificates. The pages install the rest.
"""

import shutil
import subprocess
from pathlib import Path

RELEASE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
INCLUDE = "ca-certificates,dbus,iproute2,libpam-systemd,procps,systemd,systemd-sysv"
NEEDED = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "tar": "tar",
}


def missing() -> list[str]:
    """The packages that this machine lacks."""
    return [package for program, package in NEEDED.items() if shutil.which(program) is None]


def fresh(cache: Path, root: Path) -> str:
    """Puts a root where `root` says, out of the archive if there is one; says how."""
    archive = cache / f"debian-{RELEASE}.tar"
    remove(root)
    if archive.exists():
        root.mkdir(parents=True)
        _do("tar", "-xpf", str(archive), "-C", str(root), "--numeric-owner")
        return "from the archive"
    _do("debootstrap", "--variant=minbase", f"--include={INCLUDE}", RELEASE, str(root), MIRROR)
    (root / "etc/machine-id").write_text("")
    half = archive.with_suffix(".half")
    _do("tar", "-cpf", str(half), "-C", str(root), "--numeric-owner", ".")
    half.rename(archive)
    return "made with debootstrap"


def remove(root: Path) -> None:
    if root.exists():
        _do("rm", "-rf", "--one-file-system", str(root))


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
