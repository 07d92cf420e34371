"""What may lie behind a difference between the books and IB."""

from decimal import Decimal

import pytest

from tradebot.domain.positions import Position
from tradebot.words.account_events import likely_cause


@pytest.mark.parametrize(
    ("booked", "at_ib", "cause"),
    [
        (5, 0, "Did you sell or transfer them yourself?"),
        (5, 3, "Did you sell 2 of them yourself?"),
        (50, 5, "Was there a reverse split, 1 for 10?"),
        (5, 20, "Was there a split, 4 for 1?"),
        (5, -5, "Did you sell short yourself?"),
    ],
)
def test_the_likely_cause(booked: int, at_ib: int, cause: str) -> None:
    """Broken, the owner is sent looking in the wrong direction."""
    assert likely_cause(Position("AAPL", 1, Decimal(booked), Decimal(at_ib))) == cause
