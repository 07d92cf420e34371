"""The line that `systemctl status` shows, told again at each look: whoever else has written one meanwhile, it is true again then.

Who is stuck is told by the watchdog, and that line stands until all go on.
"""

from collections.abc import Awaitable, Callable

from tradebot.errors import LedgerUnavailable
from tradebot.queries.headline import Headline
from tradebot.runtime import systemd
from tradebot.runtime.pulse import Pulse
from tradebot.words.headline import NO_DATABASE, headline


class StatusLine:
    """Tells systemd what the bot does, where systemd has asked for it."""

    def __init__(self, read: Callable[[], Awaitable[Headline]], pulse: Pulse) -> None:
        self._read = read
        self._pulse = pulse

    async def show(self) -> None:
        if not systemd.listens():
            return
        try:
            text = headline(await self._read())
        except LedgerUnavailable as error:
            text = NO_DATABASE.format(error)
        if not self._pulse.stuck():
            systemd.status(text)
