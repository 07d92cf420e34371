"""What an entry becomes at IB: its type, prices on the tick, how long it works, and the orders that protect it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.instructions import Instruction, OrderTerms, Verb
from tradebot.domain.order_plan import EntryPlan, plan
from tradebot.domain.refusals import Figure, Refusal, RefusalCode
from tradebot.domain.strategies import ExitSource, OrderSource, Strategy
from tradebot.domain.terms import CENTS, MARKET_DAY, Exits, Level, LevelKind, OrderType, PriceSteps, Terms, TimeInForce

D = Decimal
ASK = D(100)
NOW = datetime(2026, 11, 20, 17, 0, 3, 250_000, tzinfo=UTC)
BUY = Instruction("own", Verb.BUY, "AAPL")
BY_ALERT = Strategy(name="ema", orders=OrderSource.ALERT, exits=ExitSource.ALERT)
LIMIT = Strategy(name="ema", orders=OrderSource.LIMIT, tif=TimeInForce.GTC)
OWN = Strategy(name="ema", exits=ExitSource.OWN, own_exits=Exits(Level(LevelKind.PERCENT, D(5))))
K, T, GTC, DAY = LevelKind, OrderType, TimeInForce.GTC, TimeInForce.DAY
NICKELS_FROM_3 = PriceSteps(((D(0), D("0.01")), (D(3), D("0.05"))))


def stop(kind: LevelKind, value: int | str, **more: Any) -> Exits:
    return Exits(stop_loss=Level(kind, D(value)), **more)


def planned(
    order: OrderTerms = OrderTerms(),  # noqa: B008  # frozen
    exits: Exits = Exits(),  # noqa: B008  # frozen
    strategy: Strategy = BY_ALERT,
    ask: Decimal = ASK,
    steps: PriceSteps | None = CENTS,
    **more: Any,
) -> EntryPlan | Refusal:
    return plan(replace(BUY, order=order, exits=exits, **more), strategy, ask, steps, NOW)


@pytest.mark.parametrize(
    ("order", "terms", "price"),
    [
        (OrderTerms(), MARKET_DAY, D(100)),
        (OrderTerms(T.LIMIT, D("99.004")), Terms(T.LIMIT, D("99.00")), D("99.00")),
        (OrderTerms(T.LIMIT, D("99.006")), Terms(T.LIMIT, D("99.01")), D("99.01")),
        (OrderTerms(T.LIMIT, D(103), outside_rth=True), Terms(T.LIMIT, D(103), outside_rth=True), D(103)),
        (OrderTerms(T.STOP, stop_price=D(103)), Terms(T.STOP, stop_price=D(103)), D(103)),
        (OrderTerms(T.STOP, stop_price=D(97)), Terms(T.STOP, stop_price=D(97)), D(100)),  # passed already
        (OrderTerms(T.STOP_LIMIT, D(104), D(103)), Terms(T.STOP_LIMIT, D(104), D(103)), D(104)),
        (
            OrderTerms(T.TRAILING_STOP, trailing=Level(K.AMOUNT, D("2.5"))),
            Terms(T.TRAILING_STOP, stop_price=D("102.50"), trail_amount=D("2.50")),
            D("102.50"),
        ),
        (
            OrderTerms(T.TRAILING_STOP, trailing=Level(K.PERCENT, D(3))),
            Terms(T.TRAILING_STOP, stop_price=D(103), trail_pct=D(3)),
            D(103),
        ),
        (OrderTerms(T.LIMIT, D(99), tif=GTC), Terms(T.LIMIT, D(99), tif=GTC), D(99)),
        (OrderTerms(T.LIMIT, D(99), tif=TimeInForce.IOC), Terms(T.LIMIT, D(99), tif=TimeInForce.IOC), D(99)),
        (
            OrderTerms(T.LIMIT, D(99), cancel_after=timedelta(seconds=90)),
            Terms(T.LIMIT, D(99), tif=TimeInForce.GTD, good_till=datetime(2026, 11, 20, 17, 1, 33, tzinfo=UTC)),
            D(99),
        ),
    ],
)
def test_an_entry_s_terms(order: OrderTerms, terms: Terms, price: Decimal) -> None:
    """An order would have another price than it was asked for, or be sized and reserved by one that it exceeds."""
    assert planned(order) == EntryPlan(terms, price)


@pytest.mark.parametrize(
    ("strategy", "more", "terms"),
    [
        (Strategy(name="ema"), {"price": D(99)}, MARKET_DAY),
        (LIMIT, {"price": D(99)}, Terms(T.LIMIT, D(99), tif=GTC)),
        (LIMIT, {"price": D(99), "order": OrderTerms(T.LIMIT, D(98))}, Terms(T.LIMIT, D(98), tif=GTC)),
        (
            replace(LIMIT, good_for=timedelta(minutes=5)),
            {"price": D(99)},
            Terms(T.LIMIT, D(99), tif=TimeInForce.GTD, good_till=datetime(2026, 11, 20, 17, 5, 3, tzinfo=UTC)),
        ),
        (
            replace(BY_ALERT, good_for=timedelta(minutes=5)),
            {"order": OrderTerms(T.LIMIT, D(99), tif=TimeInForce.IOC)},
            Terms(T.LIMIT, D(99), tif=TimeInForce.IOC),
        ),
    ],
)
def test_whose_order_it_is(strategy: Strategy, more: dict[str, Any], terms: Terms) -> None:
    """A strategy of limit orders would buy at the market, or one of market orders wait for a price."""
    found = planned(strategy=strategy, **more)
    assert isinstance(found, EntryPlan)
    assert found.terms == terms


@pytest.mark.parametrize(
    ("order", "exits", "expected"),
    [
        (OrderTerms(), stop(K.PERCENT, 5), Terms(T.STOP, stop_price=D(95), tif=GTC)),
        (OrderTerms(), stop(K.AMOUNT, "3.333"), Terms(T.STOP, stop_price=D("96.67"), tif=GTC)),
        (OrderTerms(), stop(K.PRICE, "96.001"), Terms(T.STOP, stop_price=D("96.00"), tif=GTC)),
        (OrderTerms(), stop(K.PRICE, 96, stop_limit=D(95)), Terms(T.STOP_LIMIT, D(95), D(96), tif=GTC)),
        (OrderTerms(T.LIMIT, D(90)), stop(K.PERCENT, 10), Terms(T.STOP, stop_price=D(81), tif=GTC)),
        (OrderTerms(T.LIMIT, D(110)), stop(K.PERCENT, 10), Terms(T.STOP, stop_price=D(90), tif=GTC)),  # of the ask
        (OrderTerms(T.STOP, stop_price=D(110)), stop(K.PERCENT, 10), Terms(T.STOP, stop_price=D(99), tif=GTC)),
        (
            OrderTerms(),
            Exits(trailing=Level(K.PERCENT, D(4))),
            Terms(T.TRAILING_STOP, stop_price=D(96), trail_pct=D(4), tif=GTC),
        ),
        (
            OrderTerms(),
            Exits(trailing=Level(K.AMOUNT, D("4.004"))),
            Terms(T.TRAILING_STOP, stop_price=D("96.00"), trail_amount=D("4.00"), tif=GTC),
        ),
    ],
)
def test_the_stop_of_an_entry(order: OrderTerms, exits: Exits, expected: Terms) -> None:
    """The position would be sold at another price than was asked for, or be left alone at night."""
    found = planned(order, exits)
    assert isinstance(found, EntryPlan)
    assert (found.stop, found.target) == (expected, None)
    assert found.risk_price == expected.stop_price


def test_what_protects_where_the_alert_says_nothing() -> None:
    """An alert without exits would leave the position bare although its strategy has a stop; or the two would be mixed."""
    own = replace(OWN, exits=ExitSource.ALERT)
    for strategy in (OWN, own):
        found = planned(strategy=strategy)
        assert isinstance(found, EntryPlan)
        assert found.risk_price == D(95)
    said = planned(exits=Exits(take_profit=Level(K.AMOUNT, D(7))), strategy=own)
    assert said == EntryPlan(MARKET_DAY, D(100), None, Terms(T.LIMIT, D(107), tif=GTC))
    assert plan(None, OWN, D(100), CENTS, NOW) == planned(strategy=OWN)


@pytest.mark.parametrize(
    ("order", "exits"),
    [
        (OrderTerms(), stop(K.PRICE, 100)),
        (OrderTerms(), stop(K.PRICE, "99.996")),  # rounds to the ask
        (OrderTerms(), stop(K.AMOUNT, 100)),
        (OrderTerms(), stop(K.PRICE, 95, stop_limit=D(96))),
        (OrderTerms(), Exits(take_profit=Level(K.PRICE, D(100)))),
        (OrderTerms(), Exits(trailing=Level(K.AMOUNT, D("0.004")))),
        (OrderTerms(), stop(K.PERCENT, 5, take_profit=Level(K.PRICE, D(98)))),
        (OrderTerms(T.LIMIT, D(90)), stop(K.PRICE, 90)),
        (OrderTerms(T.LIMIT, D(110)), stop(K.PRICE, 105)),  # it buys at the ask of 100
        (OrderTerms(T.LIMIT, D(110)), Exits(take_profit=Level(K.PRICE, D(108)))),
        (OrderTerms(T.STOP, stop_price=D(110)), Exits(take_profit=Level(K.PRICE, D(105)))),
        (OrderTerms(T.LIMIT, D("0.004")), Exits()),
        (OrderTerms(T.LIMIT), Exits()),
        (OrderTerms(T.STOP), Exits()),
        (OrderTerms(T.STOP_LIMIT, D(103), D(104)), Exits()),
        (OrderTerms(T.TRAILING_STOP), Exits()),
    ],
)
def test_prices_that_do_not_fit_refuse(order: OrderTerms, exits: Exits) -> None:
    """A position would be sold the moment it is bought, or an order leave that can never do what it is for."""
    found = planned(order, exits)
    assert isinstance(found, Refusal)
    assert found.code is RefusalCode.EXIT_LEVELS


@pytest.mark.parametrize(
    ("order", "at", "fits"),
    [
        (OrderTerms(), "98.99", True),
        (OrderTerms(), "99", False),  # the bid: it would sell at once
        (OrderTerms(T.LIMIT, D(101)), "99", False),
        (OrderTerms(T.LIMIT, D("99.5")), "99", True),  # the market is lower by the time that it buys
        (OrderTerms(T.STOP, stop_price=D(101)), "99", True),
    ],
)
def test_a_stop_stands_below_the_bid_of_what_buys_at_once(order: OrderTerms, at: str, fits: bool) -> None:
    """In a wide market a position would be bought at the ask and stopped out at the bid in the same second."""
    found = plan(replace(BUY, order=order, exits=stop(K.PRICE, at)), BY_ALERT, ASK, CENTS, NOW, D(99))
    assert isinstance(found, EntryPlan) == fits


@pytest.mark.parametrize(
    ("strategy", "order", "exits"),
    [
        (Strategy(name="ema"), OrderTerms(T.LIMIT, D(98)), Exits()),
        (LIMIT, OrderTerms(T.STOP, stop_price=D(101)), Exits()),
        (replace(BY_ALERT, exits=ExitSource.NONE), OrderTerms(), stop(K.PRICE, 90)),
        (OWN, OrderTerms(), stop(K.PRICE, 90)),
    ],
)
def test_what_the_strategy_does_not_take_any_more_refuses(strategy: Strategy, order: OrderTerms, exits: Exits) -> None:
    """An alert that waited for the open while the configuration changed would be bought at the market, or without its stop."""
    facts = {"figure": Figure.ORDER_NOT_USED, "strategy": "ema"}
    assert planned(order, exits, strategy) == Refusal(RefusalCode.NOT_KNOWN, facts)


def test_a_limit_strategy_without_a_price_refuses() -> None:
    """It would buy at the market, at whatever is asked."""
    assert isinstance(planned(strategy=LIMIT), Refusal)
    assert isinstance(plan(None, LIMIT, ASK, CENTS, NOW), Refusal)


def test_without_the_steps_nothing_with_a_price_is_planned() -> None:
    """IB would refuse a child for its price after it has taken the entry, and the position be bare."""
    assert planned(steps=None) == EntryPlan(MARKET_DAY, D(100))
    for order, exits in ((OrderTerms(T.LIMIT, D(99)), Exits()), (OrderTerms(), stop(K.PERCENT, 5))):
        assert planned(order, exits, steps=None) == Refusal(RefusalCode.NOT_KNOWN, {"figure": Figure.PRICE_STEP})


def test_a_step_that_grows_with_the_price() -> None:
    """Prices would be on the step of another price, which IB refuses with 110."""
    assert [NICKELS_FROM_3.nearest(D(one)) for one in ("2.994", "2.999", "3.02", "3.03")] == [
        D("2.99"),
        D("3.00"),
        D("3.00"),
        D("3.05"),
    ]


PRICES = st.decimals("0.01", "5000", places=4)
LEVELS = st.builds(Level, st.sampled_from(K), st.decimals("0.0001", "300", places=4))
ORDERS = st.one_of(
    st.just(OrderTerms()),
    st.builds(lambda at: OrderTerms(T.LIMIT, at), PRICES),
    st.builds(lambda at: OrderTerms(T.STOP, stop_price=at), PRICES),
    st.builds(lambda limit, at: OrderTerms(T.STOP_LIMIT, limit, at), PRICES, PRICES),
    st.builds(
        lambda by: OrderTerms(T.TRAILING_STOP, trailing=Level(K.PERCENT, by)), st.decimals("0.1", "30", places=1)
    ),
)
STEPS = st.sampled_from([CENTS, NICKELS_FROM_3, PriceSteps(((D(0), D("0.0001")), (D(1), D("0.01"))))])


@given(ORDERS, st.none() | LEVELS, st.none() | LEVELS, PRICES, STEPS)
def test_whatever_is_asked_what_leaves_makes_sense(
    order: OrderTerms, loss: Level | None, gain: Level | None, ask: Decimal, steps: PriceSteps
) -> None:
    """A plan would have a price between two steps, a stop that sells at once, or a price that is less than it may cost."""
    found = planned(order, Exits(stop_loss=loss, take_profit=gain), ask=ask, steps=steps)
    if isinstance(found, Refusal):
        return
    assert (found.stop is None, found.target is None) == (loss is None, gain is None)
    for terms in (found.terms, found.stop, found.target):
        for price in () if terms is None else (terms.limit_price, terms.stop_price):
            assert price is None or (price > 0 and steps.nearest(price) == price)
    limit, least = found.terms.limit_price, max(ask, found.terms.stop_price or D(0))
    least = least if limit is None else min(least, limit)
    assert found.price >= least
    assert found.stop is None or (found.risk_price or 0) < least
    assert found.target is None or (found.target.limit_price or 0) > found.price
