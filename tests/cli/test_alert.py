"""`tradebot alert`: each end an alert can have, told with the right exit code."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.shell import Ran, tradebot
from tests.system.harness import SECRET, Daemon, Gateway, Process, running, until
from tradebot.domain.calendar import NEW_YORK


async def test_each_end(tmp_path: Path) -> None:
    """Broken, a script, or the person in front of it, takes a refused order for an executed one."""
    daemon = Daemon.at(tmp_path, trading__repeat_window_s="0")

    async def alert(*arguments: str, **settings: str) -> Ran:
        return await tradebot(tmp_path, "alert", *arguments, env=daemon.env, **settings)

    async with running(daemon):
        await daemon.ready()
        bought, unknown, prefix, wrong, elsewhere, path = await asyncio.gather(
            alert("buy", "NASDAQ:AAPL", "--price", "227.10", "--alert-id", "mine"),
            alert("BUY", "ZZZZ"),
            alert("BUY", "TSX:SHOP"),
            alert("BUY", "AAPL", "--secret", "wrong-secret-0123456789"),
            alert("BUY", "MSFT", webhook__port="9"),
            alert("BUY", "MSFT", "--url", f"http://127.0.0.1:{daemon.port}"),
        )
        assert (bought.code, "FILLED: BUY 2 AAPL at $" in bought.out) == (0, True), bought.all
        assert [line.split()[0] for line in bought.out.splitlines()] == ["alert", "+", "+", "+", "+", "FILLED:"]
        assert (unknown.code, "FAILED: IB knows no stock ZZZZ" in unknown.out) == (1, True), unknown.all
        assert (prefix.code, 'not taken (400): "ticker" names the exchange "TSX"' in prefix.err) == (1, True), (
            prefix.all
        )
        assert (wrong.code, "not taken (401): The secret is missing or wrong" in wrong.err) == (1, True), wrong.all
        assert (elsewhere.code, "nobody answers at http://127.0.0.1:9/webhook" in elsewhere.err) == (3, True), (
            elsewhere.all
        )
        assert (path.code, "Alerts go to POST /webhook" in path.err) == (1, True), path.all

        same_line = await alert("BUY", "ZZZZ")
        assert " queued: BUY ZZZZ" in same_line.out, "a line typed twice is two alerts"
        again = await alert("buy", "NASDAQ:AAPL", "--price", "227.10", "--alert-id", "mine")
        assert (again.code, "duplicate, sent before: nothing new happens" in again.out) == (0, True), again.all
        assert "FILLED: BUY 2 AAPL" in again.out
        reused = await alert("sell", "AAPL", "--alert-id", "mine")
        assert (reused.code, "not taken (409)" in reused.err) == (1, True), reused.all
        assert (await tradebot(tmp_path, "pause", env=daemon.env)).code == 0
        blocked = await alert("BUY", "MSFT")
        assert (blocked.code, "BLOCKED: trading is paused" in blocked.out) == (1, True), blocked.all
        sold = await alert("SELL", "AAPL")
        assert (sold.code, "P&L" in sold.out, "FILLED: SELL 2 AAPL" in sold.out) == (0, True, True), sold.all


async def test_followed_where_it_is_not(tmp_path: Path) -> None:
    """Broken, another database's alert of the same number is shown as this one's end; "cannot look" is called
    failed; or a kill is said to be confirmed by a daemon that trades on."""
    daemon, other = Daemon.at(tmp_path / "daemon"), Daemon.at(tmp_path / "other")
    here = tmp_path / "daemon"
    async with running(daemon, other):
        await asyncio.gather(daemon.ready(), other.ready())
        await other.ended(await other.alert("BUY", "AAPL"))
        elsewhere, down = await asyncio.gather(
            tradebot(here, "alert", "BUY", "AAPL", env={**daemon.env, "TRADEBOT_DATABASE__URL": other.database}),
            tradebot(here, "alert", "BUY", "MSFT", env=daemon.env, database__url="postgresql://a@127.0.0.1:9/b"),
        )
        assert (elsewhere.code, "by a daemon with another database" in elsewhere.err) == (4, True), elsewhere.all
        assert "FILLED" not in elsewhere.out
        assert (down.code, "goes on by itself, but cannot be followed" in down.err) == (4, True), down.all
        kill = await tradebot(here, "kill", env=daemon.env, database__url=other.database)
        assert (kill.code, "has NOT confirmed" in kill.out) == (1, True), kill.all


async def test_it_waits(tmp_path: Path) -> None:
    """Broken, an alert that does not move is called failed, or the person is not told what it waits for."""
    gone = Gateway.at(tmp_path / "gateway")
    away = Daemon.at(tmp_path / "away", gateway=gone)
    today = datetime.now(UTC).astimezone(NEW_YORK).date()
    closed = Daemon.at(
        tmp_path / "closed",
        trading__hours="exchange",
        trading__extra_closures=",".join(str(today + timedelta(days=n)) for n in range(2)),
    )
    async with running(away, closed):
        await asyncio.gather(away.start(), closed.ready())
        await away.listening()
        waits, pending = await asyncio.gather(
            tradebot(tmp_path / "away", "alert", "BUY", "AAPL", "--timeout", "1", env=away.env),
            tradebot(tmp_path / "closed", "alert", "BUY", "AAPL", env=closed.env),
        )
        assert (waits.code, "It waits for: IB is not connected" in waits.out) == (4, True), waits.all
        assert (pending.code, "PENDING: " in pending.out) == (4, True), pending.all

        impatient = Process(["alert", "SELL", "MSFT"], tmp_path / "away", away.env, "impatient")
        async with running(impatient):
            await impatient.start()

            async def following() -> bool:
                return "received" in impatient.output

            await until(following, "the alert to be followed")
            assert await impatient.end(signal.SIGINT) == 4, impatient.output
            assert "is taken and goes on by itself" in impatient.output
            assert "Traceback" not in impatient.output


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """The port of some other program, which reads a request and gives this answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


STRANGERS = (
    (b"", 4, "the alert may have been taken"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, "is no tradebot webhook"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 1, "is no tradebot webhook (404)"),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}', 1, "is no tradebot webhook (200)"),
)


async def test_somebody_else_answers(tmp_path: Path) -> None:
    """Broken, a lost answer is called "not sent" and the owner sends the order a second time."""

    async def ask(answer: bytes) -> Ran:
        async with answering(answer) as port:
            return await tradebot(tmp_path, "alert", "BUY", "AAPL", webhook__secret=SECRET, webhook__port=str(port))

    answers = await asyncio.gather(*(ask(answer) for answer, _, _ in STRANGERS))
    for ran, (_, code, told) in zip(answers, STRANGERS, strict=True):
        assert (ran.code, told in ran.err) == (code, True), ran.all
