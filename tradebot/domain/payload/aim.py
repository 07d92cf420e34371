"""What action, target and size of an alert come to together. Pure.

Rules: the bot is long only. A target of flat or short never opens anything: it exits all that is held, whatever the action says;
so does selling short. A sell after which the position stays long sells a part: by the sender's sizes before and after (a ratio,
for they are sizes of another account), else by the quantity. A buy out of a short position buys what is long afterwards: nothing
has to be covered here. Words that contradict each other are refused.

Source: TradersPost's documentation of `sentiment` ("the position wanted after the trade"); TradingView,
"{{strategy.market_position}}" and "{{strategy.market_position_size}}".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.instructions import PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.payload.fields import SIGNED, Field, Fields, words
from tradebot.errors import PayloadError


class Action(StrEnum):
    """What the words of all dialects come to."""

    BUY = "buy"
    ADD = "add"
    SELL = "sell"
    EXIT = "exit"
    SHORT = "sell short"
    COVER = "buy to cover"
    CANCEL = "cancel"
    REVERSE = "reverse"
    BREAKEVEN = "breakeven"


_DONE_BY_NOBODY = {
    Action.COVER: "covers a short position, and the bot is never short: there is nothing to buy back",
    Action.REVERSE: "reverses a position, and the bot is never short. To sell what is held, write exit",
    Action.BREAKEVEN: "moves a stop to the entry price, which is the strategy's to do (break_even_after)",
}

OWN_ACTIONS: Mapping[str, Action] = {
    "buy": Action.BUY,
    "sell": Action.SELL,
    "exit": Action.EXIT,
    "close": Action.EXIT,
    "flat": Action.EXIT,
    "cancel": Action.CANCEL,
}
SHORT_ACTIONS: Mapping[str, Action] = {
    "sell_short": Action.SHORT,
    "sellshort": Action.SHORT,
    "short": Action.SHORT,
    "buy_to_cover": Action.COVER,
    "buytocover": Action.COVER,
    "cover": Action.COVER,
}

SIDES: Mapping[str, Target] = {
    "long": Target.LONG,
    "bullish": Target.LONG,
    "flat": Target.FLAT,
    "short": Target.SHORT,
    "bearish": Target.SHORT,
}
SIDE = words(SIDES, "long, flat or short")

SENTIMENT = Field("sentiment", SIDE, "{{strategy.market_position}}", about="The position wanted after the trade.")
MARKET_POSITION = Field(
    "market_position", SIDE, "{{strategy.market_position}}", about="The sender's position after the trade."
)
MARKET_POSITION_SIZE = Field(
    "market_position_size",
    SIGNED,
    "{{strategy.market_position_size}}",
    about="Its size: only ratios of sizes are traded.",
)
POSITION_SIZE = Field(
    "position_size", SIGNED, "{{strategy.position_size}}", about="The same with a sign: below zero is short."
)
PREV_MARKET_POSITION = Field(
    "prev_market_position", SIDE, "{{strategy.prev_market_position}}", about="The sender's position before the trade."
)
PREV_MARKET_POSITION_SIZE = Field(
    "prev_market_position_size", SIGNED, "{{strategy.prev_market_position_size}}", about="Its size."
)
POSITION_FIELDS: tuple[Field[Target] | Field[Decimal], ...] = (
    MARKET_POSITION,
    MARKET_POSITION_SIZE,
    POSITION_SIZE,
    PREV_MARKET_POSITION,
    PREV_MARKET_POSITION_SIZE,
)


def position(*groups: Fields) -> PositionTarget | None:
    """The sender's position afterwards and before, by all that is said of it in these objects. Raises PayloadError."""
    side, size = _side_and_size(groups, (SENTIMENT, MARKET_POSITION), (MARKET_POSITION_SIZE, POSITION_SIZE))
    if side is None and size is not None:
        raise _of_which_side(MARKET_POSITION_SIZE, MARKET_POSITION)
    previous, previous_size = _side_and_size(groups, (PREV_MARKET_POSITION,), (PREV_MARKET_POSITION_SIZE,))
    return None if side is None else PositionTarget(side, size, previous, previous_size)


def _side_and_size(
    groups: Sequence[Fields], directions: Sequence[Field[Target]], sizes: Sequence[Field[Decimal]]
) -> tuple[Target | None, Decimal | None]:
    """Of which side, and how large, above zero. A size alone says the side where it is 0, or has a sign; TradingView's
    `market_position_size` has none: it is above zero for short positions too."""
    said: dict[str, Target] = {}
    given: dict[str, Decimal] = {}
    for group in groups:
        for direction in directions:
            if (side := group.get(direction)) is not None:
                said[group.path + direction.name] = side
        for one in sizes:
            if (size := group.get(one)) is not None:
                given[group.path + one.name] = size
    absolute_of_short = Target.SHORT in said.values()
    for name, size in given.items():
        signed = name.endswith(f".{POSITION_SIZE.name}") or name == POSITION_SIZE.name
        if said or signed or size <= 0:
            said[name] = _of_size(size, short=absolute_of_short and not signed)
    amounts = {abs(size) for size in given.values()}
    if len(set(said.values())) > 1 or len(amounts) > 1:
        listed = ", ".join(f'"{name}" {given.get(name, side)}' for name, side in said.items())
        raise PayloadError(
            f"The message wants two positions at once: {listed}. Nothing was traded. Leave one of them out."
        )
    return next(iter(said.values()), None), next((amount for amount in amounts if amount), None)


def _of_size(size: Decimal, *, short: bool) -> Target:
    if size == 0:
        return Target.FLAT
    return Target.SHORT if size < 0 or short else Target.LONG


def aim(
    action: Action, target: PositionTarget | None, size: Size | None
) -> tuple[Verb, PositionTarget | None, Size | None]:
    """What to do, for which target, and how much: no size means all that is held, or the strategy's own. Raises PayloadError."""
    if action in _DONE_BY_NOBODY:
        raise PayloadError(f'The alert says "{action}": that {_DONE_BY_NOBODY[action]}. Nothing was traded.')
    if action is Action.CANCEL:
        return Verb.CANCEL, None, None
    if action is Action.SHORT:
        if target is not None and target.side is not Target.SHORT:
            raise _contradiction(action, target)
        return Verb.EXIT, target or PositionTarget(Target.SHORT), None
    if target is not None and target.side is not Target.LONG:
        return Verb.EXIT, target, None
    if action in (Action.BUY, Action.ADD):
        if target is not None and target.reduces:
            raise _contradiction(action, target)
        if target is not None and target.previous is None and target.previous_size is not None:
            raise _of_which_side(PREV_MARKET_POSITION_SIZE, PREV_MARKET_POSITION)
        return Verb(action.value), target, _long_part(action, target, size)
    return Verb.EXIT, *_sold(action, target, size)


def _long_part(action: Action, target: PositionTarget | None, size: Size | None) -> Size | None:
    """The size without what covers the sender's short position: there is none here. Raises PayloadError."""
    if size is None or size.kind is not SizeKind.SHARES or target is None or target.previous is not Target.SHORT:
        return size
    part = target.size
    if part is None and target.previous_size is not None:
        part = size.value - target.previous_size
    if part is None:
        raise PayloadError(
            "The alert buys out of a short position, and does not say how much of its quantity covers it: the bot is never short."
            " Nothing was traded. Send the sizes before and after (market_position_size, prev_market_position_size)."
        )
    if not 0 < part <= size.value:
        raise _contradiction(action, target)
    return Size(SizeKind.SHARES, part)


def _sold(
    action: Action, target: PositionTarget | None, size: Size | None
) -> tuple[PositionTarget | None, Size | None]:
    if target is None:
        return None, size
    if target.previous is None and target.previous_size is not None:
        target = replace(target, previous=Target.LONG)  # what a sell leaves long was long before
    if target.reduces:
        return target, None
    if target.previous not in (None, Target.LONG) or (target.size is not None and target.previous_size is not None):
        raise _contradiction(action, target)
    if size is None:
        raise PayloadError(
            f'The alert says "{action}", and that the position stays long: it does not say how much is sold. Nothing was traded.'
            " Send the sizes before and after (market_position_size, prev_market_position_size) or a quantity; to sell"
            ' everything, leave the position out or write "flat".'
        )
    return target, size


def _of_which_side(size: Field[Decimal], side: Field[Target]) -> PayloadError:
    return PayloadError(
        f'"{size.name}" does not say of which side the position is: it has no sign. Nothing was traded. Write'
        f' "{side.name}": "{side.example}" too, or leave the size out.'
    )


def _contradiction(action: Action, target: PositionTarget) -> PayloadError:
    before = "" if target.previous is None else f", after {_named(target.previous, target.previous_size)}"
    return PayloadError(
        f'The alert contradicts itself: it says "{action}", and that the position is then {_named(target.side, target.size)}'
        f"{before}. Nothing was traded. Correct the alert's message."
    )


def _named(side: Target, size: Decimal | None) -> str:
    return side.value if size is None else f"{side} {size:f}"
