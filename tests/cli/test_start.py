"""Starting and stopping the daemon and the simulated gateway: what cannot work says so at once, and Ctrl-C always works."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.adapters.database.samples import take_away
from tests.cli.shell import Ran, tradebot
from tests.servers import PostgresServer
from tests.system.harness import Daemon, Gateway, Process, running, until


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


async def test_what_cannot_start_says_why(tmp_path: Path, taken_port: int) -> None:
    """Broken, a first start that fails leaves a traceback, or systemd repeats for ever what only a person can mend."""
    for name in ("port", "data", "log", "file"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "data").write_text("not a folder")
    (tmp_path / "log" / "logs").write_text("not a folder")
    (tmp_path / "file" / "config.toml").write_text("[webhook]\nport = '8000'\n[trading]\nhours = 'sometimes'\n")
    port, data, log, file = await asyncio.gather(
        tradebot(tmp_path / "port", "run", webhook__port=str(taken_port)),
        tradebot(tmp_path / "data", "run", webhook__port="0"),
        tradebot(tmp_path / "log", "run", log__dir="logs", webhook__port="0"),
        tradebot(tmp_path / "file", "run"),
    )
    assert [ran.code for ran in (port, data, log, file)] == [2, 2, 2, 2]
    assert f"127.0.0.1:{taken_port}" in port.err
    assert "Choose another host or port" in port.err
    assert "data/webhook_secret cannot be used" in data.err
    assert 'log.dir = "logs": the log cannot be written there' in log.err
    assert len(file.err.splitlines()) == 2


async def test_a_start_without_its_port_leaves_nothing_behind(tmp_path: Path, taken_port: int) -> None:
    """Broken, a first try on a taken port leaves a database, a secret and logs, and IB Gateway sees a client come and go."""
    seen: list[object] = []

    async def gateway(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername"))
        writer.close()

    folder = tmp_path / "bot"
    folder.mkdir()
    async with await asyncio.start_server(gateway, "127.0.0.1", 0) as server:
        ib = server.sockets[0].getsockname()[1]

        async def start(*options: str) -> Ran:
            return await tradebot(
                folder,
                "run",
                *options,
                broker__mode="gateway",
                broker__port=str(ib),
                webhook__port=str(taken_port),
            )

        alone, waiting = await asyncio.gather(start(), start("--wait"))
    for ran in (alone, waiting):
        assert (ran.code, f"cannot listen on 127.0.0.1:{taken_port}" in ran.err) == (2, True), ran.all
    assert list(folder.iterdir()) == []
    assert seen == []


async def test_the_gateway_says_why_it_cannot_start(tmp_path: Path, taken_port: int) -> None:
    """Broken, two gateways write one state file, or a taken port is a riddle; or Ctrl-C leaves a traceback."""
    gateway = Gateway.at(tmp_path)
    async with running(gateway):
        await gateway.ready()
        port, control, state = await asyncio.gather(
            tradebot(tmp_path, "simgateway", "--port", str(taken_port)),
            tradebot(tmp_path, "simgateway", "--port", "0", "--control-port", str(taken_port)),
            tradebot(tmp_path, "simgateway", "--port", "0", "--state", "gateway.jsonl"),
        )
        assert [ran.code for ran in (port, control, state)] == [1, 1, 1], (port, control, state)
        assert f"cannot listen on 127.0.0.1:{taken_port}" in port.err
        assert str(taken_port) in control.err
        assert "another simulated gateway is running on gateway.jsonl" in state.err
        assert await gateway.end(signal.SIGINT) == 0
        assert "Traceback" not in gateway.output


async def test_interrupted_while_it_waits_for_its_database(tmp_path: Path) -> None:
    """Broken, Ctrl-C does nothing while the database is down, and systemd has to kill -9."""
    daemon = Daemon.at(tmp_path, database__url="postgresql://bot@127.0.0.1:9/bot")
    async with running(daemon):
        await daemon.start()
        await until(lambda: said(daemon, "waiting for the database"), "the daemon to tell what it waits for")
        assert await daemon.end(signal.SIGINT) == 0, daemon.output
        assert "is the server running" in daemon.output
        assert "stopped before it was ready" in daemon.output
        assert "Traceback" not in daemon.output


async def test_a_database_that_comes_up_later(tmp_path: Path, own_postgres: PostgresServer) -> None:
    """Broken, a machine that starts bot and PostgreSQL together ends up without a bot; or a second Ctrl-C hurts."""
    daemon = Daemon.at(tmp_path, database__url=own_postgres.url)
    await own_postgres.stop()
    async with running(daemon):
        await daemon.start()
        await until(lambda: said(daemon, "waiting for the database"), "the daemon to tell what it waits for")
        await own_postgres.start()
        await daemon.well()
        assert daemon.running is not None
        daemon.running.send_signal(signal.SIGINT)
        assert await daemon.end(signal.SIGINT) == 0, daemon.output
        assert "Traceback" not in daemon.output


async def test_the_next_instance_waits_and_takes_over(tmp_path: Path) -> None:
    """Broken, an upgrade has a gap, the second daemon trades beside the first, or one that waits cannot be stopped."""
    first = Daemon.at(tmp_path)
    second, third = (Process(["run", "--wait"], tmp_path, first.env, name) for name in ("second", "third"))
    async with running(first, second, third):
        await first.ready()
        await asyncio.gather(second.start(), third.start())
        refused = await tradebot(tmp_path, "run", env=first.env)
        assert (refused.code, "tradebot run --wait" in refused.err) == (1, True), refused.all
        await until(lambda: said(third, "waiting until the other instance ends"), "the third to say that it waits")
        assert await third.end(signal.SIGTERM) == 0, third.output
        assert await first.stop() == 0, first.output
        await until(lambda: said(second, "orders may leave"), "the second to take over")
        assert await second.stop() == 0, second.output


async def test_signals_that_go_on_do_not_cut_the_end_short(tmp_path: Path) -> None:
    """Broken, an impatient second `systemctl stop` is logged as a crash, and the end of the daemon is not its own."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        assert daemon.running is not None
        while daemon.running.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(daemon.running.pid, signal.SIGTERM)  # asyncio's own way would take the exit code away
            await asyncio.sleep(0.02)
        assert daemon.running.returncode == 0, daemon.output
        assert "Traceback" not in daemon.output


async def test_a_database_taken_away_ends_the_daemon(tmp_path: Path) -> None:
    """Broken, alerts are answered with 200 and written into a file that has no name any more."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        take_away(daemon.database, tmp_path, "deleted")
        with suppress(aiohttp.ClientError):  # it may have ended already
            status, _ = await daemon.post(action="BUY", ticker="AAPL")
            assert status != 200
        assert daemon.running is not None
        assert await asyncio.wait_for(daemon.running.wait(), 60) == 1
        assert "was deleted or replaced while the bot was running" in daemon.output
        assert "Traceback" not in daemon.output


async def said(process: Process, words: str) -> bool:
    assert process.running is not None
    assert process.running.returncode is None, f"it ended: {process.output}"
    return words in process.output


async def test_a_terminal_without_our_signs(tmp_path: Path) -> None:
    """Broken, an old terminal or a mail from cron turns every answer into a UnicodeEncodeError."""
    strange = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "TZ": "nowhere/at-all", "COLUMNS": "60"}
    shown = await tradebot(tmp_path, "alert", "--help", env=strange)
    assert (shown.code, "tradebot alert BUY AAPL" in shown.out) == (0, True), shown.all


async def test_the_reader_goes_away(tmp_path: Path) -> None:
    """Broken, `tradebot --help | head -1` ends in a traceback."""
    reads, writes = os.pipe()
    os.close(reads)
    process = Process(["--help"], tmp_path, {}, "help")
    async with running(process):
        process.running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradebot", "--help", stdout=writes, stderr=asyncio.subprocess.PIPE
        )
        os.close(writes)
        _, complaint = await process.running.communicate()
        assert b"Traceback" not in complaint


NOT_NEEDED = {
    "aiogram",
    "asyncpg",
    "holidays",
    "matplotlib",
    "numpy._core",
    "prometheus_client",
    "redis",
    "rich.console",
}


@pytest.mark.parametrize(
    ("mode", "heavy"), [("simulated", NOT_NEEDED), ("gateway", {*NOT_NEEDED, "tradebot.simgateway"})]
)
async def test_a_daemon_loads_only_what_it_uses(tmp_path: Path, mode: str, heavy: set[str]) -> None:
    """A start would take as long, and as much memory, as everything that some other configuration needs."""
    daemon = Daemon.at(tmp_path, broker__mode=mode, broker__port="1")
    daemon.module = "tests.cli.loaded"
    async with running(daemon):
        await daemon.start()
        await daemon.listening()
        assert await daemon.stop() == 0
    loaded = set(daemon.output.rpartition("LOADED ")[2].split())
    assert "aiosqlite" in loaded, daemon.output
    assert not loaded & heavy
