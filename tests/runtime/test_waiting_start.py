"""A start whose database is away, as systemd sees it."""

import asyncio
import socket
from pathlib import Path

import pytest

from tradebot.errors import LedgerUnavailable
from tradebot.runtime import adapters


async def test_who_takes_over_while_the_database_is_away_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby has said that it is ready, and is watched: it would be killed while it waits for the database."""
    monkeypatch.setattr(adapters, "DATABASE_RETRY_S", 0)
    tries = iter([LedgerUnavailable("away"), LedgerUnavailable("away"), None])

    async def attempt() -> str:
        await asyncio.sleep(0)
        if (error := next(tries)) is not None:
            raise error
        return "there"

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert await adapters.once_reachable(attempt) == "there"
        for _ in range(2):
            said = ear.recv(1000).decode().split("\n")
            assert "WATCHDOG=1" in said
            assert "EXTEND_TIMEOUT_USEC=60000000" in said
