"""Sizes: each kind with its rounding, what limits leave of it, exits by shares, percent and ratio; never more than was asked."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.instructions import (
    Exits,
    Instruction,
    Level,
    LevelKind,
    PositionTarget,
    Size,
    SizeKind,
    Target,
    Verb,
)
from tradebot.domain.refusals import Figure
from tradebot.domain.sizing import Room, Sized, entry, entry_size, exit_size, order_cost, stop_price
from tradebot.domain.strategies import Sizing, Strategy

D = Decimal
K = SizeKind
PRICES = st.decimals("0.01", "5000", places=2)
AMOUNTS = st.decimals("0", "200000", places=2)


def sized(size: Size, ask: Decimal | int = 100, **known: object) -> Sized:
    found = entry(size, Decimal(ask), fractional=bool(known.pop("fractional", False)), **known)  # type: ignore[arg-type]
    assert isinstance(found, Sized)
    return found


@pytest.mark.parametrize(
    ("size", "qty"),
    [
        (Size(K.SHARES, D("7.99")), 7),
        (Size(K.SHARES, D("0.5")), 0),
        (Size(K.USD, D("999.99")), 9),
        (Size(K.EQUITY_PCT, D("1.5")), 30),
        (Size(K.RISK_USD, D(100)), 20),
        (Size(K.RISK_PCT, D("0.5")), 200),
        (Size(K.POSITION_PCT, D(50)), 3),
    ],
)
def test_each_kind_comes_to_whole_shares(size: Size, qty: int) -> None:
    """A BUY would be for another number of shares than its size comes to."""
    assert sized(size, equity=D(200_000), stop=D(95), held=D(7)).qty == qty


def test_fractions_keep_four_decimals() -> None:
    """IB refuses more digits, and a fifth one would round up to what the amount does not pay."""
    assert sized(Size(K.USD, D(100)), D(300), fractional=True).qty == D("0.3333")


@pytest.mark.parametrize(
    ("size", "figure"),
    [
        (Size(K.EQUITY_PCT, D(1)), Figure.EQUITY),
        (Size(K.RISK_PCT, D(1)), Figure.EQUITY),
        (Size(K.RISK_USD, D(1)), Figure.STOP),
    ],
)
@pytest.mark.parametrize("unknown", [None, D("NaN"), D(0)])
def test_what_is_not_known_gives_no_size(size: Size, figure: Figure, unknown: Decimal | None) -> None:
    """A size would be made of a figure that IB has not reported."""
    assert entry(size, D(100), fractional=False, equity=unknown, stop=unknown) is figure


@pytest.mark.parametrize("stop", [D(100), D(101)])
def test_a_stop_that_is_not_below_the_entry_risks_no_known_amount(stop: Decimal) -> None:
    """A division by nothing, or a huge order."""
    assert sized(Size(K.RISK_USD, D(100)), stop=stop).qty == 0


@pytest.mark.parametrize(
    ("level", "price"),
    [
        (Level(LevelKind.PRICE, D(90)), D(90)),
        (Level(LevelKind.PERCENT, D(5)), D(190)),
        (Level(LevelKind.AMOUNT, D("2.5")), D("197.5")),
    ],
)
def test_where_the_loss_ends(level: Level, price: Decimal) -> None:
    """The risk would be computed from another stop than the one that was given."""
    assert stop_price(Exits(stop_loss=level), D(200)) == stop_price(Exits(trailing=level), D(200)) == price
    assert stop_price(Exits(), D(200)) is None


SAID = Instruction("own", Verb.BUY, "AAPL", size=Size(K.SHARES, D(7)))
SILENT = Instruction("own", Verb.BUY, "AAPL")


@pytest.mark.parametrize(
    ("instruction", "strategy", "found"),
    [
        (SAID, Strategy(name="a", sizing=Sizing.ALERT), SAID.size),
        (SILENT, Strategy(name="a", sizing=Sizing.ALERT), Figure.ALERT_SIZE),
        (None, Strategy(name="a", sizing=Sizing.ALERT), Figure.ALERT_SIZE),
        (SAID, Strategy(name="a"), Figure.SIZE_NOT_USED),
        (None, Strategy(name="a"), Size(K.USD, D(500))),
        (SILENT, Strategy(name="a", sizing=Sizing.RISK_PCT, size=D(1)), Size(K.RISK_PCT, D(1))),
        (SILENT, Strategy(name="a", sizing=Sizing.SHARES), Figure.SIZE),
    ],
)
def test_whose_size_counts(instruction: Instruction | None, strategy: Strategy, found: Size | Figure | None) -> None:
    """An alert's size would be dropped silently, or stand in for the owner's."""
    assert entry_size(instruction, strategy, D(500)) == found


def test_the_limit_that_admits_least_is_named() -> None:
    """The owner would raise the wrong limit."""
    rooms = [Room("a", D(3_000)), Room("b", D(1_000), of_cost=False, strategy="ema"), Room("c", D(2_000))]
    found = sized(Size(K.SHARES, D(40)), rooms=rooms)
    assert (found.asked, found.qty, found.lowered_by) == (40, 10, rooms[1])
    assert found.facts["lowered_by"] == "b"
    assert found.facts["strategy"] == "ema"
    assert sized(Size(K.SHARES, D(10)), rooms=rooms).lowered_by is None


@given(AMOUNTS, PRICES, st.booleans())
def test_a_room_admits_the_most_that_fits_and_no_share_more(usd: Decimal, ask: Decimal, fractional: bool) -> None:
    """An order would pass a limit by a commission, or stay a share below it."""
    step = D("0.0001") if fractional else D(1)
    by_cost, by_value = Room("a", usd).most(ask, fractional), Room("b", usd, of_cost=False).most(ask, fractional)
    assert by_cost == 0 or order_cost(by_cost, ask) <= usd
    assert order_cost(by_cost + step, ask) > usd
    assert by_value * ask <= usd < (by_value + step) * ask


@given(st.sampled_from(list(SizeKind)), st.decimals("0.01", "5000", places=2), PRICES, st.lists(AMOUNTS, max_size=3))
def test_no_entry_is_larger_than_asked_or_than_any_room(
    kind: SizeKind, value: Decimal, ask: Decimal, rooms: list[Decimal]
) -> None:
    """A size would buy beyond what was asked for, or beyond a limit."""
    given_rooms = [Room(str(number), usd) for number, usd in enumerate(rooms)]
    stop = ask * D("0.95")
    found = sized(Size(kind, value), ask, equity=D(100_000), held=D(10), stop=stop, rooms=given_rooms)
    assert 0 <= found.qty <= found.asked
    assert found.qty == int(found.qty)
    assert all(found.qty == 0 or order_cost(found.qty, ask) <= room.usd for room in given_rooms)
    assert (found.lowered_by is None) == (found.qty == found.asked)


def an_exit(**wanted: object) -> Instruction:
    return Instruction("own", Verb.EXIT, "AAPL", **wanted)  # type: ignore[arg-type]


def reduced(before: str, after: str, **wanted: object) -> Instruction:
    return an_exit(target=PositionTarget(Target.LONG, D(after), Target.LONG, D(before)), **wanted)


@pytest.mark.parametrize(
    ("instruction", "held", "sold"),
    [
        (an_exit(size=Size(K.SHARES, D(2))), 6, 2),
        (an_exit(size=Size(K.SHARES, D(9))), 6, 6),
        (an_exit(size=Size(K.POSITION_PCT, D("33.4"))), 6, 2),
        (an_exit(size=Size(K.POSITION_PCT, D(10))), 6, 0),
        (reduced("100", "50"), 6, 3),
        (reduced("3", "2"), 6, 2),  # a third, of which a rounded ratio loses a share
        (reduced("150", "100"), 6, 2),
        (reduced("100", "99"), 6, 0),
        (an_exit(target=PositionTarget(Target.LONG), size=Size(K.SHARES, D(2))), 6, 2),
    ],
)
def test_a_part_of_what_is_held(instruction: Instruction, held: int, sold: int) -> None:
    """A partial exit would sell another part than it asks for."""
    found = exit_size(instruction, D(held), fractional=False)
    assert found is not None
    assert found.qty == sold
    assert found.base == held


@pytest.mark.parametrize(
    "instruction",
    [
        None,
        an_exit(),
        an_exit(target=PositionTarget(Target.FLAT), size=Size(K.SHARES, D(2))),
        an_exit(target=PositionTarget(Target.SHORT)),
    ],
)
def test_all_that_is_held(instruction: Instruction | None) -> None:
    """An exit of everything would leave a part."""
    assert exit_size(instruction, D(6), fractional=False) is None


@pytest.mark.parametrize(
    "instruction",
    [
        an_exit(target=PositionTarget(Target.LONG)),
        an_exit(target=PositionTarget(Target.LONG, D(50))),
        an_exit(size=Size(K.USD, D(500))),
        an_exit(target=PositionTarget(Target.LONG, D(150), Target.LONG, D(100)), size=Size(K.SHARES, D(2))),
    ],
)
def test_a_part_and_not_which(instruction: Instruction) -> None:
    """Everything would be sold on a guess."""
    with pytest.raises(ValueError, match="which"):
        exit_size(instruction, D(6), fractional=False)


@given(st.integers(1, 10_000), st.integers(1, 100_000), st.integers(0, 100_000))
def test_a_ratio_never_sells_more_than_its_part(held: int, before: int, after: int) -> None:
    """The sender keeps a part of its position, and the bot would keep less of its own."""
    if after >= before or after == 0:
        return
    found = exit_size(reduced(str(before), str(after)), D(held), fractional=False)
    assert found is not None
    assert found.qty * before <= held * (before - after) < (found.qty + 1) * before
