"""A TCP proxy that cuts, delays, garbles and swallows: it stands between the daemon and one of its servers."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.servers import free_port


@dataclass(eq=False)
class _Wire:
    """One connection through the proxy; once it is dead nothing passes any more, though neither side is told."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    dead: bool = False


@dataclass
class Proxy:
    """What the server sends comes `delay_s` late, or garbled, or with `swallow` nothing passes in either direction."""

    target_port: int
    port: int = 0
    delay_s: float = 0.0
    garble: bool = False
    swallow: bool = False
    _wires: set[_Wire] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _noise: random.Random = field(default_factory=lambda: random.Random(7))

    async def up(self) -> None:
        """Listens, and passes everything on as it is. A connection that was swallowed stays dead."""
        self.delay_s, self.garble, self.swallow = 0.0, False, False
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Cuts every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        for wire in list(self._wires):
            for writer in wire.writers:
                writer.transport.abort()

    def go_silent(self) -> None:
        """Half-open: connections stay and are accepted, and nothing passes."""
        self.swallow = True
        for wire in self._wires:
            wire.dead = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        wire = _Wire((writer, far_writer), dead=self.swallow)
        self._wires.add(wire)
        there = asyncio.create_task(self._pass(reader, far_writer, wire, answers=False))
        back = asyncio.create_task(self._pass(far_reader, writer, wire, answers=True))
        await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        for task, end in ((there, writer), (back, far_writer)):
            task.cancel()
            end.transport.abort()
        self._wires.discard(wire)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: _Wire, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if answers and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if wire.dead:
                    continue
                writer.write(self._noise.randbytes(len(chunk)) if answers and self.garble else chunk)
                await writer.drain()


@asynccontextmanager
async def open_proxy(target_port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(target_port, free_port())
    await proxy.up()
    try:
        yield proxy
    finally:
        await proxy.down()
