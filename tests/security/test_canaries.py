"""A canary in every secret, a session in which everything that can go wrong does, and then a search of everything left behind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil
import pytest
from loguru import logger

from tests.botapi import CHAT, OWNER, TOKEN, BotApi, bot_api
from tests.servers import PostgresServer, RedisServer
from tests.system.checker import check_secrets
from tests.system.harness import SECRET, Daemon, Gateway, running, until
from tradebot.runtime.dead_mans_switch import ping

PREVIOUS = "canary-previous-secret-0123456789"
PASSWORD = "canary-postgres-password-0123"
WRONG_PASSWORD = "canary-wrong-password-0123"
REDIS_PASSWORD = "canary-redis-password-0123"
HEARTBEAT = "canary-heartbeat-path-0123"
STRANGERS = "canary-strangers-secret-0123"
OF_EMA = "canary-secret-of-ema-alone-0123"
NO_SECRET = "a-comment-that-is-no-secret"  # kept with its alert: the search must find it
CANARIES = (SECRET, PREVIOUS, PASSWORD, WRONG_PASSWORD, REDIS_PASSWORD, HEARTBEAT, STRANGERS, OF_EMA, TOKEN)


@pytest.fixture
async def postgres() -> AsyncIterator[PostgresServer]:
    """A PostgreSQL that asks for the password."""
    server = await asyncio.to_thread(PostgresServer)
    try:
        await server.use_fresh_database()
        admin = await asyncpg.connect(server.url)
        try:
            await admin.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
            admits(server, "scram-sha-256")
            await admin.execute("SELECT pg_reload_conf()")
        finally:
            await admin.close()
        yield server
    finally:
        server.close()


def admits(server: PostgresServer, how: str) -> None:
    (server.folder / "data" / "pg_hba.conf").write_text(f"host all all 127.0.0.1/32 {how}\n")


def with_password(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@127.0.0.1:{parts.port}").geturl()


async def answers(daemon: Daemon) -> str:
    """Every kind of answer, to alerts good, bad and forged, each with a secret where it may be repeated."""
    url, told = f"http://127.0.0.1:{daemon.port}", []
    bodies: tuple[tuple[str, Mapping[str, object] | str], ...] = (
        ("", {"secret": SECRET, "action": "BUY", "ticker": "AAPL", "alert_id": "first", "comment": SECRET}),
        ("", {"secret": SECRET, "action": "BUY", "ticker": "KO", "comment": NO_SECRET}),
        ("", {"secret": SECRET, "action": "SELL", "ticker": "AAPL", "alert_id": "first"}),  # a conflict
        ("", {"secret": PREVIOUS, "action": "BUY", "ticker": "MSFT", "comment": PREVIOUS}),
        ("", {"secret": SECRET, "action": SECRET, "ticker": "AAPL"}),
        ("", {"secret": SECRET, "action": "BUY", "ticker": PREVIOUS}),
        ("", {"secret": SECRET, "action": "BUY", "ticker": "AAPL", "alert_id": SECRET}),
        (
            "",
            {"secret": SECRET, "action": "BUY", "ticker": "AAPL", "exchange": SECRET, "price": SECRET, "time": SECRET},
        ),
        ("", {"secret": SECRET, "action": "BUY", "ticker": "ZZZZ", SECRET: SECRET}),
        ("", {"secret": STRANGERS, "action": "BUY", "ticker": "AAPL"}),
        ("", {"secret": SECRET[:-1], "action": "BUY", "ticker": "AAPL"}),
        ("", f'{{"secret": "{SECRET}", "action": "BUY", "ticker": "AAPL", "price": }}'),  # no JSON
        ("", f'{{"secret": "{SECRET}", "{SECRET}": 1, "{SECRET}": 2}}'),
        (f"?secret={SECRET}", {"action": "BUY", "ticker": "KO"}),
        (f"?secret={STRANGERS}", {"action": "BUY", "ticker": "KO"}),
        ("/ema", {"token": OF_EMA, "action": "BUY", "ticker": "MSFT", "comment": f"{OF_EMA} {SECRET}"}),
        ("/ema", {"secret": OF_EMA, "action": OF_EMA, "ticker": "MSFT", "strategy": SECRET}),
        ("/ema", {"secret": SECRET, "action": "BUY", "ticker": "MSFT"}),  # not its own
        (f"/ema?secret={OF_EMA}", {"action": "BUY", "ticker": "MSFT", "test": True, "comment": OF_EMA}),
        (f"/{OF_EMA}?secret={OF_EMA}", {"action": "BUY", "ticker": "MSFT"}),
        ("", {"secret": OF_EMA, "action": "BUY", "ticker": "MSFT", "strategy": OF_EMA}),
        (f"/{SECRET}?secret={SECRET}", "x" * 20_000),
    )
    async with aiohttp.ClientSession() as session:
        for query, body in bodies:
            sent: dict[str, Any] = {"json": body} if isinstance(body, Mapping) else {"data": body}
            async with session.post(f"{url}/webhook{query}", **sent) as answer:
                told.append(f"{answer.status} {answer.headers} {await answer.text()}")
        async with session.get(f"{url}/health") as answer:
            told.append(f"{answer.status} {answer.headers} {await answer.text()}")
        with suppress(aiohttp.ClientError):
            await session.get(f"{url}/webhook?secret={SECRET}", headers={"Ho\tst": SECRET})
    return "\n".join(told)


async def raw(daemon: Daemon) -> bytes:
    """What comes back for a request that is no HTTP, with the secret in it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    writer.write(f"POST /webhook?secret={SECRET} HTTP/1.1\r\nHo st: {SECRET}\r\n\r\n".encode())
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def command_lines(daemon: Daemon) -> str:
    assert daemon.running is not None
    process = psutil.Process(daemon.running.pid)
    everyone = [process, *process.children(recursive=True)]
    return "\n".join(Path(f"/proc/{one.pid}/cmdline").read_text() for one in everyone)


async def test_no_secret_is_found_after_a_session_in_which_everything_went_wrong(
    tmp_path: Path, postgres: PostgresServer, own_redis: RedisServer
) -> None:
    """A secret would stand in a log, a message, an answer, the process list or the database, where others read it."""
    url = with_password(postgres.url, "postgres", PASSWORD)
    await secured(own_redis)
    gateway = Gateway.at(tmp_path / "gateway")
    async with bot_api() as api:
        settings = {
            "webhook__previous_secret": PREVIOUS,
            "strategies__main__enabled": "true",
            "strategies__ema__secret": OF_EMA,
            "database__url": url,
            "queue__url": with_password(own_redis.url, "", REDIS_PASSWORD),
            "telegram__bot_token": TOKEN,
            "telegram__chat_id": str(CHAT["id"]),
            "telegram__user_ids": str(OWNER["id"]),
            "telegram__api_url": api.url,
            "schedule__heartbeat_url": f"http://127.0.0.1:9/{HEARTBEAT}",
            "trading__repeat_window_s": "0",
            "log__level": "DEBUG",
        }
        daemon = Daemon.at(tmp_path / "daemon", gateway=gateway, **settings)
        stranger = Daemon.at(tmp_path / "stranger", gateway=gateway, **settings)
        stranger.env["TRADEBOT_DATABASE__URL"] = with_password(postgres.url, "postgres", WRONG_PASSWORD)
        async with running(gateway, daemon, stranger):
            await gateway.ready()
            await daemon.ready()
            told = await a_bad_day(daemon, stranger, postgres, api)
        told["what Telegram was sent"] = "\n".join(f"{sent.fields} {sent.files}" for sent in api.sent)
    for place, text in told.items():
        for canary in CANARIES:
            assert canary not in text, f"the secret {canary[:12]}… stands in {place}: {text}"
    await check_secrets(daemon, CANARIES)
    await check_secrets(stranger, CANARIES)
    with pytest.raises(AssertionError, match="stands in alert_log"):
        await check_secrets(daemon, [NO_SECRET])


async def secured(server: RedisServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"CONFIG SET requirepass {REDIS_PASSWORD}\r\n".encode())
    assert (await reader.readline()).startswith(b"+OK")
    writer.close()


async def a_bad_day(daemon: Daemon, stranger: Daemon, postgres: PostgresServer, api: BotApi) -> dict[str, str]:
    """What was said outside of files and database; the daemon has died of a traceback at the end."""
    await api.heard(" started")
    told = {"an answer": await answers(daemon), "a raw answer": (await raw(daemon)).decode("latin-1")}
    assert '"tested"' in told["an answer"], "the strategy's own secret opened nothing"
    await api.heard("not understood")
    await api.heard(" AAPL @ ")
    told["the process list"] = command_lines(daemon)
    told["a second command"] = "".join([(await daemon.command(*words))[1] for words in (["status"], ["run"])])
    # Telegram goes and comes back, with errors that carry its address
    await api.down()
    await daemon.alert("BUY", "TSLA")
    await until(lambda: said(daemon, "elegram"), "the log to tell that Telegram is away")
    await api.up()
    await api.heard(" TSLA @ ")
    # a wrong password, and then a database that is gone
    await stranger.start()
    assert stranger.running is not None
    await until(lambda: said(stranger, "password authentication failed"), "the wrong password to be told")
    await stranger.kill()
    told["a command without its database"] = (await stranger.command("status"))[1]
    told["an answer to what breaks the program"] = await broken(
        daemon, with_password(postgres.url, "postgres", PASSWORD)
    )
    assert "Traceback" in daemon.output
    return told


async def broken(daemon: Daemon, url: str) -> str:
    """A table is gone under the daemon, which nobody planned for: it dies with tracebacks. Returns its last answer."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER TABLE alert_log RENAME TO taken_away")
        told = ""
        with suppress(aiohttp.ClientError):
            told = str(await daemon.post(action="BUY", ticker="AAPL", comment=SECRET))
        assert daemon.running is not None
        assert await asyncio.wait_for(daemon.running.wait(), 120) != 0
        await connection.execute("ALTER TABLE taken_away RENAME TO alert_log")
    finally:
        await connection.close()
    return told


async def said(daemon: Daemon, word: str) -> bool:
    return word in daemon.output


async def test_a_heartbeat_that_fails_does_not_tell_its_address() -> None:
    """The address is the key to the owner's dead-man's switch, and errors of the HTTP client carry it."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="DEBUG", format="{message} {exception}")
    try:
        for url in (
            f"http://127.0.0.1:9/{HEARTBEAT}",
            f"http://{HEARTBEAT}:99999/",
            f"nothing://{HEARTBEAT}",
            HEARTBEAT,
        ):
            await ping(url)
    finally:
        logger.remove(sink)
    assert len(lines) == 4, "a heartbeat that fails is told"
    assert HEARTBEAT not in "".join(lines)
