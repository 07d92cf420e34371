"""`make deploy` and `make rollback` on an installation below a folder, with a stand-in for systemd that runs the installed unit."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.system.harness import ROOT

SHIPPED = ("tradebot", "migrations", "requirements", "docs/deploy")
FILES = ("Makefile", "pyproject.toml", "README.md", "config.toml.example", "tradebot.service")
SCRIPT = "docs/deploy/install.sh"


class Machine:
    """A folder that is installed into, and the checkout that it is installed from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "machine"
        self.source = folder / "source"
        self.programs = folder / "programs"
        self.versions = self.root / "opt" / "tradebot" / "versions"
        self.etc = self.root / "etc" / "tradebot"
        (self.root / "run" / "systemd" / "system").mkdir(parents=True)
        self._programs()
        self._checkout()
        self._packages()

    def _programs(self) -> None:
        self.programs.mkdir()
        (self.programs / "python3.13").symlink_to(sys.executable)  # the first that the script asks for
        systemctl = self.programs / "systemctl"
        systemctl.write_text(f"#!{sys.executable}\n{Path(__file__).with_name('systemctl.py').read_text()}")
        journalctl = self.programs / "journalctl"
        journalctl.write_text(f"#!/bin/sh\ncat {self.root}/run/systemd/journal\n")
        for program in (systemctl, journalctl):
            program.chmod(0o755)

    def _checkout(self) -> None:
        for name in SHIPPED:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.source / name, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, self.source)
        self.git("init", "--quiet")
        self.commit()

    def _packages(self) -> None:
        """A version before the first, so that the packages come from here instead of being downloaded: they are those of the tests."""
        seed = self.versions / "seed"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", seed], check=True)
        packages = next(seed.glob("lib/python*/site-packages"))
        (packages / "of_the_tests.pth").write_text(str(next(Path(sys.prefix).glob("lib/python*/site-packages"))))
        (seed / "deploy").mkdir()
        shutil.copy(ROOT / "requirements" / "run.txt", seed / "deploy")
        (self.versions.parent / "current").symlink_to("versions/seed")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        return subprocess.run(
            ["git", *who, *words], cwd=self.source, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a version")

    def make(self, target: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--silent", target],
            cwd=self.source,
            env={"PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "ROOT": str(self.root), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def tradebot(self, *words: str) -> str:
        """The installed command, as somebody on the machine types it."""
        command = [self.root / "usr" / "local" / "bin" / "tradebot", *words]
        env = {"PATH": "/usr/bin:/bin", "COLUMNS": "200"}
        ran = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    @property
    def current(self) -> str:
        return (self.versions.parent / "current").readlink().name

    @property
    def commits(self) -> str:
        return self.git("rev-parse", "--short", "HEAD")

    def kept(self) -> dict[str, bytes]:
        """What is the owner's: no installation may change it."""
        return {str(file): file.read_bytes() for file in self.etc.rglob("*") if file.is_file()}

    def stop(self) -> None:
        subprocess.run([self.programs / "systemctl", "stop", "tradebot"], env={"ROOT": str(self.root)}, check=True)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.stop()


def add_migration(machine: Machine) -> None:
    (machine.source / "migrations" / "9000_notes.up.sql").write_text("CREATE TABLE note (id BIGINT);\n")
    (machine.source / "migrations" / "9000_notes.down.sql").write_text(
        "-- The way back of 9000.\n-- Lost are the notes.\n\nDROP TABLE note;\n"
    )


def break_start(machine: Machine) -> None:
    """A version that reads its configuration, migrates, and ends just before it is ready."""
    systemd = machine.source / "tradebot" / "runtime" / "systemd.py"
    systemd.write_text(systemd.read_text() + "\n\ndef notify(state: str, env: object = None) -> None:\n    raise SystemExit(1)\n")
    (machine.source / "migrations" / "9001_more.up.sql").write_text("CREATE TABLE more (id BIGINT);\n")
    (machine.source / "migrations" / "9001_more.down.sql").write_text("-- Lost is more.\n\nDROP TABLE more;\n")


def test_install_update_a_broken_update_and_the_way_back(machine: Machine) -> None:
    """An update or the way back would lose the owner's configuration, secret or books, or leave a bot that does not run."""
    machine.etc.mkdir(parents=True)
    (machine.etc / "config.toml").write_text(f"[webhook]\nport = {free_port()}\n")
    done = machine.make("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    first = machine.current
    assert first == f"0.2.0-{machine.commits}"
    secret = machine.etc / "credentials" / "webhook_secret"
    assert len(secret.read_text()) == 64
    assert secret.stat().st_mode & 0o777 == 0o640
    assert "FILLED" in machine.tradebot("alert", "BUY", "AAPL")
    kept = machine.kept()

    add_migration(machine)
    machine.commit()
    done = machine.make("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    second = machine.current
    assert second == f"0.2.0-{machine.commits}"
    assert "backup" in done.stdout
    assert "9000_notes  applied" in machine.tradebot("migrate", "status")

    break_start(machine)
    machine.commit()
    done = machine.make("deploy")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "did not become ready" in done.stdout
    assert f"{second} runs again" in done.stdout
    assert machine.current == second
    assert "9001_more" not in machine.tradebot("migrate", "status")

    done = machine.make("rollback")
    assert "undoing 9000_notes" in done.stdout
    assert "Lost are the notes." in done.stdout
    assert "nothing was changed" in done.stderr
    assert machine.current == second

    done = machine.make("rollback", YES="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.current == first
    assert "9000_notes" not in machine.tradebot("migrate", "status")
    assert machine.kept() == kept
    assert "FILLED" in machine.tradebot("alert", "SELL", "AAPL"), "the position of before the updates"
    assert len(list((machine.root / "var" / "backups" / "tradebot").iterdir())) == 3
