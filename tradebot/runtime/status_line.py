"""The line that `systemctl status` shows, told when it has changed."""

from collections.abc import Awaitable, Callable

from tradebot.errors import LedgerUnavailable
from tradebot.queries.headline import Headline
from tradebot.runtime import systemd
from tradebot.words.headline import NO_DATABASE, headline


class StatusLine:
    """Tells systemd what the bot does, where systemd has asked for it."""

    def __init__(self, read: Callable[[], Awaitable[Headline]]) -> None:
        self._read = read
        self._shown = ""

    async def show(self) -> None:
        if not systemd.listens():
            return
        try:
            text = headline(await self._read())
        except LedgerUnavailable as error:
            text = NO_DATABASE.format(error)
        if text != self._shown:
            systemd.status(text)
            self._shown = text
