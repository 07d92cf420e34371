"""Frames, handshake and values of the TWS protocol, without a socket."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.simgateway import wire
from tradebot.simgateway.wire import Message, Negotiated, Started, Wire, WireError


def hello(versions: bytes = b"v157..178") -> bytes:
    return b"API\0" + struct.pack(">I", len(versions)) + versions


def ready() -> Wire:
    connection = Wire()
    list(connection.receive(hello() + wire.frame(["71", "2", "5", ""])))
    return connection


@pytest.mark.parametrize(
    ("offer", "version"), [(b"v157..178", 178), (b"v100..157", 157), (b"v100..223 +PACEAPI", 178), (b"v170..173", 173)]
)
def test_highest_common_version(offer: bytes, version: int) -> None:
    """A client would decode with another version's field lists."""
    assert list(Wire().receive(hello(offer))) == [Negotiated(version)]


@pytest.mark.parametrize("offer", [b"v100..156", b"v179..200", b"nonsense", b"", b"v..", b"v1..x", b"\xff\xfe"])
def test_no_common_version(offer: bytes) -> None:
    """A client outside 157..178 would be sent messages that it cannot decode."""
    with pytest.raises(WireError):
        list(Wire().receive(hello(offer)))


def test_byte_by_byte() -> None:
    """TCP may cut anywhere: a message would be lost or read twice."""
    connection = Wire()
    events: list[Negotiated | Started | Message] = []
    for byte in hello() + wire.frame(["71", "2", "5", ""]) + wire.frame(["49", "1"]) + wire.frame(["8", "1", "1"]):
        events += connection.receive(bytes([byte]))
    assert events == [Negotiated(178), Started(5), Message(49, ("1",)), Message(8, ("1", "1"))]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        hello() + wire.frame(["61", "1"]),
        hello() + wire.frame(["71", "2", "x", ""]),
        hello() + wire.frame(["71", "2", "-1", ""]),
        hello() + struct.pack(">I", 1 << 30),
    ],
)
def test_broken_opening(data: bytes) -> None:
    """A stranger's bytes would be taken for a client's."""
    with pytest.raises(WireError):
        list(Wire().receive(data))


@pytest.mark.parametrize("body", [b"", b"49", b"x\x001\0", b"\0", b"9999999999999999999999\0"])
def test_broken_message(body: bytes) -> None:
    """A frame that is no message would reach the request handlers."""
    connection = ready()
    with pytest.raises(WireError):
        list(connection.receive(struct.pack(">I", len(body)) + body))
    assert list(connection.receive(wire.frame(["49", "1"]))) == []


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(data: bytes, greeted: bool) -> None:
    """Some bytes would raise something else than WireError and take more down than their connection."""
    connection = ready() if greeted else Wire()
    try:
        list(connection.receive(data))
    except WireError:
        assert connection.state is wire.State.CLOSED


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_fields_travel(fields: list[str]) -> None:
    """Text beyond ASCII would break the client's decoder, or come back changed."""
    framed = wire.frame(fields)
    assert framed[4:].isascii()
    assert len(framed) == 4 + struct.unpack(">I", framed[:4])[0]
    assert framed[4:].count(b"\0") == len(fields)


def test_escapes() -> None:
    """Names such as Nestlé would not survive ib_async's unicode-escape."""
    assert wire.escape("Nestlé €") == "Nestl\\u00e9 \\u20ac"
    assert wire.escape("Nestlé €").encode().decode("unicode-escape") == "Nestlé €"


@pytest.mark.parametrize(
    ("value", "number", "double"),
    [("100", "100", "100.0"), ("201.9400", "201.94", "201.94"), ("0", "0", "0.0"), ("1E+3", "1000", "1000.0")],
)
def test_numbers(value: str, number: str, double: str) -> None:
    """Exponents and needless zeros are not what a gateway sends."""
    assert (wire.number(Decimal(value)), wire.double(Decimal(value))) == (number, double)


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("1.7976931348623157e+308", None), ("Infinite", None), ("10.5", Decimal("10.5"))]
)
def test_unset(text: str, value: Decimal | None) -> None:
    """An unset price would be taken for the largest double."""
    assert wire.parse_decimal(text) == value


def test_sizes_before_163() -> None:
    """The official 9.81 reads sizes with int() and would lose its reader thread."""
    assert [wire.size(Decimal("300.5"), version) for version in (157, 162, 163)] == ["300", "300", "300.5"]
