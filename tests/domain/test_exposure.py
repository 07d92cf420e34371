"""What is at stake: lots and BUYs in flight, each counted once; buys of the day; cash that is spent and may still be shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.database.samples import a_lot
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account
from tradebot.domain.exposure import Exposure, exposure, open_change, recent_since
from tradebot.domain.limits import LossBasis
from tradebot.domain.lots import Lot
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade, TradeStatus

D = Decimal
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
DAY_START = datetime(2026, 11, 20, 5, tzinfo=UTC)
NOTHING = Exposure(D(0), D(0), D(0), {}, 0, D(0))


def a_trade(number: int, status: TradeStatus, **changes: Any) -> Trade:
    made = Trade(
        alert_id=number,
        ticker="AAPL",
        con_id=1,
        side=Side.BUY,
        requested_qty=D(10),
        order_ref=f"tb-{number}-0badcafe",
        ib_position_before=D(0),
        reserved=D(1011),
        created_at=NOW - timedelta(minutes=1),
        id=number,
        status=status,
    )
    return replace(made, **changes)


def filled(number: int, **changes: Any) -> Trade:
    done = {"filled_qty": D(10), "avg_fill_price": D(100), "commission": D(1), "finished_at": NOW}
    return a_trade(number, TradeStatus.FILLED, **{**done, **changes})


def at_stake(
    lots: list[Lot] | None = None,
    trades: list[Trade] | None = None,
    closed: list[Lot] | None = None,
    account: Account | None = None,
) -> Exposure:
    rows = trades or []
    unresolved = [trade for trade in rows if trade.status in UNRESOLVED]
    recent = [trade for trade in rows if trade.created_at >= recent_since(DAY_START)]
    return exposure(lots or [], unresolved, recent, closed or [], account, day_start=DAY_START, now=NOW)


def an_account(at: datetime) -> Account:
    usd = D(100_000)
    return Account("DU1", usd, usd, usd, usd, is_cash_account=False, at=at)


def test_nothing_is_nothing() -> None:
    """An empty account would seem to have used its limits."""
    assert at_stake() == NOTHING
    assert (NOTHING.invested, NOTHING.reserved, NOTHING.open_positions, NOTHING.fullest) == (0, 0, 0, None)


def test_a_buy_in_flight_and_the_lot_it_has_begun_count_once() -> None:
    """A BUY that fills in parts would take two places and its money twice; or, as a lot alone, too little."""
    begun = a_lot(7, ticker="AAPL", qty=D(4), entry_price=D(100))
    other = a_lot(3, ticker="TSLA", qty=D(2), entry_price=D(250))
    now = at_stake([begun, other], [a_trade(7, TradeStatus.SUBMITTED, filled_qty=D(4))])
    assert (now.held, now.in_flight, now.invested) == (500, 1011, 1511)
    assert (now.open_positions, dict(now.by_ticker)) == (2, {"TSLA": 1, "AAPL": 1})


def a_stop(number: int, of: int, price: int | str, qty: int = 10, **changes: Any) -> Trade:
    how = {"role": OrderRole.STOP, "parent_trade_id": of, "stop_price": D(price), "requested_qty": D(qty)}
    made = a_trade(number, TradeStatus.SUBMITTED, side=Side.SELL, reserved=D(0))
    return replace(made, **{**how, **changes})


LOT = a_lot(7, ticker="AAPL", qty=D(10), entry_price=D(100))


@pytest.mark.parametrize(
    ("lots", "trades", "at_risk"),
    [
        ([LOT], [], D(1_000)),  # without a stop all that it cost
        ([LOT], [a_stop(8, 7, 95)], D(50)),
        ([LOT], [a_stop(8, 7, 95, qty=4)], D(620)),  # 4 × 5, and 6 without
        ([LOT], [a_stop(8, 7, 95, qty=6, filled_qty=D(2))], D(620)),
        ([LOT], [a_stop(8, 7, 95, qty=4), a_stop(9, 7, 90, qty=6)], D(80)),
        ([LOT], [a_stop(8, 7, 105)], D(0)),  # above what was paid: nothing is lost, and nothing won
        ([LOT], [a_stop(8, 6, 95)], D(1_000)),  # of another entry
        ([LOT], [a_stop(8, 7, 95, status=TradeStatus.UNKNOWN)], D(1_000)),
        ([LOT], [a_stop(8, 7, 95, status=TradeStatus.CANCELLED)], D(1_000)),
        ([LOT], [a_stop(8, 7, 120, role=OrderRole.TARGET, stop_price=None)], D(1_000)),
        ([], [a_trade(7, TradeStatus.SUBMITTED)], D(1_011)),  # a BUY in flight: all it reserves
        ([], [a_trade(7, TradeStatus.SUBMITTED), a_stop(8, 7, 95)], D(61)),
        ([LOT], [a_trade(7, TradeStatus.SUBMITTED, filled_qty=D(4)), a_stop(8, 7, 95)], D(61)),  # it and its lot once
        (
            [LOT, a_lot(3, ticker="TSLA", qty=D(2), entry_price=D(250))],
            [a_stop(8, 7, 95), a_stop(9, 3, 240, qty=2)],
            D(70),
        ),
    ],
)
def test_what_is_at_risk_down_to_the_stops(lots: list[Lot], trades: list[Trade], at_risk: Decimal) -> None:
    """A limit of risk would count a position as protected that nothing protects, or one twice."""
    assert at_stake(lots, trades).at_risk == at_risk


@pytest.mark.parametrize("status", UNRESOLVED)
def test_what_may_be_at_ib_is_reserved(status: TradeStatus) -> None:
    """Cash and places of an order that may be at IB would be given away a second time."""
    now = at_stake(trades=[a_trade(1, status), a_trade(2, status, side=Side.SELL, reserved=D(0))])
    assert (now.in_flight, now.reserved, now.open_positions, now.buys_today) == (1011, 1011, 1, 1)


def test_buys_of_today_are_those_that_filled_or_may() -> None:
    """The limit of the day would be used up by orders that bought nothing, or by yesterday's."""
    trades = [
        filled(1),
        a_trade(2, TradeStatus.PARTIAL, filled_qty=D(1)),
        a_trade(3, TradeStatus.UNKNOWN),
        a_trade(4, TradeStatus.CANCELLED),
        a_trade(5, TradeStatus.FAILED),
        filled(6, side=Side.SELL),
        filled(7, created_at=DAY_START - timedelta(seconds=1)),
        filled(8, created_at=DAY_START),
    ]
    assert at_stake(trades=trades).buys_today == 4


def test_realised_is_the_sum_of_the_day_s_closed_lots() -> None:
    """The daily loss would be judged by another figure than the one shown; a write-off has none."""
    closed = [a_lot(1, 2, pnl=D("-120.50")), a_lot(3, 4, pnl=D(20)), a_lot(5, 6, pnl=None)]
    now = at_stake(closed=closed)
    assert (now.realised_today, now.lost_today) == (D("-100.50"), D("100.50"))
    assert at_stake(closed=closed[1:]).lost_today == 0


@pytest.mark.parametrize(
    ("lots", "prices", "change", "unpriced"),
    [
        ([("KO", 1, 10, 100, NOW)], {1: D(90)}, D(-101), ()),
        ([("KO", 1, 10, 100, NOW)], {1: D(110)}, D(99), ()),
        ([("KO", 1, 10, 100, DAY_START - timedelta(days=9))], {1: D(110)}, D(0), ()),
        ([("KO", 1, 10, 100, DAY_START - timedelta(days=9))], {1: D(90)}, D(-101), ()),
        ([("KO", 1, 10, 100, NOW), ("F", 2, 1, 10, NOW)], {1: D(110), 2: None}, None, ("F",)),
        ([("KO", 1, 10, 100, NOW), ("F", 2, 1, 10, NOW)], {2: D(0)}, None, ("F", "KO")),
        ([("KO", 1, 10, 100, NOW)], {1: D("NaN")}, None, ("KO",)),
        ([], {}, D(0), ()),
    ],
)
def test_open_lots_change_the_day_by_ibs_prices(
    lots: list[tuple[str, int, int, int, datetime]],
    prices: dict[int, Decimal | None],
    change: Decimal | None,
    unpriced: tuple[str, ...],
) -> None:
    """The total loss would miss what falls and is not sold, let an old gain pay for today, or take no price for no loss."""
    rows = [
        a_lot(1, None, ticker=t, con_id=c, qty=D(q), entry_price=D(p), entry_time=at, commission=D(1), pnl=None)
        for t, c, q, p, at in lots
    ]
    assert open_change(rows, prices, DAY_START) == (change, unpriced)


@pytest.mark.parametrize(
    ("basis", "change", "lost"),
    [
        (LossBasis.REALISED, D(-50), D(100)),
        (LossBasis.REALISED, None, D(100)),
        (LossBasis.TOTAL, D(-50), D(150)),
        (LossBasis.TOTAL, D(120), D(0)),
        (LossBasis.TOTAL, None, None),
    ],
)
def test_the_loss_shown_is_that_of_the_basis(basis: LossBasis, change: Decimal | None, lost: Decimal | None) -> None:
    """The owner would be shown room under the daily loss where there is none."""
    assert replace(NOTHING, realised_today=D(-100), open_change=change, loss_basis=basis).lost_today == lost


def test_what_is_at_stake_by_sector() -> None:
    """The owner would not see that all his money is in one; or what is not known would pass for one of the largest."""
    lots = [a_lot(1, con_id=1, ticker="AAPL"), a_lot(2, con_id=2, ticker="KO"), a_lot(3, con_id=3, ticker="X")]
    msft = a_trade(9, TradeStatus.SUBMITTED, con_id=4, ticker="MSFT", reserved=D(5000))
    names = {1: "Technology", 2: "Consumer, Non-cyclical", 4: "Technology"}
    found = exposure(lots, [msft], [], [], None, day_start=DAY_START, now=NOW, industries=names)
    each = lots[0].cost
    assert list(found.cost_by_sector.items()) == [
        ("Technology", each + 5000),
        ("Consumer, Non-cyclical", each),
        ("unknown", each),
    ]
    assert sum(found.cost_by_sector.values()) == found.invested
    assert at_stake(lots).cost_by_sector == {}, "whoever decides does not look"


def test_the_fullest_ticker() -> None:
    """The owner would be shown room under the limit per ticker where there is none."""
    lots = [a_lot(1, ticker="KO"), a_lot(2, ticker="MSFT"), a_lot(3, ticker="MSFT")]
    assert at_stake(lots).fullest == ("MSFT", 2)


@pytest.mark.parametrize(
    ("account_at", "ended", "spent"),
    [
        (NOW, NOW - timedelta(seconds=2), 0),
        (NOW, NOW, 1001),  # computed before the fill, perhaps
        (NOW - timedelta(minutes=3), NOW - timedelta(minutes=1), 1001),
        (NOW + timedelta(hours=1), NOW - timedelta(minutes=5), 1001),  # the clock was set back since
    ],
)
def test_cash_that_is_spent_is_taken_off_until_ib_shows_it(account_at: datetime, ended: datetime, spent: int) -> None:
    """Cash of a fill would be spent again before IB's account shows it, or stay taken for ever."""
    now = at_stake(trades=[filled(1, finished_at=ended)], account=an_account(account_at))
    assert (now.not_yet_in_cash, now.reserved) == (spent, spent)


def test_a_fill_of_shortly_before_midnight_is_taken_off_too() -> None:
    """The new day would begin with cash that was spent the minute before."""
    late = filled(1, created_at=DAY_START - timedelta(minutes=30), finished_at=NOW)
    now = at_stake(trades=[late], account=an_account(NOW))
    assert (now.not_yet_in_cash, now.buys_today) == (1001, 0)


ROWS = st.lists(
    st.tuples(st.sampled_from(list(TradeStatus)), st.sampled_from(list(Side)), st.sampled_from("AB"), st.booleans()),
    max_size=8,
)


@given(ROWS, ROWS)
def test_the_parts_of_two_strategies_add_up_to_the_whole(
    one: list[tuple[TradeStatus, Side, str, bool]], other: list[tuple[TradeStatus, Side, str, bool]]
) -> None:
    """Filtered rows would count something twice, or lose it between two strategies."""

    def rows(drawn: list[tuple[TradeStatus, Side, str, bool]], first: int) -> tuple[list[Lot], list[Trade]]:
        trades = [a_trade(first + n, status, side=side, ticker=t) for n, (status, side, t, _) in enumerate(drawn)]
        lots = [a_lot(first + n, ticker=t) for n, (_, side, t, lot) in enumerate(drawn) if lot and side is Side.BUY]
        return lots, trades

    (lots_a, trades_a), (lots_b, trades_b) = rows(one, 1), rows(other, 100)
    a, b, both = at_stake(lots_a, trades_a), at_stake(lots_b, trades_b), at_stake(lots_a + lots_b, trades_a + trades_b)
    assert a.invested + b.invested == both.invested
    assert a.reserved + b.reserved == both.reserved
    assert a.open_positions + b.open_positions == both.open_positions
    assert a.buys_today + b.buys_today == both.buys_today
