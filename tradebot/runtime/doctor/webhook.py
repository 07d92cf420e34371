"""The webhook: its port, the daemon behind it, its secret, and how it looks from outside.

Rules: nothing is sent that could be an alert. The outside is asked with a message in an encoding that the daemon refuses (415)
right after it has looked at the caller's address (403): its answer tells whose address it saw, and nobody is notified.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

from tradebot.config import WEBHOOK_SECRET_FILE
from tradebot.errors import ConfigError
from tradebot.listener import take_port
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked, Machine, Parts

TITLE = "Webhook"
PORT, DAEMON, SECRET = "port", "daemon", "secret"
OUTSIDE, CERTIFICATE, CALLER = "outside", "certificate", "caller's address"
CHECKS = (PORT, DAEMON, SECRET)
CHECKS_OUTSIDE = (OUTSIDE, CERTIFICATE, CALLER)
TIMEOUT_S = 4.0
SETTLES_WITHIN_S = 3.0
"""A daemon that has just started compares orders and positions with IB's first, and is not well until it has."""
SECRET_LENGTH_GOOD = 32
EXPIRES_SOON = timedelta(days=14)
TRADINGVIEWS_PORTS = (80, 443)
_SEEN = re.compile(r"[Tt]he address (\S+) is not allowed|through a proxy at ([^\s,]+)")
_NEW_SECRET = "openssl rand -hex 32 makes one; change it in the alerts too (previous_secret lets both pass meanwhile)"  # noqa: S105
_PROXY = (
    "let the proxy send X-Forwarded-For (docs/deploy/ has nginx and Caddy), and name it in [webhook] trusted_proxies, as "
    '["127.0.0.1", "::1"]'
)


@dataclass(slots=True)
class Daemon:
    """What a running daemon says of itself; None: none answers."""

    parts: Parts | None = None

    @property
    def runs(self) -> bool:
        return self.parts is not None


async def look(section: Section, asked: Asked, machine: Machine) -> Daemon:
    _secret(section, asked, machine)
    host, port = str(asked.settings.webhook.host), asked.settings.webhook.port
    if port == 0:
        section.warn(PORT, "0: the daemon takes any free one, another one at each start", "[webhook] port = 8000")
        section.skip(DAEMON, "its port is not known")
        return Daemon()
    daemon = Daemon(await _settled(asked))
    if daemon.parts is not None:
        section.ok(PORT, f"{host}:{port}, held by the daemon")
        _daemon(section, daemon.parts)
        return daemon
    try:
        with take_port("webhook", host, port):  # not listened on: a daemon that is just starting keeps it
            pass
    except (ConfigError, OSError) as error:
        section.fail(
            PORT,
            f"{host}:{port} is taken by something that is no tradebot, or cannot be had: {error}",
            f"ss -ltnp 'sport = :{port}' shows who has it; stop that, or choose another [webhook] port",
        )
    else:
        section.ok(PORT, f"{host}:{port} is free")
    section.warn(DAEMON, "none answers", "systemctl start tradebot (or tradebot run)")
    return daemon


async def _settled(asked: Asked) -> Parts | None:
    """What the daemon says of itself; not the first moment's word of what passes by itself."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLES_WITHIN_S
    while True:
        parts = await asked.health()
        if parts is None or not _ill(parts) or loop.time() >= deadline:
            return parts
        await asyncio.sleep(0.2)


def _ill(parts: Parts) -> dict[str, Mapping[str, object]]:
    return {name: part for name, part in parts.items() if part.get("ok") is False}


def _daemon(section: Section, parts: Parts) -> None:
    if ill := _ill(parts):
        told = "; ".join(f"{name}: {_why(part)}" for name, part in ill.items())
        section.fail(
            DAEMON,
            f"it runs and is not well: {told}",
            "tradebot status tells more; docs/troubleshooting.md has its words",
        )
        return
    about, trading = parts.get("daemon", {}), parts.get("trading", {})
    section.ok(DAEMON, f"version {about.get('version')}, up for {about.get('uptime')}, trading {trading.get('state')}")


def _why(part: Mapping[str, object]) -> str:
    for key in ("error", "why_not", "waiting_for", "unanswered"):
        if told := part.get(key):
            return "; ".join(map(str, told)) if isinstance(told, list) else str(told)
    return "not well"


def _secret(section: Section, asked: Asked, machine: Machine) -> None:
    secret = asked.settings.webhook.secret
    if secret is None:
        made = machine.place(WEBHOOK_SECRET_FILE).is_file()
        section.ok(SECRET, f"made by tradebot, in {WEBHOOK_SECRET_FILE}" if made else "the first start makes one")
        return
    length = len(secret.get_secret_value())
    if length < SECRET_LENGTH_GOOD:
        section.warn(SECRET, f"{length} characters: who guesses it trades with your money", _NEW_SECRET)
    else:
        section.ok(SECRET, f"{length} characters")


# --- from outside -----------------------------------------------------------------------------------------------------


async def look_from_outside(section: Section, url: str, machine: Machine) -> None:
    """The webhook's public address, as far as this machine can see it from outside."""
    parts = urlsplit(url if "//" in url else f"https://{url}")
    address = parts._replace(path="/webhook" if parts.path in ("", "/") else parts.path).geturl()
    if parts.scheme == "http":
        section.warn(
            CERTIFICATE,
            "none: http:// shows the secret to everybody on the way",
            "a proxy with TLS, as in docs/deployment.md",
        )
    elif not await _certificate(section, parts.hostname or "", parts.port or 443, machine):
        return
    try:
        status, told = await _answer(address)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        section.fail(
            OUTSIDE,
            f"{address}: {reason}",
            "look at the proxy, its name in the DNS, and the firewall (ports 80 and 443)",
        )
        return
    _caller(section, status, told)
    _reached(section, address, status, told, parts.port or {"http": 80}.get(parts.scheme, 443))


def _reached(section: Section, address: str, status: int, told: str | None, port: int) -> None:
    if told is None:
        section.fail(
            OUTSIDE,
            f"{address} answers {status}, and not tradebot",
            "start tradebot; let the proxy pass POST /webhook on to [webhook] host and port",
        )
    elif port not in TRADINGVIEWS_PORTS:
        section.warn(OUTSIDE, f"{address} is tradebot's, on port {port}", "TradingView calls ports 80 and 443 only")
    else:
        section.ok(OUTSIDE, f"{address} is tradebot's")


async def _answer(address: str) -> tuple[int, str | None]:
    """The status, and the daemon's words; None where it is not the daemon who answers."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    headers = {"Content-Encoding": "tradebot-doctor", "Content-Type": "application/json"}
    context = ssl.create_default_context()
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(address, data=b"{}", headers=headers, ssl=context, allow_redirects=False) as answer,
    ):
        text = await answer.text(errors="replace")
    try:
        told = json.loads(text)
    except ValueError:
        return answer.status, None
    return answer.status, str(told["error"]) if isinstance(told, dict) and "error" in told else None


async def _certificate(section: Section, host: str, port: int, machine: Machine) -> bool:
    """Looks at it before anything is sent. False: it cannot be used."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        section.fail(
            CERTIFICATE,
            f"the certificate of {host} is not valid: {error.verify_message}; TradingView delivers nothing to it",
            "certbot renew, then reload the proxy (Caddy renews by itself: look at its log)",
        )
        return False
    except (OSError, TimeoutError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        section.fail(
            OUTSIDE,
            f"{host}:{port}: {reason}",
            "look at the proxy, its name in the DNS, and the firewall (ports 80 and 443)",
        )
        return False
    certificate = writer.get_extra_info("peercert") or {}
    writer.transport.abort()
    _expiry(section, str(certificate.get("notAfter", "")), machine.now())
    return True


def _expiry(section: Section, not_after: str, now: datetime) -> None:
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    found = f"valid until {ends:%d %b %Y}, {(ends - now).days} days"
    if ends - now < EXPIRES_SOON:
        section.warn(
            CERTIFICATE, found, "certbot renew --dry-run tells why it was not renewed (Caddy: look at its log)"
        )
    else:
        section.ok(CERTIFICATE, found)


def _caller(section: Section, status: int, told: str | None) -> None:
    if told is None:
        section.skip(CALLER, "it is not tradebot who answers")
        return
    found = _SEEN.search(told)
    seen = next((each.rstrip(".") for each in found.groups() if each), "") if found else ""
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        section.fail(
            CALLER,
            "tradebot takes this machine for a caller that is allowed: either [webhook] allowed_ips has its address, or the "
            "proxy tells no address at all, and everybody may try secrets",
            _PROXY,
        )
    elif "through a proxy" in told or _is_loopback(seen):
        section.fail(CALLER, f"tradebot sees every caller as {seen}, the proxy's own address", _PROXY)
    elif seen:
        section.ok(
            CALLER, f"the proxy passes it on: tradebot has seen this machine as {seen}, and refused it, as it should"
        )
    else:
        section.warn(
            CALLER,
            f"tradebot answers {status}: {told}",
            "look from another machine: curl -i … -d '{}' must name its address",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
