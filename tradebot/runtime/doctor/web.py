"""The second listener: its port, who reaches it, and its password. It is asked for its name, and for nothing else."""

from ipaddress import ip_address

import aiohttp

from tradebot.config.settings import Web
from tradebot.errors import ConfigError
from tradebot.listener import take_port
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked

TITLE = "Web"
PORT, REACH, PASSWORD = "port", "who reaches it", "password"
CHECKS = (PORT, REACH, PASSWORD)
TIMEOUT_S = 4.0
LENGTH_GOOD = 24
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - looked for, not listened on


def checks(asked: Asked) -> tuple[str, ...]:
    return CHECKS if asked.settings.web.on else ()


async def look(section: Section, asked: Asked) -> None:
    web = asked.settings.web
    if not web.on:
        return
    _reach(section, web)
    _password(section, web)
    await _port(section, web, asked.within(TIMEOUT_S))


async def _port(section: Section, web: Web, limit_s: float) -> None:
    if web.port == 0:
        section.warn(PORT, "0: the daemon takes any free one, another one at each start", "[web] port = 8001")
        return
    if (version := await _answers(web, limit_s)) is not None:
        section.ok(PORT, f"{web.host}:{web.port}, held by tradebot {version}")
        return
    try:
        with take_port("web", web.host, web.port):
            pass
    except (ConfigError, OSError) as error:
        section.fail(
            PORT,
            f"{web.host}:{web.port} is taken by something that is no tradebot, or cannot be had: {error}",
            f"ss -ltnp 'sport = :{web.port}' shows who has it; stop that, or choose another [web] port",
        )
    else:
        section.ok(PORT, f"{web.host}:{web.port} is free")


async def _answers(web: Web, limit_s: float) -> str | None:
    """The version of the tradebot that answers there; None: none does."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104
    url = f"http://{f'[{host}]' if ':' in host else host}:{web.port}/api/v1/alive"
    try:
        timeout = aiohttp.ClientTimeout(total=limit_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            told = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None
    return str(told.get("version")) if isinstance(told, dict) and told.get("name") == "tradebot" else None


def _reach(section: Section, web: Web) -> None:
    if web.host == "localhost" or ip_address(web.host).is_loopback:
        named = f"; by a proxy as {', '.join(web.hosts)}" if web.hosts else ""
        section.ok(REACH, f"this machine alone{named}")
        return
    where = "every network of this machine" if web.host in _EVERYWHERE else f"whoever reaches {web.host}"
    section.warn(
        REACH,
        f"{where}, without TLS: password and tokens can be read on the way",
        'host = "127.0.0.1" under [web], and ssh -L, a VPN or a proxy with TLS to it (docs/api.md)',
    )


def _password(section: Section, web: Web) -> None:
    if web.password is None:
        section.ok(PASSWORD, "kept as an argon2id hash")
    elif (length := len(web.password.get_secret_value())) < LENGTH_GOOD:
        section.warn(
            PASSWORD, f"{length} characters: who guesses it trades with your money", "openssl rand -hex 24 makes one"
        )
    else:
        section.ok(PASSWORD, f"{length} characters")
