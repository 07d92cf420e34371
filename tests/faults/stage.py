"""The daemon with a proxy before each of its servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.faketime import kept_in
from tests.faults.brackets import Stage
from tests.faults.cases import WEB_PASSWORD, Fault, Surroundings
from tests.proxy import open_proxy
from tests.receivers import MailBox, mail_server, receiver
from tests.servers import free_port
from tests.system.harness import Daemon, Gateway, running

BRACKETS = {
    "strategies__main__sizing": "alert",
    "strategies__main__orders": "alert",
    "strategies__main__exits": "alert",
    "trading__defaults__buy_amount_usd": "5000",
}
_CHAT = {"telegram__chat_id": str(CHAT["id"]), "telegram__user_ids": str(OWNER["id"])}
CHANNELS = ("e-mail", "receiver")
"""Parts that are told beside the chat."""
CHANNEL_SECRETS = ("6f1d3c5ab4970e28", "/in/abcdefghijklmnopqrstuvwx")
CONFIG = f"""
[channels.email]
host = "127.0.0.1"
port = {{port}}
tls = "none"
sender = "bot@example.com"
to = "me@example.com"
[channels.hook]
type = "webhook"
url = "{{url}}{CHANNEL_SECRETS[1]}"
secret = "{CHANNEL_SECRETS[0]}"
[strategies.main]
[strategies.ema]
"""
"""The file names the strategies too, where there is one."""
TWO_STRATEGIES = {"strategies__main__enabled": "true", "strategies__ema__exit_size": "alert"}


@asynccontextmanager
async def staged(
    fault: Fault, folder: Path, postgres_url: str, redis_url: str, *, realistic: bool = False
) -> AsyncIterator[Surroundings]:
    """Everything that the fault needs, not started yet."""
    async with AsyncExitStack() as house:
        gateway = Gateway.at(folder / "gateway", realistic=realistic)
        urls = urlsplit(postgres_url), urlsplit(redis_url)
        bot = await house.enter_async_context(bot_api())
        there = await house.enter_async_context(receiver())
        box = await house.enter_async_context(mail_server(MailBox()))
        postgres, redis, ib, telegram, mail = [
            await house.enter_async_context(open_proxy(port or 0))
            for port in (urls[0].port, urls[1].port, gateway.port, bot.port, box.port)
        ]
        user = f"{urls[0].username}@" if urls[0].username else ""
        database = urls[0]._replace(netloc=f"{user}127.0.0.1:{postgres.port}").geturl()
        settings = {"broker__port": str(ib.port), "trading__repeat_window_s": "0", **TWO_STRATEGIES}
        if fault.database == "PostgreSQL":
            queue = urls[1]._replace(netloc=f"127.0.0.1:{redis.port}").geturl()
            settings |= {"database__url": database, "queue__url": queue}
        if fault.part in CHANNELS:
            (folder / "config.toml").write_text(CONFIG.format(url=there.url, port=mail.port))
        if fault.part in ("Telegram", *CHANNELS):
            settings |= {"telegram__bot_token": TOKEN, "telegram__api_url": f"http://127.0.0.1:{telegram.port}"}
            settings |= _CHAT
        if fault.part == "browser":
            settings |= {"web__port": str(free_port()), "web__password": WEB_PASSWORD}
        daemon = Daemon.at(folder, gateway=gateway, **settings)
        daemon.env["TRADEBOT_BROKER__PORT"] = str(ib.port)
        if fault.database == "PostgreSQL":
            daemon.database = postgres_url  # the test itself looks past the proxy
        daemon.module = "tests.crash.entry"  # its disk can be full from the start
        if fault.part == "clock":
            daemon.env |= kept_in(folder / "clock")
        await house.enter_async_context(running(daemon, gateway))
        yield Surroundings(postgres, redis, ib, telegram, mail, there, bot, gateway, daemon, postgres_url, redis_url)


@asynccontextmanager
async def with_brackets(folder: Path, *, realistic: bool = False) -> AsyncIterator[Stage]:
    """A daemon that takes stops and targets from its alerts, its gateway and its owner's chat; not started yet."""
    gateway = Gateway.at(folder / "gateway", realistic=realistic)
    async with bot_api() as bot:
        settings = {**BRACKETS, "telegram__bot_token": TOKEN, "telegram__api_url": bot.url, **_CHAT}
        daemon = Daemon.at(folder, gateway=gateway, trading__repeat_window_s="0", **settings)
        async with running(daemon, gateway):
            yield Stage(gateway, daemon, bot)
