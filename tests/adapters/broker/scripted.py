"""A TWS server that says exactly what a test tells it to: for what a well-behaved gateway never does.

It answers what a connection needs; a test replaces an answer in `answers`, by message id, or sends messages of its own.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

RECORDINGS = Path(__file__).parent / "recordings"
PLACE, CANCEL, OPEN_ORDERS, ACCOUNT, EXECUTIONS, CONTRACT, ALL_OPEN_ORDERS = 3, 4, 5, 6, 7, 9, 16
MARKET_RULE = 91
QUOTE, CANCEL_QUOTE, TIME, DATA_TYPE, POSITIONS, START, COMPLETED = 1, 2, 49, 59, 61, 71, 99


def recorded(name: str) -> list[list[str]]:
    """Messages of a recording; `|` stands for the NUL that ends each field."""
    return [line.split("|")[:-1] for line in (RECORDINGS / name).read_text().splitlines() if line]


class Peer:
    """One client's connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    def send(self, *fields: object) -> None:
        body = "".join(f"{field}\0" for field in fields).encode()
        self.writer.write(struct.pack(">I", len(body)) + body)

    def cut(self) -> None:
        self.writer.transport.abort()


Answer = Callable[[Peer, list[str]], None]


class ScriptedGateway:
    """What it says, and what it was told."""

    def __init__(self) -> None:
        self.port = 0
        self.version = 178
        self.greeting = "20250415 14:38:30 US/Eastern"
        self.accounts = "DU1234567"
        self.next_id = 5
        self.values = [("AccountReady", "true", ""), ("TotalCashBalance", "1000.50", "USD")]
        self.peers: list[Peer] = []
        self.received: list[list[str]] = []
        self._news = asyncio.Condition()
        self.answers: dict[int, Answer] = {
            START: lambda peer, _: self.welcome(peer),
            ACCOUNT: lambda peer, _: self.tell_account(peer),
            POSITIONS: lambda peer, _: peer.send(62, 1),
            OPEN_ORDERS: lambda peer, _: peer.send(53, 1),
            ALL_OPEN_ORDERS: lambda peer, _: peer.send(53, 1),
            COMPLETED: lambda peer, _: peer.send(102),
            EXECUTIONS: lambda peer, fields: peer.send(55, 1, fields[2]),
            MARKET_RULE: lambda peer, fields: peer.send(93, fields[1], 1, 0, 0.01),
            TIME: lambda peer, _: peer.send(49, 1, int(time.time())),
        }

    @property
    def peer(self) -> Peer:
        return self.peers[-1]

    def welcome(self, peer: Peer) -> None:
        peer.send(15, 1, self.accounts)
        peer.send(9, 1, self.next_id)

    def tell_account(self, peer: Peer) -> None:
        account = self.accounts.split(",")[0]
        for tag, text, currency in self.values:
            peer.send(6, 2, tag, text, currency, account)
        peer.send(54, 1, account)

    def count(self, message: int) -> int:
        return sum(1 for fields in self.received if fields[0] == str(message))

    async def heard(self, message: int, times: int = 1) -> list[str]:
        """The fields of a client's message, as soon as it has come that often."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: self.count(message) >= times)
        return [fields for fields in self.received if fields[0] == str(message)][times - 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        self.peers.append(peer)
        try:
            await reader.readexactly(4)
            await self._frame(reader)
            peer.send(self.version, self.greeting)
            while True:
                fields = (await self._frame(reader)).decode().split("\0")[:-1]
                self.received.append(fields)
                if answer := self.answers.get(int(fields[0])):
                    answer(peer, fields)
                async with self._news:
                    self._news.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        return await reader.readexactly(length)


@asynccontextmanager
async def open_scripted(gateway: ScriptedGateway | None = None) -> AsyncIterator[ScriptedGateway]:
    gateway = gateway or ScriptedGateway()
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())  # type: ignore[arg-type]
        await gateway.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gateway.port = server.sockets[0].getsockname()[1]
    try:
        yield gateway
    finally:
        server.close()
        for peer in gateway.peers:
            peer.cut()
        await asyncio.gather(*handlers, return_exceptions=True)
        await server.wait_closed()
