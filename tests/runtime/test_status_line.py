"""The line of `systemctl status` beside others that write it."""

import socket
from pathlib import Path

import pytest

from tests.bot import Bot
from tradebot.runtime import systemd
from tradebot.runtime.status_line import StatusLine


async def test_what_another_has_written_does_not_stay(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that trades again would be shown as stuck for good; or one that is stuck as trading."""
    line = StatusLine(bot.queries.headline, bot.pulse)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        await line.show()
        trading = ear.recv(4096)
        assert trading.startswith(b"STATUS=Trading on ")
        bot.pulse.of("somebody", within_s=-1)
        systemd.status("STUCK: somebody")
        assert ear.recv(4096) == b"STATUS=STUCK: somebody"
        await line.show()
        with pytest.raises(BlockingIOError):
            ear.recv(4096)
        bot.pulse.of("somebody", within_s=1000)
        await line.show()
        assert ear.recv(4096) == trading
