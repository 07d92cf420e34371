"""Sends an alert as TradingView would."""

import os
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp

from tradebot.domain.alerts import Side
from tradebot.errors import ConfigError, TradebotError

TIMEOUT_S = 10.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class NotTaken(TradebotError):
    """The webhook did not take the alert."""


class NobodyAnswers(NotTaken):
    """Nothing answers at the webhook's address: the alert was not sent."""


class NoAnswer(NotTaken):
    """The alert was sent and no answer came: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Message:
    """An alert as it is sent to the webhook."""

    action: Side
    ticker: str
    price: Decimal | None
    alert_id: str
    secret: str = field(repr=False)
    quantity: Decimal | None = None  # None: the strategy's own size

    def body(self) -> dict[str, str]:
        figures = {"price": self.price, "quantity": self.quantity}
        given = {name: str(figure) for name, figure in figures.items() if figure is not None}
        return {
            "secret": self.secret,
            "action": self.action,
            "ticker": self.ticker,
            "alert_id": self.alert_id,
            **given,
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """The webhook's answer to an alert that it took."""

    status: str  # "queued" or "duplicate"
    alert_id: int


def address(host: object, port: int) -> str:
    """Where to reach a webhook that listens on `host`."""
    return f"{server(host, port)}/webhook"


def server(host: object, port: int) -> str:
    """Where to reach what listens on `host`: everywhere is reached on loopback."""
    name = _LOOPBACK.get(str(host), str(host))
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def of_strategy(webhook: str, strategy: str | None) -> str:
    """Where its alerts are sent; None: to the webhook itself."""
    return webhook if strategy is None else f"{webhook.rstrip('/')}/{strategy}"


def checked(url: str) -> str:
    """Raises ConfigError for what is no address of a webhook."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url {url} is no web address: write it whole, for instance http://127.0.0.1:8000/webhook")
    return url


def _reason(error: OSError) -> str:
    """asyncio's own text repeats the address."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


async def send(message: Message, url: str) -> Taken:
    """Raises NobodyAnswers, NoAnswer, NotTaken with the webhook's own words, and ConfigError for an impossible address."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, json=message.body()) as answer:
            said = await answer.json(content_type=None)
    except aiohttp.InvalidURL as error:
        raise ConfigError(f"--url {url} cannot be read: write it like http://127.0.0.1:8000/webhook") from error
    except aiohttp.ClientConnectorError as error:
        raise NobodyAnswers(
            f"nobody answers at {url} ({_reason(error.os_error)}), so nothing was sent: is the daemon "
            "running (tradebot run), and is this its address?"
        ) from error
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise NoAnswer(
            f"{url} took the connection and gave no answer ({error or 'timed out'}): the alert may have been taken. Look at "
            "`tradebot status` before you send it again"
        ) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise NotTaken(
            f"{url} is no tradebot webhook: its answer cannot be read. Is host, port or --url wrong?"
        ) from error
    if answer.status == 200 and isinstance(said, dict) and {"status", "alert_id"} <= said.keys():
        return Taken(str(said["status"]), int(said["alert_id"]))
    if not isinstance(said, dict) or "error" not in said:
        raise NotTaken(f"{url} is no tradebot webhook ({answer.status}). Is host, port or --url wrong?")
    raise NotTaken(f"not taken ({answer.status}): {said['error']}")
