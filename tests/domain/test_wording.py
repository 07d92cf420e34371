"""How figures are said."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.domain.test_orders import a_trade
from tradebot.domain import wording
from tradebot.domain.alerts import Side
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.trades import TradeStatus

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


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
    assert wording.usd(Decimal(amount)) == said


def test_unknown_dollars() -> None:
    """What is not known would be shown as zero."""
    assert wording.usd(None) == "unknown"


@pytest.mark.parametrize(
    ("amount", "said"), [("12.3", "+$12.30"), ("-12.3", "−$12.30"), ("0", "+$0.00"), ("-0.001", "+$0.00")]
)
def test_gains_and_losses(amount: str, said: str) -> None:
    """A gain could be read as a loss."""
    assert wording.signed_usd(Decimal(amount)) == said


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
    assert wording.price(Decimal(amount)) == said


@pytest.mark.parametrize(
    ("qty", "said"), [("10", "10"), ("1E+1", "10"), ("0.2542", "0.2542"), ("5.000", "5"), ("0", "0")]
)
def test_shares(qty: str, said: str) -> None:
    """A quantity would be shown as 1E+1."""
    assert wording.shares(Decimal(qty)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.42, "0.42 s"), (12.2, "12 s"), (59.7, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3600, "1 h")],
)
def test_durations(value: float, said: str) -> None:
    """A wait would be told in a form nobody reads."""
    assert wording.seconds(value) == said


def test_new_york_time() -> None:
    """The open would be told in another zone than the exchange's."""
    assert wording.new_york(datetime(2026, 11, 23, 14, 30, tzinfo=UTC)) == "Mon 23 Nov 09:30 New York"


def test_a_buy() -> None:
    """The message of a fill would lack quantity, price, cost or commission."""
    trade = a_trade(
        TradeStatus.FILLED, filled_qty=Decimal(10), avg_fill_price=Decimal("187.3215"), commission=Decimal("1.00")
    )
    said = wording.fill(trade, (), commission_known=True, took_s=0.87)
    assert said == "Bought 10 AAPL at $187.3215 = $1,873.22, commission $1.00, 0.87 s after the alert."


def test_a_partial_sell() -> None:
    """The P&L of an exit would be that of other lots, or its missing part go unsaid."""
    trade = a_trade(
        TradeStatus.PARTIAL, side=Side.SELL, filled_qty=Decimal(4), avg_fill_price=Decimal(90), commission=Decimal(0)
    )
    trade = replace(trade, id=7)
    lot = Lot(
        ticker="AAPL",
        con_id=265598,
        qty=Decimal(4),
        entry_price=Decimal(100),
        entry_time=NOON,
        status=LotStatus.CLOSED,
        exit_price=Decimal(90),
        exit_time=NOON,
        pnl=Decimal("-41.5"),
        commission=Decimal("1.5"),
        opening_trade_id=1,
        closing_trade_id=7,
    )
    others = replace(lot, closing_trade_id=8, pnl=Decimal(1000))
    said = wording.fill(trade, (lot, others), commission_known=False, took_s=65)
    assert said == (
        "Sold 4 of 10 AAPL at $90.00 = $360.00, P&L −$41.50, commission not reported yet, 1 min 5 s after the alert."
    )
