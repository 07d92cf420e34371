"""Translation of single values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ib_async
import pytest

from tradebot.broker.codes import order_error_kind
from tradebot.broker.translate import decimal, gateway_zone, number, open_order, order_state
from tradebot.domain.brokerage import ErrorKind, OrderState

NOW = datetime(2025, 4, 15, 18, 38, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (201.94, "201.94"),
        (100.0, "100"),
        (0.0001, "0.0001"),
        (-3.5, "-3.5"),
        (1.7976931348623157e308, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_floats_become_what_was_meant(value: float | None, expected: str | None) -> None:
    """Broken: prices would carry binary dust, and "not set" would be a number."""
    assert str(decimal(value)) == str(expected)


def test_empty_and_odd_account_values_are_unknown() -> None:
    """Broken: an empty value would be zero cash, or end the connection."""
    assert number("") is None
    assert number("n/a") is None
    assert number("1000.50") == Decimal("1000.5")


@pytest.mark.parametrize(
    ("greeting", "hours"),
    [
        ("20250415 19:38:30 British Summer Time", 1),
        ("20250415 14:38:30 US/Eastern", -4),
        ("20250416 00:08:30 India Standard Time", 5.5),
        ("20250415 18:38:30 GMT", 0),
        ("", 0),
        ("20240101 00:00:00 Nowhere", 0),
    ],
)
def test_the_gateways_zone_by_name_or_clock(greeting: str, hours: float) -> None:
    """Broken: times without a zone would be hours off; the gateway names zones as Java does."""
    assert gateway_zone(greeting, NOW).utcoffset(NOW.replace(tzinfo=None)) == timedelta(hours=hours)


def test_an_open_order_names_its_group_and_its_parent() -> None:
    """A stop and a target of the same shares would count twice among the working sells."""
    contract = ib_async.Contract(secType="STK", conId=265598, symbol="AAPL")
    order = ib_async.Order(action="SELL", totalQuantity=5, clientId=3, ocaGroup="exit", parentId=17)
    shown = open_order(contract, order, ib_async.OrderState(status="PreSubmitted"))
    assert shown is not None
    assert (shown.client_id, shown.oca_group, shown.parent_id) == (3, "exit", 17)


def test_an_unknown_status_ends_nothing() -> None:
    """Broken: a new word of IB's would end an order that lives."""
    assert order_state("SomethingNew") is OrderState.WORKING


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (ErrorKind.REJECTED, (200, 201, 203, 321, 460, 10242, 10243, 10245, 10246, 10318)),
        (ErrorKind.CANCELLED, (202,)),
        (ErrorKind.CANCEL_REFUSED, (135, 161, 10147, 10148)),
        (ErrorKind.NOTICE, (399, 10349, 2109)),
        (ErrorKind.HELD, (404,)),
        (ErrorKind.UNCERTAIN, (103, 110, 0, 9999)),
    ],
)
def test_what_each_code_asks_for(kind: ErrorKind, codes: tuple[int, ...]) -> None:
    """Broken: a live order would be booked as dead, or a dead one waited for."""
    assert {order_error_kind(code, "") for code in codes} == {kind}
