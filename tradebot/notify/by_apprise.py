"""Whatever apprise knows an address for: Matrix, Pushover, ntfy, SMS and a hundred more. An extra, for who needs it.

https://github.com/caronc/apprise/wiki has the addresses. Its plugins block, so each message has a thread of its own, which the
end of the daemon does not wait for; while one hangs, none is begun beside it.
"""

import asyncio
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.errors import ConfigError
from tradebot.notify.channel import CRITICALS_FIRST, NotDelivered
from tradebot.notify.folding import Folded, fold
from tradebot.ports import Beat

MISSING = (
    "needs the package apprise, which is not installed: run `pip install 'tradebot[apprise]'` in tradebot's environment"
)


class AppriseChannel:
    """See `tradebot.notify.channel.Channel`. Raises ConfigError where apprise is missing, or does not know the address."""

    def __init__(self, name: str, url: str, strategies: Strategies) -> None:
        self.name, self.lanes, self.pace_s, self.keeps_all = name, CRITICALS_FIRST, 2.0, False
        self._strategies = strategies
        self._taken: asyncio.Future[bool] | None = None  # by the thread that was begun last
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of what apprise imports; nothing that an owner could mend
            self._plugin, self._kinds, self._format = _plugin(name, url)

    def fold(self, events: Sequence[Event], now: datetime) -> Folded:
        length_max = min(max(int(self._plugin.body_maxlen), 100), 3_500)
        return fold(events, now, self._strategies, length_max=length_max)

    async def send(self, message: Folded, beat: Beat) -> None:
        body = "\n\n".join(paragraph.text for paragraph in message.paragraphs)
        asset = {"title": message.title, "notify_type": self._kinds[message.is_critical], "body_format": self._format}

        def notify() -> bool:
            return bool(self._plugin.notify(body=body, **asset))

        if self._taken is not None and not self._taken.done():
            raise NotDelivered(f"{self._plugin.service_name} has not ended with the message before")
        self._taken = _in_a_thread(notify)
        if not await asyncio.shield(self._taken):  # who waits no longer has not ended it
            raise NotDelivered(f"{self._plugin.service_name} did not take it; the log has apprise's own words")

    async def check(self) -> str:
        return f"{self._plugin.service_name}: apprise knows the address; whether it is right only a message shows"

    async def close(self) -> None:
        pass


def _plugin(name: str, url: str) -> tuple[Any, Mapping[bool, Any], Any]:
    """What sends to this address, the kinds of message by whether they are critical, and plain text's name."""
    try:
        import apprise  # noqa: PLC0415 - tens of megabytes, for who uses it
    except ImportError:
        raise ConfigError(f"channels.{name}: {MISSING}") from None
    plugin = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if plugin is None:
        raise ConfigError(
            f"channels.{name}.url: apprise does not know this kind of address, or misses a part of it"
        ) from None
    return plugin, {True: apprise.NotifyType.FAILURE, False: apprise.NotifyType.INFO}, apprise.NotifyFormat.TEXT


def _in_a_thread(work: Callable[[], bool]) -> asyncio.Future[bool]:
    """As `asyncio.to_thread`, in a thread that the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def conclude(result: bool) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        try:
            result = work()
        except Exception:  # of a plugin that somebody else wrote
            result = False
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(conclude, result)

    threading.Thread(target=run, name="apprise", daemon=True).start()
    return done
