"""The generated webhook secret, and addresses without their passwords."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.system.harness import ROOT
from tradebot.config import Settings, Webhook, describe_url, webhook_secret
from tradebot.errors import ConfigError

SECRET = "k9Qm3vX7pL2sT8wZ4rB6"


def test_the_configured_secret_comes_first(tmp_path: Path) -> None:
    """Alerts with the owner's secret would be refused, and a file nobody asked for would appear."""
    file = tmp_path / "data" / "webhook_secret"
    assert webhook_secret(Settings(webhook=Webhook(secret=SecretStr(SECRET))), file) == SECRET
    assert not file.parent.exists()


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Every restart would refuse the alerts already set up, or every user of the machine could trade."""
    file = tmp_path / "data" / "webhook_secret"
    secret = webhook_secret(Settings(), file)
    assert len(secret) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    assert webhook_secret(Settings(), file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["webhook_secret"]


def test_two_processes_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    """`tradebot alert`, started beside the daemon, would send another secret than the daemon expects."""
    code = (
        "import sys; from tradebot.config import *; print('ready', flush=True); sys.stdin.readline(); "
        "print(webhook_secret(Settings()))"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=env, text=True, stdin=pipe, stdout=pipe)
        for _ in range(4)
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:  # all at the same moment
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    printed = {run.communicate(timeout=60)[0].strip() for run in runs}
    assert [run.returncode for run in runs] == [0] * 4
    [secret] = printed
    assert len(secret) >= 16


@pytest.mark.parametrize("content", ["", "short\n", "change-me-change-me\n"])
def test_a_spoilt_file_is_not_used(tmp_path: Path, content: str) -> None:
    """An empty file left by a full disk would make the empty secret valid."""
    file = tmp_path / "webhook_secret"
    file.write_text(content)
    with pytest.raises(ConfigError, match="delete the file"):
        webhook_secret(Settings(), file)


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    """The owner would see a traceback instead of what to mend."""
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=r"set webhook\.secret"):
        webhook_secret(Settings(), Path(tmp_path / "data" / "webhook_secret"))


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("postgresql://me:pw@h:5432/d?sslmode=require&password=pw", "postgresql://me@h:5432/d"),
        ("postgresql://me:p:w@[::1]/d", "postgresql://me@[::1]/d"),
        ("redis://:pw@h:6379/0", "redis://@h:6379/0"),
        ("sqlite:///data/tradebot.db", "sqlite:///data/tradebot.db"),
        ("embedded://", "embedded://"),
    ],
)
def test_an_address_is_described_without_its_password(url: str, described: str) -> None:
    """/health, the banner and the log would show the database's password."""
    assert describe_url(url) == described
