"""The listening socket, which can be taken away for a while, as a gateway's nightly restart does."""

from __future__ import annotations

import asyncio

from loguru import logger

from tradebot.errors import GatewayError
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.session import Session


class Listener:
    """Accepts clients for one gateway."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway, self._host, self._port = gateway, host, port
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Listen; the port. Raises GatewayError when it cannot be opened."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Session(self._gateway), self._host, self._port)
        except OSError as error:
            raise GatewayError(
                f"the simulated gateway cannot listen on {self._host}:{self._port} ({error.strerror or error}): "
                "stop what uses that port, or choose another one"
            ) from error
        self._port = int(self._server.sockets[0].getsockname()[1])
        self._gateway.listening = True
        return self._port

    def pause(self, seconds: float) -> None:
        """Stop listening, drop every client, and come back on the same port."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._gateway.listening = False
        self._gateway.drop_all()
        logger.info("simulated gateway: listening stops for {} s", seconds)
        self._gateway.later(seconds, self._reopen)

    def _reopen(self) -> None:
        self._reopening = asyncio.create_task(self._open_again(), name="simgateway reopens")

    async def _open_again(self) -> None:
        try:
            await self.open()
        except GatewayError as error:
            logger.error("{}", error)
            self._gateway.later(1.0, self._reopen)
        else:
            logger.info("simulated gateway: listening again on port {}", self._port)

    async def close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.gather(self._reopening, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
