"""Discord's webhooks.

https://docs.discord.com/developers/resources/webhook#execute-webhook: `{"content": …}` of 2,000 characters at most, 204; GET of
the same address describes it. 429 carries `retry_after` in seconds, in its body too.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import CRITICALS_FIRST
from tradebot.notify.folding import Folded, fold
from tradebot.notify.http import Http
from tradebot.ports import Beat

CONTENT_MAX = 2_000
LENGTH_MAX = 1_600
"""Before what is escaped takes its room."""
_MARKUP = re.compile(r"([\\*_~`|>#\[\]])")


class DiscordChannel:
    """See `tradebot.notify.channel.Channel`."""

    def __init__(self, name: str, url: str, strategies: Strategies) -> None:
        self.name, self.lanes, self.pace_s, self.keeps_all = name, CRITICALS_FIRST, 2.0, False
        self._url, self._strategies, self._http = url, strategies, Http()

    def fold(self, events: Sequence[Event], now: datetime) -> Folded:
        return fold(events, now, self._strategies, length_max=LENGTH_MAX)

    async def send(self, message: Folded, beat: Beat) -> None:
        body = {"content": text(message), "allowed_mentions": {"parse": []}}  # an alert's @everyone rings at nobody's
        await self._http.post(self._url, json.dumps(body).encode(), {}, _detail)

    async def check(self) -> str:
        told = _read(await self._http.get(self._url, _detail))
        return f"webhook {told['name']!r}; no message was sent" if isinstance(told.get("name"), str) else "taken"

    async def close(self) -> None:
        await self._http.close()


def text(message: Folded) -> str:
    """In Discord's Markdown: the first line of each paragraph bold."""
    parts = ["\n".join([f"**{_esc(one.title)}**", *map(_esc, one.lines)]) for one in message.paragraphs]
    whole = "\n\n".join(parts)
    return whole if len(whole) <= CONTENT_MAX else f"{whole[: CONTENT_MAX - 1]}…"


def _esc(line: str) -> str:
    return _MARKUP.sub(r"\\\1", line)


def _read(answer: str) -> dict[str, object]:
    try:
        told = json.loads(answer)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _detail(answer: str) -> str:
    said = _read(answer).get("message")
    return said[:80] if isinstance(said, str) and said.isprintable() else ""
