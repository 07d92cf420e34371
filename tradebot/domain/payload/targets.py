"""The position that an alert wants afterwards: TradersPost's `sentiment`, TradingView's `market_position` and their sizes. Pure.

Rules: the bot is long only. A target of flat or short never opens anything: it exits what is held, whatever the action says. A
target that stays long after a sell is a partial exit, which a SELL of everything is not: refused. Two targets that contradict
each other are refused. The same fields one level down, under `strategy` or `strategy_info`, count too.

Source: TradersPost's documentation of `sentiment` ("the position wanted after the trade"); TradingView,
"{{strategy.market_position}}" and "{{strategy.market_position_size}}".
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.payload.placeholders import refuse_placeholder
from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError


class Target(StrEnum):
    """The position wanted after the trade."""

    LONG = "long"
    FLAT = "flat"
    SHORT = "short"


_WORDS = {
    "long": Target.LONG,
    "bullish": Target.LONG,
    "flat": Target.FLAT,
    "short": Target.SHORT,
    "bearish": Target.SHORT,
}
_DIRECTIONS = frozenset({"sentiment", "marketposition"})
_SIZES = frozenset({"marketpositionsize", "positionsize"})
_INSIDE = ("strategy", "strategy_info")
_NUMBER = re.compile(r"[+-]?([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12})")


def aim(fields: Mapping[str, object], action: Side) -> tuple[Side, Target | None]:
    """The side that the action and the target come to, and the target. Raises PayloadError."""
    found = dict(_targets(fields))
    targets = set(found.values())
    if len(targets) > 1:
        raise PayloadError(
            f"The message wants two positions at once: {_listed(found)}. Nothing was traded. Leave one of them out."
        )
    target = targets.pop() if targets else None
    if target is Target.LONG and action is Side.SELL:
        raise PayloadError(
            f'"action" is sell, and {_listed(found)} says that a part stays held: partial exits are not traded, and a SELL'
            ' sells everything. Nothing was traded. To sell everything, leave the field out or write "flat".'
        )
    return (action if target in (None, Target.LONG) else Side.SELL), target


def _targets(fields: Mapping[str, object]) -> Iterator[tuple[str, Target]]:
    inside = ((f"{name}.", value) for name in _INSIDE if isinstance(value := fields.get(name), dict))
    for path, group in (("", fields), *inside):
        for field, value in group.items():
            name, plain = path + field, re.sub("[^a-z]", "", field.lower())
            if value is None or value == "":
                continue
            if plain in _DIRECTIONS:
                yield name, _direction(name, value)
            elif plain in _SIZES and (target := _of_size(value)) is not None:
                yield name, target


def _direction(name: str, value: object) -> Target:
    if isinstance(value, str):
        refuse_placeholder(name, value)
        if (target := _WORDS.get(value.strip().lower())) is not None:
            return target
    raise PayloadError(
        f'"{name}" must be long, flat or short, but it is {shown(value)}. Write "{name}": "{{{{strategy.market_position}}}}", or'
        " leave the field out."
    )


def _of_size(value: object) -> Target | None:
    """None for what is no number: the size is only a second word about the direction."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    return Target.FLAT if value == 0 else Target.LONG if value > 0 else Target.SHORT


def _listed(found: Mapping[str, Target]) -> str:
    return ", ".join(f'"{name}" {target}' for name, target in found.items())
