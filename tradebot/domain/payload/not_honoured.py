"""Fields that would change what is traded, and that the bot does not honour: such an alert is refused. Pure.

Rules: honoured or refused, never silently something else. A value that asks for what the bot does anyway (a market order, DAY,
not a test) is none; so is an empty one. Every other unknown field is kept with the alert and ignored.

The names are those of TradersPost, SignalStack, PickMyTrade and of TradingView users' own templates; letter case, `_` and `-`
do not matter.
"""

import re
from collections.abc import Iterator, Mapping
from types import NoneType

from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError

_OFF = frozenset({"false", "no", "off", "0"})
_SIZE = (
    "asks for a size of its own, which is not honoured yet: a BUY spends the bot's own amount (/set_amount), a SELL sells all"
    " that the bot holds"
)
_ORDER = "asks for another order than a market order, which is not honoured yet"
_EXIT = "asks for a stop or a target, which is not honoured yet: the position would be unprotected"
_TIME = "asks for another time than at once and within the day's regular session, which is not honoured yet"
_TEST = "says that this is only a test"

_NAMES: Mapping[str, tuple[str, str]] = {
    _SIZE: (
        "",
        "quantity qty shares contracts ordercontracts size ordersize amount orderamount dollaramount quantitytype qtytype"
        " riskpercent riskpercentage riskusd riskdollaramount percentofequity equitypct",
    ),
    _ORDER: ("market mkt", "ordertype limitprice limit stopprice trailamount trailpercent trailprice"),
    _EXIT: (
        "",
        "stoploss stoplossprice stoplosspercent takeprofit takeprofitprice takeprofitpercent trailingstop sl tp dollarsl dollartp"
        " percentagesl percentagetp",
    ),
    _TIME: ("day", "timeinforce tif extendedhours outsiderth cancelafter goodtill goodtilldate delay"),
    _TEST: ("", "test testmode dryrun simulate"),
}
_MEANING = {name: meaning for meaning, (_, names) in _NAMES.items() for name in names.split()}
_NO_SWITCH = frozenset(_NAMES[_SIZE][1].split())  # a size of 0 or "off" is still a size
_INSIDE = ("strategy", "order")


def refuse_not_honoured(fields: Mapping[str, object]) -> None:
    """Raises PayloadError naming the first field that asks for something else than the bot does."""
    for name, value in _all(fields):
        plain = re.sub("[^a-z]", "", name.lower())
        meaning = _MEANING.get(plain)
        if meaning is None or _is_neutral(plain, value, _NAMES[meaning][0].split()):
            continue
        raise PayloadError(f'"{name}" is {shown(value)}: it {meaning}. Nothing was traded. Leave the field out.')


def _all(fields: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    yield from fields.items()
    for name in _INSIDE:
        if isinstance(inner := fields.get(name), dict):
            yield from inner.items()


def _is_neutral(name: str, value: object, as_it_does: list[str]) -> bool:
    if not value and isinstance(value, dict | list | NoneType):
        return True
    word = str(value).strip().lower()
    return not word or word in as_it_does or (name not in _NO_SWITCH and word in _OFF)
