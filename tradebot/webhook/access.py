"""Who may send an alert: from which address, with which secret. No I/O; time is an argument.

Rules:
- TradingView's addresses are shared by all its users: the list keeps noise out, only the secret tells who is who.
- Who calls through a proxy is known as `tradebot.listener.callers` says.
- A direct call from this machine needs only the secret. A request that passed a proxy is not direct, also where the proxy is
  not named as trusted.
- Secrets are compared as bytes, in constant time, each one always, those of other strategies too.
"""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from multidict import CIMultiDictProxy

from tradebot.domain.payload.message import BLANKS, SECRET_NAMES
from tradebot.errors import ConfigError
from tradebot.listener.callers import Proxies, address, is_forwarded, networks, within

# https://www.tradingview.com/support/solutions/43000529348
TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")

_SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_NAMES = "|".join(SECRET_NAMES).encode()
_SECRET_FIELD = re.compile(rb'"(?:%b)"\s{0,20}:\s{0,20}"([^"\\]{1,500})"' % _NAMES)
_SECRET_LINE = re.compile(rb"(?:^|[;\r\n])[ \t]{0,20}(?i:%b)[ \t]{0,20}=([^;\r\n]{1,500})" % _NAMES)
WORDS_MAX = 8
"""More fields of these names than this no message has."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and whether that address may."""

    address: str
    refused: str | None = None  # why, and what to correct


class Addresses:
    """`allowed` and `trusted` are addresses or networks; no `allowed` means TradingView's own. Raises ConfigError."""

    def __init__(self, allowed: Iterable[str], trusted: Iterable[str]) -> None:
        self._allowed = networks("[webhook] allowed_ips", tuple(allowed) or TRADINGVIEW_ADDRESSES)
        self._proxies = Proxies(networks("[webhook] trusted_proxies", trusted))

    def judge(self, peer: str | None, headers: CIMultiDictProxy[str]) -> Caller:
        sender = address(peer or "")
        if sender is None:
            return Caller("unknown", "The request has no IP address.")
        forwarded = is_forwarded(headers)
        client = self._proxies.client(sender, headers)
        if within(client, self._allowed) or (client.is_loopback and not forwarded):
            return Caller(str(client))
        if forwarded and client == sender:
            return Caller(
                str(client),
                f"The request came through a proxy at {client}, which does not tell whom it speaks for: name it in"
                " trusted_proxies of [webhook], and make it send X-Forwarded-For.",
            )
        return Caller(
            str(client), f"The address {client} is not allowed. If it is yours, add it to allowed_ips of [webhook]."
        )


class Secrets:
    """Which words open what. `accepted`: those of each strategy, by its name; one that is not there takes the webhook's secret,
    and the previous one while alerts are being changed over.

    Raises ConfigError for an empty one: an empty field would match it.
    """

    def __init__(self, secret: str, previous: str | None, accepted: Mapping[str, Sequence[str]] | None = None) -> None:
        opens: dict[str, set[str | None]] = {secret: {None}}
        if previous and previous.strip(BLANKS):
            opens[previous] = {None}
        for strategy, words in (accepted or {}).items():
            for word in words:
                opens.setdefault(word, set()).add(strategy)
        for word, whose in opens.items():
            if not word.strip(BLANKS):
                where = "webhook" if None in whose else f"strategies.{min(map(str, whose))}"
                raise ConfigError(f"[{where}] secret is empty: anyone could trade.")
        self._known = [(word.strip(BLANKS).encode(), frozenset(whose)) for word, whose in opens.items()]
        self._strategies = frozenset(accepted or {})
        # The longer first: one may begin with the other.
        forms = {form for word in opens for form in (word, word.strip(BLANKS))}
        self._written = re.compile(b"|".join(_ways_to_write(word) for word in sorted(forms, key=len, reverse=True)))

    def match(self, given: object, strategy: str | None) -> bool:
        """Whether the word opens this strategy; None: any of them."""
        if not isinstance(given, str):
            return False
        word = given.strip(BLANKS).encode("utf-8", "surrogatepass")
        # Each is compared, whatever came out before: the time must not tell which one is nearly right.
        opened = [whose for known, whose in self._known if hmac.compare_digest(word, known)]
        door = strategy if strategy in self._strategies else None
        return any(strategy is None or door in whose for whose in opened)

    def match_in(self, broken: bytes, strategy: str | None) -> bool:
        """Whether a message that cannot be read carries the secret where it belongs."""
        return any([self.match(word.decode("utf-8", "replace"), strategy) for word in words_in(broken)])  # noqa: C419

    def cut(self, text: bytes) -> bytes:
        """The text without any secret, of whichever strategy, however JSON may have it escaped."""
        return self._written.sub(b"***", text)

    def cut_text(self, text: str) -> str:
        """The same for what is answered."""
        return self.cut(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def words_in(broken: bytes) -> Sequence[bytes]:
    """What stands where a secret belongs, in a message that cannot be read."""
    return [*_SECRET_FIELD.findall(broken)[:WORDS_MAX], *_SECRET_LINE.findall(broken)[:WORDS_MAX]]


def _ways_to_write(secret: str) -> bytes:
    """A pattern for the secret with each character as it is, or in any of JSON's escapes."""
    return b"".join(_ways_to_write_character(character) for character in secret)


def _ways_to_write_character(character: str) -> bytes:
    units = character.encode("utf-16-be").hex()
    escaped = "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4)).encode()
    ways = [re.escape(character.encode()), b"(?i:" + re.escape(escaped) + b")"]
    if character in _SHORT_ESCAPES:
        ways.append(re.escape(f"\\{_SHORT_ESCAPES[character]}".encode()))
    # An escape is tried first: a backslash is a character too.
    return b"(?:" + b"|".join(reversed(ways)) + b")"
