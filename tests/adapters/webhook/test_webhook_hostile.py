"""Clients that are slow, rude or broken, as raw sockets; and a burst of a thousand alerts."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

import tradebot.listener
from tests.adapters.webhook.conftest import PREVIOUS, House, OpenHouse, message
from tests.adapters.webhook.test_webhook_answers import assert_no_secret
from tradebot.webhook import CONNECTIONS_MAX, routes


def whole(body: bytes) -> bytes:
    return b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def connect(port: int, stack: AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    return reader, writer


@pytest.mark.parametrize(
    "sent", [b"", b"POST /web", b"POST /webhook HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x02\x00\x01\x00"]
)
async def test_slow_connections_without_a_request_do_not_keep_an_alert_out(house: House, sent: bytes) -> None:
    """Anyone could shut the bot off with a few hundred silent connections."""
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX + 20):
            _, writer = await connect(house.port, stack)
            writer.write(sent)
        assert (await house.post(message()))[0] == 200


async def test_slow_bodies_do_not_keep_an_alert_out(house: House) -> None:
    """Five hundred clients that announce a body and never send it would use up all places."""
    async with AsyncExitStack() as stack:
        slow = [await connect(house.port, stack) for _ in range(500)]
        for _, writer in slow:
            writer.write(whole(message())[:-10])
        assert (await house.post(message()))[0] == 200
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(reader.readuntil(b"\r\n") for reader, _ in slow))
    assert {answer.split()[1] for answer in answers} == {b"408"}


async def test_a_body_that_does_not_come_ends_in_time(house: House) -> None:
    """A client that stops in the middle of its message would be kept for ever."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    got = await house.raw(whole(message())[:-10], until_closed=True)
    assert got.startswith(b"HTTP/1.1 408")
    assert routes.BODY_DEADLINE_S <= loop.time() - began < routes.BODY_DEADLINE_S + 60


async def test_a_header_that_does_not_come_ends_in_time(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends one byte of its header a second would be kept for ever."""
    monkeypatch.setattr(tradebot.listener, "IDLE_S", 0.3)
    async with open_house() as house, AsyncExitStack() as stack:
        silent = await connect(house.port, stack)
        half = await connect(house.port, stack)
        half[1].write(b"POST /webhook HTTP/1.1\r\nX-Slow: ")
        after_one = await connect(house.port, stack)
        after_one[1].write(whole(message()) + b"POST /web")
        async with asyncio.timeout(60):
            assert await silent[0].read() == b""
            assert await half[0].read() == b""
            assert (await after_one[0].read()).count(b"HTTP/1.1 200") == 1


async def test_a_client_that_hangs_up_has_sent_its_alert(house: House) -> None:
    """TradingView, which gives up after 3 s, would lose the alert that it has sent."""
    async with house.ledger.begin():  # storing has to wait
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(whole(message()))
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert (await house.get("/health"))[0] == 200  # by now the message has been read
        writer.transport.abort()
    async with asyncio.timeout(60):
        assert await house.queue.take() == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"POST /webhook HTTP/9.9\r\n\r\n",
        b"POST /webhook?secret=" + PREVIOUS.encode() + b" HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /webhook HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
        b"POST /webhook HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"POST /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nExpect: nonsense\r\nContent-Length: 1\r\n\r\n1",
        b"POST http://[::1 HTTP/1.1\r\n\r\n",
        b"POST //[:webhook HTTP/1.1\r\n\r\n",
        b"CONNECT webhook:443 HTTP/1.1\r\n\r\n",
        b"POST * HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"GET /webhook HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
        whole(b"[]") + b"garbage after it\r\n\r\n" + whole(b"[]"),
    ],
)
async def test_garbage_is_never_a_5xx_and_never_logged_in_its_own_words(
    house: House, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger could fill the log, read the secret from it, or bring the server down."""
    async with AsyncExitStack() as stack:
        reader, writer = await connect(house.port, stack)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(60):
            got = await reader.read()
    assert b"HTTP/1.1 5" not in got
    assert b"HTTP/1.0 5" not in got
    assert (await house.post(message()))[0] == 200
    assert not any("ERROR" in line or "Traceback" in line for line in house.logged)
    assert_no_secret("".join(house.logged))
    assert caplog.text == ""  # aiohttp's own log, which quotes what it could not read


async def test_pipelined_alerts_are_each_answered(house: House) -> None:
    """A proxy that sends several alerts over one connection would lose all but the first."""
    sent = b"".join(whole(message(alert_id=n)) for n in range(40)) + b"nonsense\r\n\r\n"
    got = await house.raw(sent, until_closed=True)
    assert got.count(b"HTTP/1.1 200") == 40
    assert len(await house.alerts()) == 40


async def test_a_thousand_alerts_at_once_are_taken(house: House) -> None:
    """A watchlist alert fires for a thousand stocks in the same second; none of them may be refused or lost."""
    limit = asyncio.Semaphore(100)  # TradingView's connections, and the client's sockets

    async def send(n: int) -> int:
        async with limit:
            status, _ = await house.post(message(alert_id=n))
            if status == 503:  # as TradingView does
                status, _ = await house.post(message(alert_id=n))
            return status

    got = await asyncio.gather(*(send(n) for n in range(1000)))
    assert set(got) == {200}
    assert len(await house.alerts()) == 1000


async def test_what_is_still_being_stored_is_waited_for(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database would be closed under an alert that was late, or the resend be refused for its rate."""
    monkeypatch.setattr(routes, "ALERTS_BURST", 1)
    monkeypatch.setattr(routes, "ALERTS_PER_S", 0)
    async with open_house() as house, house.ledger.begin():  # somebody holds the database
        house.intake.store_within_s = 0.05
        assert [(await house.post(message()))[0] for _ in range(3)] == [503, 503, 503]
    async with open_house() as house:
        (alert,) = await house.alerts()
        assert alert.duplicates == 2


async def test_requests_under_way_are_answered_before_the_server_stops(open_house: OpenHouse) -> None:
    """A restart of the bot would lose the alerts that were just coming in."""
    async with open_house() as house, house.ledger.begin():
        sending = asyncio.create_task(house.post(message()))
        assert (await house.get("/health"))[0] == 200
    assert await sending == (200, {"status": "queued", "alert_id": 1})


async def test_clients_that_hang_up_leave_no_traceback(house: House) -> None:
    """Anyone at an allowed address could fill the disk with tracebacks, four hundred at a time."""
    for _ in range(40):
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(whole(message())[:-10])
        await writer.drain()
        writer.transport.abort()
    assert (await house.post(message()))[0] == 200
    assert not [line for line in house.logged if "Traceback" in line or "could not be answered" in line]
