"""One client's connection: bytes to requests, replies to bytes, and what the client has subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from loguru import logger

from tradebot.simgateway import replies
from tradebot.simgateway.line import Line
from tradebot.simgateway.replies import Fields
from tradebot.simgateway.wire import Message, Negotiated, Started, Wire, WireError, frame

if TYPE_CHECKING:
    from tradebot.simgateway.gateway import Gateway

WRITE_BUFFER_BYTES_MAX = 32 << 20


@dataclass
class Stream:
    """A market-data subscription."""

    symbol: str
    delayed: bool = False


@dataclass
class Subscriptions:
    """What is sent to a client without a further question, by request id."""

    account: bool = False
    positions: bool = False
    summaries: dict[int, frozenset[str]] = field(default_factory=dict)
    multis: dict[int, str] = field(default_factory=dict)
    pnls: set[int] = field(default_factory=set)
    pnl_singles: dict[int, int] = field(default_factory=dict)
    streams: dict[int, Stream] = field(default_factory=dict)


class Session(asyncio.Protocol):
    """The gateway's end of one socket."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._wire = Wire()
        self._transport: asyncio.Transport | None = None
        self._line: Line
        self._withheld = ""
        self.client_id = -1
        self.data_type = 1
        self.wants = Subscriptions()

    @property
    def version(self) -> int:
        return self._wire.version

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._line = Line(self._transport, self._gateway.later)
        self._gateway.connections.add(self)
        self.degrade(self._gateway.faults.connection())

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.forget(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._line.dead:
            return
        try:
            for event in self._wire.receive(data):
                if self._transport is None or self._transport.is_closing() or self._line.dead:
                    return
                self._handle(event)
        except WireError as error:
            logger.warning("simulated gateway: client {}: {}; connection closed", self.client_id, error)
            self.close()

    def _handle(self, event: Negotiated | Started | Message) -> None:
        if isinstance(event, Negotiated):
            self.send(replies.handshake(event.version, self._gateway.local_now()))
            self._line.greeted()
        elif isinstance(event, Started):
            self._start(event.client_id)
        else:
            self._gateway.receive(self, event)

    def _start(self, client_id: int) -> None:
        gateway = self._gateway
        if client_id in gateway.sessions:
            logger.warning("simulated gateway: client id {} is in use: second connection refused", client_id)
            text = "Unable to connect as the client id is already in use. Retry with a unique client id."
            self.error(-1, 326, text)
            self.close()
            return
        self.client_id = client_id
        gateway.sessions[client_id] = self
        logger.info("simulated gateway: client {} connected, server version {}", client_id, self.version)
        self.send(replies.managed_accounts(gateway.book.account))
        self.send(replies.next_valid_id(gateway.book.next_id(client_id)))
        for code, text in gateway.upstream.greeting:
            self.error(-1, code, text)

    def degrade(self, plan: dict[str, Any]) -> None:
        """Let the connection suffer faults from now on."""
        if plan:
            logger.info("simulated gateway: client {}: the connection suffers {}", self.client_id, plan)
        self._line.meet(plan, greeted=self.version > 0)

    def unsubscribe(self) -> None:
        """Forget everything the client subscribed to."""
        self.wants = Subscriptions()

    @contextmanager
    def withholding(self, message: object) -> Iterator[None]:
        """Meanwhile, messages of that number are not sent."""
        self._withheld = str(message)
        try:
            yield
        finally:
            self._withheld = ""

    def send(self, fields: Fields) -> None:
        """Write one message; a client that reads nothing for too long is dropped."""
        if self._transport is None or self._transport.is_closing() or fields[0] == self._withheld:
            return
        self._line.write(frame(fields))
        if self._transport.get_write_buffer_size() > WRITE_BUFFER_BYTES_MAX:
            logger.warning("simulated gateway: client {} does not read: connection dropped", self.client_id)
            self.abort()

    def error(self, req_id: int, code: int, text: str) -> None:
        self.send(replies.error(self.version, req_id, code, text))

    def close(self) -> None:
        """Close after what was written has gone out."""
        if self._transport is not None:
            self._line.close()

    def abort(self) -> None:
        """Cut the line: nothing more reaches the client, and its id is free at once."""
        self._gateway.forget(self)
        if self._transport is not None:
            self._transport.abort()
