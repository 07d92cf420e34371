"""Lots: first in first out, split, written off; shares and commissions conserved to the last digit over any history."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.lots import Filled, LotStatus, average_price, fold, summarise

D = Decimal
START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def trade(
    number: int, side: Side, qty: str, price: str | None, commission: str = "1", *, con_id: int = 265598
) -> Filled:
    at = START + timedelta(minutes=number)
    paid = None if price is None else D(price)
    return Filled(number, side, con_id, D(qty), paid, D(commission), at, at + timedelta(seconds=9))


def execution(exec_id: str, shares: str, price: str, commission: str | None = None, minute: int = 0) -> Execution:
    return Execution(
        exec_id=exec_id,
        order_ref="tb-1-00000000",
        order_id=1,
        perm_id=1,
        con_id=265598,
        ticker="AAPL",
        side=Side.BUY,
        shares=D(shares),
        price=D(price),
        time=START + timedelta(minutes=minute),
        commission=None if commission is None else D(commission),
    )


# --- single cases ---------------------------------------------------------------------------------------------------


def test_a_buy_opens_a_lot() -> None:
    """Broken, a fill would not show up among the positions."""
    (lot,) = fold("AAPL", [trade(1, Side.BUY, "10", "187.32")]).lots
    assert (lot.status, lot.qty, lot.entry_price, lot.commission) == (LotStatus.OPEN, D(10), D("187.32"), D(1))
    assert (lot.entry_time, lot.exit_price, lot.exit_time, lot.pnl) == (START + timedelta(minutes=1), None, None, None)
    assert (lot.ticker, lot.con_id, lot.opening_trade_id, lot.closing_trade_id) == ("AAPL", 265598, 1, None)


def test_a_sell_closes_the_oldest_lot_first_and_splits_the_last_it_reaches() -> None:
    """Broken, the P&L would be booked against the wrong BUY, or shares would vanish with a partial exit."""
    result = fold(
        "AAPL",
        [
            trade(1, Side.BUY, "10", "100", "1.00"),
            trade(2, Side.BUY, "10", "110", "2.00"),
            trade(3, Side.SELL, "15", "120", "3.00"),
        ],
    )
    first, split, rest = result.lots
    assert result.oversold == 0
    assert (first.opening_trade_id, first.closing_trade_id, first.qty, first.commission) == (1, 3, D(10), D(3))
    assert first.pnl == D(20) * 10 - 3
    assert (split.opening_trade_id, split.closing_trade_id, split.qty, split.commission) == (2, 3, D(5), D(2))
    assert split.pnl == D(10) * 5 - 2
    assert (rest.opening_trade_id, rest.status, rest.qty, rest.commission) == (2, LotStatus.OPEN, D(5), D(1))
    assert first.exit_time == START + timedelta(minutes=3, seconds=9)


def test_commission_pieces_add_up_to_the_whole() -> None:
    """Broken, a third of a cent would be made or lost with each split, and the P&L would not agree with IB's statement."""
    history = [trade(1, Side.BUY, "3", "100", "1.00")] + [trade(n, Side.SELL, "1", "101", "0.01") for n in (2, 3, 4)]
    lots = fold("AAPL", history).lots
    assert sum(lot.commission for lot in lots) == D("1.03")
    assert max(lot.commission for lot in lots) - min(lot.commission for lot in lots) <= D("1E-8")


def test_written_off_shares_close_without_a_profit_or_loss() -> None:
    """Broken, accepting a mismatch would invent an exit price, and with it a loss that stops trading."""
    written_off, rest = fold("AAPL", [trade(1, Side.BUY, "10", "100"), trade(2, Side.SELL, "4", None, "0")]).lots
    assert (written_off.status, written_off.exit_price, written_off.pnl) == (LotStatus.CLOSED, None, None)
    assert (written_off.closing_trade_id, written_off.qty) == (2, D(4))
    assert (rest.status, rest.qty) == (LotStatus.OPEN, D(6))


def test_shares_sold_beyond_the_books_are_counted_and_close_nothing() -> None:
    """Broken, an oversold exit would go unnoticed or make a negative lot."""
    result = fold("AAPL", [trade(1, Side.BUY, "10", "100"), trade(2, Side.SELL, "12", "101")])
    assert result.oversold == D(2)
    assert [(lot.status, lot.qty) for lot in result.lots] == [(LotStatus.CLOSED, D(10))]


def test_a_sell_closes_only_lots_of_its_own_contract() -> None:
    """Broken, a ticker given to another company would close the old company's lots."""
    result = fold(
        "META",
        [
            trade(1, Side.BUY, "5", "10", con_id=1),
            trade(2, Side.BUY, "5", "300", con_id=2),
            trade(3, Side.SELL, "5", "310", con_id=2),
        ],
    )
    assert result.oversold == 0
    assert [(lot.con_id, lot.status) for lot in result.lots] == [(1, LotStatus.OPEN), (2, LotStatus.CLOSED)]


def test_a_trade_that_filled_nothing_leaves_no_row() -> None:
    """Broken, a cancelled order would leave an empty position behind."""
    assert fold("AAPL", [trade(1, Side.BUY, "0", None), trade(2, Side.SELL, "0", None)]).lots == ()


@pytest.mark.parametrize("bad", [trade(1, Side.BUY, "10", None), trade(1, Side.BUY, "-1", "100")])
def test_a_history_that_cannot_be_booked_is_refused(bad: Filled) -> None:
    """Broken, nonsense would be booked as a lot without an entry price or with negative shares."""
    with pytest.raises(ValueError, match="trade 1 cannot be booked"):
        fold("AAPL", [bad])


# --- any history ----------------------------------------------------------------------------------------------------

QTY = st.integers(0, 40).map(D)
PRICE = st.decimals(D("0.01"), D(2_000), places=4)
COMMISSION = st.decimals(D(0), D(20), places=6)


@st.composite
def histories(draw: Callable[..., object], *, oversell: bool = False) -> list[Filled]:
    """Trades of one contract in id order; without `oversell` no SELL exceeds what is held at its turn."""
    held, result = D(0), []
    for number in range(1, draw(st.integers(1, 12)) + 1):  # type: ignore[operator]
        selling = draw(st.booleans())
        qty = draw(QTY if oversell or not selling else st.integers(0, int(held)).map(D))
        held += -qty if selling else qty  # type: ignore[operator]
        side = Side.SELL if selling else Side.BUY
        result.append(trade(number, side, str(qty), str(draw(PRICE)), str(draw(COMMISSION))))
    return result


def total(trades: Sequence[Filled], side: Side) -> Decimal:
    return sum((t.qty for t in trades if t.side is side), D(0))


@settings(deadline=None)
@given(histories(oversell=True))
def test_pairs_are_those_of_share_by_share_first_in_first_out(trades: list[Filled]) -> None:
    """Broken, some mixture of partial exits would close the wrong lots, or lose or make shares."""
    waiting: deque[int] = deque()
    pairs: Counter[tuple[int, int | None]] = Counter()
    oversold = 0
    for one in trades:
        for _ in range(int(one.qty)):
            if one.side is Side.BUY:
                waiting.append(one.trade_id)
            elif waiting:
                pairs[waiting.popleft(), one.trade_id] += 1
            else:
                oversold += 1
    pairs.update((opening, None) for opening in waiting)
    result = fold("AAPL", trades)
    assert {(lot.opening_trade_id, lot.closing_trade_id): lot.qty for lot in result.lots} == dict(pairs)
    assert len(result.lots) == len(pairs)
    assert result.oversold == oversold


@settings(deadline=None)
@given(histories())
def test_shares_commissions_and_money_are_conserved(trades: list[Filled]) -> None:
    """Broken, the lots would not add up to what was traded, to the last digit."""
    result = fold("AAPL", trades)
    still_open = [lot for lot in result.lots if lot.status is LotStatus.OPEN]
    assert result.oversold == 0
    assert sum(lot.qty for lot in still_open) == total(trades, Side.BUY) - total(trades, Side.SELL)
    assert sum(lot.commission for lot in result.lots) == sum(t.commission for t in trades if t.qty)
    money = sum(
        (t.qty if t.side is Side.SELL else -t.qty) * t.avg_price - t.commission for t in trades if t.qty and t.avg_price
    )
    realised = sum(lot.pnl for lot in result.lots if lot.pnl is not None)
    assert realised == money + sum(lot.cost + lot.commission for lot in still_open)


@settings(deadline=None)
@given(histories(oversell=True), st.randoms(use_true_random=False))
def test_the_order_in_which_trades_are_read_does_not_matter(trades: list[Filled], random: Random) -> None:
    """Broken, the books would depend on the order in which the database returns rows."""
    shuffled = trades.copy()
    random.shuffle(shuffled)
    assert fold("AAPL", shuffled) == fold("AAPL", trades)


@settings(deadline=None)
@given(histories())
def test_a_later_trade_never_rewrites_the_past(trades: list[Filled]) -> None:
    """Broken, a closed lot's P&L would change with an unrelated later trade."""
    before = {lot for lot in fold("AAPL", trades[:-1]).lots if lot.status is LotStatus.CLOSED}
    assert before <= set(fold("AAPL", trades).lots)


@settings(deadline=None)
@given(histories(), st.data())
def test_a_corrected_price_or_commission_moves_only_the_lots_it_touches(
    trades: list[Filled], data: st.DataObject
) -> None:
    """Broken, a correction or late commission would change shares, or the figures of lots it has no part in."""
    which = data.draw(st.integers(0, len(trades) - 1))
    corrected = trades.copy()
    corrected[which] = replace(trades[which], avg_price=data.draw(PRICE), commission=data.draw(COMMISSION))
    touched = trades[which].trade_id
    for old, new in zip(fold("AAPL", trades).lots, fold("AAPL", corrected).lots, strict=True):
        assert (old.opening_trade_id, old.closing_trade_id, old.qty) == (
            new.opening_trade_id,
            new.closing_trade_id,
            new.qty,
        )
        assert old == new or touched in (old.opening_trade_id, old.closing_trade_id)


# --- executions -----------------------------------------------------------------------------------------------------


def test_executions_add_up_to_the_trades_figures() -> None:
    """Broken, a trade's quantity, price, commission or times would differ from its fills'."""
    fills = [execution("a.01.01", "1", "100", "0.35", 2), execution("b.01.01", "2", "100.01", None, 1)]
    summary = summarise(fills)
    assert (summary.qty, summary.avg_price) == (D(3), D("100.00666667"))
    assert (summary.commission, summary.all_commissions_known) == (D("0.35"), False)
    assert (summary.first_fill, summary.last_fill) == (START + timedelta(minutes=1), START + timedelta(minutes=2))
    assert average_price(fills) == summary.avg_price


def test_no_execution_is_no_fill() -> None:
    """Broken, an unfilled order would have a price, or divide by zero."""
    summary = summarise([])
    assert (summary.qty, summary.avg_price, summary.commission) == (D(0), None, D(0))
    assert (summary.first_fill, summary.last_fill) == (None, None)


def test_a_correction_replaces_its_execution() -> None:
    """Broken, a corrected fill would count twice: 20 shares for a 10-share order."""
    summary = summarise([execution("a.01.01", "10", "100", "1"), execution("a.01.02", "10", "99")])
    assert (summary.qty, summary.avg_price) == (D(10), D(99))
    assert (summary.commission, summary.all_commissions_known) == (D(1), True)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 100), PRICE, COMMISSION), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_late_repeated_and_reordered_reports_give_the_figures_of_the_final_ones(
    fills: list[tuple[int, Decimal, Decimal]], random: Random
) -> None:
    """Broken, the same executions would book differently depending on how IB's reports came in."""
    final = [execution(f"x{n}.01.02", str(q), str(p), str(c), n) for n, (q, p, c) in enumerate(fills)]
    history = final.copy()
    for done in final:
        history += [done, replace(done, commission=None), replace(done, exec_id=done.exec_id[:-1] + "1", price=D(1))]
    random.shuffle(history)
    assert summarise(history) == summarise(final)
    exact = sum(e.shares * e.price for e in final) / sum(e.shares for e in final)
    assert abs(average_price(history) - exact) <= D("5E-9")  # type: ignore[operator]
