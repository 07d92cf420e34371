"""How figures are said."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tradebot.domain.terms import OrderType, Terms
from tradebot.words import figures


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("1234.5", "$1,234.50"),
        ("-3", "−$3.00"),
        ("0.005", "$0.01"),
        ("-0.001", "$0.00"),
        ("0", "$0.00"),
        ("1E+3", "$1,000.00"),
    ],
)
def test_dollars(amount: str, said: str) -> None:
    """Money would be shown wrong: a lost sign, a minus before nothing, an exponent."""
    assert figures.usd(Decimal(amount)) == said


def test_unknown_dollars() -> None:
    """What is not known would be shown as zero."""
    assert figures.usd(None) == "unknown"


@pytest.mark.parametrize(
    ("amount", "said"), [("12.3", "+$12.30"), ("-12.3", "−$12.30"), ("0", "+$0.00"), ("-0.001", "+$0.00")]
)
def test_gains_and_losses(amount: str, said: str) -> None:
    """A gain could be read as a loss."""
    assert figures.signed_usd(Decimal(amount)) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("187.3215", "$187.3215"),
        ("187.30", "$187.30"),
        ("200", "$200.00"),
        ("1E+2", "$100.00"),
        ("1234.56789", "$1,234.5679"),
        ("0.5", "$0.50"),
    ],
)
def test_prices(amount: str, said: str) -> None:
    """An average price would lose its digits, or a plain one gain some."""
    assert figures.price(Decimal(amount)) == said


@pytest.mark.parametrize(
    ("qty", "said"), [("10", "10"), ("1E+1", "10"), ("0.2542", "0.2542"), ("5.000", "5"), ("0", "0")]
)
def test_shares(qty: str, said: str) -> None:
    """A quantity would be shown as 1E+1."""
    assert figures.shares(Decimal(qty)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.42, "0.42 s"), (12.2, "12 s"), (59.7, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3600, "1 h")],
)
def test_durations(value: float, said: str) -> None:
    """A wait would be told in a form nobody reads."""
    assert figures.seconds(value) == said


def test_new_york_time() -> None:
    """The open would be told in another zone than the exchange's."""
    assert figures.new_york(datetime(2026, 11, 23, 14, 30, tzinfo=UTC)) == "Mon 23 Nov 09:30 New York"


def test_what_is_nothing_has_no_sign() -> None:
    """A loss of three cents would be shown as a gain of 0.0 %."""
    assert figures.percent(Decimal("-0.03"), Decimal(1000)) == "0.0 %"
    assert figures.percent(Decimal(-3), Decimal(1000)) == "−0.3 %"
    assert figures.percent(Decimal(3), Decimal(1000)) == "+0.3 %"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Terms(), ""),
        (Terms(OrderType.LIMIT, limit_price=Decimal("195.5")), "limit $195.50"),
        (Terms(OrderType.STOP, stop_price=Decimal(195)), "stop $195.00"),
        (Terms(OrderType.STOP_LIMIT, limit_price=Decimal(194), stop_price=Decimal(195)), "stop $195.00 limit $194.00"),
        (
            Terms(OrderType.TRAILING_STOP, stop_price=Decimal(98), trail_pct=Decimal("2.0")),
            "trailing stop $98.00 (2 %)",
        ),
        (Terms(OrderType.TRAILING_STOP, trail_amount=Decimal("1.5")), "trailing stop ($1.50)"),
    ],
    ids=str,
)
def test_how_an_order_works_is_said_with_its_prices(how: Terms, said: str) -> None:
    """A stop and a target of one position would read alike, or a trailing stop without how far it trails."""
    assert figures.terms(how) == said
