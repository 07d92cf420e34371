"""One client's connection: bytes to requests, replies to bytes, and what the client has subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from loguru import logger

from tradebot.simgateway import replies
from tradebot.simgateway.line import Line
from tradebot.simgateway.pace import Pace
from tradebot.simgateway.replies import Fields
from tradebot.simgateway.wire import Message, Negotiated, Started, Wire, WireError, frame

WRITE_BUFFER_BYTES_MAX = 32 << 20


@dataclass
class Stream:
    """A market-data subscription."""

    symbol: str
    delayed: bool = False
    moves: bool = False
    """Whether the first ticks have all been sent, and new quotes follow."""


@dataclass
class Subscriptions:
    """What is sent to a client without a further question, by request id."""

    account: str = ""
    told: dict[tuple[str, ...], Fields] = field(default_factory=dict)
    positions: bool = False
    summaries: dict[int, frozenset[str]] = field(default_factory=dict)
    multis: dict[int, tuple[str, str]] = field(default_factory=dict)
    pnls: set[int] = field(default_factory=set)
    pnl_singles: dict[int, int] = field(default_factory=dict)
    streams: dict[int, Stream] = field(default_factory=dict)
    histories: set[int] = field(default_factory=set)
    """Prices of past days that were asked for, and neither told nor called off."""


class SessionOwner(Protocol):
    """What a session needs of its gateway: a clock, timers, and callbacks."""

    def local_now(self) -> datetime: ...

    def later(self, delay_s: float, act: Callable[..., None], *args: Any) -> None: ...

    def connected(self, session: Session) -> None:
        """A connection was accepted."""

    def started(self, session: Session, client_id: int) -> None:
        """The client named itself."""

    def receive(self, session: Session, message: Message) -> None:
        """A message arrived."""

    def forget(self, session: Session) -> None:
        """The connection is gone."""


class Session(asyncio.Protocol):
    """The gateway's end of one socket."""

    def __init__(self, owner: SessionOwner) -> None:
        self._owner = owner
        self._wire = Wire()
        self._transport: asyncio.Transport | None = None
        self._line: Line
        self._withheld: Callable[[Fields], bool] | None = None
        self.client_id = -1
        self.pace = Pace()
        self.data_type = 1
        self.subscriptions = Subscriptions()

    @property
    def version(self) -> int:
        return self._wire.version

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._line = Line(self._transport, self._owner.later)
        self._owner.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.forget(self)
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
            self.send(replies.handshake(event.version, self._owner.local_now()))
            self._line.greeted()
        elif isinstance(event, Started):
            self._owner.started(self, event.client_id)
        else:
            self._owner.receive(self, event)

    def degrade(self, plan: dict[str, Any]) -> None:
        """Apply faults to the connection from now on."""
        if plan:
            logger.info("simulated gateway: client {}: the connection meets {}", self.client_id, plan)
        self._line.meet(plan, greeted=self.version > 0)

    def unsubscribe(self) -> None:
        """Forget everything the client subscribed to."""
        self.subscriptions = Subscriptions()

    @contextmanager
    def withholding(self, message: Callable[[Fields], bool]) -> Iterator[None]:
        """Meanwhile, such messages are not sent."""
        self._withheld = message
        try:
            yield
        finally:
            self._withheld = None

    def send(self, fields: Fields) -> None:
        """Write one message; a client that reads nothing for too long is dropped."""
        if self._transport is None or self._transport.is_closing() or (self._withheld and self._withheld(fields)):
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
        self._owner.forget(self)
        self.cut()

    def cut(self) -> None:
        """Nothing more reaches the client; what is under way happens before its connection is forgotten."""
        if self._transport is not None:
            self._transport.abort()
