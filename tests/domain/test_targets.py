"""A sender's position against the books: what is reached already, and where an alert is missing between the two."""

from decimal import Decimal

import pytest

from tradebot.domain.instructions import Instruction, PositionTarget, Target, Verb
from tradebot.domain.targets import Gap, gap, reached

D = Decimal
LONG, FLAT, SHORT = Target.LONG, Target.FLAT, Target.SHORT


def to(
    side: Target, size: int | None = None, previous: Target | None = None, before: int | None = None
) -> PositionTarget:
    return PositionTarget(side, None if size is None else D(size), previous, None if before is None else D(before))


@pytest.mark.parametrize(
    ("target", "held", "found"),
    [
        (None, 0, None),
        (to(LONG, 100), 5, None),  # it does not say what it held before
        (to(FLAT, 0, LONG, 100), 5, None),
        (to(FLAT, 0, LONG, 100), 0, Gap(D(100), D(0))),
        (to(FLAT, 0, LONG), 0, Gap(None, D(0))),
        (to(LONG, 100, FLAT, 0), 0, None),
        (to(LONG, 100, FLAT, 0), 5, Gap(D(0), D(5))),
        (to(LONG, 100, SHORT, 50), 0, None),  # the bot is never short: flat
        (to(LONG, 100, SHORT, 50), 5, Gap(D(0), D(5))),
        (to(LONG, 50, LONG, 100), 3, None),  # another number of shares is another account
    ],
)
def test_a_gap_is_a_difference_of_sides(target: PositionTarget | None, held: int, found: Gap | None) -> None:
    """A missing alert would not be noticed, or each alert of another account's size be told as one."""
    assert gap(target, D(held)) == found


@pytest.mark.parametrize(
    ("verb", "target", "held", "found"),
    [
        (Verb.BUY, None, 5, False),
        (Verb.BUY, to(LONG), 0, False),
        (Verb.BUY, to(LONG), 5, True),
        (Verb.BUY, to(LONG, 100, LONG), 5, True),
        (Verb.BUY, to(LONG, 100, LONG, 100), 0, True),  # the alert repeats: the gap is told, and nothing bought
        (Verb.BUY, to(LONG, 150, LONG, 100), 5, False),
        (Verb.BUY, to(LONG, 100, FLAT, 0), 5, False),
        (Verb.ADD, to(LONG, 100, LONG, 100), 5, False),
        (Verb.EXIT, None, 0, False),
        (Verb.EXIT, to(FLAT), 0, True),
        (Verb.EXIT, to(SHORT), 0, True),
        (Verb.EXIT, to(FLAT, 0, FLAT, 0), 5, False),  # the books hold some after all
        (Verb.EXIT, to(LONG, 50, LONG, 100), 5, False),
        (Verb.EXIT, to(LONG, 100, LONG, 100), 5, True),
    ],
)
def test_what_is_reached_is_not_traded(verb: Verb, target: PositionTarget | None, held: int, found: bool) -> None:
    """A repeated target would trade again, or a new one not at all."""
    assert reached(Instruction("own", verb, "AAPL", target=target), D(held)) is found


def test_an_alert_without_an_instruction_is_never_reached() -> None:
    """The bot's own exit would do nothing."""
    assert not reached(None, D(5))
