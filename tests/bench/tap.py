"""What a bridge writes to the gateway, with the moment at which each order's frame came: a proxy in the benchmark's own process,
so that one clock sees the alert leave and the order arrive."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.servers import free_port

_GREETING = b"API\0"
_REF = re.compile(rb"tb-(\d+)-")


class Tap:
    """Between a bridge and its gateway."""

    def __init__(self, gateway_port: int) -> None:
        self.port, self._gateway_port = free_port(), gateway_port
        self._orders: dict[int, float] = {}  # by the number in the reference `tb-<number>-…`, by `time.perf_counter`
        self._news = asyncio.Event()
        self.messages = 0  # of any kind

    @property
    def orders(self) -> int:
        """How many have come."""
        return len(self._orders)

    async def order(self, number: int, within_s: float = 60) -> float:
        """When that order's bytes came, by `time.perf_counter`."""
        async with asyncio.timeout(within_s):
            while number not in self._orders:
                self._news.clear()
                await self._news.wait()
        return self._orders[number]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        with suppress(OSError):
            await asyncio.gather(self._there(reader, far_writer), self._back(far_reader, writer))
        for end in (writer, far_writer):
            end.transport.abort()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = bytearray()
        while chunk := await reader.read(1 << 20):
            at = time.perf_counter()
            writer.write(chunk)
            rest += chunk
            del rest[: self._counted(rest)]
            for found in _REF.finditer(chunk):
                self._orders.setdefault(int(found[1]), at)
            self._news.set()
        writer.transport.abort()

    def _counted(self, data: bytearray) -> int:
        """How many bytes of whole messages there were; the greeting goes before the first."""
        at = len(_GREETING) if data.startswith(_GREETING) else 0
        while len(data) >= at + 4 and len(data) >= (end := at + 4 + int.from_bytes(data[at : at + 4], "big")):
            at, self.messages = end, self.messages + 1
        return at

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1 << 20):
            writer.write(chunk)
        writer.transport.abort()


@asynccontextmanager
async def open_tap(gateway_port: int) -> AsyncIterator[Tap]:
    tap = Tap(gateway_port)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", tap.port)
    try:
        yield tap
    finally:
        server.close()
