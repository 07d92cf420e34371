"""`name=value` lines, or such pieces between semicolons: `action=buy; ticker=AAPL`. Pure.

Rules:
- The names are the bot's own, or those of OctoBot's alerts: SIGNAL is the action, SYMBOL the ticker, VOLUME the quantity ("2%":
  of the account), PRICE the limit of a limit order, STOP_PRICE the stop of a stop order and else the stop-loss, TAKE_PROFIT_PRICE
  the target. Either name of a thing, not both.
- Letter case, `_` and `-` of a name do not matter. All values are text.
- REDUCE_ONLY and TAG change nothing: an exit never opens anything here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from tradebot.domain.instructions import Instruction, LevelKind, Size, SizeKind
from tradebot.domain.payload.dialect import Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import TICKER, Field, Fields, missing
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import (
    ACTION,
    COMMON,
    LIMIT_PRICE,
    ORDER_TYPE_,
    PRICE_,
    QUANTITY,
    STOP_LOSS_PRICE,
    STOP_PRICE,
    TICKER_,
    common,
)
from tradebot.domain.payload.terms import AMOUNT_OR_PERCENT
from tradebot.errors import PayloadError

T = TypeVar("T")

SIGNAL = Field("signal", ACTION.kind, "BUY", about="OctoBot's name of action.")
SYMBOL = Field("symbol", TICKER, "{{ticker}}", about="OctoBot's name of ticker.")
VOLUME = Field("volume", AMOUNT_OR_PERCENT, "10", about="OctoBot's name of quantity.")

FIELDS = (replace(ACTION, required=False), replace(TICKER_, required=False), SIGNAL, SYMBOL, VOLUME, *COMMON)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    given = dict(message.fields or {})
    fields = Fields(_as_ours(given) if given.get(SIGNAL.name) else given)
    action, listed = _either(fields, ACTION, SIGNAL), _either(fields, TICKER_, SYMBOL)
    wanted = common(fields, Wanted(action=action, listed=listed, size=_volume(fields)))
    wanted = replace(wanted, unused=(*wanted.unused, *unused(fields, "reduce_only", "tag")))
    return instruction(DIALECT, message, fields, wanted)


def _as_ours(given: Mapping[str, object]) -> Mapping[str, object]:
    """OctoBot's prices under the names of what they are: which it is depends on ORDER_TYPE."""
    kind = str(given.get(ORDER_TYPE_.name) or "market").lower()
    names = {PRICE_.name: LIMIT_PRICE.name} if kind == "limit" else {}
    if kind != "stop":
        names[STOP_PRICE.name] = STOP_LOSS_PRICE.name
    for name, ours in names.items():
        if given.get(name) and given.get(ours):
            raise _both(name, ours)
    return {names.get(name, name): value for name, value in given.items() if value or name not in names}


def _either(fields: Fields, ours: Field[T], octobots: Field[T]) -> T:
    """What stands under one of two names for the same. Raises PayloadError where both are there, or neither."""
    one, other = fields.get(ours), fields.get(octobots)
    if one is not None and other is not None:
        raise _both(ours.name, octobots.name)
    found = other if one is None else one
    if found is None:
        raise missing(ours.name, ours.example)
    return found


def _volume(fields: Fields) -> Size | None:
    """OctoBot's amount: shares, or a percentage of all that the account is worth. Raises PayloadError."""
    volume = fields.get(VOLUME)
    if volume is None:
        return None
    if fields.get(QUANTITY) is not None:
        raise _both(VOLUME.name, QUANTITY.name)
    return Size(SizeKind.EQUITY_PCT if volume.kind is LevelKind.PERCENT else SizeKind.SHARES, volume.value)


def _both(one: str, other: str) -> PayloadError:
    return PayloadError(
        f'Both "{one}" and "{other}" are there, which say the same: which one is meant cannot be told. Remove one.'
    )


DIALECT = Dialect(
    name="keyvalue",
    title="a message of name=value lines",
    form=Form.KEY_VALUE,
    fields=FIELDS,
    understand=understand,
)
