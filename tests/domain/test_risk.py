"""The rules of risk, through `judge`: each boundary, the order of the refusals, their facts, and what is not a number."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from math import inf, nan
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.risk import BUY_POLICY, RiskDecision, judge
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import commission_estimate, whole_shares
from tradebot.domain.snapshot import Buy, Sell, Snapshot

D = Decimal
CENT = D("0.01")
# 10 × $100: worth $1,000, reserves $1,000 × 1.01 + $1 = $1,011.
Part = TypeVar("Part", Buy, Snapshot, Limits, FixedLimits)
BUY = Buy(ticker="AAPL", qty=D(10), ask=D(100), amount_usd=D(1_050), alert_price=D(100), waited_s=1.0)
SELL = Sell(ticker="AAPL", qty=D(10))
CALM = Snapshot(
    state=TradingState.RUNNING,
    cash=D(100_000),
    reserved=D(0),
    held=D(0),
    open_positions=0,
    ticker_positions=0,
    buys_today=0,
    realised_today=D(0),
    in_flight=D(0),
    since_last_buy_s=None,
    unknown_order=False,
    missing_qty=D(0),
)
LIMITS = Limits()
CONTROLS = FixedLimits()


def changed(part: Part, change: Mapping[str, object]) -> Part:
    """`part` with those changes that are of its fields."""
    own: dict[str, Any] = {key: value for key, value in change.items() if key in {f.name for f in fields(part)}}
    return replace(part, **own)


def refusal(
    order: Buy | Sell = BUY, now: Snapshot = CALM, limits: Limits = LIMITS, fixed_limits: FixedLimits = CONTROLS
) -> tuple[RefusalCode, Refusal] | None:
    """Name of the check that refused, and its refusal; None when the order may leave."""
    risk_decision = judge(order, now, limits, fixed_limits)
    assert all(check.refusal is None for check in risk_decision.checks[:-1])
    last = risk_decision.checks[-1]
    assert risk_decision.refusal is last.refusal
    if last.refusal is None:
        return None
    assert last.refusal.code in (last.name, RefusalCode.NOT_KNOWN)
    return last.name, last.refusal


def refused_by(now: Snapshot = CALM, order: Buy | Sell = BUY, limits: Limits = LIMITS) -> str | None:
    found = refusal(order, now, limits)
    return found and found[0]


def test_a_buy_within_every_limit_passes_every_check() -> None:
    """Broken, a good BUY would be refused, or a check left out."""
    assert refusal() is None
    assert [check.name for check in judge(BUY, CALM, LIMITS, CONTROLS).checks] == [
        "kill_switch",
        "paused",
        "unknown_order",
        "split",
        "other_contract",
        "short_at_ib",
        "mismatch",
        "alert_age",
        "repeat_window",
        "no_quote",
        "delayed_quote",
        "max_spread",
        "size",
        "cash",
        "max_total_investment",
        "max_open_positions",
        "max_per_ticker",
        "max_daily_buys",
        "max_daily_loss",
        "price_collar",
        "max_order_value",
    ]


def one_after_another() -> Iterator[tuple[RefusalCode, Refusal]]:
    """Every check's refusal of one hopeless BUY, which is put right step by step."""
    limits = Limits(max_total_investment=D(1_000), min_cash_reserve=D(0))
    fixed_limits = FixedLimits(max_order_value_usd=D(999))
    order = replace(BUY, ask=None, waited_s=301, alert_price=D(90), qty=None, bid=D(94), delayed=True)
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
        split={"booked": D(10), "at_ib": D(100), "new": 10, "old": 1},
        other_contract=True,
        short_qty=D(3),
        live=True,
    )
    put_right: list[dict[str, object]] = [
        {"state": TradingState.PAUSED},
        {"state": TradingState.RUNNING},
        {"unknown_order": False},
        {"split": None},
        {"other_contract": False},
        {"short_qty": D(0)},
        {"missing_qty": D(0)},
        {"waited_s": 1.0},
        {"since_last_buy_s": None},
        {"qty": D(0), "ask": D(100)},
        {"live": False},
        {"bid": D(99)},
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
    for change in put_right:
        found = refusal(order, now, limits, fixed_limits)
        assert found is not None
        yield found
        order, now, limits, fixed_limits = (
            changed(order, change),
            changed(now, change),
            changed(limits, change),
            changed(fixed_limits, change),
        )
    assert refusal(order, now, limits, fixed_limits) is None


def test_the_first_refusal_in_the_designed_order_blocks() -> None:
    """Broken, the owner would be told a lesser reason than the one that matters first."""
    assert [name for name, _ in one_after_another()] == [name for name, _ in BUY_POLICY]


@pytest.mark.parametrize("state", [TradingState.RUNNING, TradingState.PAUSED])
def test_nothing_but_the_kill_switch_stops_a_sell(state: TradingState) -> None:
    """Broken, an exit would wait for room under a limit while the loss grows."""
    worst = Snapshot(
        state=state,
        cash=None,
        reserved=D("NaN"),
        held=D("NaN"),
        open_positions=999,
        ticker_positions=999,
        buys_today=999,
        realised_today=D(-99_999),
        in_flight=D("NaN"),
        since_last_buy_s=0.0,
        unknown_order=True,
        missing_qty=D(9),
    )
    assert refusal(SELL, worst) is None
    assert refused_by(replace(worst, state=TradingState.KILLED), SELL) == "kill_switch"


@pytest.mark.parametrize(
    ("passes", "blocks", "name"),
    [
        # cash: cost > cash − reserve − reserved
        (replace(CALM, cash=D(2_011)), replace(CALM, cash=D(2_011) - CENT), "cash"),
        (replace(CALM, reserved=D(97_989)), replace(CALM, reserved=D(97_989) + CENT), "cash"),
        (CALM, replace(CALM, cash=None), "cash"),
        # total investment: > max
        (replace(CALM, held=D(48_989)), replace(CALM, held=D(48_989) + CENT), "max_total_investment"),
        (replace(CALM, in_flight=D(48_989)), replace(CALM, in_flight=D(48_990)), "max_total_investment"),
        # counts: ≥ max
        (replace(CALM, open_positions=199), replace(CALM, open_positions=200), "max_open_positions"),
        (replace(CALM, ticker_positions=4), replace(CALM, ticker_positions=5), "max_per_ticker"),
        (replace(CALM, buys_today=49), replace(CALM, buys_today=50), "max_daily_buys"),
        (replace(CALM, buys_today=49), replace(CALM, buys_today=51), "max_daily_buys"),
        # daily loss: ≤ −max
        (replace(CALM, realised_today=D("-999.99")), replace(CALM, realised_today=D(-1_000)), "max_daily_loss"),
        (replace(CALM, realised_today=D(5_000)), replace(CALM, realised_today=D(-5_000)), "max_daily_loss"),
        # by what sold and by open lots, together
        (replace(CALM, open_change=D(-5_000)), replace(CALM, realised_today=D(-1_000)), "max_daily_loss"),
        # the owner's own short
        (replace(CALM, short_qty=D(0)), replace(CALM, short_qty=D("0.5")), "short_at_ib"),
        # ours more than IB's; IB's more than ours is the owner's own
        (replace(CALM, missing_qty=D(-5)), replace(CALM, missing_qty=D("0.0001")), "mismatch"),
        (replace(CALM, since_last_buy_s=5.001), replace(CALM, since_last_buy_s=5.0), "repeat_window"),
        (CALM, replace(CALM, state=TradingState.PAUSED), "paused"),
        (CALM, replace(CALM, state=TradingState.KILLED), "kill_switch"),
        (CALM, replace(CALM, unknown_order=True), "unknown_order"),
    ],
)
def test_boundaries_of_the_snapshot(passes: Snapshot, blocks: Snapshot, name: str) -> None:
    """Broken, a limit would let one order or one cent too much through, or stop one too few."""
    assert refused_by(passes) is None
    assert refused_by(blocks) == name


@pytest.mark.parametrize(
    ("passes", "blocks", "name"),
    [
        (replace(BUY, waited_s=300), replace(BUY, waited_s=300.1), "alert_age"),
        # 5 % both ways, measured from the alert's price
        (replace(BUY, ask=D(105)), replace(BUY, ask=D("105.01")), "price_collar"),
        (replace(BUY, ask=D(95)), replace(BUY, ask=D("94.99")), "price_collar"),
        (replace(BUY, alert_price=None, ask=D(1)), replace(BUY, alert_price=D(0)), "price_collar"),
        (
            replace(BUY, qty=D(250), alert_price=None),
            replace(BUY, qty=D(250), ask=D("100.01"), alert_price=None),
            "max_order_value",
        ),
        (BUY, replace(BUY, qty=None, ask=None), "no_quote"),
        (BUY, replace(BUY, ask=D(0)), "no_quote"),
        (BUY, replace(BUY, ask=D(-100)), "no_quote"),
        (BUY, replace(BUY, qty=D(0)), "size"),
        # 5 % of the middle; an ask alone is a quote
        (replace(BUY, bid=D("95.13")), replace(BUY, bid=D("95.12")), "max_spread"),
        (replace(BUY, bid=None), replace(BUY, bid=D("0.01")), "max_spread"),
    ],
)
def test_boundaries_of_the_order(passes: Buy, blocks: Buy, name: str) -> None:
    """Broken, a stale, mispriced or oversized BUY would leave, or a good one be refused."""
    assert refused_by(order=passes) is None
    assert refused_by(order=blocks) == name


def test_controls_switched_off_check_nothing() -> None:
    """Broken, `0` in the configuration would block every BUY instead of switching the control off."""
    off = FixedLimits(price_collar_pct=D(0), repeat_window_s=0, max_spread_pct=D(0))
    assert (
        refusal(replace(BUY, alert_price=D(1), bid=D(1)), replace(CALM, since_last_buy_s=0.0), fixed_limits=off) is None
    )


@pytest.mark.parametrize(
    ("delayed", "live", "allowed", "refused"),
    [
        (True, True, False, "delayed_quote"),
        (True, True, True, None),
        (True, False, False, None),  # paper
        (False, True, False, None),
    ],
)
def test_delayed_quotes_buy_nothing_with_real_money_unless_allowed(
    delayed: bool, live: bool, allowed: bool, refused: str | None
) -> None:
    """Broken, real money would be spent at a price of twenty minutes ago, or a paper account could buy nothing."""
    fixed_limits = FixedLimits(allow_delayed_quotes=allowed)
    found = refusal(replace(BUY, delayed=delayed), replace(CALM, live=live), fixed_limits=fixed_limits)
    assert (found and found[0]) == refused


@pytest.mark.parametrize(
    ("realised", "open_change", "refused"),
    [
        (D(-400), D("-599.99"), None),
        (D(-400), D(-600), RefusalCode.MAX_DAILY_LOSS),
        (D(0), D(-1_000), RefusalCode.MAX_DAILY_LOSS),
        (D(-1_200), D(300), None),
        (D(0), None, RefusalCode.NOT_KNOWN),
        (D(0), D("NaN"), RefusalCode.NOT_KNOWN),
        (D("NaN"), D(0), RefusalCode.NOT_KNOWN),
    ],
)
def test_the_total_loss_counts_what_open_lots_have_lost(
    realised: Decimal, open_change: Decimal | None, refused: RefusalCode | None
) -> None:
    """Broken, the bot would buy on into a falling day as long as it sells nothing, or while a price is not known."""
    now = replace(CALM, realised_today=realised, open_change=open_change, unpriced="KO")
    found = refusal(now=now, fixed_limits=FixedLimits(daily_loss_basis=LossBasis.TOTAL))
    assert (found and found[1].code) == refused


def test_an_account_without_usd_is_named() -> None:
    """Broken, the owner of a euro account would be told that cash is unknown, and wait for ever."""
    found = refusal(now=replace(CALM, cash=None, base_currency="EUR", base_cash=D(80_000)))
    assert found is not None
    facts: dict[str, Fact] = {"figure": Figure.NO_USD, "ticker": "AAPL", "base_currency": "EUR", "base_cash": D(80_000)}
    assert found[1] == Refusal(RefusalCode.NOT_KNOWN, facts)


def test_ibs_words_go_with_a_missing_quote() -> None:
    """Broken, a competing login and a missing subscription would look the same."""
    found = refusal(replace(BUY, qty=None, ask=None, quote_code=10197, quote_text="No market data"))
    assert found is not None
    assert found[1].facts == {"ticker": "AAPL", "ib_code": 10197, "ib_text": "No market data"}


def test_a_collar_by_a_delayed_quote_says_so() -> None:
    """Broken, the owner would look for a price that is not in the market."""
    found = refusal(replace(BUY, ask=D(106), delayed=True))
    assert found is not None
    assert found[1].facts["delayed"] == 1


@pytest.mark.parametrize(
    ("order", "now", "code", "facts"),
    [
        (
            replace(BUY, ask=D("187.32"), alert_price=None),
            replace(CALM, cash=D(5_000), reserved=D("3087.60")),
            "cash",
            {
                "ticker": "AAPL",
                "qty": D(10),
                "ask": D("187.32"),
                "price_buffer": D("0.01"),
                "cost": D("1892.932"),
                "free": D("912.40"),
                "cash": D(5_000),
                "min_cash_reserve": D(1_000),
                "reserved": D("3087.60"),
            },
        ),
        (BUY, replace(CALM, buys_today=50), "max_daily_buys", {"ticker": "AAPL", "count": 50, "limit": 50}),
        (
            BUY,
            replace(CALM, realised_today=D("-1200.5")),
            "max_daily_loss",
            {"realised_today": D("-1200.5"), "limit": D(1_000)},
        ),
        (
            BUY,
            replace(CALM, held=D(48_000), in_flight=D(1_500)),
            "max_total_investment",
            {
                "total": D(50_511),
                "held": D(48_000),
                "in_flight": D(1_500),
                "cost": D(1_011),
                "limit": D(50_000),
            },
        ),
        (
            replace(BUY, qty=D(0), ask=D("623.10"), amount_usd=D(500)),
            CALM,
            "size",
            {"ticker": "AAPL", "amount_usd": D(500), "ask": D("623.10")},
        ),
        (
            replace(BUY, ask=D(106)),
            CALM,
            "price_collar",
            {"ticker": "AAPL", "ask": D(106), "alert_price": D(100), "limit_pct": D(5)},
        ),
        (replace(BUY, waited_s=300.1), CALM, "alert_age", {"waited_s": D("300.100"), "limit_s": 300}),
    ],
)
def test_a_refusal_has_the_figures(order: Buy, now: Snapshot, code: str, facts: dict[str, Fact]) -> None:
    """Broken, neither a person nor a program could tell by how much a BUY was refused."""
    found = refusal(order, now)
    assert found is not None
    assert found[1] == Refusal(RefusalCode(code), facts)


@pytest.mark.parametrize("bad", [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")])
@pytest.mark.parametrize(
    "name", ["cash", "reserved", "held", "realised_today", "in_flight", "missing_qty", "short_qty"]
)
def test_a_figure_that_is_no_number_refuses(name: str, bad: Decimal) -> None:
    """Broken, NaN from the broker would compare as within the limit, or break the judging of every alert."""
    found = refusal(now=changed(CALM, {name: bad}))
    assert found is not None
    assert found[1].code is RefusalCode.NOT_KNOWN
    assert Figure(str(found[1].facts["figure"]))


@pytest.mark.parametrize("bad", [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")])
@pytest.mark.parametrize("name", ["qty", "ask", "amount_usd", "alert_price"])
def test_an_order_that_is_no_number_refuses(name: str, bad: Decimal) -> None:
    """Broken, a NaN quote would size or pass an order."""
    assert refusal(changed(BUY, {name: bad})) is not None


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_time_that_is_no_number_refuses(bad: float) -> None:
    """Broken, an alert of unknown age, or a repeat of unknown age, would be bought."""
    assert refused_by(order=replace(BUY, waited_s=bad)) == "alert_age"
    assert refused_by(replace(CALM, since_last_buy_s=bad)) == "repeat_window"


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
    decisions: list[RiskDecision] = []
    for _ in range(100):
        decisions.append(judge(BUY, now, replace(LIMITS, max_per_ticker=200), CONTROLS))
        if decisions[-1].refusal is None:
            now = replace(
                now,
                reserved=now.reserved + BUY.cost,
                in_flight=now.in_flight + BUY.cost,
                open_positions=now.open_positions + 1,
                ticker_positions=now.ticker_positions + 1,
                buys_today=now.buys_today + 1,
            )
    assert [risk_decision.refusal is None for risk_decision in decisions] == [True] * 3 + [False] * 97


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
        held=D(invested),
        in_flight=D(in_flight),
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
