"""One POST to an address that is a secret: taken, to be tried again, or refused. No error repeats the address."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import aiohttp

from tradebot.notify.channel import NotDelivered

TIMEOUT_S = 10.0
ANSWER_MAX = 2_000
"""Bytes of an answer that are looked at."""
_AGAIN = frozenset({408, 425, 429})
Detail = Callable[[str], str]


class Http:
    """Keeps its connection between the messages of a burst."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], detail: Detail = lambda _: "") -> None:
        """Returns on 2xx. `detail` picks from an answer what may be shown. Raises NotDelivered."""
        await self._ask("POST", url, body, headers, detail)

    async def get(self, url: str, detail: Detail = lambda _: "") -> str:
        """The answer on 2xx. Raises NotDelivered."""
        return await self._ask("GET", url, b"", {}, detail)

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str], detail: Detail) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        sent = {"User-Agent": "tradebot", "Content-Type": "application/json", **headers}
        try:
            async with self._session.request(
                method, url, data=body or None, headers=sent, allow_redirects=False
            ) as answer:
                text = await _beginning(answer)
                if answer.status // 100 != 2:
                    raise _not_taken(answer.status, answer.headers.get("Retry-After"), text, detail)
                return text
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NotDelivered(words_of(error, self._timeout_s)) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """As much as came of it: the status says whether it was taken, also where the rest is missing."""
    try:
        return (await answer.content.read(ANSWER_MAX)).decode(errors="replace")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""


def _not_taken(status: int, retry_after: str | None, text: str, detail: Detail) -> NotDelivered:
    shown = detail(text)
    why = f"HTTP {status}{f' ({shown})' if shown else ''}"
    if status == 429:
        return NotDelivered(why, retry_after_s=_seconds(retry_after) or _seconds(_field(text, "retry_after")))
    is_refused = status < 500 and status not in _AGAIN
    return NotDelivered(why, retry_after_s=_seconds(retry_after), is_refused=is_refused)


def _field(text: str, name: str) -> object:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None


def _seconds(value: object) -> float | None:
    """Of a header or a field; a date there is not understood, and the usual backoff counts."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def words_of(error: Exception, timeout_s: float = TIMEOUT_S) -> str:
    """What went wrong on the way, without the address, which most libraries put into their own words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "its certificate is not valid for this address"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "the connection broke before an answer came"
    os_error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(os_error, OSError) and os_error.errno:
        return f"not reached: {_reason(os_error)}"
    return f"not reached ({type(error).__name__})"


def _reason(error: OSError) -> str:
    """`Connection refused`; asyncio's own words have the address in them, a look-up's have a number of another kind."""
    assert error.errno is not None, "looked at before"
    return error.strerror or "" if isinstance(error, socket.gaierror) else os.strerror(error.errno)


async def connect(url: str, timeout_s: float = TIMEOUT_S) -> str:
    """Connects to the address's host, TLS included, and asks nothing. Raises NotDelivered."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        context = await asyncio.to_thread(ssl.create_default_context) if secure else None
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or (443 if secure else 80), ssl=context
            )
    except (OSError, TimeoutError, ValueError) as error:
        raise NotDelivered(words_of(error, timeout_s)) from None
    writer.close()
    return f"{parts.hostname} answers{', and its certificate is valid' if secure else ''}; no message was sent"


def hostname(url: str) -> str:
    return urlsplit(url).hostname or "?"
