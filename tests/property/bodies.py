"""Bodies for the webhook, made at random from good alerts: most are nearly right, as hostile and broken ones are.

Rules: a seed names the whole series. A body that is meant to be a good alert is never among them by accident: whoever sends them
uses a secret that none of them carries.
"""

import json
import random
from collections.abc import Iterator

GOOD = {"secret": "…", "action": "BUY", "ticker": "AAPL", "price": "187.32", "time": "2026-11-20T15:04:05Z"}
FIELDS = ("secret", "action", "ticker", "exchange", "price", "time", "alert_id", "comment", "__proto__", "")
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**29, -(10**29), [], {}, [[[[[]]]]], {"a": {"b": {"c": {}}}}, ["BUY"]),
    *("", " ", "buy", "SELL ", "ЅELL", "ｂｕｙ", "BUY\x00", "ſell", "АAPL", "AAPL\u202e", "NASDAQ:AAPL", "LSE:AAL"),
    *("BRK.B", "１８７", "1e5", "NaN", "Infinity", "-0", "0x1F", "1_000", "9" * 5000, "{{ticker}}", "{{close}}", "{{"),
    *(
        "\ud800",
        "😀" * 50,
        "'; DROP TABLE trade; --",
        "<script>alert(1)</script>",
        "%s%n",
        "${jndi:ldap://x}",
        "\\",
        '"',
    ),
    *(
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "1795187045",
        "2026-11-20T15:04:05Z",
        "../../etc/passwd",
    ),
)
PIECES = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"1e-999",
        b"9" * 5000,
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\\ud800",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b",",
        b":",
        b"[" * 5000,
        b'{"a":' * 1000,
        b"\xef\xbb\xbf",
        b"//",
        b"'",
        b"\n",
    ),
    *(b"\xe2\x80\xa8", b'"action":"SELL",', b'"secret":"x",', b"\\u0000", b"null", b"-", b"0", b"e", b"."),
)


def bodies(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        yield _mangled(_fields(chance), chance)


def _fields(chance: random.Random) -> bytes:
    fields: dict[str, object] = dict(GOOD)
    for _ in range(chance.randrange(4)):
        name = chance.choice(FIELDS)
        if chance.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = chance.choice(VALUES)
    pairs = list(fields.items())
    if chance.random() < 0.3:
        chance.shuffle(pairs)
    if chance.random() < 0.1:
        pairs.append(chance.choice(pairs) if pairs else ("action", "BUY"))  # a field twice
    in_ascii = chance.random() < 0.5
    written = (f"{json.dumps(name)}:{json.dumps(value, ensure_ascii=in_ascii)}" for name, value in pairs)
    return ("{" + ",".join(written) + "}").encode("utf-8", "surrogatepass")


def _mangled(body: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut, doubled, and pieces put in; one body in three stays as it is."""
    for _ in range(chance.choice((0, 1, 3))):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body = body[:at] + chance.choice(PIECES) + body[at:]
            case 1:
                body = body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
            case 2:
                body = body[:at]
            case 3:
                body = body[:at] + body[at + chance.randrange(20) :]
            case _:
                body = body + body[at:]
    return body[: 16 * 1024]
