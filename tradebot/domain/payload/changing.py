"""Fields that nobody has read, and that would change what is traded: such an alert is refused. Pure.

Rules: honoured or refused, never silently something else. A value that asks for what the bot does anyway (a market order, DAY,
not a test) is none; so is an empty one. Every other unknown field is kept with the alert and ignored.

The names are those of TradersPost, SignalStack, PickMyTrade and of TradingView users' own templates; letter case, `_` and `-`
do not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType

from tradebot.domain.payload.fields import Fields, plain, read_flag
from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError

_OFF = frozenset({"false", "no", "off", "0"})
_SIZE, _ORDER, _EXIT, _TIME, _POSITION = (
    "a size of its own",
    "an order of its own",
    "a stop or a target of its own",
    "a time of its own",
    "a position of its own",
)

_NAMES: Mapping[str, tuple[str, str]] = {
    _SIZE: (
        "",
        "quantity qty shares contracts ordercontracts size ordersize amount orderamount dollaramount quantitytype qtytype"
        " riskpercent riskpercentage riskusd riskdollaramount percentofequity equitypct volumepercent currencytype",
    ),
    _ORDER: ("market mkt", "ordertype limitprice limit stopprice trailamount trailpercent trailprice"),
    _EXIT: (
        "",
        "stoploss stoplossprice stoplosspercent takeprofit takeprofitprice takeprofitpercent trailingstop sl tp dollarsl dollartp"
        " percentagesl percentagetp stoplosspct stoplossamount stoplossusd takeprofitpct takeprofitamount takeprofitusd slprice"
        " slpct slpercent slamount tpprice tppct tppercent tpamount stoppct stoppercent profittarget targetprice trailingpct"
        " trailingpercent trailingamount trailingstoppct trailingstoppercent trailpct",
    ),
    _TIME: ("day", "timeinforce tif extendedhours outsiderth cancelafter goodtill goodtilldate delay"),
    _POSITION: ("", "sentiment marketposition marketpositionsize positionsize"),
}
_MEANING = {name: meaning for meaning, (_, names) in _NAMES.items() for name in names.split()}
_NO_SWITCH = frozenset(_NAMES[_SIZE][1].split()) | frozenset(_NAMES[_POSITION][1].split())
"""A size of 0 or "off" is still a size."""
_TESTS = frozenset({"test", "testmode", "dryrun", "simulate"})
CHANGING_NAMES = tuple(sorted({*_MEANING, *_TESTS}))
"""Without letter case, `_` and `-`."""
_INSIDE = ("strategy", "strategy_info", "order")


def says_test(fields: Fields) -> bool:
    """Whether the message says that it is only a test, under any of the names in use. Raises PayloadError."""
    on = False
    for name, value in list(fields.left()):
        if plain(name) in _TESTS:
            fields.taken.add(name)
            on |= value not in (None, "") and read_flag(name if name.isprintable() else plain(name), value)
    return on


def refuse_left(fields: Fields, known: Sequence[str], title: str, *more: Fields) -> None:
    """Raises PayloadError naming the first field that asks for something, and that a message of this kind does not have."""
    for name, value in _all(fields, more):
        word = plain(name)
        meaning = _MEANING.get(word, "a test" if word in _TESTS else None)
        if meaning is None or _is_neutral(word, value):
            continue
        right = _right(word, meaning, known)
        remedy = f'Call it "{right}", or leave the field out.' if right else "Leave the field out."
        raise PayloadError(
            f"{_written(name)} is {shown(value)}: it asks for {meaning}, and {title} has no such field."
            f" Nothing was traded. {remedy}"
        )


def _all(fields: Fields, more: Sequence[Fields]) -> Iterator[tuple[str, object]]:
    for one in (fields, *more):
        yield from one.left()
    for name in _INSIDE:
        if name not in fields.taken and isinstance(inner := fields.given.get(name), dict):
            yield from inner.items()


def _written(name: str) -> str:
    return f'"{name}"' if name.isascii() and name.isprintable() and len(name) <= 60 else shown(name)


def _right(word: str, meaning: str, known: Sequence[str]) -> str | None:
    """What this dialect calls it: the same letters, else the most alike with the same meaning."""
    alike = [name for name in known if plain(name) == word]
    same = {plain(name): name for name in known if _MEANING.get(plain(name)) == meaning}
    near = get_close_matches(word.replace("pct", "percent").replace("usd", "amount"), same, 1)
    return next(iter([*alike, *(same[one] for one in near), *same.values()]), None)


def _is_neutral(word: str, value: object) -> bool:
    if not value and isinstance(value, dict | list | NoneType):
        return True
    said = str(value).strip().lower()
    meaning = _MEANING.get(word)
    as_it_does = _NAMES[meaning][0].split() if meaning else ()
    return not said or said in as_it_does or (word not in _NO_SWITCH and said in _OFF)
