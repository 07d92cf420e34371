"""The kinds of value a key can have. Each raises ValueError with what is allowed; the loader says of which key.

The environment and the credentials directory know only text, so `Text` may stand for a number or a list there. In the file,
`port = "8000"` is a mistake.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError
from pydantic import BeforeValidator, SecretStr

from tradebot.config.secrets import placeholder, weakness
from tradebot.domain.cron import next_fire
from tradebot.domain.payload.symbols import symbol
from tradebot.domain.terms import Level, LevelKind
from tradebot.errors import PayloadError


class Text(str):
    """A value out of the environment or the credentials directory."""

    __slots__ = ()


def whole(low: int, high: int) -> BeforeValidator:
    def check(value: object) -> int:
        if isinstance(value, Text) and re.fullmatch(r"-?[0-9]{1,15}", value):
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"allowed are whole numbers from {low:,} to {high:,}")
        return value

    return BeforeValidator(check)


def number_in(low: Decimal, high: Decimal) -> Callable[[object], Decimal]:
    def check(value: object) -> Decimal:
        if isinstance(value, Text) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value):
            value = Decimal(value)
        if type(value) is int:
            value = Decimal(value)
        if not isinstance(value, Decimal) or not value.is_finite() or not low <= value <= high:
            raise ValueError(f"allowed are numbers from {low:,} to {high:,}")
        return value

    return check


def number(low: Decimal, high: Decimal) -> BeforeValidator:
    return BeforeValidator(number_in(low, high))


def _flag(value: object) -> bool:
    if isinstance(value, Text) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("allowed are true and false")  # noqa: TRY004  # pydantic collects ValueError only
    return value


def choice(*allowed: str, upper: bool = False) -> BeforeValidator:
    def check(value: object) -> str:
        given = value.upper() if upper and isinstance(value, str) else value
        if isinstance(given, str) and given in allowed:
            return str(given)
        raise ValueError(f"allowed {'are' if allowed[1:] else 'is'} " + ", ".join(f'"{each}"' for each in allowed))

    return BeforeValidator(check)


def _items(value: object, allowed: str) -> list[object]:
    if isinstance(value, Text):
        return [Text(part.strip()) for part in value.strip("[] ").replace('"', "").split(",") if part.strip()]
    if not isinstance(value, list | tuple | frozenset):
        raise ValueError(f"allowed is a list of {allowed}")  # noqa: TRY004  # pydantic collects ValueError only
    return list(value)


def _networks(value: object) -> tuple[str, ...]:
    allowed = 'addresses and networks, such as ["203.0.113.7", "10.0.0.0/8"]'
    found = []
    for item in _items(value, allowed):
        try:
            found.append(str(ip_network(str(item))) if "/" in str(item) else str(ip_address(str(item))))
        except ValueError as error:
            raise ValueError(f"allowed is a list of {allowed}; {error}") from None
    return tuple(found)


def _proxies(value: object) -> tuple[str, ...]:
    found = _networks(value)
    if any(each.endswith("/0") for each in found):
        raise ValueError(
            "a network of all addresses would let everybody choose the address we see: name the proxy's own"
        )
    return found


def _numbers(value: object) -> tuple[int, ...]:
    try:
        return tuple(_telegram_id(item) for item in _items(value, "Telegram user ids"))
    except ValueError:
        raise ValueError("allowed is a list of Telegram user ids, such as [123456789]") from None


def _telegram_id(value: object) -> int:
    if isinstance(value, Text) and re.fullmatch(r"-?[0-9]{1,15}", value):
        value = int(value)
    if type(value) is not int or value == 0:
        raise ValueError("allowed is a Telegram chat id, a whole number such as 123456789 (groups: -1001234567890)")
    return value


def _dates(value: object) -> frozenset[date]:
    found = set()
    for item in _items(value, "dates, such as [2026-12-24]"):
        try:
            found.add(item if type(item) is date else date.fromisoformat(str(item)))
        except ValueError:
            raise ValueError(f"allowed is a list of dates, such as [2026-12-24]; {item} is none") from None
    return frozenset(found)


def _text(value: object, allowed: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"allowed is {allowed}")
    return str(value)


def _bind_address(value: object) -> str:
    allowed = 'an address of this machine to listen on: "127.0.0.1", "0.0.0.0" for all, "::1", or "localhost"'
    text = _text(value, allowed)
    if text == "localhost":
        return text
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"allowed is {allowed}") from None


def _host(value: object) -> str:
    allowed = 'the name or address of the machine alone, such as "127.0.0.1"; the port has its own key'
    text = _text(value, allowed)
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", text):
        try:
            ip_address(text)
        except ValueError:
            raise ValueError(f"allowed is {allowed}") from None
    return text


def _host_names(value: object) -> tuple[str, ...]:
    allowed = 'names as a browser shows them, without https:// and without a port, such as ["bot.example.com"]'
    names = [str(item).lower().rstrip(".") for item in _items(value, allowed)]
    for name in names:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", name):
            raise ValueError(f"allowed is a list of {allowed}")
    return tuple(names)


def _account(value: object) -> str:
    text = _text(value, 'an account id as IB writes it, such as "DU1234567"')
    if not re.fullmatch(r"[A-Z]{1,4}[0-9]{4,12}[A-Z]?", text):
        raise ValueError('allowed is an account id as IB writes it, such as "DU1234567"')
    return text


def _window(value: object, example: str = "00:15-01:45") -> tuple[time, time]:
    if isinstance(value, str):
        match = re.fullmatch(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})", value)
        if match and all(int(h) < 24 and int(m) < 60 for h, m in (match.group(1, 2), match.group(3, 4))):
            hour, minute, end_hour, end_minute = map(int, match.groups())
            return time(hour, minute), time(end_hour, end_minute)
    raise ValueError(f'allowed is "HH:MM-HH:MM" in New York time, such as "{example}"')


def _trading_window(value: object) -> tuple[time, time]:
    begin, end = _window(value, "09:35-15:45")
    if begin == end:
        raise ValueError("begins when it ends: take it out to trade all day, or set enabled = false to buy nothing")
    return begin, end


def _quiet_hours(value: object) -> tuple[time, time]:
    try:
        begin, end = _window(value)
    except ValueError:
        raise ValueError('allowed is "HH:MM-HH:MM" in your own time zone, such as "22:00-07:00"') from None
    if begin == end:
        raise ValueError("begins when it ends: take it out for no quiet hours")
    return begin, end


def _zone(value: object) -> str:
    allowed = 'the name of a time zone, such as "Europe/Berlin", "Asia/Tokyo" or "America/New_York"'
    text = _text(value, allowed)
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"allowed is {allowed}") from None


def _time(value: object) -> time:
    match = re.fullmatch(r"([0-9]{2}):([0-9]{2})", value) if isinstance(value, str) else None
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return time(int(match[1]), int(match[2]))
    raise ValueError('allowed is "HH:MM" in New York time, such as "15:55"')


PERCENT_MAX = Decimal(100)  # of a fall: no price falls further
AMOUNT_MAX = Decimal(100_000)
LEVEL = re.compile(r"(\$?)([0-9]{1,9}(?:\.[0-9]{1,6})?)(%?)")


def level(percent_max: Decimal = PERCENT_MAX) -> BeforeValidator:
    """A distance from the entry price, as people write one: "5%" or "$12". A bare number could be either, or a price."""
    allowed = f'allowed are a percentage of the entry price below {percent_max:,f}, such as "5%", and USD a share, such as "$12"'

    def check(value: object) -> Level:
        match = LEVEL.fullmatch(value) if isinstance(value, str) else None
        if match is None or (match[1] == "$") == (match[3] == "%"):
            raise ValueError(allowed)
        number, percent = Decimal(match[2]), match[3] == "%"
        if not 0 < number < (percent_max if percent else AMOUNT_MAX):
            raise ValueError(allowed)
        return Level(LevelKind.PERCENT if percent else LevelKind.AMOUNT, number)

    return BeforeValidator(check)


HOLDING = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
"""The units of a time to hold, ascending."""


def _holding(value: object) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value) if isinstance(value, str) else None
    if match and timedelta(minutes=1) <= (found := int(match[1]) * HOLDING[match[2]]) <= timedelta(days=365):
        return found
    raise ValueError('allowed is a time from one minute to 365 days, such as "90m", "4h" or "5d"')


def _tickers(value: object) -> frozenset[str]:
    allowed = 'US stocks and funds, such as ["AAPL", "NASDAQ:MSFT", "BRK.B"]'
    found = set()
    for item in _items(value, allowed):
        try:
            found.add(symbol(str(item))[1])
        except PayloadError:
            raise ValueError(f"allowed is a list of {allowed}; {item} is none") from None
    if not found:
        raise ValueError("names none: take it out to trade all, or set enabled = false to buy nothing")
    return frozenset(found)


def _cron(value: object) -> str:
    text = _text(value, 'a cron line of five fields in New York time, such as "30 9 * * 1-5"')
    fields = len(text.split())
    if fields != 5:
        raise ValueError(
            f'has {fields} fields; allowed is a cron line of five in New York time, such as "30 9 * * 1-5"'
        )
    try:
        next_fire(text, datetime(2026, 1, 1, tzinfo=UTC))
    except ValueError as error:
        never = isinstance(error.__cause__, CroniterBadDateError)
        if never:
            raise ValueError("never comes round: there is no such day; allowed is a cron line that does") from None
        raise ValueError(
            f'is no cron line ({error.__cause__ or error}); allowed is one such as "30 9 * * 1-5"'
        ) from None
    return text


def _secret(value: object) -> SecretStr:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str):
        raise ValueError("allowed is text in quotes")  # noqa: TRY004  # pydantic collects ValueError only
    if weak := weakness(value):
        raise ValueError(weak)
    return SecretStr(value)


_ARGON2ID = (
    r"\$argon2id\$v=19\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,10})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)
HASH_KIB_MAX, HASH_PASSES_MAX, HASH_LANES_MAX = 256 * 1024, 16, 16
"""Each guess costs so much: beyond it a login would take the machine's memory, or the time in which it must be answered."""


def _password_hash(value: object) -> SecretStr:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    found = re.fullmatch(_ARGON2ID, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            "is no argon2id hash; allowed is what `tradebot password` prints, which begins with $argon2id$"
        )
    memory_kib, passes, lanes = map(int, found.groups())
    if not (
        8 * lanes <= memory_kib <= HASH_KIB_MAX and 1 <= passes <= HASH_PASSES_MAX and 1 <= lanes <= HASH_LANES_MAX
    ):
        raise ValueError(
            f"asks for {memory_kib} KiB of memory (m), {passes} passes (t) and {lanes} lanes (p) at each login; allowed are at"
            f" most {HASH_KIB_MAX} KiB, {HASH_PASSES_MAX} and {HASH_LANES_MAX}, and 8 KiB a lane at least:"
            " `tradebot password` makes one"
        )
    return SecretStr(found[0])


def _bot_token(value: object) -> SecretStr:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str) or weakness(value) or not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", value):
        raise ValueError(
            'is not a bot token; allowed is what @BotFather gave you (/token shows it), digits and letters with one ":" between'
        )
    return SecretStr(value)


def _url(schemes: dict[str, str]) -> Callable[[object], SecretStr]:
    """An address whose form the scheme decides. Never repeated in the message: it may hold a password."""
    allowed = "allowed are " + " and ".join(schemes.values())

    def check(value: object) -> SecretStr:
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if not isinstance(value, str) or value != value.strip() or not value.isprintable():
            raise ValueError(allowed)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise ValueError(f"has a host or port that cannot be read; {allowed}") from None
        scheme = f"{parts.scheme}://"
        if scheme not in schemes or not value.startswith(scheme):
            raise ValueError(allowed)
        if placeholder(f"{parts.username} {parts.password}"):
            raise ValueError("holds a placeholder out of an example: put your own user and password in its place")
        if needs := _url_needs(scheme, parts.hostname, parts.path):
            raise ValueError(f"{needs}; {allowed}")
        return SecretStr(value)

    return check


def _url_needs(scheme: str, host: str | None, path: str) -> str | None:
    if scheme == "sqlite://":
        if host:
            return "names a host where the path should be: write three slashes, or four for a path from the root"
        if path.strip("/") in ("", ":memory:"):
            return "names no file"
    elif scheme == "postgresql://":
        if not path.strip("/"):
            return "names no database"
    elif scheme != "embedded://" and not host:
        return "names no host"
    return None


DATABASES = {
    "sqlite://": "sqlite:///data/tradebot.db",
    "postgresql://": "postgresql://user:password@host:5432/database",
}
QUEUES = {
    "embedded://": "embedded://",
    "redis://": "redis://[user:password@]host:6379/0",
    "rediss://": "rediss://… (TLS)",
}
SITES = {"https://": "https://…", "http://": "http://…"}


def _site(value: object) -> str:
    return _url(SITES)(value).get_secret_value().rstrip("/")


Flag = Annotated[bool, BeforeValidator(_flag)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_networks)]
Proxies = Annotated[tuple[str, ...], BeforeValidator(_proxies)]
TelegramId = Annotated[int, BeforeValidator(_telegram_id)]
TelegramIds = Annotated[tuple[int, ...], BeforeValidator(_numbers)]
Dates = Annotated[frozenset[date], BeforeValidator(_dates)]
BindAddress = Annotated[str, BeforeValidator(_bind_address)]
Host = Annotated[str, BeforeValidator(_host)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_host_names)]
Account = Annotated[str, BeforeValidator(_account)]
Window = Annotated[tuple[time, time], BeforeValidator(_window)]
TradingWindow = Annotated[tuple[time, time], BeforeValidator(_trading_window)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
Holding = Annotated[timedelta, BeforeValidator(_holding)]
Tickers = Annotated[frozenset[str], BeforeValidator(_tickers)]
Cron = Annotated[str, BeforeValidator(_cron)]
Zone = Annotated[str, BeforeValidator(_zone)]
QuietHours = Annotated[tuple[time, time], BeforeValidator(_quiet_hours)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
PasswordHash = Annotated[SecretStr, BeforeValidator(_password_hash)]
BotToken = Annotated[SecretStr, BeforeValidator(_bot_token)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_url(DATABASES))]
QueueUrl = Annotated[SecretStr, BeforeValidator(_url(QUEUES))]
SecretSite = Annotated[SecretStr, BeforeValidator(_url(SITES))]
Site = Annotated[str, BeforeValidator(_site)]
Folder = Annotated[str, BeforeValidator(lambda value: _text(value, "the path of a folder"))]
