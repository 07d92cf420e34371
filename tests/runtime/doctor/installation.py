"""An installation in which all is well: files, a database, Redis, a gateway, a Bot API, a webhook behind a proxy."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.botapi import CHAT, TOKEN, BotApi
from tests.fakes import FixedClock
from tests.servers import free_port
from tradebot.cli import daemon_client
from tradebot.config import load
from tradebot.database import migrate, open_ledger
from tradebot.listener import take_port
from tradebot.queries.health import Health
from tradebot.queues import EmbeddedQueue
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.doctor import Asked, Line, Machine, Report, examine
from tradebot.simgateway import Gateway
from tradebot.trading.intake import Intake
from tradebot.webhook import WebhookOptions, open_webhook

SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
OUR_ADDRESS = "203.0.113.7"
"""Where this machine would be seen at from outside."""


@dataclass(frozen=True)
class Servers:
    """What is shared with other tests: broken only in what is put right again."""

    redis: str
    postgres: str


@dataclass
class Installation:
    """What a row of the table breaks. `config` becomes config.toml; secrets lie in the credentials directory."""

    folder: Path
    gateway: Gateway
    api: BotApi
    config: dict[str, dict[str, object]]
    credentials: dict[str, str]
    stack: AsyncExitStack
    servers: "Servers"
    machine: Machine = field(default_factory=Machine)
    ticker: str = "AAPL"
    public: str | None = None
    live: bool = False
    patience: float = 4.0  # a busy machine makes nothing red

    @property
    def file(self) -> Path:
        return self.folder / "config.toml"

    @property
    def directory(self) -> Path:
        return self.folder / "credentials"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "tradebot.db"

    @property
    def webhook_port(self) -> int:
        return int(str(self.config["webhook"]["port"]))

    def write(self) -> None:
        """As `make deploy` leaves it: readable by owner and group, never by others."""
        sections = (
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            for name, keys in self.config.items()
        )
        self.file.write_text("\n".join(sections))
        self.file.chmod(0o640)
        self.directory.mkdir(mode=0o750, exist_ok=True)
        for name, text in self.credentials.items():
            (self.directory / name).write_text(text + "\n")
            (self.directory / name).chmod(0o640)

    def set(self, section: str, **keys: object) -> None:
        self.config.setdefault(section, {}).update(keys)
        self.write()

    async def examine(self) -> Report:
        """As the command does: through the real configuration and the daemon's health over HTTP."""
        settings = load(self.file, self.env)
        health = partial(daemon_client.health, daemon_client.health_url(settings))
        asked = Asked(settings, health, self.file, self.env, self.ticker, self.public, self.live, self.patience)
        return await examine(asked, self.machine)

    @property
    def env(self) -> Mapping[str, str]:
        return {"CREDENTIALS_DIRECTORY": str(self.directory)}


@asynccontextmanager
async def installed(
    folder: Path, tables: Path, servers: Servers, gateway: Gateway, api: BotApi
) -> AsyncIterator[Installation]:
    """All is well, but for the daemon, which does not run. `tables`: an empty database, to be copied."""
    async with AsyncExitStack() as stack:
        config: dict[str, dict[str, object]] = {
            "webhook": {"port": free_port(), "trusted_proxies": ["127.0.0.1"]},
            "broker": {"mode": "gateway", "port": gateway.port, "account": gateway.book.account},
            "database": {"url": f"sqlite:///{folder}/data/tradebot.db"},
            "queue": {"url": servers.redis},
            "telegram": {"chat_id": CHAT["id"], "api_url": api.url},
            "log": {"dir": f"{folder}/data/logs"},
        }
        credentials = {"webhook_secret": SECRET, "telegram_bot_token": TOKEN}
        one = Installation(folder, gateway, api, config, credentials, stack, servers)
        free_bytes, nowhere = 50_000_000_000, folder / "nowhere"
        one.machine = replace(one.machine, folder=folder, free_bytes=lambda _: free_bytes, system_backups=nowhere)
        one.database.parent.mkdir(mode=0o700)
        shutil.copy(tables, one.database)
        one.database.chmod(0o600)
        one.write()
        yield one


def told(report: Report) -> dict[str, Line]:
    """The lines by section and check: `Queue: writing`."""
    return {f"{section.title}: {line.check}": line for section in report.sections for line in section.lines}


def empty_tables(folder: Path) -> Path:
    """A database with the program's tables and nothing in them."""
    asyncio.run(migrate.up(f"sqlite:///{folder}/tables.db"))
    return folder / "tables.db"


# --- a webhook and a proxy before it ----------------------------------------------------------------------------------


async def serve_webhook(one: Installation, *healths: Health) -> None:
    """The webhook that the daemon has, on the port that is configured, with these to say of its health, one after the other."""
    settings = load(one.file, one.env).webhook
    options = WebhookOptions(SECRET, trusted_proxies=tuple(map(str, settings.trusted_proxies)))
    ledger = await one.stack.enter_async_context(open_ledger(f"sqlite:///{one.database}"))
    taken = one.stack.enter_context(take_port("webhook", "127.0.0.1", one.webhook_port))
    intake = Intake(ledger, EmbeddedQueue(), FixedClock(SystemClock().now), store_within_s=60)

    left = list(healths)

    async def state() -> Health:
        return left.pop(0) if len(left) > 1 else left[0]

    await one.stack.enter_async_context(open_webhook(options, taken, intake, state))


async def serve_proxy(
    one: Installation, *, forwards: Mapping[str, str] | None = None, days: int | None = None, answers: str | None = None
) -> None:
    """A proxy at `one.public`. `forwards`: headers it adds; `days`: of its TLS certificate; `answers`: a page of its own."""

    async def pass_on(request: web.Request) -> web.Response:
        if answers is not None:
            return web.Response(status=502, text=answers)
        address = f"http://127.0.0.1:{one.webhook_port}{request.path}"
        headers = {**request.headers, **(forwards or {})}
        async with aiohttp.ClientSession(auto_decompress=False) as client:
            body = await request.read()
            async with client.request(request.method, address, data=body, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", pass_on)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    one.stack.push_async_callback(runner.cleanup)
    port, context = free_port(), None
    if days is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(one.folder, days), one.folder / "key.pem")
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    one.public = f"{'https' if context else 'http'}://127.0.0.1:{port}"


def certificate(folder: Path, days: int) -> Path:
    """A certificate of 127.0.0.1 that has signed itself."""
    made: Any = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, f"openssl makes the tests' certificates: {made.stderr}"
    return folder / "certificate.pem"
