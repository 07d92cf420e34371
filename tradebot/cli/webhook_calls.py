"""Calls of the webhook as a stranger or TradingView would make them, for `tradebot selftest`. Nothing but an answer comes back.

Rules: what was asked too often is asked again a moment later, not more often than the webhook allows.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from tradebot.errors import ConfigError, TradebotError

TIMEOUT_S = 10.0
TOO_OFTEN = 429
ASK_AGAIN_AFTER_S = 2.0  # the webhook takes one stranger a second
ASK_AGAIN_TIMES = 5


class Unanswered(TradebotError):
    """No answer came; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the webhook, or whoever stands before it, answered. `said`: its JSON object, empty when it is none."""

    status: int
    said: Mapping[str, object]
    took_ms: float

    @property
    def error(self) -> str:
        return str(self.said.get("error", ""))

    def __str__(self) -> str:
        text = self.error or str(self.said.get("status", ""))
        return f"{self.status}: {text}" if text else str(self.status)


class Caller:
    """One client, which keeps its connection as TradingView's do."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, url: str, body: Mapping[str, object] | bytes) -> Answer:
        """Raises Unanswered, and ConfigError for an address that cannot be one."""
        raw = body if isinstance(body, bytes) else json.dumps(dict(body)).encode()
        for _ in range(ASK_AGAIN_TIMES):
            answer = await self._ask("POST", url, raw)
            if answer.status != TOO_OFTEN:
                break
            await asyncio.sleep(ASK_AGAIN_AFTER_S)
        return answer

    async def get(self, url: str) -> Answer:
        """Raises Unanswered, ConfigError."""
        return await self._ask("GET", url, None)

    async def _ask(self, method: str, url: str, body: bytes | None) -> Answer:
        began = time.perf_counter()
        try:
            async with self._session.request(method, url, data=body, allow_redirects=False) as answer:
                text = await answer.text(errors="replace")
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"--url {url} cannot be read: write it like https://bot.example.com/webhook") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unanswered(f"its certificate is not accepted: {error.certificate_error}") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise Unanswered(f"its name {error.host} is not known: does DNS point to this machine?") from error
        except aiohttp.ClientConnectorError as error:
            raise Unanswered(f"nobody answers there ({error.os_error.strerror or error.os_error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(f"it took the connection and gave no answer ({str(error) or 'timed out'})") from error
        return Answer(answer.status, _object(text), (time.perf_counter() - began) * 1000)


def _object(text: str) -> Mapping[str, object]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
