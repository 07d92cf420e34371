"""Outgoing webhooks: a POST for each event, for programs. docs/channels.md tells receivers how to check one.

Rules: the body is signed with the time in it, so that a message that was heard on the way cannot be sent again later; the same
event has the same delivery id for ever, so that a receiver knows one that comes twice.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.events import Event, Facts, code_of
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import CRITICALS_FIRST
from tradebot.notify.http import Http, connect
from tradebot.ports import Beat, Clock
from tradebot.words.plain import plain
from tradebot.words.told import told

DELIVERY, TIMESTAMP, SIGNATURE = "X-Tradebot-Delivery", "X-Tradebot-Timestamp", "X-Tradebot-Signature"


@dataclass(frozen=True, slots=True)
class Call:
    """One event's body; it says the same whenever it is sent."""

    events: Sequence[Event]
    delivery: str
    body: bytes


class WebhookChannel:
    """See `tradebot.notify.channel.Channel`."""

    def __init__(self, name: str, url: str, secret: str, strategies: Strategies, clock: Clock) -> None:
        self.name, self.lanes, self.pace_s, self.keeps_all = name, CRITICALS_FIRST, 0.0, False
        self._url, self._secret, self._strategies = url, secret.encode(), strategies
        self._clock, self._http = clock, Http()

    def fold(self, events: Sequence[Event], now: datetime) -> Call:
        event, delivery = events[0], delivery_of(events[0])
        document = {"delivery": delivery, **fields_of(event, self._strategies)}
        return Call([event], delivery, json.dumps(document).encode())

    async def send(self, message: Call, beat: Beat) -> None:
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            DELIVERY: message.delivery,
            TIMESTAMP: timestamp,
            SIGNATURE: f"sha256={signature(self._secret, timestamp, message.body)}",
        }
        await self._http.post(self._url, message.body, headers)

    async def check(self) -> str:
        return await connect(self._url)

    async def close(self) -> None:
        await self._http.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`, in hex."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def delivery_of(event: Event) -> str:
    """Of this event and no other, whichever database it is in: a new one counts from one again."""
    return f"{event.id}-{event.at:%Y%m%dT%H%M%S%fZ}"


def fields_of(event: Event, strategies: Strategies) -> dict[str, object]:
    """What programs are told: code and facts, and the sentence that people read."""
    facts = event.facts
    code, known = (code_of(facts), facts) if isinstance(facts, Facts) else (facts.values.get("code"), facts.values)
    found: dict[str, object] = plain(
        {
            "id": event.id,
            "at": event.at,
            "kind": event.kind,
            "severity": event.severity,
            "code": code,
            "text": told(event, strategies),
            "strategy": event.strategy,
            "ticker": event.ticker,
            "alert_id": event.alert_id,
            "trade_id": event.trade_id,
            "actor": event.actor,
            "facts": known,
        }
    )
    return found
