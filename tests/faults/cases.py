"""What is broken, and how: each part of the daemon's surroundings, each in its own way, and how it is mended."""

import asyncio
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import asyncpg
from redis.asyncio import Redis

from tests.botapi import BotApi
from tests.faketime import set_ahead
from tests.proxy import Proxy
from tests.receivers import Answer, Receiver, hangs, says
from tests.system.harness import Daemon, Gateway, until


@dataclass
class Surroundings:
    """The daemon's servers, each behind a proxy, and the daemon itself."""

    postgres: Proxy
    redis: Proxy
    ib: Proxy
    telegram: Proxy
    mail: Proxy
    receiver: Receiver
    bot: BotApi
    gateway: Gateway
    daemon: Daemon
    database_url: str  # straight to the server
    redis_url: str
    browsers: list[asyncio.StreamWriter] = field(default_factory=list)  # that hang

    @property
    def clock(self) -> Path:
        return self.daemon.folder / "clock"


Act = Callable[[Surroundings], Awaitable[None]]
FLAPS = 10
BROWSERS = 67  # of each kind
WEB_PASSWORD = "seven horses under the bridge"
CLOSES_WITHIN_S = 2.0
ENDS_WITHIN_S = 10.0
"""Some seconds more than with nobody at the second listener."""


@dataclass(frozen=True)
class Fault:
    part: str
    name: str
    begin: Act
    end: Act
    at_start: bool = False
    lasts_s: float = 3.0
    database: str = "PostgreSQL"
    heals: bool = True
    """False: what was lost needs a person; then nothing may be ordered."""
    gateway_forgets: bool = False
    flaps: bool = False
    """Its beginning takes a while, and alerts come meanwhile."""
    restarts: int = 0
    """How often it is told to end, and so started again."""

    def __str__(self) -> str:
        return f"{self.part} · {self.name}"


def _flapping(down: Act, up: Act) -> Act:
    async def act(all_: Surroundings) -> None:
        for _ in range(FLAPS):
            await down(all_)
            await asyncio.sleep(0.2)
            await up(all_)
            await asyncio.sleep(0.3)

    return act


# --- by the proxy -----------------------------------------------------------------------------------------------------


def _proxied(part: str, which: Callable[[Surroundings], Proxy]) -> list[Fault]:
    async def down(all_: Surroundings) -> None:
        await which(all_).down()

    async def up(all_: Surroundings) -> None:
        await which(all_).up()

    async def silent(all_: Surroundings) -> None:
        which(all_).go_silent()

    async def garbled(all_: Surroundings) -> None:
        which(all_).garble = True

    async def no_more_garbage(all_: Surroundings) -> None:
        which(all_).cut()  # what is out of step by now stays so
        await up(all_)

    def slow(delay_s: float) -> Act:
        async def act(all_: Surroundings) -> None:
            which(all_).delay_s = delay_s

        return act

    return [
        Fault(part, "down at start", down, up, at_start=True),
        Fault(part, "dies in use", down, up),
        Fault(part, "slow, 2 s", slow(2), up, lasts_s=6),
        Fault(part, "slow, 30 s", slow(30), up, lasts_s=6),
        Fault(part, "half-open", silent, up, lasts_s=12),
        Fault(part, "garbage", garbled, no_more_garbage),
        Fault(part, "flaps ten times", _flapping(down, up), up, lasts_s=0, flaps=True),
    ]


def _emptied(
    part: str, which: Callable[[Surroundings], Proxy], lost: Act, *, heals: bool = True, gateway_forgets: bool = False
) -> Fault:
    async def down(all_: Surroundings) -> None:
        await which(all_).down()

    async def come_back_empty(all_: Surroundings) -> None:
        await lost(all_)
        await which(all_).up()

    name = "comes back with its data lost"
    return Fault(part, name, down, come_back_empty, heals=heals, gateway_forgets=gateway_forgets)


async def _lose_database(all_: Surroundings) -> None:
    connection = await asyncpg.connect(all_.database_url)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()


async def _lose_redis(all_: Surroundings) -> None:
    async with Redis.from_url(all_.redis_url) as redis:
        await redis.flushdb()


async def _lose_gateway(all_: Surroundings) -> None:
    await all_.gateway.kill()
    (all_.gateway.folder / "gateway.jsonl").rename(all_.gateway.folder / "forgotten.jsonl")
    await all_.gateway.ready()


# --- by the gateway, the clock, the disk, the server itself -----------------------------------------------------------


def _upstream(up: bool, **how: object) -> Act:
    async def act(all_: Surroundings) -> None:
        await all_.gateway.control("POST", "/upstream", up=up, **how)

    return act


def _gateway_faults(*faults: tuple[str, dict[str, object]]) -> Act:
    """Until they are cleared; what the gateway holds back by then still comes late."""

    async def act(all_: Surroundings) -> None:
        for name, parameters in faults:
            await all_.gateway.fault(name, times=0, **parameters)

    return act


async def _no_gateway_faults(all_: Surroundings) -> None:
    await all_.gateway.control("DELETE", "/faults")


async def _nonsense(all_: Surroundings) -> None:
    await all_.gateway.control("POST", "/connections/degrade", fault="garbage", kind="bad_fields")


def _broken_upstream() -> list[Fault]:
    """IB's servers behind a gateway that lives."""

    def slow(delay_s: float) -> Act:
        late: dict[str, object] = {"delay_s": delay_s}
        return _gateway_faults(("slow_answer", late), ("slow_fill", late), ("late_status", late))

    part, lost, back = "IB upstream", _upstream(False), _upstream(True)
    silent = _gateway_faults(("no_answer", {}), ("mute_status", {}))
    return [
        Fault(part, "down at start", lost, back, at_start=True),
        Fault(part, "dies in use", lost, back),
        Fault(part, "slow, 2 s", slow(2), _no_gateway_faults, lasts_s=6),
        Fault(part, "slow, 30 s", slow(30), _no_gateway_faults, lasts_s=6),
        Fault(part, "half-open", silent, _no_gateway_faults, lasts_s=12),
        Fault(part, "garbage", _nonsense, _nothing),
        Fault(part, "flaps ten times", _flapping(lost, back), _nothing, lasts_s=0, flaps=True),
        Fault(part, "comes back with its data lost", lost, _upstream(True, data_lost=True)),
    ]


def _step(step: timedelta) -> Act:
    async def act(all_: Surroundings) -> None:
        await set_ahead(all_.clock, step)

    return act


async def _flap_clock(all_: Surroundings) -> None:
    for n in range(FLAPS):
        await _step(timedelta(hours=1 if n % 2 else -1))(all_)
        await _step(timedelta())(all_)


def _stepped_clock(database: str) -> list[Fault]:
    """The clock of the whole process is wrong by an hour, and is then set right."""
    ahead, back, right = (_step(timedelta(hours=hours)) for hours in (1, -1, 0))
    faults = [
        Fault("clock", "an hour ahead at start", ahead, right, at_start=True),
        Fault("clock", "an hour back at start", back, right, at_start=True),
        Fault("clock", "an hour ahead", ahead, right),
        Fault("clock", "an hour back", back, right),
        Fault("clock", "flaps ten times", _flap_clock, right, lasts_s=0, flaps=True),
    ]
    return [replace(fault, name=f"{fault.name}, {database}", database=database) for fault in faults]


def _file_size(limit: int) -> Act:
    """The disk is full for this process: no file of its grows beyond so many bytes."""

    async def act(all_: Surroundings) -> None:
        assert all_.daemon.running is not None
        _, hard = resource.prlimit(all_.daemon.running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(all_.daemon.running.pid, resource.RLIMIT_FSIZE, (limit, hard))

    return act


async def _lose_disk(all_: Surroundings) -> None:
    await all_.daemon.kill()
    await asyncio.to_thread(shutil.rmtree, all_.daemon.folder / "data")


def _read_only(on: bool) -> Act:
    async def act(all_: Surroundings) -> None:
        connection = await asyncpg.connect(all_.database_url)
        try:
            await connection.execute("SET default_transaction_read_only = off")
            name = await connection.fetchval("SELECT current_database()")
            await connection.execute(
                f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if on else 'off'}"
            )
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tradebot' "
                "AND datname = current_database()"
            )
        finally:
            await connection.close()

    return act


def _locked(held: dict[str, sqlite3.Connection]) -> tuple[Act, Act]:
    async def lock(all_: Surroundings) -> None:
        path = all_.daemon.database.removeprefix("sqlite:///")
        held["now"] = sqlite3.connect(path, isolation_level=None)
        held["now"].execute("BEGIN EXCLUSIVE")

    async def let_go(_: Surroundings) -> None:
        held.pop("now").close()

    return lock, let_go


def _channels() -> list[Fault]:
    """The chat is well, and one of the channels beside it is not."""

    async def silent(all_: Surroundings) -> None:
        all_.mail.go_silent()

    async def speaking(all_: Surroundings) -> None:
        await all_.mail.up()

    def answering(answer: Answer | None) -> Act:
        async def act(all_: Surroundings) -> None:
            all_.receiver.usual = answer

        return act

    return [
        Fault("e-mail", "half-open", silent, speaking, lasts_s=12),
        Fault("receiver", "half-open", answering(hangs()), answering(None), lasts_s=12),
        Fault("receiver", "answers 500", answering(says(500)), answering(None), lasts_s=6),
    ]


def _browsers() -> list[Fault]:
    """More than there are places for, at the second listener: they send half a request, read no answer, or listen for good."""

    async def hang(all_: Surroundings) -> None:
        port = int(all_.daemon.env["TRADEBOT_WEB__PORT"])
        half = b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
        deaf = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
        live = b"GET /live HTTP/1.1\r\nHost: localhost\r\nCookie: " + await _logged_in(port) + b"\r\n\r\n"
        for sent in (half, deaf, live) * BROWSERS:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            writer.write(sent)
            if sent is live:
                assert (await reader.readexactly(12)).endswith(b" 200"), "a browser with a session does not listen"
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            all_.browsers.append(writer)

    async def leave(all_: Surroundings) -> None:
        for writer in all_.browsers:
            writer.close()

    async def end_with_them(all_: Surroundings) -> None:
        """The last alert has just been answered, and its order may be on its way."""
        daemon = all_.daemon
        ending = daemon.running
        assert ending is not None
        ending.send_signal(signal.SIGTERM)
        began = time.monotonic()
        await until(lambda: _refuses(daemon.port), "the webhook to close", CLOSES_WITHIN_S, every_s=0.02)
        assert ending.returncode is None, "it has ended, and nobody saw that the webhook closes first"
        left_s = began + ENDS_WITHIN_S - time.monotonic()
        assert await asyncio.wait_for(ending.wait(), left_s) == 0, daemon.output[-3000:]
        await leave(all_)

    hangs = f"{3 * BROWSERS} of them"
    return [
        Fault("browser", f"hangs, {hangs}", hang, leave, lasts_s=6),
        Fault("browser", f"hangs at the end, {hangs}", hang, end_with_them, lasts_s=0, restarts=1),
    ]


async def _logged_in(port: int) -> bytes:
    """The cookie of a session."""
    url = f"http://127.0.0.1:{port}/login"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, data={"password": WEB_PASSWORD}, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()
        return answer.headers["Set-Cookie"].partition(";")[0].encode()


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def _nothing(_: Surroundings) -> None:
    pass


def every_fault() -> list[Fault]:
    lock, let_go = _locked({})
    full, room = _file_size(1), _file_size(resource.RLIM_INFINITY)
    return [
        *_proxied("database", lambda all_: all_.postgres),
        _emptied("database", lambda all_: all_.postgres, _lose_database, heals=False),
        Fault("database", "read-only (25006)", _read_only(True), _read_only(False)),
        Fault("database", "SQLite locked for 8 s", lock, let_go, lasts_s=8, database="SQLite"),
        *_proxied("Redis", lambda all_: all_.redis),
        _emptied("Redis", lambda all_: all_.redis, _lose_redis),
        *_proxied("IB socket", lambda all_: all_.ib),
        _emptied("IB socket", lambda all_: all_.ib, _lose_gateway, heals=False, gateway_forgets=True),
        *_broken_upstream(),
        *_proxied("Telegram", lambda all_: all_.telegram),
        *_channels(),
        *_browsers(),
        *_stepped_clock("PostgreSQL"),
        *_stepped_clock("SQLite"),
        Fault("disk", "full at start", full, room, at_start=True, database="SQLite"),
        Fault("disk", "full in use", full, room, database="SQLite"),
        Fault("disk", "flaps ten times", _flapping(full, room), room, lasts_s=0, database="SQLite", flaps=True),
        Fault("disk", "comes back with its data lost", _lose_disk, _nothing, database="SQLite", heals=False),
    ]
