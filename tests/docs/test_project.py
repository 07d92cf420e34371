"""The project's own promises: what ships, what the locks record, and that the layers are really watched."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted(ROOT.glob("requirements/*.txt"))


def test_every_package_ships() -> None:
    """An installed tradebot would miss a folder that the work tree has."""
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    there = {".".join(init.parent.relative_to(ROOT).parts) for init in ROOT.glob("tradebot/**/__init__.py")}
    assert listed - {"tradebot_migrations"} == there


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_hashes_and_names_no_place_to_download_from(lock: Path) -> None:
    """An install would take what nobody checked, or would work only where it was locked."""
    text = lock.read_text("utf-8")
    wanted = [block for block in re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE) if "==" in block]
    assert wanted
    assert all("--hash=sha256:" in block for block in wanted)
    assert not re.search(r"://|^-|file:|@ ", text, re.MULTILINE)


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    """A dependency added to pyproject.toml would be missing after `make install`."""
    names = {
        lock: {
            line.partition("==")[0] for line in (ROOT / "requirements" / lock).read_text().splitlines() if "==" in line
        }
        for lock in ("run.txt", "dev.txt")
    }
    run = {re.split(r"[<>=;\[ ]", need)[0].replace("_", "-") for need in PROJECT["project"]["dependencies"]}
    dev = {re.split(r"[<>=;\[ ]", need)[0] for need in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert run <= names["run.txt"]
    assert run | dev | {"setuptools"} <= names["dev.txt"]


FORBIDDEN = {
    "tradebot/domain/limits.py": ("import time", "the domain is pure"),
    "tradebot/domain/alerts.py": ("import tradebot.ports", "imports point one way"),
    "tradebot/trading/intake.py": ("import ib_async", "each library has one room"),
    "tradebot/webhook/extra.py": ("import tradebot.queues", "only the composition root and the command line"),
    "tradebot/simgateway/extra.py": ("import tradebot.domain", "the simulated gateway shares no code"),
    "tradebot/trading/booking.py": ("import tradebot.trading.worker", "the road of an alert is imported one way"),
    "tradebot/simgateway/session.py": (
        "import tradebot.simgateway.gateway",
        "the simulated gateway's modules depend one way",
    ),
    "tradebot/simgateway/handlers/orders.py": (
        "import tradebot.simgateway.handlers.account",
        "the simulated gateway's request handlers know nothing of each other",
    ),
}


def test_a_forbidden_import_breaks_the_contract_that_forbids_it(tmp_path: Path) -> None:
    """`make lint` would pass whatever imports whatever, and the layers would be a drawing only."""
    shutil.copytree(ROOT / "tradebot", tmp_path / "tradebot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, (line, _) in FORBIDDEN.items():
        with (tmp_path / file).open("a") as out:
            out.write(f"\n{line}\n")
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    for _, contract in FORBIDDEN.values():
        assert re.search(rf"{contract}.* BROKEN", run.stdout), (contract, run.stdout)
