"""Slack, and what understands Slack's incoming webhooks (Mattermost, Rocket.Chat).

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: `{"text": …}`, 200 "ok"; an error is a word such as
`no_service`. One message a second, 429 with Retry-After beyond that (https://docs.slack.dev/apis/web-api/rate-limits).
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from tradebot.domain.events import Event
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import CRITICALS_FIRST
from tradebot.notify.folding import Folded, Paragraph, fold
from tradebot.notify.http import Http, connect
from tradebot.ports import Beat

LENGTH_MAX = 3_500


class SlackChannel:
    """See `tradebot.notify.channel.Channel`."""

    def __init__(self, name: str, url: str, strategies: Strategies) -> None:
        self.name, self.lanes, self.pace_s, self.keeps_all = name, CRITICALS_FIRST, 1.0, False
        self._url, self._strategies, self._http = url, strategies, Http()

    def fold(self, events: Sequence[Event], now: datetime) -> Folded:
        return fold(events, now, self._strategies, length_max=LENGTH_MAX)

    async def send(self, message: Folded, beat: Beat) -> None:
        await self._http.post(self._url, json.dumps({"text": text(message)}).encode(), {}, _detail)

    async def check(self) -> str:
        return await connect(self._url)

    async def close(self) -> None:
        await self._http.close()


def text(message: Folded) -> str:
    """In mrkdwn: the first line of each paragraph bold."""
    return "\n\n".join(_paragraph(one) for one in message.paragraphs)


def _paragraph(one: Paragraph) -> str:
    title = _esc(one.title)
    bold = title if "*" in title else f"*{title}*"
    return "\n".join([bold, *map(_esc, one.lines)])


def _esc(line: str) -> str:
    """Slack's three characters; `<!channel>` of a stranger's alert would ring at everybody's."""
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _detail(answer: str) -> str:
    return answer.strip() if re.fullmatch(r"[a-z_]{2,60}\s*", answer) else ""
