"""The daemon that dies at a point, and the look at what has become of it all."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.botapi import TOKEN
from tests.crash.cases import Case
from tests.crash.cases import Gateway as Meets
from tests.system.checker import check, check_secrets
from tests.system.harness import DEADLINE_S, SECRET, BooksNow, Daemon, Gateway, until
from tradebot.domain.events import EventKind
from tradebot.words import events as words

TICKER = "KO"
PASSWORD = "canary-password-0123456789"


@dataclass
class MortalDaemon(Daemon):
    """The daemon with points at which it can be killed."""

    @classmethod
    def made(cls, folder: Path, gateway: Gateway, **settings: str) -> "MortalDaemon":
        daemon = cls.at(folder, gateway=gateway, **settings)
        assert isinstance(daemon, cls)
        daemon.module = "tests.crash.entry"
        daemon.env["CRASH_FILE"] = str(daemon.armed)
        return daemon

    @property
    def armed(self) -> Path:
        return self.folder / "armed"

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def arm(self, point: str) -> None:
        """The process that reaches this point dies there."""
        self.armed.write_text(point)

    async def died_there(self) -> None:
        assert self.running is not None
        try:
            code = await asyncio.wait_for(self.running.wait(), DEADLINE_S)
        except TimeoutError:
            point, said = self.armed.read_text() if self.armed.exists() else "its point", self.output[-3000:]
            raise AssertionError(f"{DEADLINE_S:.0f} s, and it has not died {point}: {said}") from None
        assert code == -signal.SIGKILL, f"ended with {code} instead of dying at its point: {self.output[-3000:]}"
        assert not self.armed.exists(), f"died elsewhere than at {self.armed.read_text()!r}: {self.output[-3000:]}"

    async def sent(self, action: str, ticker: str, alert_id: str, **fields: str) -> int | None:
        """The alert's id; None when the daemon did not live to answer."""
        with suppress(aiohttp.ClientError, ConnectionError):
            status, body = await self.resent(action=action, ticker=ticker, alert_id=alert_id, **fields)
            assert status == 200, body
            return int(body["alert_id"])
        return None


async def looked_at(
    case: Case, daemon: Daemon, gateway: Gateway, books: BooksNow, alerts: list[int], *, of: int | None = None
) -> str:
    """Everything is checked twice: as it is when the alerts have ended, and once more when all is told and stopped.

    Returns how the alerts have ended, or the one that is asked `of`.
    """
    await check(books, gateway, acknowledged=alerts)
    if case.gateway is Meets.LATE:
        called_failed = [words.text(event) for event in books.events if event.kind is EventKind.ORDER_FAILED]
        assert not called_failed, f"an order that was on its way was called failed: {called_failed}"
    await daemon.well()
    await until(lambda: all_told(daemon), f"every event to be delivered; {daemon.output[-2000:]}", every_s=0.5)
    await check(await daemon.books(), gateway, acknowledged=alerts)
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert "Traceback" not in daemon.output, daemon.output[-6000:]
    await check_secrets(daemon, [SECRET, PASSWORD, TOKEN])
    return ", ".join(sorted({books.alerts[one].status for one in ([of] if of else alerts)}))


async def all_told(daemon: Daemon) -> bool:
    return not (await daemon.books()).untold
