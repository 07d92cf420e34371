"""What the road costs in money and in time, by hand."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.analytics.samples import NOON, order
from tradebot.domain.alerts import Side
from tradebot.domain.analytics.latency import Stage, latency, times, took_s
from tradebot.domain.analytics.slippage import Slip, slip_of, slippage
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, TradeStatus

SECOND = timedelta(seconds=1)


def cents(*each: str) -> Slip:
    return Slip(*map(Decimal, each))


@pytest.mark.parametrize(
    ("changes", "slip"),
    [
        pytest.param({}, cents("0.80", "0", "0.20", "0", "1000"), id="the ask moved away, and half the spread"),
        pytest.param(
            {"avg_fill_price": Decimal("100.13")}, cents("0.80", "0", "0.20", "0.30", "1000"), id="above the ask"
        ),
        pytest.param({"created_at": NOON + 60 * SECOND}, cents("0", "0.80", "0.20", "0", "1000"), id="had to wait"),
        pytest.param({"n": 2}, cents("0", "0.80", "0.20", "0", "1000"), id="sent again"),
        pytest.param(
            {"finished_at": NOON + 30 * SECOND, "avg_fill_price": Decimal("100.15")},
            cents("0.80", "0.50", "0.20", "0", "1000"),
            id="worked half a minute",
        ),
        pytest.param(
            {"side": Side.SELL, "role": OrderRole.EXIT, "avg_fill_price": Decimal("100.06")},
            cents("-0.80", "0", "0.20", "0", "1000"),
            id="a SELL gains where a BUY loses",
        ),
        pytest.param({"alert_price": None}, cents("0", "0", "0.20", "0", "1000.80"), id="no price, no signal"),
    ],
)
def test_parts_of_the_slippage(changes: dict[str, Any], slip: Slip) -> None:
    """The owner would look for what costs him in the wrong place."""
    assert slip_of(order(**changes)) == slip


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": None},
        {"quote": {"bid": "100", "ask": "100.1", "delayed": True}},
        {"quote": {"bid": None, "ask": "100.1", "delayed": False}},
        {"quote": {"bid": "101", "ask": "100.1", "delayed": False}},
        {"order_type": OrderType.LIMIT},
        {"role": OrderRole.STOP},
        {"filled_qty": Decimal(0), "avg_fill_price": None},
    ],
)
def test_what_cannot_be_measured_is_not(changes: dict[str, Any]) -> None:
    """A delayed quote, or none, would be told as slippage."""
    assert slip_of(order(**changes)) is None


prices = st.decimals(Decimal(1), Decimal(1000), places=2)


@given(prices, prices, prices, prices, st.sampled_from(Side), st.integers(0, 60), st.integers(0, 60))
def test_the_parts_add_up_to_the_whole(
    named: Decimal, bid: Decimal, spread: Decimal, filled: Decimal, side: Side, waited: int, worked: int
) -> None:
    """A part of the cost would be lost, or be counted twice."""
    slip = slip_of(
        order(
            side=side,
            alert_price=named,
            quote={"bid": str(bid), "ask": str(bid + spread), "delayed": False},
            avg_fill_price=filled,
            created_at=NOON + waited * SECOND,
            finished_at=NOON + (waited + worked) * SECOND,
        )
    )
    assert slip is not None
    assert slip.total == (1 if side is Side.BUY else -1) * (filled - named) * 10


def test_ten_orders_make_a_figure() -> None:
    """The slippage of three orders would be told as the strategy's."""
    assert slippage([order() for _ in range(9)]).bps is None
    found = slippage([*(order() for _ in range(9)), order(avg_fill_price=Decimal("101.10")), order(quote=None)])
    assert found.bps is not None
    assert (found.orders, found.without_price, found.usd) == (10, 0, 20)
    assert found.bps.total == pytest.approx(20 / 10_000 * 10_000)
    assert found.bps.total == pytest.approx(found.bps.signal + found.bps.wait + found.bps.spread + found.bps.impact)
    assert found.worst_bps == pytest.approx(110)


def test_stops_slip_beyond_their_price() -> None:
    """How far beyond its stop a falling stock was sold would be nowhere."""
    stop = order(
        side=Side.SELL,
        role=OrderRole.STOP,
        order_type=OrderType.STOP,
        stop_price=Decimal(95),
        avg_fill_price=Decimal("94.81"),
    )
    assert slippage([stop] * 9).stop_bps is None
    assert slippage([stop] * 10).stop_bps == pytest.approx(20)


def test_an_exit_without_a_quote_is_measured_as_a_whole() -> None:
    """What exits cost for which no quote was at hand would be nowhere."""
    sold = order(side=Side.SELL, role=OrderRole.EXIT, quote=None, avg_fill_price=Decimal("99.90"))
    found = slippage([*[sold] * 10, order(quote=None, alert_price=None)])
    assert (found.orders, found.unsplit, found.unsplit_bps) == (0, 11, pytest.approx(10))
    assert slippage([sold] * 9).unsplit_bps is None


def always(_: datetime) -> bool:
    return True


def test_a_service_level_counts_what_is_at_ib_within_a_second() -> None:
    """An order that took a minute would not be seen among a thousand."""
    late = order(created_at=NOON + 3 * SECOND, submitted_at=NOON + 4 * SECOND, finished_at=NOON + 9 * SECOND)
    found = latency([*(order() for _ in range(39)), late], always)
    assert (found.orders, found.in_time, found.share, found.slowest) == (40, 39, 0.975, late)
    road = found.stages[Stage.ROAD]
    assert (road.median, road.p95, road.p99, road.longest) == (0.2, 0.2, 4.0, 4.0)
    assert found.stages[Stage.FILLED].longest == pytest.approx(5.0)
    assert latency([order() for _ in range(19)], always).share is None


def test_what_waits_for_the_open_is_not_late() -> None:
    """Sixteen hours of a night would be told as the bot's own."""
    found = latency([order(), order(n=2), order(role=OrderRole.STOP)], lambda at: at < NOON)
    assert found.orders == 0


def test_a_clock_that_was_set_makes_no_time() -> None:
    """A negative latency would be shown, or pull the median down."""
    assert took_s(order(submitted_at=NOON - SECOND), Stage.ROAD) is None
    assert took_s(order(alert_time=NOON + SECOND), Stage.SENT) == 0.0  # rounded by TradingView
    assert took_s(order(alert_time=NOON - timedelta(days=1)), Stage.SENT) is None
    assert took_s(order(submitted_at=None), Stage.AT_IB) is None
    partly = replace(order(), status=TradeStatus.PARTIAL)
    assert took_s(partly, Stage.FILLED) is None


@given(st.lists(st.floats(0, 1000), min_size=20, max_size=200))
def test_percentiles_are_times_that_were_taken(seconds: list[float]) -> None:
    """A percentile would be one that no order took, or above the longest."""
    found = times(seconds)
    assert found.median is not None
    assert found.p95 is not None
    assert found.p99 is not None
    assert found.median <= found.p95 <= found.p99 <= max(seconds)
    assert {found.median, found.p95, found.p99} <= set(seconds)
