"""P&L of New York dates and of open lots: what belongs to which day, what adds up, what is unknown."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.pnl import OpenPosition, realised_on, summarise, unrealised
from tradebot.domain.trades import Trade

D = Decimal
DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
LAST_MINUTE = datetime(2026, 11, 21, 4, 59, tzinfo=UTC)  # 23:59 in New York
NEXT_DAY = datetime(2026, 11, 21, 5, tzinfo=UTC)


def closed(ticker: str, pnl: str | None, at: datetime = NOON, commission: str = "2") -> Lot:
    return Lot(
        ticker=ticker,
        con_id=1,
        qty=D(10),
        entry_price=D(100),
        entry_time=at,
        status=LotStatus.CLOSED,
        exit_price=None if pnl is None else D(101),
        exit_time=at,
        pnl=None if pnl is None else D(pnl),
        commission=D(commission),
        opening_trade_id=1,
        closing_trade_id=2,
    )


def held(ticker: str, con_id: int, qty: str, price: str) -> Lot:
    return Lot(
        ticker=ticker,
        con_id=con_id,
        qty=D(qty),
        entry_price=D(price),
        entry_time=NOON,
        status=LotStatus.OPEN,
        exit_price=None,
        exit_time=None,
        pnl=None,
        commission=D(1),
        opening_trade_id=1,
        closing_trade_id=None,
    )


def trade(side: Side, filled: str, at: datetime = NOON, commission: str = "1") -> Trade:
    return Trade(
        alert_id=1,
        ticker="AAPL",
        con_id=1,
        side=side,
        requested_qty=D(10),
        order_ref="tb-1-00000000",
        ib_position_before=None,
        reserved=D(0),
        created_at=at,
        filled_qty=D(filled),
        commission=D(commission),
    )


def test_realised_belongs_to_the_new_york_date_of_the_exit() -> None:
    """Broken, the daily loss limit would reset at the wrong midnight."""
    lots = [closed("A", "-5"), closed("A", "-7", LAST_MINUTE), closed("A", "-11", NEXT_DAY), held("A", 1, "1", "1")]
    assert realised_on(DAY, lots) == D(-12)
    assert realised_on(date(2026, 11, 21), lots) == D(-11)
    assert realised_on(date(2026, 11, 19), lots) == D(0)


def test_a_summary_adds_up() -> None:
    """Broken, the report would show figures that contradict each other or leave a ticker out."""
    lots = [closed("MSFT", "8"), closed("AAPL", "-5"), closed("AAPL", "7"), closed("AAPL", "0"), held("T", 1, "1", "1")]
    trades = [trade(Side.BUY, "10"), trade(Side.BUY, "0"), trade(Side.SELL, "4", commission="0.5")]
    summary = summarise(DAY, DAY, lots, trades)
    assert (summary.buys, summary.sells, summary.commissions_paid) == (1, 1, D("1.5"))
    assert (summary.net, summary.lot_commissions, summary.gross) == (D(10), D(8), D(18))
    assert list(summary.by_ticker.items()) == [("AAPL", D(2)), ("MSFT", D(8))]
    assert (summary.closed, summary.wins, summary.win_rate) == (4, 2, D("0.5"))
    assert summary.best == lots[0]
    assert summary.worst == lots[1]


def test_a_summary_takes_both_its_first_and_its_last_date() -> None:
    """Broken, the week's report would leave out a day or take one too many."""
    lots = [closed("A", "1", NOON), closed("A", "2", LAST_MINUTE), closed("A", "4", NEXT_DAY)]
    trades = [trade(Side.BUY, "1", at) for at in (NOON, LAST_MINUTE, NEXT_DAY)]
    assert summarise(DAY, DAY, lots, trades).net == D(3)
    assert summarise(DAY, DAY, lots, trades).buys == 2
    assert summarise(DAY, date(2026, 11, 21), lots, trades).net == D(7)
    assert summarise(date(2026, 11, 21), date(2026, 11, 27), lots, trades).buys == 1


def test_what_waited_for_its_price_counts_for_the_day_on_which_it_was_done() -> None:
    """A stop of an earlier day would be missing in the sales and the commissions of the day on which it sold."""
    stop = replace(trade(Side.SELL, "10", NOON - timedelta(days=3)), finished_at=NOON)
    found = summarise(DAY, DAY, [], [stop])
    assert (found.sells, found.commissions_paid) == (1, D(1))
    assert summarise(DAY - timedelta(days=3), DAY - timedelta(days=1), [], [stop]).sells == 0


def test_days_without_trades_have_no_win_rate() -> None:
    """Broken, a quiet day's report would divide by zero or claim a rate of 0 %."""
    summary = summarise(DAY, DAY, [], [])
    assert (summary.win_rate, summary.best, summary.worst, summary.net) == (None, None, None, D(0))
    assert summary.by_ticker == {}


def test_written_off_lots_are_counted_apart() -> None:
    """Broken, shares that are gone would pass for a trade with no profit and no loss."""
    summary = summarise(DAY, DAY, [closed("A", None), closed("A", "3")], [])
    assert (summary.written_off, summary.closed, summary.wins) == (1, 1, 1)
    assert (summary.net, summary.lot_commissions) == (D(3), D(2))


def test_open_lots_of_a_contract_are_one_position_at_the_brokers_price() -> None:
    """Broken, /positions would show a wrong quantity, entry or unrealised P&L."""
    lots = [held("MSFT", 2, "1", "400"), held("AAPL", 1, "10", "100"), held("AAPL", 1, "30", "120"), closed("X", "1")]
    result = unrealised(lots, {1: D(110), 2: D(390)})
    apple, microsoft = result.positions
    assert (apple.ticker, apple.lots, apple.qty, apple.cost, apple.entry_price) == ("AAPL", 2, D(40), D(4_600), D(115))
    third = OpenPosition("KO", 1, 1, D(3), D(100), None)
    assert str(third.entry_price) == "33.33333333", "no more digits than a stored price has"
    assert (apple.value, apple.pnl) == (D(4_400), D(-200))
    assert (microsoft.ticker, microsoft.pnl) == ("MSFT", D(-10))
    assert (result.pnl, result.unknown) == (D(-210), ())


def test_a_position_without_a_price_is_unknown_not_zero() -> None:
    """Broken, a missing or NaN price would show as a total loss, or as no change."""
    lots = [held("AAPL", 1, "10", "100"), held("MSFT", 2, "1", "400"), held("T", 3, "1", "20"), held("U", 4, "1", "1")]
    result = unrealised(lots, {1: D(101), 2: None, 3: D("NaN")})
    assert [position.pnl for position in result.positions] == [D(10), None, None, None]
    assert [position.value for position in result.positions[1:]] == [None, None, None]
    assert (result.pnl, result.unknown) == (D(10), ("MSFT", "T", "U"))
