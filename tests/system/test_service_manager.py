"""The daemon as systemd sees it: what it says on the notify socket through a life, and how it ends."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.system.harness import Daemon, Gateway, running, until
from tradebot.database import open_ledger
from tradebot.domain.settings import TradingState
from tradebot.trading.switch import store_state

WATCHDOG_USEC = "1000000"


class Ear:
    """systemd's end of the socket. `said` is every message, in order."""

    def __init__(self, ear: socket.socket, address: str) -> None:
        self._socket = ear
        self.address = address
        self.said: list[str] = []

    async def listen(self) -> None:
        while True:
            self.said.append((await asyncio.get_running_loop().sock_recv(self._socket, 65536)).decode())

    @property
    def status(self) -> str:
        """The line that `systemctl status` would show now."""
        lines = [line for message in self.said for line in message.split("\n") if line.startswith("STATUS=")]
        return lines[-1].removeprefix("STATUS=") if lines else ""

    async def shows(self, words: str, daemon: Daemon) -> None:
        async def look() -> bool:
            return words in self.status

        await until(look, f"the status to say {words!r}; it says {self.status!r}, the daemon printed {daemon.output}")

    async def hears(self, state: str, daemon: Daemon, *, after: int = 0) -> None:
        async def look() -> bool:
            return any(state in message.split("\n") for message in self.said[after:])

        await until(look, f"{state}; heard {self.said[-5:]}, the daemon printed {daemon.output}")


@contextmanager
def _systemd(daemon: Daemon, address: str) -> Iterator[Ear]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address.replace("@", "\0"))
        ear.setblocking(False)
        daemon.env |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": WATCHDOG_USEC}
        one = Ear(ear, address)
        listening = asyncio.ensure_future(one.listen())
        try:
            yield one
        finally:
            listening.cancel()


async def _set(daemon: Daemon, state: TradingState) -> None:
    """As `tradebot pause` and `tradebot kill` do, without the seconds that a process takes."""
    async with open_ledger(daemon.database) as ledger:
        await store_state(ledger, state, "Ann", datetime.now(UTC))


async def test_a_life_as_systemd_sees_it(tmp_path: Path) -> None:
    """`systemctl start` would return before alerts are taken, `systemctl status` would say nothing, or a second SIGTERM would cut
    the end short."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path / "bot", gateway=gateway)
    async with running(daemon, gateway):
        with _systemd(daemon, str(tmp_path / "notify")) as systemd:
            await daemon.start()
            await systemd.hears("READY=1", daemon)
            assert await daemon.health() is not None, "ready means that the webhook answers"
            await systemd.shows("alerts are taken and wait; no positions", daemon)
            assert systemd.status.startswith("Waiting: IB is not connected")
            assert str(gateway.port) in systemd.status
            fed = len(systemd.said)
            await systemd.hears("WATCHDOG=1", daemon, after=fed)
            await gateway.ready()
            await systemd.shows("(paper): no positions, IB connected", daemon)
            await daemon.alert("BUY", "AAPL")
            await systemd.shows(": 1 position, IB connected", daemon)
            await _set(daemon, TradingState.PAUSED)
            await systemd.shows("PAUSED by Ann: exits only; 1 position", daemon)
            await _set(daemon, TradingState.KILLED)
            await systemd.shows("KILLED by Ann: nothing leaves; 1 position", daemon)
            assert daemon.running is not None
            daemon.running.send_signal(signal.SIGTERM)
            daemon.running.send_signal(signal.SIGINT)  # at once: an idle bot ends in less time than an answer takes
            await systemd.hears("STOPPING=1", daemon)
            assert await daemon.end(signal.SIGTERM) == 0, daemon.output
    assert "Traceback" not in daemon.output
    assert any("STATUS=Stopping" in message and "EXTEND_TIMEOUT_USEC=" in message for message in systemd.said)
    assert systemd.status == "Stopping: the last messages are delivered"
    books = await daemon.books()
    assert (str(books.events[-1].kind), books.untold) == ("stopped", set())


async def test_a_start_that_waits_says_for_what_and_is_given_time(tmp_path: Path) -> None:
    """A bot whose database comes up late would be killed again and again after TimeoutStartSec, without a word why."""
    daemon = Daemon.at(tmp_path / "bot", database__url="postgresql://bot@127.0.0.1:9/bot")
    async with running(daemon):
        with _systemd(daemon, f"@tradebot-test-{daemon.port}") as systemd:
            await daemon.start()
            await systemd.shows("Waiting for the database, no alert is taken yet: ", daemon)
            assert "EXTEND_TIMEOUT_USEC=60000000" in systemd.said[-1]
            assert await daemon.stop() == 0, daemon.output
            assert "READY=1" not in systemd.said


async def test_who_stands_by_is_ready_to_take_over(tmp_path: Path) -> None:
    """A start or an update of the standby would never end, and be taken back; or its watchdog would end it."""
    first = Daemon.at(tmp_path / "first")
    standby = Daemon.at(tmp_path / "standby", database__url=f"{first.database}")
    standby.arguments = ["run", "--wait"]
    async with running(first, standby):
        await first.ready()
        with _systemd(standby, str(tmp_path / "notify")) as systemd:
            await standby.start()
            await systemd.shows("Waiting until the other instance ends", standby)
            await systemd.hears("READY=1", standby)
            fed = len(systemd.said)
            await systemd.hears("WATCHDOG=1", standby, after=fed)
            await first.kill()
            await standby.well()
