"""What must hold with several strategies at any moment, read from the database's file and from IB's side alone.

Rules: nothing of the trading is asked, only the pure fold of all that was ever booked, to compare with. A strategy's money is its
executions': what they brought is what its lots say, row by row.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.property.promises import Row, total
from tests.property.stage import Stage
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution, Order
from tradebot.domain.lots import CorporateAction, Filled, fold, summarise
from tradebot.domain.trades import Place

UNRESOLVED = ("SUBMITTING", "SUBMITTED", "UNKNOWN")
PROTECTIVE = ("STOP", "TARGET")
ROUNDING = Decimal("0.001")
"""USD: entry prices after a split have eight decimals."""
Whose = tuple[str, str]  # strategy and ticker


@dataclass(frozen=True)
class Books:
    """All tables as one transaction sees them."""

    alerts: Mapping[int, Row]
    trades: Mapping[int, Row]
    lots: list[Row]
    executions: Mapping[int, list[Row]]  # by trade
    actions: list[Row]
    offered: set[int]  # alerts of exits whose rest was offered to the owner
    events: list[Row] = field(default_factory=list)

    def held(self, con_id: int, strategy: str | None = None) -> Decimal:
        """Shares of the contract in open lots; of every strategy, or of one."""
        mine = [lot for lot in self.lots if strategy in (None, lot["strategy"])]
        return total(lot["qty"] for lot in mine if lot["status"] == "OPEN" and lot["con_id"] == con_id)

    def unresolved(self, con_id: int) -> list[Row]:
        return [row for row in self.trades.values() if row["con_id"] == con_id and row["status"] in UNRESOLVED]

    @property
    def whose(self) -> set[Whose]:
        return {(row["strategy"], row["ticker"]) for row in self.trades.values()}


@dataclass
class Owner:
    """What is the owner's own at IB, and what splits have done."""

    shares: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))  # by contract
    split: set[int] = field(default_factory=set)  # contracts of which shares have become others
    uneven: set[int] = field(default_factory=set)  # of these, those with odd shares to hand out, or left over


def read(path: Path) -> Books:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        names = ("alert_log", "trade", "position", "execution", "corporate_action", "event")
        found = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in names}
    finally:
        connection.close()
    trades = {row["id"]: row for row in found["trade"]}
    executions: dict[int, list[Row]] = defaultdict(list)
    for row in found["execution"]:
        executions[row["trade_id"]].append({**row, "side": trades[row["trade_id"]]["side"]})
    return Books(
        {row["id"]: row for row in found["alert_log"]},
        trades,
        found["position"],
        executions,
        found["corporate_action"],
        {row["alert_id"] for row in found["event"] if row["kind"] == "exit_incomplete"},
        found["event"],
    )


def leaving(stage: Stage, order: Order, asked: Mapping[int, Decimal]) -> list[str]:
    """Why this order, which is leaving now, must not leave. `asked`: shares that a partial exit is for, by alert."""
    books = read(stage.path)
    trade = next((row for row in books.trades.values() if row["order_ref"] == order.order_ref), None)
    if trade is None:
        return [f"{order} leaves without a stored intent"]
    con_id, strategy = order.contract.con_id, trade["strategy"]
    alert = books.alerts[trade["alert_id"]]
    whose = {row["order_ref"]: row["strategy"] for row in books.trades.values()}
    at_work = [o for o in (*stage.broker.working.values(), *stage.ib.vanished.values()) if o.con_id == con_id]
    unknown = [row for row in books.unresolved(con_id) if row["status"] == "UNKNOWN"]
    wrong = {
        "it is not of its alert's strategy": strategy != alert["strategy"],
        "another order of its strategy and stock is at work": strategy in [whose.get(o.order_ref) for o in at_work],
        "an order of its stock is UNKNOWN": bool(unknown),
    }
    if order.side is Side.SELL:
        own = [one for one in stage.broker.sent if one.order_ref.split("-")[1] == str(alert["id"])]
        refs = {one.order_ref for one in own}
        sold = total(fill.shares for fill in stage.broker.fills if fill.order_ref in refs)
        first = own[0].qty if own else order.qty
        limit = min(first, asked.get(alert["id"], first))
        at_ib = (stage.broker.held or {}).get(con_id, Decimal(0))
        selling = stage.ib.remaining(stage.broker, Side.SELL, con_id)
        has_split = any(row["con_id"] == con_id for row in books.actions)
        wrong |= {
            "another SELL of its stock is at work": any(o.side is Side.SELL for o in at_work),
            "it sells more than its strategy holds": order.qty > books.held(con_id, strategy),
            "it sells more than IB holds": order.qty > at_ib - selling,
            "its alert has sold what it was to sell": not has_split and sold + order.qty > limit,
        }
    return [f"{order} of {strategy} left although {reason}" for reason, stands in wrong.items() if stands]


def always(stage: Stage, books: Books, owner: Owner) -> None:
    """Raises AssertionError naming the promise that is broken."""
    assert not stage.died(), f"a task has died: {stage.died()}"
    _one_alive(books)
    for trade in books.trades.values():
        booked = total(row["shares"] for row in books.executions[trade["id"]])
        assert booked == Decimal(trade["filled_qty"]) <= Decimal(trade["requested_qty"]), f"{booked} booked of {trade}"
    for con_id, held in (stage.broker.held or {}).items():
        assert held >= owner.shares[con_id], f"the owner's own shares of {con_id} are sold: {held} are left"
    for lot in books.lots:
        closing = books.trades[lot["closing_trade_id"] or lot["opening_trade_id"]]
        opening = books.trades[lot["opening_trade_id"]]
        of = {(row["strategy"], row["ticker"]) for row in (lot, opening, closing)}
        assert len(of) == 1, f"a lot of one strategy is closed by another: {lot}"
        assert Decimal(lot["qty"]) > 0, f"an empty lot: {lot}"
    for strategy, ticker in books.whose:
        _folds_and_adds_up(books, owner, strategy, ticker)
    for con_id in stage.broker.con_ids.values():
        _sum_is_ibs(stage, books, owner, con_id)


def _one_alive(books: Books) -> None:
    alive = [row for row in books.trades.values() if row["status"] in UNRESOLVED]
    moving = [row for row in alive if row["role"] not in PROTECTIVE]
    for name, keys in {
        "an alert": Counter((row["alert_id"], row["role"]) for row in alive),
        "a strategy and stock": Counter((row["strategy"], row["con_id"]) for row in moving),
        "the exits of a stock": Counter(row["con_id"] for row in moving if row["side"] == "SELL"),
    }.items():
        assert set(keys.values()) <= {1}, f"{name}: several orders are alive: {keys}"


def _folds_and_adds_up(books: Books, owner: Owner, strategy: str, ticker: str) -> None:
    mine = [row for row in books.trades.values() if (row["strategy"], row["ticker"]) == (strategy, ticker)]
    lots = [lot for lot in books.lots if (lot["strategy"], lot["ticker"]) == (strategy, ticker)]
    actions = [row for row in books.actions if (row["strategy"], row["ticker"]) == (strategy, ticker)]
    whole = fold(ticker, [_filled(books, row) for row in mine if Decimal(row["filled_qty"])], map(_action, actions))
    assert not whole.oversold, f"{strategy} sold {whole.oversold} {ticker} that it did not hold"
    rows = {(lot["opening_trade_id"], lot["closing_trade_id"]): _figures(lot) for lot in lots}
    expected = {
        (lot.opening_trade_id, lot.closing_trade_id): (lot.qty, lot.entry_price, lot.commission, lot.pnl)
        for lot in whole.lots
    }
    assert rows == expected, f"{strategy}, {ticker}: the rows are {rows}, the whole fold has {expected}"
    if not {row["con_id"] for row in mine} & owner.uneven:
        spent = total(_money(row) for trade in mine for row in books.executions[trade["id"]])
        earned = total(lot["pnl"] for lot in lots if lot["status"] == "CLOSED")
        still = [_figures(lot) for lot in lots if lot["status"] == "OPEN"]
        invested = sum((qty * price + commission for qty, price, commission, _ in still), Decimal(0))
        assert abs(earned - invested - spent) < ROUNDING, f"{strategy}, {ticker}: {earned} - {invested}, not {spent}"


def _sum_is_ibs(stage: Stage, books: Books, owner: Owner, con_id: int) -> None:
    """Once all that IB has filled is booked, and nothing is in doubt."""
    booked = {row["exec_id"] for rows in books.executions.values() for row in rows}
    at_ib = {fill.exec_id for fill in stage.broker.fills if fill.con_id == con_id}
    if at_ib <= booked and not books.unresolved(con_id):
        held = (stage.broker.held or {}).get(con_id, Decimal(0)) - owner.shares[con_id]
        assert books.held(con_id) == held, f"the strategies hold {books.held(con_id)} of {con_id}, IB {held} for them"


def _money(execution: Row) -> Decimal:
    """What it brought, USD; negative: what it cost."""
    value = Decimal(execution["shares"]) * Decimal(execution["price"])
    return (value if execution["side"] == "SELL" else -value) - Decimal(execution["commission"] or 0)


def _figures(lot: Row) -> tuple[Decimal, Decimal, Decimal, Decimal | None]:
    pnl = None if lot["pnl"] is None else Decimal(lot["pnl"])
    return Decimal(lot["qty"]), Decimal(lot["entry_price"]), Decimal(lot["commission"]), pnl


def _filled(books: Books, trade: Row) -> Filled:
    sums = summarise(map(_execution, books.executions[trade["id"]]))
    assert sums.first_fill is not None, f"{trade} filled"
    assert sums.last_fill is not None, f"{trade} filled"
    return Filled(
        trade["id"],
        Side(trade["side"]),
        trade["con_id"],
        sums.qty,
        sums.avg_price,
        sums.commission,
        sums.first_fill,
        sums.last_fill,
        None if trade["placed_after"] is None else Place(trade["placed_after"], trade["placed_nth"], trade["id"]),
        trade["parent_trade_id"],
    )


def _execution(row: Row) -> Execution:
    return Execution(
        exec_id=row["exec_id"],
        order_ref="",
        order_id=0,
        perm_id=0,
        con_id=0,
        ticker="",
        side=Side(row["side"]),
        shares=Decimal(row["shares"]),
        price=Decimal(row["price"]),
        time=_time(row["time"]),
        commission=None if row["commission"] is None else Decimal(row["commission"]),
    )


def _action(row: Row) -> CorporateAction:
    return CorporateAction(
        at=_time(row["at"]),
        ticker=row["ticker"],
        con_id=row["con_id"],
        new_con_id=row["new_con_id"],
        new_shares=row["new_shares"],
        old_shares=row["old_shares"],
        qty_before=Decimal(row["qty_before"]),
        qty_after=Decimal(row["qty_after"]),
        after_trade_id=row["after_trade_id"],
        actor=row["actor"],
        id=row["id"],
        strategy=row["strategy"],
    )


def _time(stored: Any) -> datetime:
    return datetime.fromisoformat(str(stored).replace("Z", "+00:00"))


def at_the_end(stage: Stage, books: Books) -> None:
    """Everything had its time: nothing waits, and what IB has filled is booked to the strategy that asked for it."""
    waiting = ("RECEIVED", "PENDING", "PROCESSING", "UNKNOWN")
    left = [row for row in books.alerts.values() if row["status"] in waiting]
    assert not left, f"these alerts never came to an end: {left}; gate: {stage.bot.gate.reasons}"
    for trade in books.trades.values():
        at_ib = total(fill.shares for fill in stage.broker.fills if fill.order_ref == trade["order_ref"])
        assert Decimal(trade["filled_qty"]) == at_ib, f"{trade}, IB has {at_ib}"
        given_up = _has_a_rest(books, trade) and trade["alert_id"] not in books.offered
        assert not given_up, f"an exit with shares left was neither followed nor offered: {trade}"


def _has_a_rest(books: Books, exit_: Row) -> bool:
    """It has ended with shares left that its strategy holds still, and no later SELL of the strategy has had them in hand."""
    if exit_["role"] != "EXIT" or exit_["status"] not in ("PARTIAL", "CANCELLED"):
        return False
    mine = [row for row in books.trades.values() if row["strategy"] == exit_["strategy"]]
    later = [
        row for row in mine if row["side"] == "SELL" and row["con_id"] == exit_["con_id"] and row["id"] > exit_["id"]
    ]
    openings = {lot["opening_trade_id"] for lot in books.lots if lot["status"] == "OPEN"}
    older = [row for row in mine if row["id"] in openings and row["con_id"] == exit_["con_id"]]
    return not later and any(row["alert_id"] < exit_["alert_id"] for row in older)
