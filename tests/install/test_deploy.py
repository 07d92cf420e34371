"""`make deploy`, `make rollback` and `make dist`, below a folder; a stand-in for systemd runs the installed unit."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.machine import PLAIN, SCRIPT, Machine, bare
from tests.servers import free_port
from tests.system.harness import ROOT


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.systemctl("stop", "tradebot")


def add_migration(machine: Machine) -> None:
    (machine.source / "migrations" / "9000_notes.up.sql").write_text("CREATE TABLE note (id BIGINT);\n")
    (machine.source / "migrations" / "9000_notes.down.sql").write_text(
        "-- The way back of 9000.\n-- Lost are the notes.\n\nDROP TABLE note;\n"
    )


def break_start(machine: Machine) -> None:
    """A version that takes the configuration, migrates, and ends just before it is ready."""
    systemd = machine.source / "tradebot" / "runtime" / "systemd.py"
    broken = "\n\ndef notify(state: str, env: object = None) -> None:\n    raise SystemExit('broken')\n"
    systemd.write_text(systemd.read_text() + broken)
    (machine.source / "migrations" / "9001_more.up.sql").write_text("CREATE TABLE more (id BIGINT);\n")
    (machine.source / "migrations" / "9001_more.down.sql").write_text("-- Lost is more.\n\nDROP TABLE more;\n")


def test_install_update_a_broken_update_and_the_way_back(machine: Machine) -> None:
    """An update or the way back would lose the owner's configuration, secret or books, or leave a bot that does not run."""
    machine.etc.mkdir(parents=True)
    (machine.etc / "config.toml").write_text(f"[webhook]\nport = {free_port()}\n")
    done = machine.make("deploy")
    assert done.code == 0, done.said
    first = machine.current
    assert first == machine.name_of_source
    secret = machine.etc / "credentials" / "webhook_secret"
    assert len(secret.read_text()) == 64
    assert secret.stat().st_mode & 0o777 == 0o640
    assert "FILLED" in machine.tradebot("alert", "BUY", "AAPL")
    kept = machine.kept()

    add_migration(machine)
    machine.commit()
    done = machine.make("deploy")
    assert done.code == 0, done.said
    second = machine.current
    assert second == machine.name_of_source
    assert machine.steps()[-1] == "9000_notes"
    assert machine.asked("enable --now tradebot-backup.timer") == 2
    drop_in = machine.units / "tradebot-backup.service.d" / "credentials.conf"
    assert drop_in.read_text().splitlines()[2:] == [
        "LoadCredential=webhook_secret:/etc/tradebot/credentials/webhook_secret"
    ]

    config = machine.etc / "config.toml"
    config.write_text("[webhok]\n")
    done = machine.make("deploy")
    assert done.code == 2, done.said
    assert "does not take the configuration, and nothing was changed" in done.said
    config.write_bytes(kept[str(config)])
    assert machine.asked("restart tradebot") == 2

    break_start(machine)
    machine.commit()
    done = machine.make("deploy")
    assert done.code == 2, done.said
    assert "did not become ready" in done.said
    assert "broken" in done.said, "the journal's last lines"
    assert f"{second} runs again" in done.said
    assert (machine.current, machine.steps()[-1]) == (second, "9000_notes")

    machine.deploy_and_hang_up()
    assert (machine.current, machine.steps()[-1]) == (second, "9000_notes")
    assert "FILLED" in machine.tradebot("alert", "BUY", "AAPL")

    done = machine.make("rollback")
    assert "undoing 9000_notes" in done.said
    assert "Lost are the notes." in done.said
    assert "nothing was changed" in done.said
    assert machine.current == second

    done = machine.make("rollback", YES="1")
    assert done.code == 0, done.said
    assert (machine.current, "9000_notes" in machine.steps()) == (first, False)
    assert machine.kept() == kept
    assert "FILLED" in machine.tradebot("alert", "SELL", "AAPL"), "the position of before the updates"
    assert len(machine.backups()) == 4


def test_books_that_an_interrupted_installation_left_are_found(machine: Machine) -> None:
    """Killed while it moves the folder of a user that systemd made, it would go on with empty books when it is run again."""
    private = machine.root / "var" / "lib" / "private" / "tradebot"
    private.mkdir(parents=True)
    (private / "books").touch()
    (machine.etc).mkdir(parents=True)
    (machine.etc / "config.toml").write_text("[webhok]\n")
    assert machine.make("deploy").code == 2
    assert (machine.root / "var" / "lib" / "tradebot" / "books").exists()


def test_a_trial_in_a_home_folder_has_a_python(machine: Machine) -> None:
    """ROOT=~/trial would say that there is no Python on a machine that has one."""
    script = (ROOT / SCRIPT).read_text()
    finding = script[script.index("find_python() {") : script.index("in_git() {")]
    asked = subprocess.run(
        ["sh", "-c", f'die() {{ echo "$*"; exit 1; }}\n{finding}\nroot=/home/ann/trial\nfind_python\necho "$python"'],
        env={"PATH": f"{machine.programs}:{PLAIN}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout == "python3.13\n"


def test_the_script_is_sound() -> None:
    """A mistake that a shell forgives (an unquoted name, a status that is lost) would run as root on the owner's machine."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), ROOT / SCRIPT], capture_output=True, text=True, check=False
    )
    assert checked.stdout + checked.stderr == ""


def test_a_release_runs_in_a_bare_environment(machine: Machine, tmp_path: Path) -> None:
    """What is released lacks a file, differs from build to build, or runs only in the tree that it was made in."""
    dist, venv = machine.source / "dist", tmp_path / "venv"  # a path of make's own has no spaces
    venv.symlink_to(machine.seed)
    done = machine.make("dist", VENV=str(venv))
    assert done.code == 0, done.said
    sums = (dist / "SHA256SUMS").read_text()
    assert machine.make("dist", VENV=str(venv)).code == 0
    assert (dist / "SHA256SUMS").read_text() == sums
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)
    assert (dist / "requirements.txt").read_bytes() == (ROOT / "requirements" / "run.txt").read_bytes()
    [wheel], [source] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    there = {file.removeprefix("tradebot_") for file in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in file}
    assert there == set(machine.git("ls-files", "tradebot", "migrations").split())
    for package in (wheel, source):
        programs = bare(tmp_path / f"bare{package.suffix}") / "bin"
        install = [
            str(programs / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            str(package),
        ]
        subprocess.run(install, check=True)
        said = subprocess.check_output([programs / "tradebot", "--version"], env={"PATH": PLAIN}, cwd="/", text=True)
        assert said.split()[-1] in wheel.name
