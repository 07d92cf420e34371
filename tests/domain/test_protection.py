"""Open shares against the orders that protect them: what follows from each difference."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.alerts import Side
from tradebot.domain.break_even import break_even
from tradebot.domain.brokerage import OrderReport, OrderState, Quote
from tradebot.domain.exit_ends import Told
from tradebot.domain.facts.orders import Changed
from tradebot.domain.protection import (
    Action,
    Adopt,
    Ask,
    Cancel,
    Change,
    EndedBy,
    Guarded,
    Moment,
    Place,
    Tell,
    compare,
    ended_by,
)
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.strategies import Strategy
from tradebot.domain.terms import Level, LevelKind, OrderType, Terms, TimeInForce, columns
from tradebot.domain.trades import OrderRole, Trade, TradeStatus
from tradebot.domain.working_sells import working_sells

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
D, S = Decimal, TradeStatus
STOP = Terms(OrderType.STOP, stop_price=D(95), tif=TimeInForce.GTC)
TARGET = Terms(OrderType.LIMIT, limit_price=D(120), tif=TimeInForce.GTC)
AAPL = 1


def a_trade(number: int, role: OrderRole, status: TradeStatus = S.SUBMITTED, **changes: Any) -> Trade:
    terms = {OrderRole.STOP: STOP, OrderRole.TARGET: TARGET}.get(role, Terms())
    known: dict[str, Any] = {
        "alert_id": 1,
        "ticker": "AAPL",
        "con_id": AAPL,
        "side": Side.BUY if role is OrderRole.ENTRY else Side.SELL,
        "requested_qty": D(10),
        "order_ref": f"tb-1-{number}",
        "ib_position_before": D(0),
        "reserved": D(0),
        "created_at": LONG_AGO,
        "role": role,
        "group_id": "g",
        "parent_trade_id": None if role is OrderRole.ENTRY else 1,
        "id": number,
        "status": status,
        "ib_order_id": number,
        "perm_id": 100 + number,
        **columns(terms),
    }
    return Trade(**{**known, **changes})


ENTRY = a_trade(1, OrderRole.ENTRY, S.FILLED, filled_qty=D(10), finished_at=LONG_AGO)
A_STOP, A_TARGET = a_trade(2, OrderRole.STOP), a_trade(3, OrderRole.TARGET)


def shown(trade: Trade, **changes: Any) -> OrderReport:
    """As IB has it at work."""
    report = OrderReport(
        order_ref=trade.order_ref,
        order_id=trade.ib_order_id or 0,
        perm_id=trade.perm_id or 0,
        client_id=1,
        con_id=trade.con_id,
        ticker=trade.ticker,
        side=trade.side,
        qty=trade.requested_qty,
        filled=trade.filled_qty,
        state=OrderState.WORKING,
        ib_status="PreSubmitted",
        oca_group=trade.group_id or "",
        terms=trade.terms,
    )
    return replace(report, **changes)


def owners(shares: int) -> OrderReport:
    """A SELL of the owner's."""
    own = a_trade(90, OrderRole.EXIT, requested_qty=D(shares), group_id=None)
    return shown(own, order_ref="", client_id=0)


def guard(*orders: Trade, held: int = 10, entry: Trade = ENTRY, **more: Any) -> Guarded:
    return Guarded(entry, D(held), orders or (A_STOP, A_TARGET), **more)


def at(*orders: OrderReport, position: int = 10, **changes: Any) -> Moment:
    known: dict[str, Any] = {
        "now": NOW,
        "con_id": AAPL,
        "position": D(position),
        "open_orders": orders,
        "booked": D(position),
        "equal": True,
        "quote": quote(100),
        "confirmed": frozenset({2, 3}),
    }
    return Moment(**{**known, **changes})


def quote(bid: int | str | None, last: int | str | None = None) -> Quote:
    return Quote(None if bid is None else D(bid), None, None if last is None else D(last), NOW, delayed=False)


def over(trade: Trade, status: TradeStatus = S.CANCELLED, **changes: Any) -> Trade:
    return replace(trade, status=status, finished_at=LONG_AGO + timedelta(minutes=5), **changes)


def found(*guards: Guarded, moment: Moment) -> list[str]:
    return [said(one) for one in compare(guards, moment)]


def said(one: Action) -> str:
    match one:
        case Place():
            return f"place {one.role} {one.qty:f} {one.terms}"
        case Change():
            return f"{one.why} {one.order.id} to {one.qty:f} {one.terms}"
        case Cancel():
            return f"cancel {one.order.id}: {one.why}"
        case Adopt():
            return f"adopt {one.order.id} {one.qty:f} {one.terms}{' of the owner' if one.owners else ''}"
        case Tell():
            return f"{one.qty:f} {one.code}"
        case Ask():
            return f"ask about {one.order.id}"


ANEW = "place STOP 10 STP 95 GTC"
ENDED: Mapping[EndedBy, str] = {
    EndedBy.US: ANEW,
    EndedBy.GROUP: ANEW,
    EndedBy.NOT_SENT: ANEW,
    EndedBy.REFUSED: ANEW,  # once
    EndedBy.IB: ANEW,
    EndedBy.OWNER: "10 cancelled",
    EndedBy.NOT_SHOWN: "10 not_shown",
}


@pytest.mark.parametrize("by", EndedBy)
def test_who_ended_the_stop_decides_what_follows(by: EndedBy) -> None:
    """The owner's word would be overruled, or held shares be left without a stop by a machine's doing."""
    guarded = guard(over(A_STOP), A_TARGET, ended_by={2: by})
    assert found(guarded, moment=at(shown(A_TARGET))) == [ENDED[by]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [ANEW]),
        ({"equal": False}, ["10 not_equal"]),
        ({"quote": None}, ["10 no_price"]),
        ({"quote": quote(None)}, ["10 no_price"]),
        ({"quote": quote(95)}, ["10 crossed"]),
        ({"quote": quote(96)}, [ANEW]),
        ({"killed": True}, [ANEW]),
        ({"moving": True}, []),
        ({"exiting": frozenset({"main"})}, []),
        ({"exiting": frozenset({"another"})}, [ANEW]),
    ],
)
def test_what_ib_ended_is_placed_anew_only_where_all_is_known(
    changes: Mapping[str, Any], expected: Sequence[str]
) -> None:
    """A stop would sell at once below the market, or what is not held, or beside an exit."""
    guarded = guard(over(A_STOP), A_TARGET, ended_by={2: EndedBy.IB})
    assert found(guarded, moment=at(shown(A_TARGET), **changes)) == expected


@pytest.mark.parametrize(
    ("orders", "position", "expected"),
    [
        ((shown(A_STOP), shown(A_TARGET)), 10, []),
        ((shown(A_STOP), shown(A_TARGET)), 15, []),  # the owner has five of his own
        ((shown(A_STOP), shown(A_TARGET), owners(5)), 15, []),
        (
            (shown(A_STOP), shown(A_TARGET)),
            6,
            ["cut 2 to 6 STP 95 GTC", "4 not_at_ib", "cut 3 to 6 LMT 120 GTC"],
        ),
        (
            (shown(A_STOP), shown(A_TARGET), owners(4)),
            10,
            ["cut 2 to 6 STP 95 GTC", "4 not_at_ib", "cut 3 to 6 LMT 120 GTC"],
        ),
        (
            (shown(A_STOP), shown(A_TARGET)),
            0,
            ["cancel 2: over_protected", "10 not_at_ib", "cancel 3: over_protected"],
        ),
        ((shown(A_STOP, qty=D(4)), shown(A_TARGET)), 10, ["raised 2 to 10 STP 95 GTC"]),
        (
            (shown(A_STOP, qty=D(4)), shown(A_TARGET), owners(3)),
            10,
            ["raised 2 to 7 STP 95 GTC", "3 not_at_ib", "cut 3 to 7 LMT 120 GTC"],
        ),
    ],
)
def test_as_many_shares_are_protected_as_are_held_and_ib_has(
    orders: Sequence[OrderReport], position: int, expected: Sequence[str]
) -> None:
    """Orders would sell more than there is, or leave some of it without a stop."""
    assert found(guard(), moment=at(*orders, position=position, booked=D(10))) == expected


def test_the_youngest_are_cut_first() -> None:
    """Of two entries the older one would lose the stop that it had first."""
    other = replace(ENTRY, id=11)
    its_stop = a_trade(12, OrderRole.STOP, parent_trade_id=11, group_id="h")
    guards = (guard(its_stop, held=10, entry=other), guard(A_STOP, held=10))
    assert found(*guards, moment=at(shown(A_STOP), shown(its_stop), position=13, booked=D(20))) == [
        "cut 12 to 3 STP 95 GTC",
        "7 not_at_ib",
    ]


def test_what_is_sold_needs_no_stop() -> None:
    """A stop would live on after its shares, and go short."""
    guarded = guard(held=0)
    assert found(guarded, moment=at(shown(A_STOP), shown(A_TARGET), position=0)) == [
        "cancel 2: nothing_held",
        "cancel 3: nothing_held",
    ]


def test_a_target_that_took_some_leaves_the_rest_protected() -> None:
    """After a part of the target the stop would be too large for what is held, or be taken for too small."""
    target = replace(A_TARGET, filled_qty=D(3))
    guarded = guard(A_STOP, target, held=7)
    assert found(guarded, moment=at(shown(A_STOP, qty=D(7)), shown(target), position=7)) == ["adopt 2 7 STP 95 GTC"]
    assert found(guarded, moment=at(shown(A_STOP), shown(target), position=7)) == ["cut 2 to 7 STP 95 GTC"]


def test_a_fill_that_is_not_booked_yet_raises_nothing_and_is_asked_for() -> None:
    """A stop that has just sold some would be made larger by what it sold; or hold everything up for good."""
    sold = at(shown(A_STOP, filled=D(4)), shown(A_TARGET), position=6, booked=D(10), moving=True, trailing=True)
    assert found(guard(), moment=sold) == ["ask about 2"]


ENTERING = a_trade(1, OrderRole.ENTRY, S.SUBMITTED, order_type=OrderType.LIMIT, limit_price=D(100))
IN_PART = ["cancel 1: group_in_part", "cancel 2: group_in_part", "cancel 3: group_in_part"]


@pytest.mark.parametrize(
    ("entry", "held", "orders", "there", "expected"),
    [
        (ENTERING, 0, (A_STOP, A_TARGET), (2, 3), []),
        (ENTERING, 0, (A_STOP, A_TARGET), (2,), IN_PART),
        (ENTERING, 0, (A_STOP, A_TARGET), (), IN_PART),
        (ENTERING, 0, (over(A_STOP, S.FAILED), A_TARGET), (3,), ["cancel 1: group_in_part", "cancel 3: group_in_part"]),
        # What is held already keeps the stop that there is; and never gets another one beside the living entry.
        (replace(ENTERING, filled_qty=D(4)), 4, (A_STOP, over(A_TARGET)), (2,), ["cancel 1: group_in_part"]),
        (replace(ENTERING, filled_qty=D(4)), 4, (over(A_STOP), A_TARGET), (3,), ["cancel 1: group_in_part"]),
        (replace(ENTERING, status=S.UNKNOWN), 0, (A_STOP, A_TARGET), (), []),
        (replace(ENTERING, created_at=NOW), 0, (A_STOP, A_TARGET), (), []),
    ],
)
def test_beside_a_living_entry_nothing_is_placed(
    entry: Trade, held: int, orders: tuple[Trade, ...], there: Sequence[int], expected: Sequence[str]
) -> None:
    """Two stops would be at work beside each other as soon as the entry fills on, or half a group would buy."""
    at_ib = [shown(entry), *(shown(one) for one in orders if one.id in there)]
    guarded = guard(*orders, held=held, entry=entry)
    assert found(guarded, moment=at(*at_ib, position=held, moving=bool(held))) == expected


def test_an_order_that_ib_does_not_show_is_not_replaced() -> None:
    """An order that lives unseen, and another one in its place, would sell twice."""
    assert found(guard(), moment=at(shown(A_TARGET))) == ["10 in_doubt"]
    young = replace(A_STOP, created_at=NOW)
    assert found(guard(young, A_TARGET), moment=at(shown(A_TARGET))) == []
    assert found(guard(), moment=at(shown(A_TARGET), shown(A_STOP, state=OrderState.INACTIVE))) == ["10 in_doubt"]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (replace(STOP, stop_price=D(97)), "adopt 2 10 STP 97 GTC of the owner"),
        (replace(STOP, tif=TimeInForce.DAY), "adopt 2 10 STP 95 DAY of the owner"),
        (None, None),  # of a kind that the bot does not place: nothing is known of it
    ],
)
def test_what_the_owner_changes_in_tws_stands(terms: Terms | None, expected: str | None) -> None:
    """The bot would put back what its owner has moved."""
    moment = at(shown(A_STOP, terms=terms), shown(A_TARGET))
    assert found(guard(), moment=moment) == ([expected] if expected else [])
    assert found(guard(), moment=replace(moment, changing=frozenset({2}))) == []  # it may be the bot's own change


def test_a_stop_that_came_as_day_is_placed_anew() -> None:
    """A stop that IB took for the day only would leave the shares alone at night."""
    moment = at(shown(A_STOP, terms=replace(STOP, tif=TimeInForce.DAY)), shown(A_TARGET), confirmed=frozenset())
    assert found(guard(), moment=moment) == ["cancel 2: not_as_sent"]
    moved = replace(STOP, tif=TimeInForce.DAY, stop_price=D(97))  # while the bot was away: that is the owner
    elsewhere = replace(moment, open_orders=(shown(A_STOP, terms=moved), shown(A_TARGET)))
    assert found(guard(), moment=elsewhere) == ["adopt 2 10 STP 97 DAY of the owner"]
    again = a_trade(4, OrderRole.STOP, n=2)
    moment = replace(moment, open_orders=(shown(again, terms=replace(STOP, tif=TimeInForce.DAY)),))
    assert found(guard(over(A_STOP), again), moment=moment) == ["10 not_as_sent"]  # not for ever


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (quote(94, 94), ["10 not_triggered"]),
        (quote(94, 96), []),
        (quote(96, 94), []),
        (quote(None, 94), []),
        (None, []),
    ],
)
def test_a_stop_that_the_market_has_crossed_is_seen(price: Quote | None, expected: Sequence[str]) -> None:
    """A stop that IB never triggers would be found at the account's end."""
    assert found(guard(), moment=at(shown(A_STOP), shown(A_TARGET), quote=price)) == expected


def test_a_target_comes_back_where_the_bot_ended_it() -> None:
    """An exit that was stopped half-way would cost the target; or a target that the owner took out would come back."""
    for by, expected in ((EndedBy.US, ["place TARGET 10 LMT 120 GTC"]), (EndedBy.OWNER, [])):
        guarded = guard(A_STOP, over(A_TARGET), ended_by={3: by})
        assert found(guarded, moment=at(shown(A_STOP))) == expected
        assert found(guarded, moment=at(shown(A_STOP), killed=True)) == []


def test_a_target_comes_back_once_its_stop_is_at_work() -> None:
    """A stop that fills at once, as it does below its price, would have the target sell the same shares once more."""
    guarded = guard(over(A_STOP), over(A_TARGET), ended_by={2: EndedBy.US, 3: EndedBy.US})
    assert found(guarded, moment=at()) == [ANEW]
    anew = a_trade(4, OrderRole.STOP, group_id="tb-1-1-g3")
    both = guard(*guarded.orders, anew, ended_by=guarded.ended_by)
    assert found(both, moment=at()) == ["10 in_doubt"]
    [target] = compare([both], at(shown(anew)))
    assert isinstance(target, Place)
    assert (target.role, target.group) == (OrderRole.TARGET, "tb-1-1-g3")


def test_a_stop_is_placed_anew_at_the_price_of_todays_shares() -> None:
    """After a split ten for one a stop of 95 would sell shares of 20 at once."""
    guarded = guard(over(A_STOP), held=100, ended_by={2: EndedBy.IB}, splits={2: D(10)})
    assert found(guarded, moment=at(position=100, quote=quote(10))) == ["place STOP 100 STP 9.5 GTC"]


def test_what_ib_refused_twice_is_told() -> None:
    """A stop that IB does not take would be sent for ever."""
    again = over(a_trade(4, OrderRole.STOP), S.FAILED)
    guarded = guard(over(A_STOP, S.FAILED), again, ended_by={2: EndedBy.REFUSED, 4: EndedBy.REFUSED})
    assert found(guarded, moment=at()) == ["10 refused"]


BARE, WHY = Told(202, "Order Canceled - reason:"), Told(202, "Order Canceled - reason:Cancelled by Exchange")


@pytest.mark.parametrize(
    ("order", "entry", "fills", "told", "how", "expected"),
    [
        (over(A_STOP), ENTRY, (), (BARE,), {}, EndedBy.OWNER),
        (over(A_STOP), ENTRY, (), (), {}, EndedBy.OWNER),
        (over(A_STOP), ENTRY, (), (WHY,), {}, EndedBy.IB),
        (over(A_STOP), ENTRY, (), (BARE,), {"by_us": True}, EndedBy.US),
        (over(A_STOP), ENTRY, (), (BARE,), {"cut_off": True}, EndedBy.IB),
        (over(A_STOP), ENTRY, (), (BARE,), {"split": True}, EndedBy.IB),
        (over(A_STOP), ENTRY, (LONG_AGO + timedelta(minutes=5),), (BARE,), {}, EndedBy.GROUP),
        (over(A_STOP), ENTRY, (LONG_AGO,), (BARE,), {}, EndedBy.OWNER),  # long after the fill
        (over(A_STOP), over(ENTRY, S.PARTIAL), (), (BARE,), {}, EndedBy.GROUP),
        (over(A_STOP, S.FAILED, error_message="IB 201: no"), ENTRY, (), (), {}, EndedBy.REFUSED),
        (over(A_STOP, S.FAILED, error_message=Reason(ReasonCode.THROTTLED)), ENTRY, (), (), {}, EndedBy.NOT_SENT),
        (over(A_STOP, S.FAILED, error_message=Reason(ReasonCode.NEVER_SEEN)), ENTRY, (), (), {}, EndedBy.NOT_SHOWN),
    ],
)
def test_who_ended_a_stop(
    order: Trade,
    entry: Trade,
    fills: Sequence[datetime],
    told: Sequence[Told],
    how: Mapping[str, bool],
    expected: EndedBy,
) -> None:
    """The owner's cancel would be taken for IB's and undone, or IB's for the owner's and left."""
    known = {"by_us": False, "cut_off": False, "split": False, **how}
    assert ended_by(order, entry, fills, told, **known) is expected


@pytest.mark.parametrize(
    ("after", "bid", "to"),
    [
        (Level(LevelKind.PERCENT, D(5)), 104, None),
        (Level(LevelKind.PERCENT, D(5)), 105, D(100)),
        (Level(LevelKind.AMOUNT, D(2)), 102, D(100)),
        (Level(LevelKind.AMOUNT, D(2)), None, None),
        (None, 200, None),
    ],
)
def test_the_stop_goes_to_the_entry_price_after_the_gain(
    after: Level | None, bid: int | None, to: Decimal | None
) -> None:
    """A gain that was to be kept from becoming a loss would not be, or the stop be moved too early."""
    strategy = Strategy(name="main", break_even_after=after)
    moved = break_even(guard(price=D(100)), strategy, None if bid is None else D(bid))
    assert (moved and (moved.terms.stop_price, moved.why)) == (to and (to, Changed.BREAK_EVEN))
    higher = guard(replace(A_STOP, stop_price=D(101)), price=D(100))
    assert break_even(higher, strategy, D(200)) is None  # never down


# --- whatever the moment ----------------------------------------------------------------------------------------------

ROLES = st.sampled_from([OrderRole.STOP, OrderRole.TARGET])
SHARES = st.integers(0, 12).map(D)


@st.composite
def moments(draw: st.DrawFn) -> tuple[list[Guarded], Moment]:
    """Entries in any state, with any of their orders at work, over or lost, and a position that fits or does not."""
    guards, reports = [], []
    for number in range(draw(st.integers(1, 3))):
        base = 10 * number
        status = draw(st.sampled_from([S.SUBMITTED, S.FILLED, S.PARTIAL, S.UNKNOWN]))
        held = draw(SHARES)
        finished = None if status is S.SUBMITTED else LONG_AGO
        entry = a_trade(base + 1, OrderRole.ENTRY, status, filled_qty=held, finished_at=finished)
        if status is S.SUBMITTED:
            reports.append(shown(entry))
        orders, ends = [], {}
        for index in range(draw(st.integers(1, 3))):
            lives = draw(st.booleans())
            order = a_trade(
                base + 2 + index,
                draw(ROLES),
                S.SUBMITTED if lives else draw(st.sampled_from([S.CANCELLED, S.FAILED])),
                parent_trade_id=entry.id,
                group_id=f"g{number}",
            )
            orders.append(order)
            ends[order.id] = draw(st.sampled_from(EndedBy))
            if lives and draw(st.integers(0, 3)):
                parent = entry.ib_order_id or 0 if status is S.SUBMITTED else 0
                reports.append(shown(order, qty=max(draw(SHARES), D(1)), parent_id=parent))
        guards.append(Guarded(entry, held, tuple(orders), ends))
    if draw(st.booleans()):
        reports.append(owners(draw(st.integers(1, 5))))
    booked = sum((one.held for one in guards), D(0))
    position = booked if draw(st.booleans()) else draw(st.integers(-3, 40).map(D))
    moment = at(
        *reports,
        position=int(position),
        booked=booked,
        killed=draw(st.booleans()),
        moving=draw(st.integers(0, 4)) == 0,
        equal=draw(st.booleans()),
        quote=draw(st.sampled_from([None, quote(90, 90), quote(100)])),
        confirmed=frozenset(range(60)),
    )
    return guards, moment


def afterwards(actions: Sequence[Action], moment: Moment) -> Moment:
    """As IB would show it when everything was done."""
    cancelled = {one.order.order_ref for one in actions if isinstance(one, Cancel)}
    changed = {one.order.order_ref: one for one in actions if isinstance(one, Change)}
    orders = [
        replace(one, qty=changed[one.order_ref].qty) if one.order_ref in changed else one
        for one in moment.open_orders
        if one.order_ref not in cancelled or one.side is Side.BUY  # what it has bought is held all the same
    ]
    for number, one in enumerate(actions):
        if isinstance(one, Place):
            placed = a_trade(200 + number, one.role, requested_qty=one.qty, group_id=one.group)
            orders.append(shown(placed))
    return replace(moment, open_orders=orders)


@given(moments())
def test_what_is_done_never_sells_more_than_ib_holds(case: tuple[list[Guarded], Moment]) -> None:
    """Working SELLs would exceed the position by the bot's own doing, and go short."""
    guards, moment = case
    actions = compare(guards, moment)
    before, after = (working_sells(one.open_orders, AAPL).qty for one in (moment, afterwards(actions, moment)))
    assert after <= max(before, moment.position)
    everything = list(moment.open_orders)
    grown = [replace(one, qty=max(one.qty, _changed(actions, one))) for one in everything] + [
        one for one in afterwards(actions, moment).open_orders if one.order_ref not in _refs(moment)
    ]
    if not moment.moving:  # also before the first cut has come through
        assert working_sells(grown, AAPL).qty <= max(before, moment.position)


def _changed(actions: Sequence[Action], report: OrderReport) -> Decimal:
    return max(
        (one.qty for one in actions if isinstance(one, Change) and one.order.order_ref == report.order_ref),
        default=D(0),
    )


@given(moments())
def test_beside_what_may_live_no_second_stop_is_placed(case: tuple[list[Guarded], Moment]) -> None:
    """Two stops for the same shares would both sell."""
    guards, moment = case
    there = {one.order_ref for one in moment.open_orders}
    by_entry = {one.entry.id: one for one in guards}
    for action in compare(guards, moment):
        if isinstance(action, Place):
            guarded = by_entry[action.entry.id]
            assert guarded.entry.status not in (S.SUBMITTED, S.UNKNOWN)
            assert not [one for one in guarded.orders if one.role is action.role and one.order_ref in there]
            assert not [one for one in guarded.orders if one.status is S.SUBMITTED and one.order_ref not in there]


@given(moments())
def test_held_shares_are_protected_or_told(case: tuple[list[Guarded], Moment]) -> None:
    """Shares of an entry that is over would stand without a stop, and nobody would hear of it."""
    guards, moment = case
    if moment.moving:
        return
    actions = compare(guards, moment)
    after = afterwards(actions, moment)
    told = {one.entry.id for one in actions if isinstance(one, Tell)}
    for one in guards:
        wants = any(order.role is OrderRole.STOP for order in one.orders)
        if one.entry.status in (S.SUBMITTED, S.UNKNOWN) or not one.held or not wants:
            continue
        refs = {order.order_ref for order in one.orders if order.role is OrderRole.STOP}
        placed = sum(
            (do.qty for do in actions if isinstance(do, Place) and do.entry == one.entry and do.role is OrderRole.STOP),
            D(0),
        )
        at_work = sum((report.qty for report in after.open_orders if report.order_ref in refs), D(0))
        # What must be cut first leaves no room yet: the next look has it.
        waits = moment.position - working_sells(moment.open_orders, AAPL).qty < one.held
        in_doubt = waits or any(
            order.status is S.SUBMITTED for order in one.orders if order.order_ref not in _refs(moment)
        )
        assert at_work + placed >= one.held or one.entry.id in told or in_doubt, (one, actions)


def _refs(moment: Moment) -> set[str]:
    return {one.order_ref for one in moment.open_orders}
