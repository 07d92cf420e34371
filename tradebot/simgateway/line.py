"""A connection's outgoing side: whole, late, in pieces, preceded by garbage, or dead.

A healthy line writes at once. A faulty one keeps the order of what is sent. A dead one (half open) takes everything and
delivers nothing, in both directions, and is never closed from this side: only the client can end it.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from tradebot.simgateway.wire import frame

# Garbage by kind; all but the last two leave the framing whole, so that a client can skip them.
GARBAGE: dict[str, bytes] = {
    "unknown_message": frame(["9999", "1", "what", "is", "this"]),
    "bad_fields": b"".join(frame([number, "x", "?", "nonsense", "-"]) for number in ("5", "3", "11", "6", "9", "61")),
    # A length that is never filled: the client waits for the rest for ever, and reads nothing of what follows.
    "endless_frame": struct.pack(">I", 0x7FFFFFFF) + b"\xff" * 64,
    # Something else listens on the port.
    "web_page": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
}


class Line:
    """Writes to one transport, subject to the faults it has met."""

    def __init__(self, transport: asyncio.Transport, later: Callable[..., None]) -> None:
        self.dead = False
        self._dies_greeted = False
        self._transport = transport
        self._later = later
        self._delay_s = 0.0
        self._piece_bytes = 0
        self._queue: deque[tuple[float, bytes]] = deque()
        self._closing = False

    def meet(self, plan: dict[str, Any], *, greeted: bool) -> None:
        """Apply these connection faults from now on."""
        if fragmented := plan.get("fragmented"):
            self._piece_bytes = max(1, int(fragmented["piece_bytes"]))
        if slow := plan.get("slow_line"):
            self._delay_s = float(slow["delay_s"])
        if garbage := plan.get("garbage"):
            self.write(GARBAGE[garbage["kind"]])
        if half_open := plan.get("half_open"):
            self._dies_greeted = half_open["greets"] and not greeted
            self.dead = not self._dies_greeted

    def greeted(self) -> None:
        """The handshake was written."""
        self.dead = self._dies_greeted

    def write(self, data: bytes) -> None:
        if self.dead:
            return
        if not (self._delay_s or self._piece_bytes or self._queue):
            self._transport.write(data)
            return
        self._queue.append((asyncio.get_running_loop().time() + self._delay_s, data))
        if len(self._queue) == 1:
            self._later(self._delay_s, self._pump)

    def close(self) -> None:
        """Close after what was written has gone out; a dead line stays open."""
        self._closing = True
        if not (self._queue or self.dead):
            self._transport.close()

    def _pump(self) -> None:
        """The next piece: one a turn of the loop, so that the client really reads it alone."""
        if self._transport.is_closing() or self.dead:
            self._queue.clear()
            return
        due, data = self._queue.popleft()
        size = self._piece_bytes or len(data)
        self._transport.write(data[:size])
        if rest := data[size:]:
            self._queue.appendleft((due, rest))
        if self._queue:
            wait_s = self._queue[0][0] - asyncio.get_running_loop().time()
            self._later(max(0.0, wait_s), self._pump)
        elif self._closing:
            self._transport.close()
