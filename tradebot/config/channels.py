"""`[channels.NAME]`: who is told beside the chat or the log; as many sections as there are channels, each of one type.

Rules: the file names the channels; a variable or a credential gives one of them a value and makes none. A key that is of another
type is a mistake, for its owner believes that it counts. An address is a secret whole: who has Slack's or Discord's writes there.
"""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BeforeValidator, SecretStr

from tradebot.config.given import Given, shown
from tradebot.config.secrets import placeholder
from tradebot.config.section import Section
from tradebot.config.values import Host, Secret, Text, choice, whole
from tradebot.domain.delivery import RISING, Wanted, wanted
from tradebot.domain.event_groups import EventGroup
from tradebot.domain.events import Severity

CHANNELS = "channels"
EMAIL, SLACK, DISCORD, WEBHOOK, APPRISE = TYPES = ("email", "slack", "discord", "webhook", "apprise")
NAME = re.compile("[a-z][a-z0-9_-]{0,31}")
RESERVED = ("telegram", "log", "owner")
_OF: Mapping[str, tuple[str, ...]] = {
    EMAIL: ("host", "port", "tls", "user", "password", "sender", "to"),
    SLACK: ("url",),
    DISCORD: ("url",),
    WEBHOOK: ("url", "secret"),
    APPRISE: ("url",),
}
"""The keys of each type, beside type, severity and kinds."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    EMAIL: ("host", "sender", "to"),
    SLACK: ("url",),
    DISCORD: ("url",),
    WEBHOOK: ("url", "secret"),
    APPRISE: ("url",),
}
_OPEN = "none"
PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, _OPEN: 25}
_SEVERITIES: Mapping[str, Severity] = {severity.lower(): severity for severity in RISING}
SEGMENT_SECRET_MIN = 16
"""A piece of an address that is shorter is a word, and cutting it out would make the log unreadable."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip() or not value.isprintable():
        raise ValueError("allowed is text in quotes, without blanks at its ends")
    return str(value)


def _password(value: object) -> SecretStr:
    """Given by the mail server's owner: what it is like is not for us to say."""
    text = _text(value.get_secret_value() if isinstance(value, SecretStr) else value)
    if placeholder(text):
        raise ValueError("is a placeholder out of an example: put your own in its place")
    return SecretStr(text)


def _address(value: object) -> SecretStr:
    """Never repeated in a message."""
    allowed = 'allowed is an address such as "https://…", as the receiver gave it to you'
    text = _text(value.get_secret_value() if isinstance(value, SecretStr) else value)
    try:
        parts = urlsplit(text)
        _ = parts.port if parts.scheme in ("http", "https") else None
    except ValueError:
        raise ValueError(f"has a host or port that cannot be read; {allowed}") from None
    if not re.match("[a-z][a-z0-9+.-]*://.", text) or " " in text:
        raise ValueError(allowed)
    if "<" in text or placeholder(f"{parts.username} {parts.password}"):
        raise ValueError("holds a placeholder out of an example: put your own in its place")
    return SecretStr(text)


def _mailbox(value: object) -> str:
    allowed = 'allowed is an e-mail address, such as "you@example.com"'
    text = _text(value)
    if not re.fullmatch(r"[^@\s<>,;\"]+@[A-Za-z0-9.-]+", text) or not text.isascii():
        raise ValueError(allowed)
    return text


def _list(value: object) -> list[object]:
    if isinstance(value, Text):
        return [part.strip() for part in value.strip("[] ").replace('"', "").split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple | frozenset) else [value]


def _mailboxes(value: object) -> tuple[str, ...]:
    found = tuple(_mailbox(each) for each in _list(value))
    if not found:
        raise ValueError('allowed is a list of e-mail addresses, such as ["you@example.com"]')
    return found


def _groups(value: object) -> tuple[EventGroup, ...]:
    names = _list(value)
    if not names or not all(isinstance(name, str) and name in set(EventGroup) for name in names):
        listed = ", ".join(f'"{group}"' for group in EventGroup)
        raise ValueError(f"allowed is a list of these, one at least: {listed}")
    return tuple(EventGroup(str(name)) for name in names)


class ChannelSection(Section):
    """`[channels.NAME]`: what kind of channel it is, where it leads, and what is told there."""

    type: Annotated[str | None, choice(*TYPES)] = None
    severity: Annotated[str, choice(*_SEVERITIES)] = "info"
    kinds: Annotated[tuple[EventGroup, ...] | None, BeforeValidator(_groups)] = None
    url: Annotated[SecretStr | None, BeforeValidator(_address)] = None
    secret: Secret | None = None
    host: Host | None = None
    port: Annotated[int | None, whole(1, 65_535)] = None
    tls: Annotated[str, choice(*PORTS)] = "starttls"
    user: Annotated[str | None, BeforeValidator(_text)] = None
    password: Annotated[SecretStr | None, BeforeValidator(_password)] = None
    sender: Annotated[str | None, BeforeValidator(_mailbox)] = None
    to: Annotated[tuple[str, ...] | None, BeforeValidator(_mailboxes)] = None

    def wanted(self) -> Wanted:
        return wanted(_SEVERITIES[self.severity], self.kinds)

    def type_of(self, name: str) -> str:
        """As it says, or as it is called."""
        return self.type or name

    def secrets(self) -> list[str]:
        """As plain text, for the log to cut out."""
        found = [each.get_secret_value() for each in (self.secret, self.password) if each]
        return found + (_secrets_in(self.url.get_secret_value()) if self.url else [])


def _secrets_in(url: str) -> list[str]:
    """An address whole, what follows its scheme and its host, and each long piece and each value in it."""
    parts = urlsplit(url)
    after_host = f"{parts.path}?{parts.query}" if parts.query else parts.path
    pieces = [*re.split("[/@:]", f"{parts.netloc}{parts.path}"), *(value for _, value in parse_qsl(parts.query))]
    long = {piece for piece in pieces if len(piece) >= SEGMENT_SECRET_MIN and piece != parts.hostname}
    password = unquote(parts.password or "")
    return [each for each in (url, after_host.strip("/"), *sorted(long), password) if each]


def contradictions(given: Given) -> list[str]:
    """What no key of a channel is wrong in alone."""
    lines, variables = [], dict[str, str]()
    for name in given.named(CHANNELS):
        where, origin = f"{CHANNELS}.{name}", given.origin(CHANNELS, name)
        if not NAME.fullmatch(name):
            lines.append(
                f"{where} ({origin}): is no name of a channel: it begins with a small letter, then come small letters, "
                "digits, _ and -, 32 at most"
            )
        elif name in RESERVED:
            lines.append(f'{where} ({origin}): "{name}" is there already, under its own section: choose another name')
        elif twin := variables.get(name.replace("-", "_")):
            lines.append(f"{where} ({origin}): has the same variables as {CHANNELS}.{twin}: choose another name")
        variables[name.replace("-", "_")] = name
        lines += _keys_of(given, where, name)
    return lines


def _keys_of(given: Given, where: str, name: str) -> list[str]:
    """That it has what its type needs, and nothing of another type."""
    said = {key: given.get(CHANNELS, name, key) for key in ChannelSection.model_fields}
    kind = said["type"] or name
    if kind not in TYPES:
        if said["type"] is not None:
            return []  # what is allowed is said by the key itself
        types = ", ".join(f'"{each}"' for each in TYPES)
        return [f"{where}.type: is missing: which kind of channel is it? Allowed are {types}"]
    other = [key for each in TYPES for key in _OF[each] if key not in _OF[str(kind)]]
    lines = [
        f"{where}.{key} ({given.origins[CHANNELS, name, key]}): is not of this channel's type, {kind}: take it out"
        for key in dict.fromkeys(other)
        if said[key] is not None
    ]
    lines += [
        f"{where}.{key}: is missing: a channel of type {kind} needs it"
        for key in _NEEDED[str(kind)]
        if said[key] in (None, [], "")
    ]
    if kind == EMAIL:
        lines += _login(given, where, name, said)
    elif kind != APPRISE and re.match("(?!https?:)[^/]*://", str(said["url"] or "")):
        lines.append(f"{where}.url ({given.origins[CHANNELS, name, 'url']}): allowed are https://… and http://…")
    return lines


def _login(given: Given, where: str, name: str, said: Mapping[str, object]) -> list[str]:
    one, other = ("user", "password") if said["password"] is None else ("password", "user")
    if said[one] is not None and said[other] is None:
        return [f"{where}.{other}: is missing while {where}.{one} is set: the mail server asks for both"]
    if said["password"] is not None and said["tls"] == _OPEN:
        origin = given.origins[CHANNELS, name, "tls"]
        return [
            f"{where}.tls = {shown(_OPEN)} ({origin}): would send the password for all to read: use "
            '"starttls" or "tls", or no user and password'
        ]
    return []
