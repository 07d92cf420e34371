"""The configuration in force as people may see it: every key with its value, and of a secret only whether it is set."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum

from pydantic import SecretStr

from tradebot.config.channels import CHANNELS
from tradebot.config.secrets import describe_url
from tradebot.config.settings import WEBHOOK_SECRET_FILE, Settings, keys
from tradebot.config.strategies import SECTION
from tradebot.config.values import HOLDING
from tradebot.domain.terms import Level, LevelKind, plain

Shown = Mapping[str, Sequence[tuple[str, str]]]
"""By section, each key with its value, in the order of the file."""
_UNSET = "not set"
_ADDRESSES = (("database", "url"), ("queue", "url"))
"""Of which all but the password may be seen; other addresses are secret as a whole."""


def shown(settings: Settings) -> Shown:
    found: dict[str, list[tuple[str, str]]] = {}
    for key in keys(settings.strategy_sections, settings.channel_sections):
        *section, name = key.path
        value: object = settings
        for step in key.path:
            value = _within(value, step)
        found.setdefault(".".join(section), []).append((name, _secret(key.path, value) if key.secret else _text(value)))
    return found


def _within(holder: object, step: str) -> object:
    if isinstance(holder, Settings) and step in (SECTION, CHANNELS):
        return holder.strategy_sections if step == SECTION else holder.channel_sections
    if isinstance(holder, Mapping):
        return holder[step]
    return getattr(holder, step)


def _secret(path: tuple[str, ...], value: object) -> str:
    if path == ("webhook", "secret") and value is None:
        return f"generated, in {WEBHOOK_SECRET_FILE}"
    if not isinstance(value, SecretStr):
        return _UNSET if not value else "set"
    return describe_url(value.get_secret_value()) if path in _ADDRESSES else "set"


def _text(value: object) -> str:
    """As it stands in the file."""
    match value:
        case None | "":
            text = _UNSET
        case bool():
            text = "true" if value else "false"
        case Enum():
            text = str(value.value)
        case time():
            text = f"{value:%H:%M}"
        case Level():
            text = f"{plain(value.value)}%" if value.kind is LevelKind.PERCENT else f"${plain(value.value)}"
        case timedelta():
            unit = next(unit for unit, one in reversed(HOLDING.items()) if not value % one)
            text = f"{value // HOLDING[unit]}{unit}"
        case (time() as begin, time() as end):
            text = f"{_text(begin)}-{_text(end)}"
        case Decimal():
            text = f"{value:f}"
        case Iterable() if not isinstance(value, str):
            text = ", ".join(map(_text, sorted(value, key=str) if isinstance(value, frozenset) else value)) or "none"
        case _:
            text = str(value)
    return text
