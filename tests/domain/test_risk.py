"""The rules of risk, through `judge`: each boundary, the order of the refusals, their facts, and what is not a number."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from math import inf, nan
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.brokerage import Margin
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.instructions import Instruction, PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.order_plan import EntryPlan
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.risk import BUY_POLICY, LIMIT_OF, RiskDecision, judge, rooms
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import Room, Sized, commission_estimate, whole_shares
from tradebot.domain.snapshot import Buy, Sell, Snapshot
from tradebot.domain.strategies import Strategy
from tradebot.domain.strategy_rules import OwnFigures, StrategyTerms, StrategyView
from tradebot.domain.terms import OrderType, Terms, TimeInForce

D = Decimal
CENT = D("0.01")
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)  # in New York
# 10 × $100: worth $1,000, reserves $1,000 × 1.01 + $1 = $1,011.
Part = TypeVar("Part", Buy, Snapshot, Limits, FixedLimits)
BUY = Buy(ticker="AAPL", qty=D(10), ask=D(100), amount_usd=D(1_050), alert_price=D(100), waited_s=1.0)
MISFIT: Mapping[str, Fact] = {"order": "LMT", "price": D(99), "ask": D(100), "stop": D(99)}
WITH_STOP = EntryPlan(
    Terms(), D(100), Terms(OrderType.STOP, stop_price=D(95), tif=TimeInForce.GTC), Terms(OrderType.LIMIT, D(120))
)
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


def own_of(
    *, paused: bool = False, target: PositionTarget | None = None, limits: Mapping[str, Any] | None = None, **said: Any
) -> StrategyView:
    """A strategy ema at noon in New York whose alert is a minute old; `said` is of the strategy, or of the view."""
    of_strategy = {name: said.pop(name) for name in list(said) if name in {field.name for field in fields(Strategy)}}
    terms = StrategyTerms(Strategy(name="ema", **of_strategy), limits or {}, paused=paused)
    instruction = Instruction("own", Verb.BUY, "AAPL", target=target)
    return StrategyView(terms, NOON.astimezone(NEW_YORK), instruction, alert_time=NOON, **said)


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
        "ticker_blocked",
        "strategy_disabled",
        "strategy_paused",
        "ticker_not_allowed",
        "at_target",
        "overtaken",
        "trading_window",
        "unknown_order",
        "split",
        "other_contract",
        "short_at_ib",
        "mismatch",
        "alert_age",
        "repeat_window",
        "cooldown",
        "max_alerts_per_day",
        "no_quote",
        "delayed_quote",
        "max_spread",
        "exit_levels",
        "size",
        "cash",
        "max_total_investment",
        "max_open_positions",
        "max_per_ticker",
        "max_daily_buys",
        "max_daily_loss",
        "max_risk",
        "price_collar",
        "max_order_value",
        "margin",
    ]


PUT_RIGHT: list[dict[str, object]] = [
    {"state": TradingState.PAUSED},
    {"state": TradingState.RUNNING},
    {"blocked": None},
    {"own": own_of(paused=True)},
    {"own": own_of(tickers=frozenset({"MSFT"}))},
    {"own": own_of(target=PositionTarget(Target.LONG), held_qty=D(3))},
    {"own": own_of(newest_exit=NOON + timedelta(seconds=1))},
    {"own": own_of(window=(time(13), time(14)))},
    {"own": own_of()},
    {"unknown_order": False},
    {"split": None},
    {"other_contract": False},
    {"short_qty": D(0)},
    {"missing_qty": D(0)},
    {"waited_s": 1.0},
    {"since_last_buy_s": None, "own": own_of(cooldown_s=60, since_entry_s=59.0)},
    {"own": own_of(max_alerts_per_day=2, alerts_today=3)},
    {"own": own_of()},
    {"qty": D(0), "ask": D(100), "misfit": Refusal(RefusalCode.EXIT_LEVELS, MISFIT)},
    {"live": False},
    {"bid": D(99)},
    {"misfit": None},
    {"qty": D(10)},
    {"cash": D(100_000)},
    {"max_total_investment": D(50_000)},
    {"open_positions": 0},
    {"ticker_positions": 0},
    {"buys_today": 0},
    {"realised_today": D(0)},
    {"max_risk_usd": D(1_000)},
    {"alert_price": D(100)},
    {"max_order_value_usd": D(1_000)},
    {"margin": Margin(D(10), D(500), D(500))},
]
"""What is put right of a hopeless BUY, step by step, in the designed order of the checks."""


def one_after_another() -> Iterator[tuple[RefusalCode, Refusal]]:
    """Every check's refusal of one hopeless BUY, which is put right step by step."""
    limits = Limits(max_total_investment=D(1_000), min_cash_reserve=D(0))
    fixed_limits = FixedLimits(max_order_value_usd=D(999), max_risk_usd=D(999), what_if_above_usd=D(999))
    order = replace(BUY, ask=None, waited_s=301, alert_price=D(90), qty=None, bid=D(94), delayed=True)
    order = replace(order, margin=Margin(D(10), D(501), D(500)))
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
        blocked="AAPL",
        other_contract=True,
        short_qty=D(3),
        live=True,
        own=own_of(enabled=False),
    )
    for change in PUT_RIGHT:
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
        (CALM, replace(CALM, blocked="AAPL"), "ticker_blocked"),
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


# --- a strategy's own -----------------------------------------------------------------------------------------------

FULL = OwnFigures(
    held=D(900),
    in_flight=D(100),
    open_positions=2,
    ticker_positions=1,
    buys_today=3,
    realised_today=D(-50),
    open_change=D(0),
)
"""What strategy ema has at stake; the account has nothing."""


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        (RefusalCode.CASH, {"min_cash_reserve": D(99_500)}),
        (RefusalCode.MAX_TOTAL_INVESTMENT, {"max_total_investment": D(2_000)}),
        (RefusalCode.MAX_OPEN_POSITIONS, {"max_open_positions": 2}),
        (RefusalCode.MAX_PER_TICKER, {"max_per_ticker": 1}),
        (RefusalCode.MAX_DAILY_BUYS, {"max_daily_buys": 3}),
        (RefusalCode.MAX_DAILY_LOSS, {"max_daily_loss": D(50)}),
    ],
)
def test_a_strategy_s_own_limit_looks_at_its_own_part(code: RefusalCode, limits: Mapping[str, Any]) -> None:
    """Broken, a strategy would be stopped by what others have at stake, or its own limit never act."""
    found = refusal(now=replace(CALM, own=own_of(figures=FULL, limits=limits)))
    assert found is not None
    assert (found[0], found[1].code, found[1].facts["strategy"]) == (code, code, "ema")
    assert refusal(now=replace(CALM, own=own_of(figures=FULL))) is None
    assert set(LIMIT_OF.values()) == {field.name for field in fields(Limits)} - {"buy_amount_usd"}


def test_the_account_s_limit_holds_beside_a_strategy_s_own() -> None:
    """Broken, a strategy with room of its own would buy beyond the account's limit."""
    now = replace(CALM, open_positions=200, own=own_of(figures=FULL, limits={"max_open_positions": 9}))
    found = refusal(now=now)
    assert found is not None
    assert found[0] == RefusalCode.MAX_OPEN_POSITIONS
    assert "strategy" not in found[1].facts


def test_what_each_limit_leaves() -> None:
    """Broken, a size that was asked for would be lowered by the wrong limit, or not at all."""
    now = replace(
        CALM,
        cash=D(10_000),
        reserved=D(500),
        held=D(2_000),
        at_risk=D(100),
        own=own_of(
            figures=replace(FULL, at_risk=D(50)),
            limits={"buy_amount_usd": D(700), "max_total_investment": D(3_000)},
            max_risk_usd=D(300),
        ),
    )
    assert list(rooms(now, LIMITS, replace(CONTROLS, max_risk_usd=D(900)), WITH_STOP)) == [
        Room("max_order_value_usd", D(25_000), of_cost=False),
        Room("buy_amount_usd", D(700), of_cost=False, strategy="ema"),
        Room("max_total_investment", D(2_000), strategy="ema"),
        Room("max_total_investment", D(48_000)),
        Room("min_cash_reserve", D(8_500)),
        Room("max_risk_usd", D(250), strategy="ema", each=D(5)),
        Room("max_risk_usd", D(800), each=D(5)),
    ]


@pytest.mark.parametrize(
    ("at_risk", "plan", "limit", "of_strategy", "passes"),
    [
        (D(150), WITH_STOP, D(200), False, True),  # 10 shares that lose 5 each
        (D("150.01"), WITH_STOP, D(200), False, False),
        (D(0), None, D(1_000), False, True),  # all its value
        (D("0.01"), None, D(1_000), False, False),
        (D(150), WITH_STOP, D(200), True, True),
        (D("150.01"), WITH_STOP, D(200), True, False),
        (D("NaN"), WITH_STOP, D(200), False, False),
        (D(10_000), WITH_STOP, D(0), False, True),  # switched off
    ],
)
def test_what_may_be_lost_down_to_the_stops(
    at_risk: Decimal, plan: EntryPlan | None, limit: Decimal, of_strategy: bool, passes: bool
) -> None:
    """Broken, more would be at risk than the owner allows, or an order without a stop count as one without a risk."""
    order = replace(BUY, plan=plan)
    if of_strategy:
        own = own_of(figures=OwnFigures(at_risk=at_risk), max_risk_usd=limit)
        found = refusal(order, replace(CALM, own=own))
        assert found is None or found[1].facts["strategy"] == "ema"
    else:
        found = refusal(order, replace(CALM, at_risk=at_risk), fixed_limits=FixedLimits(max_risk_usd=limit))
    assert (found is None) == passes
    assert found is None or found[0] == RefusalCode.MAX_RISK


NO_FUNDS = (201, "Order rejected - reason: no funds")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, RefusalCode.NOT_KNOWN),
        (Margin(D(10)), RefusalCode.NOT_KNOWN),
        (Margin(D(10), D(500), None), RefusalCode.NOT_KNOWN),
        (Margin(D(10), D("NaN"), D(500)), RefusalCode.NOT_KNOWN),
        (Margin(D(9), D(500), D(500)), RefusalCode.NOT_KNOWN),  # of fewer shares
        (Margin(D(10), D("500.01"), D(500)), RefusalCode.MARGIN),
        (Margin(D(10), refused=NO_FUNDS), RefusalCode.MARGIN),
        (Margin(D(10), D(500), D(500)), None),
        (Margin(D(11), D(500), D(501)), None),
    ],
)
def test_what_ib_says_of_the_margin(answer: Margin | None, code: RefusalCode | None) -> None:
    """Broken, a large BUY would leave on IB's silence, or against its word."""
    found = refusal(replace(BUY, margin=answer), fixed_limits=FixedLimits(what_if_above_usd=D("999.99")))
    assert (found and found[1].code) == code
    assert found is None or found[0] == RefusalCode.MARGIN
    assert refusal(replace(BUY, margin=answer), fixed_limits=FixedLimits(what_if_above_usd=D(1_000))) is None


@pytest.mark.parametrize(
    ("plan", "passes"),
    [
        (EntryPlan(Terms(OrderType.LIMIT, D("95.24")), D("95.24")), True),  # 5 % below the ask
        (EntryPlan(Terms(OrderType.LIMIT, D("95.23")), D("95.23")), False),
        (EntryPlan(Terms(OrderType.LIMIT, D("105.27")), D("105.27")), False),
        (EntryPlan(Terms(OrderType.STOP, stop_price=D("105.27")), D("105.27")), False),
        (EntryPlan(Terms(OrderType.TRAILING_STOP, stop_price=D(110), trail_amount=D(10)), D(110)), True),
    ],
)
def test_the_collar_holds_for_the_price_that_an_order_waits_for(plan: EntryPlan, passes: bool) -> None:
    """Broken, a limit with a digit too many would wait for ever, or buy at any price."""
    assert refused_by(order=replace(BUY, alert_price=None, plan=plan)) == (None if passes else RefusalCode.PRICE_COLLAR)


def test_an_order_is_judged_by_what_it_may_cost() -> None:
    """Broken, a limit above the ask would reserve too little, and a wide spread stop an order that has a limit."""
    order = replace(BUY, bid=D(50), plan=EntryPlan(Terms(OrderType.LIMIT, D(104)), D(104)))
    assert (order.value, order.cost) == (D(1_040), D("1051.40"))
    assert refused_by(order=order) is None
    assert refused_by(replace(CALM, cash=D("2051.39")), order) == RefusalCode.CASH
    assert (
        refused_by(order=replace(order, plan=EntryPlan(Terms(OrderType.STOP, stop_price=D(104)), D(104))))
        == "max_spread"
    )


@pytest.mark.parametrize("figures", [{"held": D("NaN")}, {"cash": None}, {"cash": D("NaN")}, {"reserved": D("NaN")}])
def test_what_is_not_known_leaves_no_room_to_compute(figures: Mapping[str, Any]) -> None:
    """Broken, a size would be lowered to nothing by an unknown figure, and the figure never be named."""
    assert all(room.usd.is_finite() for room in rooms(replace(CALM, **figures), LIMITS, CONTROLS, WITH_STOP))
    assert refused_by(replace(CALM, **figures)) is not None


@pytest.mark.parametrize("figure", [Figure.SIZE, Figure.ALERT_SIZE, Figure.SIZE_NOT_USED, Figure.EQUITY, Figure.STOP])
def test_a_buy_without_a_size_refuses(figure: Figure) -> None:
    """Broken, a BUY that could not be sized would be told as one of no share."""
    found = refusal(replace(BUY, qty=D(0), unsized=figure), replace(CALM, own=own_of()))
    assert found is not None
    facts: dict[str, Fact] = {"figure": figure, "ticker": "AAPL", "strategy": "ema"}
    assert found == (RefusalCode.SIZE, Refusal(RefusalCode.NOT_KNOWN, facts))


def test_no_share_is_refused_with_its_arithmetic() -> None:
    """Broken, nobody would see what a size came to nothing by."""
    arithmetic = Sized(Size(SizeKind.SHARES, D(40)), D(40), D(0), lowered_by=Room("max_total_investment", D(50)))
    found = refusal(replace(BUY, qty=D(0), arithmetic=arithmetic))
    assert found is not None
    assert found[0] == RefusalCode.SIZE
    assert found[1].facts.items() >= {"asked": D(40), "lowered_by": "max_total_investment", "room": D(50)}.items()


@pytest.mark.parametrize(
    ("window", "hour", "minute", "inside"),
    [
        ((time(9, 35), time(15, 45)), 9, 35, True),
        ((time(9, 35), time(15, 45)), 9, 34, False),
        ((time(9, 35), time(15, 45)), 15, 44, True),
        ((time(9, 35), time(15, 45)), 15, 45, False),
        ((time(20), time(4)), 23, 59, True),
        ((time(20), time(4)), 0, 0, True),
        ((time(20), time(4)), 3, 59, True),
        ((time(20), time(4)), 4, 0, False),
        ((time(20), time(4)), 19, 59, False),
    ],
)
def test_a_window_holds_across_midnight(window: tuple[time, time], hour: int, minute: int, inside: bool) -> None:
    """Broken, a strategy would buy outside its window, or never inside one that ends after midnight."""
    own = replace(own_of(window=window), new_york=datetime(2026, 11, 20, hour, minute, tzinfo=NEW_YORK))
    assert refused_by(replace(CALM, own=own)) == (None if inside else "trading_window")


@pytest.mark.parametrize(
    ("passes", "blocks", "name"),
    [
        (own_of(newest_exit=NOON), own_of(newest_exit=NOON + timedelta(seconds=1)), "overtaken"),
        (own_of(cooldown_s=60, since_entry_s=60.1), own_of(cooldown_s=60, since_entry_s=-60.0), "cooldown"),
        (own_of(cooldown_s=60), own_of(cooldown_s=60, since_entry_s=nan), "cooldown"),
        (
            own_of(max_alerts_per_day=2, alerts_today=2),
            own_of(max_alerts_per_day=2, alerts_today=3),
            "max_alerts_per_day",
        ),
        (own_of(tickers=frozenset({"AAPL"})), own_of(tickers=frozenset()), "ticker_not_allowed"),
        (own_of(), own_of(enabled=False), "strategy_disabled"),
    ],
)
def test_boundaries_of_a_strategy_s_rules(passes: StrategyView, blocks: StrategyView, name: str) -> None:
    """Broken, a rule of the strategy would let one alert too much through, or stop one too few."""
    assert refused_by(replace(CALM, own=passes)) is None
    assert refused_by(replace(CALM, own=blocks)) == name
    assert refusal(SELL, replace(CALM, own=blocks)) is None, "exits always pass"


def test_a_renamed_stock_is_allowed_under_either_name() -> None:
    """Broken, a strategy could not buy its own ticker, because the books still have it under the old name."""
    own = replace(CALM, own=own_of(tickers=frozenset({"AAPL"})))
    assert refused_by(own, replace(BUY, ticker="OLD")) is None


def test_a_strategy_that_the_file_does_not_name_buys_nothing() -> None:
    """Broken, one that was taken out of the file would trade on."""
    own = own_of()
    gone = replace(own, terms=replace(own.terms, known=False))
    found = refusal(now=replace(CALM, own=gone))
    assert found == ("strategy_disabled", Refusal(RefusalCode.STRATEGY_DISABLED, {"known": 0, "strategy": "ema"}))
