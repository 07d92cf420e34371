"""Sends an alert as TradingView would."""

import ipaddress
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp

from tradebot.domain.model import Side
from tradebot.errors import TradebotError

TIMEOUT_S = 10.0


class NotTaken(TradebotError):
    """The webhook did not take the alert."""


class NobodyAnswers(NotTaken):
    """Nothing answers at the webhook's address."""


@dataclass(frozen=True, slots=True)
class Message:
    action: Side
    ticker: str
    price: Decimal | None
    alert_id: str | None
    secret: str = field(repr=False)

    def body(self) -> dict[str, str]:
        optional = {"price": None if self.price is None else str(self.price), "alert_id": self.alert_id}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"secret": self.secret, "action": self.action, "ticker": self.ticker, **given}


@dataclass(frozen=True, slots=True)
class Taken:
    status: str  # "queued" or "duplicate"
    alert_id: int


def address(host: object, port: int) -> str:
    """Where to reach a webhook that listens on `host`: an address for everybody is reached on loopback."""
    ip = ipaddress.ip_address(str(host))
    if ip.is_unspecified:
        ip = ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
    return f"http://{f'[{ip}]' if ip.version == 6 else ip}:{port}/webhook"


async def send(message: Message, url: str) -> Taken:
    """Raises NobodyAnswers, NotTaken with the webhook's own words."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, json=message.body()) as answer:
            said = await answer.json(content_type=None)
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise NobodyAnswers(
            f"nobody answers at {url} ({error or 'timed out'}): is the daemon running (tradebot run)?"
        ) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise NotTaken(f"{url} is not a tradebot webhook: its answer cannot be read") from error
    if answer.status != 200 or not isinstance(said, dict):
        raise NotTaken(f"not taken ({answer.status}): {said.get('error') if isinstance(said, dict) else said}")
    return Taken(str(said["status"]), int(said["alert_id"]))
