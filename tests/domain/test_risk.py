"""The rules of risk, through `judge`: each boundary, the order of the reasons, their words, and what is not a number."""

from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from math import inf, nan
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.limits import FixedControls, Limits
from tradebot.domain.model import TradingState
from tradebot.domain.risk import Buy, Sell, Snapshot, Verdict, commission_estimate, judge, whole_shares

D = Decimal
CENT = D("0.01")
# 10 × $100: worth $1,000, reserves $1,000 × 1.01 + $1 = $1,011.
Part = TypeVar("Part", Buy, Snapshot, Limits, FixedControls)
BUY = Buy(ticker="AAPL", qty=D(10), ask=D(100), amount_usd=D(1_050), alert_price=D(100), waited_s=1.0)
SELL = Sell(ticker="AAPL", qty=D(10))
CALM = Snapshot(
    state=TradingState.RUNNING,
    cash=D(100_000),
    reserved=D(0),
    invested=D(0),
    open_positions=0,
    ticker_positions=0,
    buys_today=0,
    realised_today=D(0),
    in_flight_value=D(0),
    since_last_buy_s=None,
    unknown_order=False,
    missing_qty=D(0),
)
LIMITS = Limits()
CONTROLS = FixedControls()


def changed(part: Part, change: Mapping[str, object]) -> Part:
    """`part` with those changes that are of its fields."""
    own: dict[str, Any] = {key: value for key, value in change.items() if key in {f.name for f in fields(part)}}
    return replace(part, **own)


def refusal(
    order: Buy | Sell = BUY, now: Snapshot = CALM, limits: Limits = LIMITS, controls: FixedControls = CONTROLS
) -> tuple[str, str] | None:
    """Name and reason of the check that refused; None when the order may leave."""
    verdict = judge(order, now, limits, controls)
    assert all(check.reason is None for check in verdict.checks[:-1])
    assert verdict.reason == verdict.checks[-1].reason
    return None if verdict.reason is None else (verdict.checks[-1].name, verdict.reason)


def refused_by(now: Snapshot = CALM, order: Buy | Sell = BUY, limits: Limits = LIMITS) -> str | None:
    found = refusal(order, now, limits)
    return found and found[0]


def test_a_buy_within_every_limit_passes_every_check() -> None:
    """Broken, a good BUY would be refused, or a check left out."""
    assert refusal() is None
    assert [check.name for check in judge(BUY, CALM, LIMITS, CONTROLS).checks] == [
        "kill switch",
        "pause",
        "unknown order",
        "mismatch",
        "alert age",
        "repeat window",
        "quote known",
        "size",
        "cash",
        "total investment",
        "open positions",
        "per ticker",
        "daily buys",
        "daily loss",
        "price collar",
        "max order value",
    ]


def test_the_first_reason_in_the_designed_order_blocks() -> None:
    """Broken, the owner would be told a lesser reason than the one that matters first."""
    limits = Limits(max_total_investment=D(1_000), min_cash_reserve=D(0))
    controls = FixedControls(max_order_value_usd=D(999))
    order = replace(BUY, ask=None, waited_s=301, alert_price=D(90), qty=None)
    now = replace(
        CALM,
        state=TradingState.KILLED,
        cash=D(0),
        open_positions=200,
        ticker_positions=5,
        buys_today=50,
        realised_today=D(-1_000),
        since_last_buy_s=1.0,
        unknown_order=True,
        missing_qty=D(3),
    )
    names = []
    mend: list[dict[str, object]] = [
        {"state": TradingState.PAUSED},
        {"state": TradingState.RUNNING},
        {"unknown_order": False},
        {"missing_qty": D(0)},
        {"waited_s": 1.0},
        {"since_last_buy_s": None},
        {"qty": D(0), "ask": D(100)},
        {"qty": D(10)},
        {"cash": D(100_000)},
        {"max_total_investment": D(50_000)},
        {"open_positions": 0},
        {"ticker_positions": 0},
        {"buys_today": 0},
        {"realised_today": D(0)},
        {"alert_price": D(100)},
        {"max_order_value_usd": D(1_000)},
    ]
    for change in mend:
        found = refusal(order, now, limits, controls)
        assert found is not None
        names.append(found[0])
        order, now, limits, controls = (
            changed(order, change), changed(now, change), changed(limits, change), changed(controls, change),
        )  # fmt: skip
    assert refusal(order, now, limits, controls) is None
    assert names == [check.name for check in judge(BUY, CALM, LIMITS, CONTROLS).checks]


@pytest.mark.parametrize("state", [TradingState.RUNNING, TradingState.PAUSED])
def test_nothing_but_the_kill_switch_stops_a_sell(state: TradingState) -> None:
    """Broken, an exit would wait for room under a limit while the loss grows."""
    worst = Snapshot(
        state=state,
        cash=None,
        reserved=D("NaN"),
        invested=D("NaN"),
        open_positions=999,
        ticker_positions=999,
        buys_today=999,
        realised_today=D(-99_999),
        in_flight_value=D("NaN"),
        since_last_buy_s=0.0,
        unknown_order=True,
        missing_qty=D(9),
    )
    assert refusal(SELL, worst) is None
    assert refused_by(replace(worst, state=TradingState.KILLED), SELL) == "kill switch"


@pytest.mark.parametrize(
    ("passes", "blocks", "name"),
    [
        # cash: cost > cash − reserve − reserved
        (replace(CALM, cash=D(2_011)), replace(CALM, cash=D(2_011) - CENT), "cash"),
        (replace(CALM, reserved=D(97_989)), replace(CALM, reserved=D(97_989) + CENT), "cash"),
        (CALM, replace(CALM, cash=None), "cash"),
        # total investment: > max
        (replace(CALM, invested=D(48_989)), replace(CALM, invested=D(48_989) + CENT), "total investment"),
        (replace(CALM, in_flight_value=D(48_989)), replace(CALM, in_flight_value=D(48_990)), "total investment"),
        # counts: ≥ max
        (replace(CALM, open_positions=199), replace(CALM, open_positions=200), "open positions"),
        (replace(CALM, ticker_positions=4), replace(CALM, ticker_positions=5), "per ticker"),
        (replace(CALM, buys_today=49), replace(CALM, buys_today=50), "daily buys"),
        (replace(CALM, buys_today=49), replace(CALM, buys_today=51), "daily buys"),
        # daily loss: ≤ −max
        (replace(CALM, realised_today=D("-999.99")), replace(CALM, realised_today=D(-1_000)), "daily loss"),
        (replace(CALM, realised_today=D(5_000)), replace(CALM, realised_today=D(-5_000)), "daily loss"),
        # ours more than IB's; IB's more than ours is the owner's own
        (replace(CALM, missing_qty=D(-5)), replace(CALM, missing_qty=D("0.0001")), "mismatch"),
        (replace(CALM, since_last_buy_s=5.001), replace(CALM, since_last_buy_s=5.0), "repeat window"),
        (CALM, replace(CALM, state=TradingState.PAUSED), "pause"),
        (CALM, replace(CALM, state=TradingState.KILLED), "kill switch"),
        (CALM, replace(CALM, unknown_order=True), "unknown order"),
    ],
)
def test_boundaries_of_the_snapshot(passes: Snapshot, blocks: Snapshot, name: str) -> None:
    """Broken, a limit would let one order or one cent too much through, or stop one too few."""
    assert refused_by(passes) is None
    assert refused_by(blocks) == name


@pytest.mark.parametrize(
    ("passes", "blocks", "name"),
    [
        (replace(BUY, waited_s=300), replace(BUY, waited_s=300.1), "alert age"),
        # 5 % both ways, measured from the alert's price
        (replace(BUY, ask=D(105)), replace(BUY, ask=D("105.01")), "price collar"),
        (replace(BUY, ask=D(95)), replace(BUY, ask=D("94.99")), "price collar"),
        (replace(BUY, alert_price=None, ask=D(1)), replace(BUY, alert_price=D(0)), "price collar"),
        (
            replace(BUY, qty=D(250), alert_price=None),
            replace(BUY, qty=D(250), ask=D("100.01"), alert_price=None),
            "max order value",
        ),
        (BUY, replace(BUY, qty=None, ask=None), "quote known"),
        (BUY, replace(BUY, ask=D(0)), "quote known"),
        (BUY, replace(BUY, ask=D(-100)), "quote known"),
        (BUY, replace(BUY, qty=D(0)), "size"),
    ],
)
def test_boundaries_of_the_order(passes: Buy, blocks: Buy, name: str) -> None:
    """Broken, a stale, mispriced or oversized BUY would leave, or a good one be refused."""
    assert refused_by(order=passes) is None
    assert refused_by(order=blocks) == name


def test_controls_switched_off_check_nothing() -> None:
    """Broken, `0` in the configuration would block every BUY instead of switching the control off."""
    off = FixedControls(price_collar_pct=D(0), repeat_window_s=0)
    assert refusal(replace(BUY, alert_price=D(1)), replace(CALM, since_last_buy_s=0.0), controls=off) is None


@pytest.mark.parametrize(
    ("order", "now", "reason"),
    [
        (
            replace(BUY, ask=D("187.32"), alert_price=None),
            replace(CALM, cash=D(5_000), reserved=D("3087.60")),
            "needs $1,892.93 for 10 AAPL at $187.32 with commission and 1% for a worse price, free cash is $912.40 "
            "($5,000.00 at IB − $1,000.00 reserve − $3,087.60 in flight)",
        ),
        (BUY, replace(CALM, buys_today=50), "50 buys today, the most is 50: raise it with /set_max_daily"),
        (
            BUY,
            replace(CALM, realised_today=D("-1200.5")),
            "realised −$1,200.50 today, the daily loss limit is $1,000.00: "
            "no BUY until tomorrow (New York), or raise it with /set_max_loss",
        ),
        (
            BUY,
            replace(CALM, invested=D(48_000), in_flight_value=D(1_500)),
            "would bring the total invested to $50,511.00 ($48,000.00 held + $1,500.00 in flight + $1,011.00), "
            "the most is $50,000.00: raise it with /set_max_invest",
        ),
        (
            replace(BUY, qty=D(0), ask=D("623.10"), amount_usd=D(500)),
            CALM,
            "$500.00 / $623.10 = 0.80 shares of AAPL, which rounds down to none: raise the amount with /set_amount",
        ),
        (
            replace(BUY, ask=D(106)),
            CALM,
            "AAPL asks $106.00, 6.0% above the alert's $100.00: more than price_collar_pct (5%) allows",
        ),
    ],
)
def test_reasons_give_the_figures_and_what_to_do(order: Buy, now: Snapshot, reason: str) -> None:
    """Broken, the owner could not tell from the message why a BUY was blocked, or what to change."""
    found = refusal(order, now)
    assert found is not None
    assert found[1] == reason


@pytest.mark.parametrize("bad", [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")])
@pytest.mark.parametrize("name", ["cash", "reserved", "invested", "realised_today", "in_flight_value", "missing_qty"])
def test_a_figure_that_is_no_number_refuses(name: str, bad: Decimal) -> None:
    """Broken, NaN from the broker would compare as within the limit, or break the judging of every alert."""
    found = refusal(now=changed(CALM, {name: bad}))
    assert found is not None
    assert "not a number" in found[1] or "unknown" in found[1]


@pytest.mark.parametrize("bad", [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")])
@pytest.mark.parametrize("name", ["qty", "ask", "amount_usd", "alert_price"])
def test_an_order_that_is_no_number_refuses(name: str, bad: Decimal) -> None:
    """Broken, a NaN quote would size or pass an order."""
    assert refusal(changed(BUY, {name: bad})) is not None


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_time_that_is_no_number_refuses(bad: float) -> None:
    """Broken, an alert of unknown age, or a repeat of unknown age, would be bought."""
    assert refused_by(order=replace(BUY, waited_s=bad)) == "alert age"
    assert refused_by(replace(CALM, since_last_buy_s=bad)) == "repeat window"


@pytest.mark.parametrize(
    ("amount", "ask", "fractional", "qty"),
    [
        (D(500), D("187.32"), False, D(2)),
        (D(500), D(250), False, D(2)),
        (D(500), D("500.01"), False, D(0)),
        (D(500), D("187.32"), True, D("2.6692")),
        (D(500), D("623.1"), True, D("0.8024")),
        (D(500), D("NaN"), False, D(0)),
        (D(500), D(0), False, D(0)),
        (D("NaN"), D(1), True, D(0)),
    ],
)
def test_the_amount_is_sized_down_to_shares(amount: Decimal, ask: Decimal, fractional: bool, qty: Decimal) -> None:
    """Broken, an order would cost more than the owner's amount per BUY."""
    assert whole_shares(amount, ask, fractional) == qty


MONEY = st.decimals(D("0.01"), D(10_000_000), places=2)
PRICES = st.decimals(D("0.0001"), D(900_000), places=4)


@settings(deadline=None)
@given(MONEY, PRICES, st.booleans())
def test_sizing_takes_all_the_amount_pays_and_no_more(amount: Decimal, ask: Decimal, fractional: bool) -> None:
    """Broken, rounding would add or lose a share at some price."""
    step = D("0.0001") if fractional else D(1)
    qty = whole_shares(amount, ask, fractional)
    assert qty % step == 0
    assert qty * ask <= amount < (qty + step) * ask


def test_the_commission_estimate_is_ibs_fixed_price() -> None:
    """Broken, the reservation would be short by the commission."""
    assert commission_estimate(D(10)) == D(1)
    assert commission_estimate(D(200)) == D(1)
    assert commission_estimate(D(1_000)) == D(5)


def test_a_buy_without_a_quote_has_no_cost() -> None:
    """Broken, an order of unknown cost would be booked as reserving nothing."""
    with pytest.raises(ValueError, match="without a quote"):
        _ = replace(BUY, ask=None).cost


def test_a_hundred_buys_at_once_with_cash_for_three_let_three_through() -> None:
    """Broken, many alerts at one moment would spend the same cash over and over."""
    now = replace(CALM, cash=D(1_000) + 3 * BUY.cost + CENT)
    verdicts: list[Verdict] = []
    for _ in range(100):
        verdicts.append(judge(BUY, now, replace(LIMITS, max_per_ticker=200), CONTROLS))
        if verdicts[-1].reason is None:
            now = replace(
                now,
                reserved=now.reserved + BUY.cost,
                in_flight_value=now.in_flight_value + BUY.cost,
                open_positions=now.open_positions + 1,
                ticker_positions=now.ticker_positions + 1,
                buys_today=now.buys_today + 1,
            )
    assert [verdict.reason is None for verdict in verdicts] == [True] * 3 + [False] * 97


@settings(deadline=None)
@given(
    cash=st.integers(-1_000, 20_000),
    reserved=st.integers(0, 5_000),
    invested=st.integers(0, 60_000),
    in_flight=st.integers(0, 5_000),
    realised=st.integers(-2_000, 2_000),
    counts=st.tuples(st.integers(0, 250), st.integers(0, 8), st.integers(0, 60)),
    qty=st.integers(1, 400),
    ask=st.integers(1, 150),
)
def test_whatever_passes_keeps_every_limit(
    *,
    cash: int,
    reserved: int,
    invested: int,
    in_flight: int,
    realised: int,
    counts: tuple[int, int, int],
    qty: int,
    ask: int,
) -> None:
    """Broken, some mixture of figures would pass with a limit crossed, or be refused with none crossed."""
    now = replace(
        CALM,
        cash=D(cash),
        reserved=D(reserved),
        invested=D(invested),
        in_flight_value=D(in_flight),
        realised_today=D(realised),
        open_positions=counts[0],
        ticker_positions=counts[1],
        buys_today=counts[2],
    )
    # In whole tenths of a cent, by another way than the code's: value × 1.01 + max($1, $0.005 a share).
    cost = qty * ask * 1010 + max(1000, 5 * qty)
    kept = (
        cash * 1000 - 1_000_000 - reserved * 1000 >= cost,
        (invested + in_flight) * 1000 + cost <= 50_000_000,
        counts[0] < 200,
        counts[1] < 5,
        counts[2] < 50,
        realised > -1_000,
        qty * ask <= 25_000,
    )
    order = replace(BUY, qty=D(qty), ask=D(ask), alert_price=None)
    assert (refusal(order, now) is None) == all(kept)


def test_a_clock_that_was_set_back_is_no_repeat() -> None:
    """Broken, every BUY of a ticker bought just before is blocked until the clock has caught up."""
    assert refused_by(replace(CALM, since_last_buy_s=-3600.0)) is None
