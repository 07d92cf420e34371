"""The JSON that programs read."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tradebot.cli.as_json import plain
from tradebot.domain.alerts import Side
from tradebot.domain.reasons import Reason, ReasonCode


@dataclass(frozen=True)
class Record:
    """With one of what records have."""

    amount: Decimal
    side: Side
    at: datetime | None


NOON_IN_BERLIN = datetime(2026, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("187.30"), "187.30"),
        (NOON_IN_BERLIN, "2026-07-01T12:00:00.000005+00:00"),
        (date(2026, 7, 1), "2026-07-01"),
        (b"\xffx", "\ufffdx"),
        ({Side.BUY: (1, True, None)}, {"BUY": [1, True, None]}),
        (Record(Decimal("2.50"), Side.SELL, None), {"amount": "2.50", "side": "SELL", "at": None}),
        (
            Reason(ReasonCode.PARTLY_FILLED, {"filled": Decimal(3), "requested": Decimal(5)}),
            {"code": "partly_filled", "facts": {"filled": "3", "requested": "5"}, "text": "3 of 5"},
        ),
    ],
)
def test_a_value_is_exact(value: object, written: object) -> None:
    """A program reads a rounded amount, a time of some other place, or a number that its parser cannot hold."""
    assert plain(value) == written
