"""A table of broken installations: how each is broken, the line that turns red, and words of what to do about it."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis

from tests.conftest import fresh_database
from tests.runtime.doctor.installation import OUR_ADDRESS, Installation, serve_proxy, serve_webhook, told
from tests.servers import free_port
from tradebot.database import migrate, open_ledger
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.queries.health import Health
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.doctor import Status
from tradebot.simgateway import GatewaySettings, open_gateway
from tradebot.simgateway.switches import Switches, switched

Break = Callable[[Installation], Awaitable[None]]
HANGING = 0.5
NOON, NIGHT = datetime(2026, 11, 24, 17, 0, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # a Tuesday
NOT_RUNNING = "Webhook: daemon"  # in these installations the daemon does not run


@dataclass(frozen=True)
class Broken:
    """A row: what is done to an installation in which all is well, and what the doctor has to say."""

    how: str
    line: str
    fix: str
    do: Break
    status: Status = Status.FAILURE
    also: tuple[str, ...] = ()  # what is red for the same reason
    hangs: bool = False  # a deadline has to pass: the product's own, halved


# --- files and the machine --------------------------------------------------------------------------------------------


async def readable_config(one: Installation) -> None:
    one.set("webhook", secret=one.credentials["webhook_secret"])
    one.file.chmod(0o644)


async def readable_credential(one: Installation) -> None:
    (one.directory / "telegram_bot_token").chmod(0o644)


async def full_disk(one: Installation) -> None:
    one.machine = replace(one.machine, free_bytes=lambda _: 1_000_000)


async def log_in_a_file(one: Installation) -> None:
    one.set("log", dir=f"{one.file}/logs")


async def no_zones(one: Installation) -> None:
    def none(name: str) -> object:
        raise ZoneInfoNotFoundError(f"No time zone found with key {name}")

    one.machine = replace(one.machine, zone=none)


async def wrong_clock(one: Installation) -> None:
    one.gateway.switches = switched(one.gateway.switches, {"clock_ahead_s": -40.0})


# --- the database -----------------------------------------------------------------------------------------------------


async def damaged_file(one: Installation) -> None:
    one.database.write_bytes(b"not a database, " * 1000)


async def locked_file(one: Installation) -> None:
    holder = sqlite3.connect(one.database, isolation_level=None)
    one.stack.callback(holder.close)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("BEGIN IMMEDIATE")


async def files_that_do_not_grow(one: Installation) -> None:
    """No file grows any more; what is small still fits into those that there are."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    one.stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)
    resource.setrlimit(resource.RLIMIT_FSIZE, (one.database.stat().st_size + 2**20, before[1]))


async def readable_database(one: Installation) -> None:
    one.database.chmod(0o644)


async def network_share(one: Installation) -> None:
    line = f"36 35 0:50 / {one.folder} rw,relatime - nfs4 storage:/export rw"
    one.machine = replace(one.machine, mounts=lambda: f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n{line}\n")


async def missing_file(one: Installation) -> None:
    one.database.unlink()


async def older_tables(one: Installation) -> None:
    await migrate.down(f"sqlite:///{one.database}", 1)


async def newer_tables(one: Installation) -> None:
    with sqlite3.connect(one.database) as database:
        database.execute(
            "INSERT INTO schema_migration VALUES ('9999_from_the_future', 'x', '2026-11-26T00:00:00.000000+00:00')"
        )
    database.close()


async def other_account(one: Installation) -> None:
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.begin() as books:
        await books.put_setting(ACCOUNT_KEY, "DU7654321", "bot", SystemClock().now())


async def no_postgres(one: Installation) -> None:
    one.set("database", url=f"postgresql://tradebot@127.0.0.1:{free_port()}/tradebot")


@asynccontextmanager
async def database(one: Installation) -> AsyncIterator[str]:
    """An empty database at the server."""
    async for url in fresh_database(one.servers.postgres):
        yield url


async def no_such_database(one: Installation) -> None:
    one.set("database", url=urlsplit(one.servers.postgres)._replace(path="/nobody_made_it").geturl())


async def no_tables(one: Installation) -> None:
    one.set("database", url=await one.stack.enter_async_context(database(one)))


async def standby(one: Installation) -> None:
    url = await one.stack.enter_async_context(database(one))
    await migrate.up(url)
    admin = await asyncpg.connect(url)
    await admin.execute(f"ALTER DATABASE {urlsplit(url).path[1:]} SET default_transaction_read_only = on")
    await admin.close()
    one.set("database", url=url)


# --- Redis ------------------------------------------------------------------------------------------------------------


async def no_redis(one: Installation) -> None:
    one.set("queue", url=f"redis://127.0.0.1:{free_port()}/0")


async def redis(one: Installation, *words: str, back: tuple[str, ...]) -> None:
    """A command, and the one that takes it back."""
    client = await one.stack.enter_async_context(Redis.from_url(one.servers.redis))
    await client.execute_command(*words)  # type: ignore[no-untyped-call]
    one.stack.push_async_callback(client.execute_command, *back)


async def replica(one: Installation) -> None:
    await redis(one, "REPLICAOF", "127.0.0.1", str(free_port()), back=("REPLICAOF", "NO", "ONE"))


async def user_who_may_not_write(one: Installation) -> None:
    rights = ("on", ">canary-password", "~*", "+@all", "-@write")
    await redis(one, "ACL", "SETUSER", "reader", *rights, back=("ACL", "DELUSER", "reader"))
    one.set("queue", url=one.servers.redis.replace("redis://", "redis://reader:canary-password@"))


async def wrong_redis_password(one: Installation) -> None:
    one.set("queue", url=one.servers.redis.replace("redis://", "redis://nobody:canary-password@"))


async def evicting_redis(one: Installation) -> None:
    await redis(
        one,
        "CONFIG",
        "SET",
        "maxmemory-policy",
        "allkeys-lru",
        back=("CONFIG", "SET", "maxmemory-policy", "noeviction"),
    )


# --- the gateway ------------------------------------------------------------------------------------------------------


def switch(**switches: Any) -> Break:
    async def do(one: Installation) -> None:
        one.gateway.switches = switched(one.gateway.switches, switches)

    return do


def fault(name: str, **how: Any) -> Break:
    async def do(one: Installation) -> None:
        one.gateway.faults.arm(name, **{"times": 0, **how})

    return do


def no_price(now: datetime) -> Break:
    async def do(one: Installation) -> None:
        one.gateway.switches = switched(one.gateway.switches, {"no_price_of": "all"})
        one.machine = replace(one.machine, now=lambda: now)

    return do


async def no_gateway(one: Installation) -> None:
    one.set("broker", port=free_port())


def another_gateway(account: str = "DU1234567", **settings: Any) -> Break:
    async def do(one: Installation) -> None:
        chosen = GatewaySettings(port=0, moving=False, seed=1, account=account, **settings)
        gateway = await one.stack.enter_async_context(open_gateway(chosen))
        one.set("broker", port=gateway.port, account=account)

    return do


async def several_accounts(one: Installation) -> None:
    await another_gateway(switches=Switches(other_accounts="DU7654321"))(one)
    del one.config["broker"]["account"]
    one.write()


async def lost_servers(one: Installation) -> None:
    body = {"up": False}
    url = f"http://127.0.0.1:{one.gateway.control_port}/upstream"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status == 200


async def simulated(one: Installation) -> None:
    one.config["broker"] = {"mode": "simulated"}
    one.write()


async def unknown_ticker(one: Installation) -> None:
    one.ticker = "NOSUCH"


# --- Telegram ---------------------------------------------------------------------------------------------------------


async def wrong_token(one: Installation) -> None:
    one.credentials["telegram_bot_token"] = one.credentials["telegram_bot_token"][:-1] + "x"
    one.write()


async def wrong_chat(one: Installation) -> None:
    one.set("telegram", chat_id=777)


async def no_way_to_telegram(one: Installation) -> None:
    one.set("telegram", api_url=f"http://127.0.0.1:{free_port()}")


async def no_telegram(one: Installation) -> None:
    del one.config["telegram"]
    (one.directory / "telegram_bot_token").unlink()
    del one.credentials["telegram_bot_token"]
    one.write()


# --- the webhook ------------------------------------------------------------------------------------------------------


async def port_taken(one: Installation) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", one.webhook_port)
    one.stack.callback(server.close)


async def web_port_taken(one: Installation) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    one.stack.callback(server.close)
    one.set("web", port=server.sockets[0].getsockname()[1], password="0a1b2c3d4e5f60718293a4b5")


async def open_to_all(one: Installation) -> None:
    one.set("web", host="0.0.0.0", port=free_port(), password="0a1b2c3d4e5f60718293a4b5")


async def short_password(one: Installation) -> None:
    one.set("web", port=free_port(), password="twenty-characters-0x")


async def short_secret(one: Installation) -> None:
    one.credentials["webhook_secret"] = "twenty-characters-0x"
    one.write()


async def ill_daemon(one: Installation) -> None:
    parts: dict[str, dict[str, object]] = {"broker": {"ok": False, "why_not": "the gateway's Read-Only API is on"}}
    await serve_webhook(one, Health(False, parts))


WELL = Health(True, {"daemon": {"version": "0.2.0", "uptime_s": 60.0}, "trading": {"ok": True, "state": "RUNNING"}})


def behind(**proxy: Any) -> Break:
    async def do(one: Installation) -> None:
        await serve_webhook(one, WELL)
        await serve_proxy(one, **proxy)

    return do


async def certificate_that_ends_soon(one: Installation) -> None:
    await behind(forwards=FORWARDED, days=5)(one)
    here = pytest.MonkeyPatch()
    one.stack.callback(here.undo)
    here.setenv("SSL_CERT_FILE", str(one.folder / "certificate.pem"))


async def untrusted_proxy(one: Installation) -> None:
    one.set("webhook", trusted_proxies=[])
    await behind(forwards=FORWARDED)(one)


async def nobody_outside(one: Installation) -> None:
    one.public = f"http://127.0.0.1:{free_port()}"


FORWARDED = {"X-Forwarded-For": OUR_ADDRESS}
PLAIN = CERTIFICATE = "Webhook: certificate"
OUTSIDE, CALLER = "Webhook: outside", "Webhook: caller's address"
IB = "Interactive Brokers"
WARNING = Status.WARNING

TABLE = (
    Broken(
        "config.toml has the secret, and everybody reads it",
        "This machine: secret files",
        "chmod o-rwx",
        readable_config,
    ),
    Broken("a credential that everybody reads", "This machine: secret files", "chmod o-rwx", readable_credential),
    Broken("no room on the disk", "This machine: disk", "make room", full_disk),
    Broken("the log may not be written", "This machine: disk", "chown", log_in_a_file),
    Broken("no time zone data", "This machine: time zones", "apt-get install tzdata", no_zones),
    Broken("a clock 40 s off", "This machine: clock", "timedatectl set-ntp true", wrong_clock),
    Broken("SQLite: a damaged file", "Database: connection", "is the path right", damaged_file),
    Broken("SQLite: a browser holds it", "Database: writing", "stop what keeps it locked", locked_file, hangs=True),
    Broken("SQLite: a full disk", "Database: writing", "look at its space", files_that_do_not_grow),
    Broken("SQLite: everybody reads it", "Database: file", "chmod 600", readable_database, WARNING),
    Broken("SQLite: on a network share", "Database: file", "a disk of this machine", network_share),
    Broken("SQLite: there is none yet", "Database: file", "first start", missing_file, WARNING),
    Broken("tables of an older version", "Database: tables", "tradebot migrate up", older_tables),
    Broken("tables of a newer version", "Database: tables", "update tradebot", newer_tables),
    Broken("the database of another account", f"{IB}: account", "use another database for DU1234567", other_account),
    Broken("PostgreSQL is down", "Database: connection", "is the server running", no_postgres),
    Broken("PostgreSQL: no such database", "Database: connection", "create the database", no_such_database),
    Broken("PostgreSQL: no tables", "Database: tables", "tradebot migrate up", no_tables),
    Broken("PostgreSQL: a standby", "Database: writing", "is this a standby", standby),
    Broken("Redis is down", "Queue: connection", "is it running", no_redis),
    Broken("Redis: a replica", "Queue: role", "REPLICAOF NO ONE", replica, also=("Queue: writing",)),
    Broken("Redis: a user who may not write", "Queue: writing", "ACL SETUSER", user_who_may_not_write),
    Broken("Redis: a wrong password", "Queue: connection", "correct user and password", wrong_redis_password),
    Broken("Redis: it throws keys away", "Queue: memory", "maxmemory-policy noeviction", evicting_redis, WARNING),
    Broken("IB: the gateway is down", f"{IB}: gateway", "start IB Gateway and log in", no_gateway),
    Broken("IB: the gateway hangs", f"{IB}: gateway", "Trusted IPs", fault("half_open"), hangs=True),
    Broken(
        "IB: Read-Only API", f"{IB}: orders", "untick Read-Only API", switch(read_only=True), also=(f"{IB}: lists",)
    ),
    Broken("IB: a precaution", f"{IB}: orders", "Bypass Order Precautions for API Orders", fault("deny", code=383)),
    Broken(
        "IB: a dialog swallows orders",
        f"{IB}: orders",
        "look at the gateway's screen for a dialog",
        fault("swallow"),
        hangs=True,
    ),
    Broken(
        "IB: no market data", f"{IB}: market data", "Market Data Subscriptions", fault("no_market_data", code=10168)
    ),
    Broken(
        "IB: another login has the data", f"{IB}: market data", "Log out there", fault("no_market_data", code=10197)
    ),
    Broken(
        "IB: no price by day", f"{IB}: market data", "look at the account's market data", no_price(NOON), hangs=True
    ),
    Broken(
        "IB: no price at night",
        f"{IB}: market data",
        "look again while it is open",
        no_price(NIGHT),
        WARNING,
        hangs=True,
    ),
    Broken("IB: delayed data", f"{IB}: market data", "subscribe", fault("delayed_only"), WARNING),
    Broken("IB: live, and not allowed", f"{IB}: account", "[broker] allow_live = true", another_gateway("U1234567")),
    Broken("IB: several accounts", f"{IB}: account", "Set [broker] account", several_accounts),
    Broken("IB: no cash", f"{IB}: cash", "deposit", another_gateway(cash=Decimal(0)), WARNING, also=(f"{IB}: orders",)),
    Broken(
        "IB: executions are not answered",
        f"{IB}: lists",
        "to UTC",
        fault("no_answer", question="reqExecutions"),
        hangs=True,
    ),
    Broken("IB: its servers are lost", f"{IB}: gateway", "the gateway's own line to IB", lost_servers),
    Broken("IB: simulated", f"{IB}: broker", '[broker] mode = "gateway"', simulated, WARNING),
    Broken("IB: no such stock", f"{IB}: market data", "--ticker", unknown_ticker),
    Broken("Telegram: a wrong token", "Telegram: token", "@BotFather", wrong_token),
    Broken("Telegram: a wrong chat", "Telegram: chat", "press Start in the chat", wrong_chat),
    Broken("Telegram: no way there", "Telegram: token", "firewall", no_way_to_telegram),
    Broken("Telegram: off", "Telegram: chat", "docs/telegram.md", no_telegram, WARNING),
    Broken("the port is somebody else's", "Webhook: port", "ss -ltnp", port_taken),
    Broken("web: the port is somebody else's", "Web: port", "ss -ltnp", web_port_taken),
    Broken("web: open to all", "Web: who reaches it", "a proxy with TLS", open_to_all, WARNING),
    Broken("web: a short password", "Web: password", "openssl rand -hex 24", short_password, WARNING),
    Broken("a short secret", "Webhook: secret", "openssl rand -hex 32", short_secret, WARNING),
    Broken("the daemon is not well", "Webhook: daemon", "tradebot status", ill_daemon),
    Broken("outside: nobody there", OUTSIDE, "firewall (ports 80 and 443)", nobody_outside, also=(PLAIN,)),
    Broken("outside: the proxy's own page", OUTSIDE, "POST /webhook", behind(answers="Bad Gateway"), also=(PLAIN,)),
    Broken(
        "outside: a certificate that is not valid", CERTIFICATE, "certbot renew", behind(forwards=FORWARDED, days=90)
    ),
    Broken(
        "outside: a certificate that ends soon",
        CERTIFICATE,
        "certbot renew --dry-run",
        certificate_that_ends_soon,
        WARNING,
        (OUTSIDE,),
    ),
    Broken("outside: the proxy tells no address", CALLER, "X-Forwarded-For", behind(), also=(PLAIN, OUTSIDE)),
    Broken("outside: the proxy is not trusted", CALLER, "trusted_proxies", untrusted_proxy, also=(PLAIN, OUTSIDE)),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.how)
async def test_the_doctor_says_it_and_what_to_do(one: Installation, row: Broken) -> None:
    """Broken, somebody looks for hours for what one line could say, or is sent after something that is well."""
    await row.do(one)
    one.patience = HANGING if row.hangs else one.patience
    lines = told(await one.examine())
    line = lines[row.line]
    assert (line.status, row.fix in line.fix) == (row.status, True), line
    assert "canary" not in str(lines)
    if row.hangs:
        return  # on a busy machine another line may be late as well
    red = {name for name, each in lines.items() if each.status in (Status.FAILURE, Status.WARNING)}
    assert red - {NOT_RUNNING} == {row.line, *row.also} - {NOT_RUNNING}, {name: lines[name] for name in red}


def test_the_table_is_long_enough() -> None:
    """Twenty ways to break an installation are promised."""
    assert len({row.how for row in TABLE}) == len(TABLE) >= 20


async def test_a_daemon_that_has_just_started_is_given_its_moment(one: Installation) -> None:
    """`make deploy && tradebot doctor` calls a bot ill that only compares its orders with IB's yet."""
    comparing: dict[str, dict[str, object]] = {"trading": {"ok": False, "why_not": "Orders and positions are compared"}}
    await serve_webhook(one, Health(False, comparing), Health(False, comparing), WELL)
    assert told(await one.examine())["Webhook: daemon"].status is Status.OK
