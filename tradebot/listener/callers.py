"""Who calls, as far as it can be known, and how often. No I/O; time is an argument.

Rules:
- X-Forwarded-For is believed from trusted proxies only, and read from the right: the first address that is no trusted proxy is
  the client's. Nothing left of it, or of an entry that is no address, counts: that is what the client wrote himself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from multidict import CIMultiDictProxy

from tradebot.errors import ConfigError

_FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def is_forwarded(headers: CIMultiDictProxy[str]) -> bool:
    """Whether the request passed a proxy."""
    return any(name in headers for name in _FORWARDING_HEADERS)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Those that are believed when they say whom they speak for."""

    trusted: tuple[Network, ...]

    def client(self, sender: Address, headers: CIMultiDictProxy[str]) -> Address:
        """Who called; the sender himself where he is no trusted proxy, or does not say."""
        if not within(sender, self.trusted):
            return sender
        client = sender
        for entry in reversed(",".join(headers.getall("X-Forwarded-For", ())).split(",")):
            hop = address(entry)
            if hop is None:
                break
            client = hop
            if not within(hop, self.trusted):
                break
        return client


@dataclass(slots=True)
class Buckets:
    """A token bucket for each key: `burst` at once, then `per_s` a second. Of more than `keys_max` keys the one that took longest
    ago is forgotten: whoever comes with so many addresses has a fresh one anyway."""

    burst: float
    per_s: float
    keys_max: int = 10_000
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)  # key → tokens, at; who took last stands last

    def take(self, key: str, now: float) -> bool:
        level = self._level(key, now)
        if level < 1:
            return False
        self._levels.pop(key, None)
        if len(self._levels) >= self.keys_max:
            del self._levels[next(iter(self._levels))]
        self._levels[key] = (level - 1, now)
        return True

    def wait_s(self, key: str, now: float) -> float:
        """How long until it is taken again."""
        return max(0.0, (1 - self._level(key, now)) / self.per_s)

    def give_back(self, key: str, now: float) -> None:
        """What was taken a moment ago."""
        if key in self._levels:
            self._levels[key] = (min(self.burst, self._level(key, now) + 1), now)

    def _level(self, key: str, now: float) -> float:
        tokens, at = self._levels.get(key, (self.burst, now))
        return min(self.burst, tokens + max(0.0, now - at) * self.per_s)


def household(caller: str) -> str:
    """By what a caller is counted: who has one address of IPv6 has 2^64 of them, his whole /64."""
    known = address(caller)
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else caller


def networks(key: str, entries: Iterable[str]) -> tuple[Network, ...]:
    """What a key of the configuration lists. Raises ConfigError."""
    found: list[Network] = []
    for entry in entries:
        try:
            found.append(ip_network(entry.strip(), strict=False))
        except ValueError:
            raise ConfigError(
                f"{key}: {entry!r} is no IP address or network, such as 203.0.113.7 or 10.0.0.0/8."
            ) from None
    return tuple(found)


def within(one: Address, of: tuple[Network, ...]) -> bool:
    return any(one in network for network in of)


def address(text: str) -> Address | None:
    """An address as proxies write it: perhaps with a port, in brackets, with a scope, or IPv4 in IPv6's clothes."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
