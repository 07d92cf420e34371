"""Every move of a sender's position, told with every choice of the fields that say it, against what it comes to for a bot that is
long only."""

import json
from collections.abc import Mapping
from decimal import Decimal
from itertools import combinations, permutations

import pytest

from tradebot.domain.alerts import Side
from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.dialects import read_message, understand
from tradebot.domain.sizing import exit_size
from tradebot.errors import PayloadError

POSITIONS = (-20, -10, -5, 0, 5, 10, 20)
AFTER = {"market_position", "market_position_size", "position_size"}
BEFORE = {"prev_market_position", "prev_market_position_size"}
MOVES = list(permutations(POSITIONS, 2))


def side(position: int) -> str:
    return "long" if position > 0 else "short" if position < 0 else "flat"


def told(before: int, after: int) -> Mapping[str, object]:
    """As TradingView fills its placeholders in: sizes have no sign, but for `position_size`."""
    return {
        "market_position": side(after),
        "market_position_size": abs(after),
        "position_size": after,
        "prev_market_position": side(before),
        "prev_market_position_size": abs(before),
        "quantity": abs(after - before),
    }


def understood(fields: Mapping[str, object], action: str) -> Instruction | None:
    body = json.dumps({"action": action, "ticker": "AAPL", **fields}).encode()
    try:
        return understand(read_message(body)).instruction
    except PayloadError:
        return None


@pytest.mark.parametrize(("before", "after"), MOVES, ids=str)
def test_a_position_is_never_read_as_another_one(before: int, after: int) -> None:
    """A field that is left out would be guessed: what goes short as a part of the long position, or what covers as bought."""
    long_before, long_after = max(before, 0), max(after, 0)
    fields, action = told(before, after), "buy" if after > before else "sell"
    for size in range(len(fields) + 1):
        for names in map(set, combinations(fields, size)):
            wanted = understood({name: fields[name] for name in names}, action)
            if wanted is None or not names & AFTER:
                continue
            if wanted.side is Side.BUY:
                assert after > 0, names
                bought = wanted.size.value if wanted.size and names & BEFORE else 0
                assert bought <= max(long_after - long_before, 0), names
            elif long_before:
                sized = exit_size(wanted, Decimal(long_before), fractional=False)
                assert (long_before if sized is None else sized.qty) == long_before - long_after, names


@pytest.mark.parametrize(("before", "after"), MOVES, ids=str)
def test_a_whole_template_is_always_understood(before: int, after: int) -> None:
    """A strategy that sends all that TradingView offers would have alerts refused."""
    action = "buy" if after > before else "sell"
    assert understood(told(before, after), action) is not None
