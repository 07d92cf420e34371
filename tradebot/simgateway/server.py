"""The gateway on its sockets: open, serve, close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loguru import logger

from tradebot.simgateway import sessions
from tradebot.simgateway.control import open_control
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.handlers import HANDLERS
from tradebot.simgateway.listener import Listener
from tradebot.simgateway.settings import GatewaySettings
from tradebot.simgateway.store import Store


@asynccontextmanager
async def open_gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """A gateway that listens until the block is left. Raises GatewayError: port or state file in use, unreadable state."""
    store = Store(settings.state)
    try:
        gateway = Gateway(settings, store, HANDLERS)
        listener = Listener(gateway, settings.host, settings.port)
        gateway.port = await listener.open()
        try:
            gateway.start()
            sessions.watch(gateway)
            logger.info("simulated gateway of {} listens on {}:{}", gateway.book.account, settings.host, gateway.port)
            where = settings.control_port, settings.control_socket
            async with open_control(gateway, listener, *where) as control_port:
                gateway.control_port = control_port
                if control_port is not None:
                    logger.info("simulated gateway: its control port is {}", control_port)
                yield gateway
        finally:
            gateway.stop()
            await listener.close()
    finally:
        store.close()


async def serve(settings: GatewaySettings) -> None:
    """Run until cancelled."""
    async with open_gateway(settings):
        await asyncio.get_running_loop().create_future()
