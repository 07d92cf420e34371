"""Splits recognised by figures alone, and what they make of lots: the same money in other shares, whatever came before."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.corporate_actions import (
    SEEN_BEFORE_KEY,
    TERM_MAX,
    Before,
    Split,
    handed_out,
    recognise,
    seen_before_text,
)
from tradebot.domain.lots import CorporateAction, Filled, Lot, LotStatus, fold

D = Decimal
OLD, NEW = 265598, 999001
START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def trade(number: int, side: Side, qty: str, price: str, commission: str = "1", con_id: int = OLD) -> Filled:
    at = START + timedelta(days=number)
    return Filled(number, side, con_id, D(qty), D(price), D(commission), at, at)


def action(after: int, new: int, old: int, before: str, now: str, new_con_id: int = OLD) -> CorporateAction:
    at = START + timedelta(days=after, hours=12)
    return CorporateAction(at, "AAPL", OLD, new_con_id, new, old, D(before), D(now), after, "Ann")


def lots(*qty_price: tuple[str, str], commission: str = "0", ticker: str = "AAPL") -> list[Lot]:
    history = [trade(n, Side.BUY, qty, price, commission) for n, (qty, price) in enumerate(qty_price, 1)]
    return list(fold(ticker, history).lots)


def held(qty: str, avg_cost: str | None, con_id: int = OLD, ticker: str = "AAPL") -> Mapping[int, BrokerPosition]:
    cost = None if avg_cost is None else D(avg_cost)
    return {con_id: BrokerPosition(con_id, ticker, D(qty), cost, None)}


def seen(mine: list[Lot], at_ib: Mapping[int, BrokerPosition]) -> tuple[int, int, Decimal, int] | None:
    """Ratio, what is left over, and the contract."""
    found = recognise(mine, at_ib, {})
    assert len(found) <= 1
    return (found[0].new, found[0].old, found[0].fraction, found[0].new_con_id) if found else None


@pytest.mark.parametrize(
    ("qty", "price", "qty_now", "cost_now", "expected"),
    [
        ("10", "100", "100", "10", (10, 1, 0)),
        ("10", "100", "15", "66.6667", (3, 2, 0)),
        ("4", "50", "2", "100", (1, 2, 0)),
        ("100", "2", "2", "100", (1, 50, 0)),
        ("2", "100", "100", "2", (50, 1, 0)),
        ("20", "100", "21", "95.238", (21, 20, 0)),  # a stock dividend of 5 %
        ("5", "100", "7", "66.6667", (3, 2, D("0.5"))),  # half a share was paid out
        ("33", "100", "49", "66.6667", (3, 2, D("0.5"))),  # 49:33 by the shares alone, which the money contradicts
        ("54", "1", "5", "10", (1, 10, D("0.4"))),
        ("4", "1", "0.4", "10", (1, 10, 0)),  # IB still shows the fraction
        ("5", "100", "7.5", "66.6667", (3, 2, 0)),
        ("10", "100", "100", "10.049", (10, 1, 0)),
        ("10", "100", "100", "9.951", (10, 1, 0)),
    ],
)
def test_a_split_is_recognised_by_shares_and_money(
    qty: str, price: str, qty_now: str, cost_now: str, expected: tuple[int, int, Decimal]
) -> None:
    """A SELL would sell a tenth of what is held, and book the difference in price as a loss."""
    assert seen(lots((qty, price)), held(qty_now, cost_now)) == (*expected, OLD)


@pytest.mark.parametrize(
    ("qty", "price", "qty_now", "cost_now"),
    [
        ("10", "100", "10", "100"),  # nothing happened
        ("10", "100", "10", "90"),  # a spin-off
        ("1", "300", "1", "200"),  # IB's average cost after an older lot was sold
        ("10", "100", "5", "100"),  # sold by hand
        ("10", "100", "20", "100"),  # as many bought by hand
        ("10", "100", "11", "100"),
        ("50", "100", "49", "100"),
        ("300", "100", "299", "100"),
        ("10", "100", "100", "10.06"),  # beyond 0.5 %
        ("10", "100", "100", "9.94"),
        ("1", "100", "51", "1.96"),  # no ratio that there is
        ("10", "100", "-100", "10"),
        ("10", "100", "0", "0"),
        ("55", "105", "57", "100"),  # 21:20, 22:21, 23:22: several leave less than a share
        ("10", "100", "100", "NaN"),
    ],
)
def test_what_is_no_split_or_several_is_not_recognised(qty: str, price: str, qty_now: str, cost_now: str) -> None:
    """Shares that the owner traded himself would be booked as the company's doing."""
    assert seen(lots((qty, price)), held(qty_now, cost_now)) is None


def test_an_unknown_cost_is_no_proof() -> None:
    """A quantity alone would do, and shares of the owner's own become the bot's."""
    assert seen(lots(("10", "100")), held("100", None)) is None
    assert seen(lots(("10", "100")), {}) is None


def test_commission_is_part_of_the_cost_as_ib_has_it() -> None:
    """A small lot's split would not be recognised, for IB's average cost contains the commission."""
    assert seen(lots(("10", "20"), commission="10"), held("100", "2.10")) == (10, 1, 0, OLD)
    assert seen(lots(("10", "20"), commission="10"), held("100", "2.00")) is None


def test_the_lots_of_a_contract_are_one_position() -> None:
    """Two lots would be compared with IB's whole position one by one."""
    assert seen(lots(("6", "90"), ("4", "115")), held("100", "10")) == (10, 1, 0, OLD)


def test_a_reverse_split_may_bring_another_contract() -> None:
    """The bot's shares would be missing under the old contract, and the owner's under the new one."""
    mine = lots(("4", "50"))
    assert seen(mine, held("2", "100", NEW)) == (1, 2, 0, NEW)
    assert seen(mine, {**held("0", "0"), **held("2", "100", NEW)}) == (1, 2, 0, NEW)
    assert seen(mine, held("4", "50", NEW)) == (1, 1, 0, NEW), "the same shares under another contract"
    assert seen(mine, held("2", "100", NEW, "MSFT")) is None, "another stock that happens to cost as much"
    assert seen(mine, {**held("2", "100", NEW), **held("2", "100", NEW + 1)}) is None, "which of them is not known"
    assert seen(mine, {**held("4", "50"), **held("2", "100", NEW)}) is None, "the old one is still there"


def test_an_answer_is_about_the_figures() -> None:
    """No split, said about other figures than these, would hide the next one."""
    [first] = recognise(lots(("10", "100")), held("100", "10"), {})
    [again] = recognise(lots(("10.0", "100.00")), held("100.0", "10"), {})
    [other] = recognise(lots(("10", "100")), held("20", "50"), {})
    assert first.key == again.key != other.key


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (("10", "15", "90"), ("150", "9"), (D(100), 10, 1)),  # five are the owner's
        (("10", "10", "95"), ("100", "9.5"), (D(100), 10, 1)),  # an average that an older lot, sold since, is part of
        (("10", "15", "90"), ("22", "60"), (D(15), 3, 2)),  # 22.5, of which half a share was paid out
        (("10", "11", "90"), ("5", "180"), (D(5), 1, 2)),
        (("10", "15", "90"), ("25", "90"), None),  # ten more bought
        (("10", "15", "90"), ("15", "90"), None),
        (("9", "15", "90"), ("150", "9"), None),  # the bot has traded since
        (("10", "8", "90"), ("80", "9"), None),  # some were missing before
        (("10", "1500", "90"), ("1", "135000"), None),
    ],
)
def test_beside_the_owners_own_shares_a_split_shows_against_what_ib_held_before(
    before: tuple[str, str, str], now: tuple[str, str], expected: tuple[Decimal, int, int] | None
) -> None:
    """Who holds the same stock himself would have the split's new shares counted as his, and the bot sell a tenth of its own."""
    stored = {SEEN_BEFORE_KEY: seen_before_text({OLD: Before(*map(D, before))})}
    found = recognise(lots(("10", "100")), held(*now), stored)
    assert [(one.at_ib, one.new, one.old) for one in found] == ([] if expected is None else [expected])
    assert all(one.avg_cost * one.new / one.old == pytest.approx(one.cost) for one in found)


# --- what it makes of lots ------------------------------------------------------------------------------------------


def test_a_split_keeps_the_money_and_the_history() -> None:
    """The books would hold other shares than IB, or a profit that nobody made."""
    before = trade(1, Side.BUY, "10", "100", "2")
    [lot] = fold("AAPL", [before], [action(1, 10, 1, "10", "100")]).lots
    assert (lot.qty, lot.entry_price, lot.commission, lot.cost) == (100, 10, 2, 1000)
    assert lot.entry_time == before.first_fill
    assert [(one["new"], one["old"]) for one in lot.splits] == [(10, 1)]


def test_what_was_sold_before_stays_and_what_is_sold_after_is_true() -> None:
    """An exit after the split would be booked at a loss of nine tenths, as 10 of 100 shares at the price of before."""
    history = [
        trade(1, Side.BUY, "10", "100", "1"),
        trade(2, Side.SELL, "4", "110", "1"),
        trade(3, Side.SELL, "60", "12", "1"),
    ]
    sold, rest = fold("AAPL", history, [action(2, 10, 1, "6", "60")]).lots
    assert (sold.qty, sold.entry_price, sold.pnl, sold.splits) == (4, 100, 40 - D("0.4") - 1, ())
    assert (rest.qty, rest.entry_price, rest.status, rest.pnl) == (60, 10, LotStatus.CLOSED, 120 - D("0.6") - 1)
    assert len(rest.splits) == 1
    assert sold.commission + rest.commission == 3


def test_a_correction_and_a_late_commission_of_before_go_through_the_split() -> None:
    """IB corrects a fill of the day before: the lots would fall back to the old shares, or keep the wrong price."""
    corrected = trade(1, Side.BUY, "10", "101", "1.5")
    sell = trade(2, Side.SELL, "100", "12", "1")
    [lot] = fold("AAPL", [corrected, sell], [action(1, 10, 1, "10", "100")]).lots
    assert (lot.entry_price, lot.commission) == (D("10.1"), D("2.5"))
    assert lot.pnl == D(190) - D("2.5")
    [fewer] = fold("AAPL", [trade(1, Side.BUY, "9", "100")], [action(1, 10, 1, "10", "100")]).lots
    assert fewer.qty == 90, "of other shares than the owner was asked about, by the ratio"


def test_lots_follow_to_the_new_contract() -> None:
    """The exit would look for shares under a contract that is gone, and those bought since be sold in their place."""
    history = [
        trade(1, Side.BUY, "3", "50"),
        trade(2, Side.BUY, "1", "50"),
        trade(3, Side.SELL, "2", "120", con_id=NEW),
    ]
    result = fold("AAPL", history, [action(2, 1, 2, "4", "2", NEW)])
    assert result.oversold == 0
    assert [(lot.con_id, lot.qty, lot.entry_price) for lot in result.lots] == [
        (NEW, D("1.5"), 100),
        (NEW, D("0.5"), 100),
    ]


def test_a_share_bought_after_the_split_is_not_split() -> None:
    """A BUY of today would be multiplied by yesterday's split at the next fold."""
    history = [trade(1, Side.BUY, "10", "100"), trade(2, Side.BUY, "5", "11")]
    old, young = fold("AAPL", history, [action(1, 10, 1, "10", "100")]).lots
    assert (old.qty, young.qty, young.splits) == (100, 5, ())


def test_two_splits_are_applied_one_after_the_other() -> None:
    """The second would be applied to the shares of before the first."""
    both = [action(1, 10, 1, "10", "100"), action(1, 1, 2, "100", "50")]
    [lot] = fold("AAPL", [trade(1, Side.BUY, "10", "100")], both).lots
    assert (lot.qty, lot.entry_price, len(lot.splits)) == (50, 20, 2)


def test_another_contract_of_the_ticker_is_left_alone() -> None:
    """Shares of another company under the same symbol would be split too."""
    history = [trade(1, Side.BUY, "10", "100"), trade(2, Side.BUY, "10", "7", con_id=5)]
    _, other = fold("AAPL", history, [action(2, 10, 1, "10", "100")]).lots
    assert (other.con_id, other.qty, other.entry_price) == (5, 10, 7)


ratios = st.tuples(st.integers(1, TERM_MAX), st.integers(1, TERM_MAX)).filter(lambda one: one[0] != one[1])
buys = st.lists(st.tuples(st.integers(1, 200), st.integers(100, 90_000)), min_size=1, max_size=5)


@given(buys, ratios)
def test_a_booked_split_is_what_ib_shows_whatever_the_lots(
    bought: list[tuple[int, int]], ratio: tuple[int, int]
) -> None:
    """Rounding would make or lose shares over several lots, or the books differ from IB after the owner's word."""
    new, old = ratio
    history = [trade(n, Side.BUY, str(qty), str(D(cents) / 100)) for n, (qty, cents) in enumerate(bought, 1)]
    before = fold("AAPL", history).lots
    total = sum(lot.qty for lot in before)
    now = D(int(total * new / old)) or D(1)
    after = fold("AAPL", history, [action(len(bought), new, old, str(total), str(now))]).lots
    assert sum(lot.qty for lot in after) == now
    assert sum(lot.commission for lot in after) == len(bought)
    for was, is_now in zip(before, after, strict=True):
        assert abs(is_now.entry_price * new / old - was.entry_price) < D("1E-6")
    last = trade(len(bought) + 1, Side.SELL, str(now), "10")
    sold = fold("AAPL", [*history, last], [action(len(bought), new, old, str(total), str(now))])
    assert (sold.oversold, {lot.status for lot in sold.lots}) == (0, {LotStatus.CLOSED})


@given(buys, ratios)
def test_every_split_that_leaves_no_fraction_is_recognised(
    bought: list[tuple[int, int]], ratio: tuple[int, int]
) -> None:
    """A ratio that a company chooses would be one that the bot does not know."""
    new, old = ratio
    mine = lots(*((str(qty), str(D(cents) / 100)) for qty, cents in bought))
    total = sum((lot.qty for lot in mine), D(0))
    now = total * new / old
    cost = sum((lot.cost for lot in mine), D(0)) / now
    [split] = recognise(mine, held(f"{now:.4f}", f"{cost:.8f}"), {})
    assert split.new * old == split.old * new


@pytest.mark.parametrize(
    ("before", "at_ib", "after"),
    [
        ({"ema": "10", "rsi": "5"}, "150", {"ema": "100", "rsi": "50"}),
        ({"ema": "7", "rsi": "9"}, "24", {"ema": "11", "rsi": "13"}),  # 10.5 and 13.5: the odd one by name
        ({"ema": "7", "rsi": "8"}, "22", {"ema": "10", "rsi": "12"}),  # half a share was paid out
        ({"ema": "3", "rsi": "4", "slow": "3"}, "5", {"ema": "2", "rsi": "2", "slow": "1"}),
        ({"ema": "3", "rsi": "7"}, "1", {"ema": "0.3", "rsi": "0.7"}),  # whole ones would leave nothing of ema's
        ({"ema": "1.5", "rsi": "1.5"}, "3", {"ema": "1.5", "rsi": "1.5"}),  # another contract: nobody's part changes
        ({"ema": "1", "rsi": "1", "slow": "1"}, "1", {"ema": "0.33333334", "rsi": "0.33333333", "slow": "0.33333333"}),
    ],
)
def test_what_a_split_makes_is_handed_out_to_the_last_share(
    before: dict[str, str], at_ib: str, after: dict[str, str]
) -> None:
    """A strategy would lose its part, or all together would have more than IB shows."""
    shares = {name: D(qty) for name, qty in before.items()}
    split = Split("AAPL", OLD, sum(shares.values(), D(0)), D(100), OLD, D(at_ib), D(10), 1, 1)
    assert handed_out(split, shares) == {name: D(qty) for name, qty in after.items()}


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10_000), min_size=1),
    st.integers(1, TERM_MAX),
    st.integers(1, TERM_MAX),
)
def test_whatever_is_handed_out_adds_up(before: dict[str, int], new: int, old: int) -> None:
    """For some shares and ratio the strategies' parts would not be what IB shows, or one of them nothing."""
    shares = {name: D(qty) for name, qty in before.items()}
    booked = sum(shares.values(), D(0))
    at_ib = max(D(int(booked * new / old)), D(1))
    after = handed_out(Split("AAPL", OLD, booked, D(100), OLD, at_ib, D(10), new, old), shares)
    assert sum(after.values()) == at_ib
    assert min(after.values()) > 0
    assert all(abs(after[name] - at_ib * qty / booked) < 1 for name, qty in shares.items())
