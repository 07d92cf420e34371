"""The TWS socket protocol below the messages, without any I/O.

Rules (verified against ib_async 2.1.0, ib_insync 0.9.86, ibapi 9.81 and 10.46 and recorded gateway traffic):

- A client opens with the four bytes ``API\\0`` and one frame ``v<MIN>..<MAX>`` with optional text after it.
- A frame is a big-endian u32 length and that many bytes. A message is a frame of fields; each field ends in NUL.
- The gateway answers with the frame ``[version, "YYYYMMDD HH:MM:SS <zone>"]``. The version is the highest that both sides speak.
- The client's next message must be startApi; its client id names the connection from then on.
- From version 153 text is ASCII; everything else travels as ``\\uXXXX``.
- "Not set" is the empty field, or the largest double where recorded traffic shows it spelled out.
- Sizes are decimals from version 163; before that the official client reads them with ``int()``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import ClassVar, NoReturn

VERSION_MIN = 157
VERSION_MAX = 178
FRAME_BYTES_MAX = 1 << 20
UNSET = "1.7976931348623157E308"
START_API = 71
_PREFIX = b"API\0"
_UNSET_ABOVE = Decimal("1e300")


class State(Enum):
    """What the gateway expects next on a connection."""

    PREFIX = "the API prefix"
    VERSION = "the version range"
    START = "startApi"
    READY = "messages"
    CLOSED = "nothing more"


class WireError(Exception):
    """The peer broke the protocol: close this connection."""


@dataclass(frozen=True)
class Negotiated:
    """The client's hello was read; ``version`` is what both sides will speak."""

    version: int


@dataclass(frozen=True)
class Started:
    """The client named itself."""

    client_id: int


@dataclass(frozen=True)
class Message:
    """One whole message: its id and the fields after the id."""

    id: int
    fields: tuple[str, ...]


class Wire:
    """The gateway's side of one connection: bytes in, events out, never the other way round."""

    def __init__(self) -> None:
        self.state = State.PREFIX
        self.version = 0
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Negotiated | Started | Message]:
        """Yield what ``data`` completes. Raises WireError when the peer broke the rules above."""
        self._buffer += data
        while self.state is not State.CLOSED:
            if self.state is State.PREFIX:
                if not self._take_prefix():
                    return
                continue
            body = self._take_frame()
            if body is None:
                return
            yield self._STEPS[self.state](self, body)

    def _take_prefix(self) -> bool:
        head = bytes(self._buffer[: len(_PREFIX)])
        if not _PREFIX.startswith(head):
            self._fail(f"a connection must open with API and NUL, not {head!r}")
        if len(head) < len(_PREFIX):
            return False
        del self._buffer[: len(_PREFIX)]
        self.state = State.VERSION
        return True

    def _take_frame(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._buffer)
        if length > FRAME_BYTES_MAX:
            self._fail(f"a frame of {length} bytes is longer than the {FRAME_BYTES_MAX} allowed")
        if len(self._buffer) < 4 + length:
            return None
        frame = bytes(self._buffer[4 : 4 + length])
        del self._buffer[: 4 + length]
        return frame

    def _negotiate(self, body: bytes) -> Negotiated:
        parts = body.decode("ascii", errors="replace").rstrip("\0").split()
        low, dots, high = (parts[0] if parts else "").removeprefix("v").partition("..")
        if not (_is_int(low) and (_is_int(high) or not dots)):
            self._fail(f"expected a version range such as v100..178, got {body[:40]!r}")
        version = min(int(high or low), VERSION_MAX)
        if version < max(VERSION_MIN, int(low)):
            self._fail(f"client speaks {parts[0]}, this gateway v{VERSION_MIN}..{VERSION_MAX}")
        self.version, self.state = version, State.START
        return Negotiated(version)

    def _start(self, body: bytes) -> Started:
        message = self._message(body)
        if message.id != START_API or len(message.fields) < 2 or not message.fields[1].isdecimal():
            self._fail(f"the first message must be startApi with a client id, got {message.id} {message.fields[:2]}")
        self.state = State.READY
        return Started(int(message.fields[1]))

    def _message(self, body: bytes) -> Message:
        if not body.endswith(b"\0"):
            self._fail(f"every field must end in NUL: {body[:40]!r}")
        head, *rest = decode_fields(body)
        if not _is_int(head):
            self._fail(f"a message must begin with its number, got {head[:40]!r}")
        return Message(int(head), tuple(rest))

    def _fail(self, why: str) -> NoReturn:
        self.state = State.CLOSED
        self._buffer.clear()
        raise WireError(why)

    _STEPS: ClassVar[dict[State, Callable[[Wire, bytes], Negotiated | Started | Message]]] = {
        State.VERSION: _negotiate,
        State.START: _start,
        State.READY: _message,
    }


def frame(fields: Sequence[str]) -> bytes:
    """Bytes of one message: length prefix and NUL-terminated, ASCII-only fields."""
    body = "".join(f"{escape(field)}\0" for field in fields).encode("ascii")
    return struct.pack(">I", len(body)) + body


def decode_fields(body: bytes) -> list[str]:
    """The fields of a frame's body; what is not UTF-8 is kept as backslash escapes."""
    return body.decode(errors="backslashreplace").split("\0")[:-1]


def escape(text: str) -> str:
    """Non-ASCII characters as ``\\uXXXX`` (UTF-16 units, as Java writes them); NUL can not travel at all."""
    if text.isascii():
        return text.replace("\0", "")
    units = struct.unpack(f">{len(text.encode('utf-16-be')) // 2}H", text.encode("utf-16-be"))
    return "".join(chr(unit) if 0 < unit < 128 else f"\\u{unit:04x}" for unit in units)


def number(value: Decimal) -> str:
    """A decimal without needless zeros: ``100``, ``201.94``; never an exponent."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def double(value: Decimal | None) -> str:
    """A price as Java prints doubles: ``0.0``, ``150.5``; unset is empty."""
    if value is None:
        return ""
    text = number(value)
    return text if "." in text else text + ".0"


def size(value: Decimal, version: int) -> str:
    """A tick's size: whole shares as an integer for clients older than 163, which read nothing else."""
    return number(value) if version >= 163 else str(int(value))


def flag(value: bool) -> str:
    return "1" if value else "0"


def parse_decimal(text: str) -> Decimal | None:
    """A number from a client; empty and the largest double both mean "not set". Raises ValueError for anything else."""
    if text in ("", "Infinite"):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not value.is_finite() or abs(value) > _UNSET_ABOVE:
        return None
    return value


def _is_int(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18
