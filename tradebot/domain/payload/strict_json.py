"""Strict JSON: one object, read the same way by everybody. Pure.

Rules:
- Depth at most 5, no key twice, no NaN, no Infinity, no number beyond all measure. The time taken is linear in the size; the size
  itself is limited by its reader.
- Whole numbers stay whole, all others become Decimal: nothing passes through a binary float.
- Errors never quote values, which may be the secret.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from tradebot.domain.payload.shown import shown
from tradebot.errors import PayloadError

EXAMPLE = (
    '{"secret": "…", "action": "{{strategy.order.action}}", "ticker": "{{ticker}}",'
    ' "price": "{{close}}", "time": "{{timenow}}"}'
)

DEPTH_MAX = 5
_NUMBER_CHARS_MAX = 30
_EXPONENT_MAX = 20
_STRUCTURE = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def parse_object(text: str) -> Mapping[str, object]:
    """The object's fields. Raises PayloadError."""
    _refuse_depth(text)
    try:
        fields = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_decimal, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        _refuse_other_quotes(text)
        raise PayloadError(
            f"The message is not JSON: {error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}. "
            f'A placeholder that can be empty must stand in quotes: "price": "{{{{close}}}}". A whole message: {EXAMPLE}'
        ) from None
    if not isinstance(fields, dict):
        raise PayloadError(f"The message must be one JSON object in braces, like this: {EXAMPLE}")
    return fields


def _refuse_depth(text: str) -> None:
    """Counts brackets outside strings, so that the recursive decoder never sees a deep message."""
    depth, in_string = 0, False
    for match in _STRUCTURE.finditer(text):
        sign = match[0]
        if sign == '"':
            in_string = not in_string
        elif in_string or sign.startswith("\\"):
            continue
        elif sign in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise PayloadError(
                    f"The message is nested deeper than {DEPTH_MAX} levels. A flat object is enough: {EXAMPLE}"
                )
        else:
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise PayloadError(
            f"The message has the field {shown(twice)} twice: which one is meant cannot be told. Remove one."
        )
    return fields


def _refuse_other_quotes(text: str) -> None:
    """For text that is not JSON: names the quotes of word processors and of Python, which look right to a person."""
    if re.search("[\u201c\u201d\u201e\u201f]", text):
        raise PayloadError(
            f"The message has curly quotes, as word processors write them: JSON needs straight ones. Type them anew: {EXAMPLE}"
        )
    if re.match(r"\s*\{\s*['\u2018\u2019]", text):
        raise PayloadError(f"The message has single quotes: JSON needs double ones. Write it like this: {EXAMPLE}")


def _constant(name: str) -> object:
    raise PayloadError(
        f"The message contains {name}, which is no number. Put placeholders that can be empty into quotes."
    )


def _integer(digits: str) -> int:
    if len(digits) > _NUMBER_CHARS_MAX:
        raise PayloadError(f"The message contains a number of {len(digits)} digits. Write long numbers in quotes.")
    return int(digits)


def _decimal(number: str) -> Decimal:
    exponent = re.split("[eE]", number)[-1] if "e" in number.lower() else "0"
    if len(number) > _NUMBER_CHARS_MAX or abs(int(exponent)) > _EXPONENT_MAX:
        raise PayloadError(
            "The message contains a number beyond all measure. Write it in quotes if it is not meant for trading."
        )
    return Decimal(number)
