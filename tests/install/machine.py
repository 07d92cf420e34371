"""A folder that is installed into, and the checkout that it is installed from."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.system.harness import ROOT
from tradebot import __version__

SHIPPED = ("tradebot", "migrations", "requirements", "docs/deploy")
FILES = ("Makefile", "pyproject.toml", "README.md", "config.toml.example", "tradebot.service")
SCRIPT = "docs/deploy/install.sh"
PLAIN = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Done:
    """How a `make` has ended, and all that it has said."""

    code: int
    said: str


def bare(folder: Path) -> Path:
    """A virtual environment with the packages of the tests, and without tradebot."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "of_the_tests.pth").write_text(str(next(Path(sys.prefix).glob("lib/python*/site-packages"))))
    return folder


class Machine:
    """A folder that is installed into, and the checkout that it is installed from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "the machine"
        self.source = folder / "source"
        self.programs = folder / "programs"
        self.versions = self.root / "opt" / "tradebot" / "versions"
        self.units = self.root / "etc" / "systemd" / "system"
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
        journalctl.write_text(f"#!/bin/sh\ncat '{self.root}/run/systemd/journal'\n")
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
        """A version before the first, so that the packages need not be downloaded: they are those of the tests."""
        self.seed = bare(self.versions / "seed")
        (self.seed / "deploy").mkdir()
        shutil.copy(ROOT / "requirements" / "run.txt", self.seed / "deploy")
        (self.seed / ".run").touch()
        (self.versions.parent / "current").symlink_to("versions/seed")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        command = ["git", *who, *words]
        return subprocess.run(command, cwd=self.source, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a version")

    def make(self, target: str, **variables: str) -> Done:
        ran = subprocess.run(
            ["make", "--silent", target, *(f"{name}={value}" for name, value in variables.items())],
            cwd=self.source,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Done(ran.returncode, ran.stdout + ran.stderr)

    def deploy_and_hang_up(self) -> None:
        """The terminal goes away when the new version is the current one; returns when the update has ended all the same."""
        before, (ours, terminal) = self.current, os.openpty()
        deploying = subprocess.Popen(
            ["make", "--silent", "deploy"],
            cwd=self.source,
            env=self._env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        while self.current == before and deploying.poll() is None:
            time.sleep(0.01)
        os.close(ours)
        os.killpg(deploying.pid, signal.SIGHUP)
        deploying.wait()
        with (self.versions.parent / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    @property
    def _env(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}:{PLAIN}", "HOME": "/", "ROOT": str(self.root)}

    def tradebot(self, *words: str) -> str:
        """The installed command, as somebody on the machine types it."""
        command = [str(self.root / "usr" / "local" / "bin" / "tradebot"), *words]
        env = {"PATH": PLAIN, "COLUMNS": "200"}
        ran = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    @property
    def current(self) -> str:
        return (self.versions.parent / "current").readlink().name

    @property
    def name_of_source(self) -> str:
        return f"{__version__}-{self.git('rev-parse', '--short', 'HEAD')}"

    def steps(self) -> list[str]:
        """The migrations of the database."""
        with closing(sqlite3.connect(self.root / "var" / "lib" / "tradebot" / "data" / "tradebot.db")) as database:
            return [name for (name,) in database.execute("SELECT name FROM schema_migration ORDER BY name")]

    def backups(self) -> list[Path]:
        return sorted((self.root / "var" / "backups" / "tradebot").iterdir())

    def kept(self) -> dict[str, bytes]:
        """What is the owner's: no installation may change it."""
        return {str(file): file.read_bytes() for file in self.etc.rglob("*") if file.is_file()}

    def asked(self, words: str) -> int:
        """How often systemd was asked for it."""
        lines = (self.root / "run" / "systemd" / "asked").read_text().splitlines()
        return sum(line.removeprefix("--quiet ") == words for line in lines)

    def systemctl(self, *words: str) -> None:
        subprocess.run([self.programs / "systemctl", *words], env={"ROOT": str(self.root)}, check=True)
