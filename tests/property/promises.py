"""What must hold at any moment, read from the database's file and from IB's side alone: no code of the bot is asked.

Rules: `placing` is called as an order leaves and judges with it among the stored intents; `always` may be called between any two
transactions; `at_the_end` once everything had its time.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.property.stage import ASK, LIMITS, Stage
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Order
from tradebot.domain.settings import limit_key

Row = dict[str, Any]
UNRESOLVED = ("SUBMITTING", "SUBMITTED", "UNKNOWN")
FINAL = {"EXECUTED", "BLOCKED", "EXPIRED", "CLEARED", "REJECTED"}
ARMED_AGAIN_MAX = 3
CERTAINLY_NOT_SENT = {"database_silent", "lock_lost", "link_interrupted", "too_late", "throttled", "not_connected"}
JUDGED_AGAIN = {"RECEIVED", "PENDING", "BLOCKED", "EXPIRED", "CLEARED"}
"""Where an alert may be whose newest order did not leave: on its way to the next one, or refused one."""
ALERT_OF = {
    "SUBMITTING": "PROCESSING",
    "SUBMITTED": "PROCESSING",
    "UNKNOWN": "UNKNOWN",
    "FILLED": "EXECUTED",
    "PARTIAL": "EXECUTED",
    "CANCELLED": "FAILED",
    "FAILED": "FAILED",
}


@dataclass(frozen=True)
class Tables:
    alerts: dict[int, Row]
    trades: list[Row]
    lots: list[Row]
    executions: list[Row]
    settings: dict[str, str]

    @property
    def state(self) -> str:
        return self.settings.get("trading_state", "RUNNING")

    def limit(self, name: str) -> Decimal:
        return Decimal(str(self.settings.get(limit_key(name), asdict(LIMITS)[name])))


def read(path: Path) -> Tables:
    """All tables as one transaction sees them."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        names = ("alert_log", "trade", "position", "execution", "bot_settings")
        found = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}
    finally:
        connection.close()
    return Tables(
        {row["id"]: row for row in found["alert_log"]},
        found["trade"],
        found["position"],
        found["execution"],
        {row["key"]: row["value"] for row in found["bot_settings"]},
    )


def total(amounts: Iterable[Any]) -> Decimal:
    return sum((Decimal(str(amount)) for amount in amounts), Decimal(0))


def placing(stage: Stage, order: Order, *, killed: bool) -> list[str]:
    """Why this order, which is leaving now, must not leave."""
    tables, bot = read(stage.path), stage.bot
    trade = next((row for row in tables.trades if row["order_ref"] == order.order_ref), None)
    if trade is None:
        return [f"{order} leaves without a stored intent"]
    at_work = [*stage.broker.working.values(), *stage.ib.vanished.values()]
    wrong = {
        "its stored decision is not to send it": not _passed(trade),
        "it is not what was decided": Decimal(trade["requested_qty"]) != order.qty or trade["side"] != order.side,
        "its intent is settled already": trade["status"] != "SUBMITTING",
        "its alert was ordered before": _is_second(stage, tables, trade),
        "another order of its alert is alive": any(
            row["alert_id"] == trade["alert_id"] and row["status"] in UNRESOLVED
            for row in tables.trades
            if row["id"] != trade["id"]
        ),
        "trading is KILLED": killed or "KILLED" in (tables.state, bot.switch.state),
        "the gate is closed": not bot.gate.is_open,
        "another order of the ticker is at work": any(one.con_id == order.contract.con_id for one in at_work),
    }
    if order.side is Side.SELL:
        held = (stage.broker.held or {}).get(order.contract.con_id, Decimal(0))
        selling = stage.ib.remaining(stage.broker, Side.SELL, order.contract.con_id)
        wrong["it sells more than IB holds"] = order.qty > held - selling
    else:
        wrong |= _over_limits(stage, tables, order)
    return [f"{order} left although {reason}" for reason, stands in wrong.items() if stands]


def _is_second(stage: Stage, tables: Tables, trade: Row) -> bool:
    """Whether an order of its alert left before, unless all of them were exits that IB ended, and this one sells what is left."""
    sent = [one for one in stage.broker.sent if int(one.order_ref.split("-")[1]) == trade["alert_id"]]
    if not sent:
        return False
    refs = {one.order_ref for one in sent}
    sold = total(fill.shares for fill in stage.broker.fills if fill.order_ref in refs)
    openings = {row["id"]: row["alert_id"] for row in tables.trades}
    lots = [lot for lot in tables.lots if lot["status"] == "OPEN" and lot["ticker"] == trade["ticker"]]
    older = total(lot["qty"] for lot in lots if openings[lot["opening_trade_id"]] < trade["alert_id"])
    armed_again = trade["side"] == "SELL" and refs <= stage.ib.ended and len(sent) <= ARMED_AGAIN_MAX
    return not armed_again or Decimal(trade["requested_qty"]) > min(sent[0].qty - sold, older)


def _passed(trade: Row) -> bool:
    checks = json.loads(trade["decision"])["checks"]
    return bool(checks) and all(check["code"] is None for check in checks)


def _over_limits(stage: Stage, tables: Tables, order: Order) -> dict[str, bool]:
    buys = [row for row in tables.trades if row["side"] == "BUY"]
    in_flight = [row for row in buys if row["status"] in UNRESOLVED]
    flying = {row["id"] for row in in_flight}
    lots = [lot for lot in tables.lots if lot["status"] == "OPEN" and lot["opening_trade_id"] not in flying]
    here = [row for row in (*lots, *in_flight) if row["ticker"] == order.contract.ticker]
    counted = [row for row in buys if row["status"] in UNRESOLVED or Decimal(row["filled_qty"])]
    invested = total(Decimal(lot["qty"]) * Decimal(lot["entry_price"]) for lot in lots)
    asked_for = total(Decimal(row["requested_qty"]) * ASK for row in in_flight)
    still_to_pay = (stage.ib.remaining(stage.broker, Side.BUY) + order.qty) * ASK
    lost = total(lot["pnl"] for lot in tables.lots if lot["pnl"] is not None)
    return {
        "trading is PAUSED": "PAUSED" in (tables.state, stage.bot.switch.state),
        "too many positions are open": len(lots) + len(in_flight) > tables.limit("max_open_positions"),
        "too many of this ticker are open": len(here) > tables.limit("max_per_ticker"),
        "too many were bought today": len(counted) > tables.limit("max_daily_buys"),
        "too much is invested": invested + asked_for > tables.limit("max_total_investment"),
        "the cash reserve is touched": stage.ib.cash - still_to_pay < tables.limit("min_cash_reserve"),
        "too much was lost today": lost <= -tables.limit("max_daily_loss"),
    }


def never_left(trade: Row) -> bool:
    """Ended before its frame was written, and judged again. What the owner's word or IB's has ended decides about its alert."""
    return trade["status"] == "FAILED" and _code(trade["error_message"]) in {*CERTAINLY_NOT_SENT, "older_alive"}


def left_shares(trade: Row) -> bool:
    """An exit that ended at IB with shares left, which may be armed again."""
    return trade["side"] == "SELL" and trade["status"] in ("PARTIAL", "CANCELLED")


def is_final(tables: Tables, alert: Row) -> bool:
    """Whether the alert stays where it is."""
    mine = [row for row in tables.trades if row["alert_id"] == alert["id"]]
    armed_again = bool(mine) and left_shares(max(mine, key=lambda row: row["n"]))
    return alert["status"] in FINAL and not armed_again


def _holder(trades: list[Row]) -> Row:
    """The order that an alert follows: the one alive, else the last one that was ever at IB, else the last."""
    alive = [row for row in trades if row["status"] in UNRESOLVED]
    left = [row for row in trades if not never_left(row)]
    return (alive or left or trades)[-1]


def always(stage: Stage, tables: Tables, acknowledged: Collection[int]) -> None:
    """Raises AssertionError naming the promise that is broken."""
    assert not stage.died(), f"a task has died: {stage.died()}"
    lost = set(acknowledged) - set(tables.alerts)
    assert not lost, f"acknowledged alerts are gone: {lost}"
    at_ib = (one.order_ref for one in (*stage.broker.working.values(), *stage.ib.vanished.values()))
    booked = (row["order_ref"] for row in tables.trades if row["status"] in ("SUBMITTED", "UNKNOWN"))
    for alive in map(Counter, ([ref.split("-")[1] for ref in refs] for refs in (at_ib, booked))):
        assert set(alive.values()) <= {1}, f"an alert has two orders alive: {alive}"
    for alert in tables.alerts.values():
        trades = [row for row in tables.trades if row["alert_id"] == alert["id"]]
        if trades:
            judged_again = alert["status"] in JUDGED_AGAIN and (never_left(trades[-1]) or left_shares(trades[-1]))
            expected = ALERT_OF[_holder(trades)["status"]]
            assert judged_again or alert["status"] == expected, f"{alert} and {trades}"
        else:
            assert alert["status"] not in ("PROCESSING", "EXECUTED", "UNKNOWN"), f"{alert} has no order"
    times = Counter(order.order_ref for order in stage.broker.sent)
    assert set(times.values()) <= {1}, f"sent more than once: {times}"
    assert set(times) <= {row["order_ref"] for row in tables.trades}, "an order has no intent"
    for con_id, held in (stage.broker.held or {}).items():
        assert held >= 0, f"short: {held} of {con_id}"
    _books_add_up(tables)


def _books_add_up(tables: Tables) -> None:
    for trade in tables.trades:
        booked = total(row["shares"] for row in tables.executions if row["trade_id"] == trade["id"])
        assert booked == Decimal(trade["filled_qty"]) <= Decimal(trade["requested_qty"]), f"{booked} booked of {trade}"
    for ticker in {row["ticker"] for row in tables.trades}:
        mine = [row for row in tables.trades if row["ticker"] == ticker]
        bought = total(row["filled_qty"] for row in mine if row["side"] == "BUY")
        sold = total(row["filled_qty"] for row in mine if row["side"] == "SELL")
        lots = [lot for lot in tables.lots if lot["ticker"] == ticker]
        held = total(lot["qty"] for lot in lots if lot["status"] == "OPEN")
        closed = total(lot["qty"] for lot in lots if lot["status"] == "CLOSED")
        assert (held, closed) == (bought - sold, sold), f"{ticker}: lots {held}/{closed}, trades +{bought} -{sold}"


def _code(reason: str | None) -> str | None:
    """Of a stored reason; None for IB's own words, which are text."""
    return json.loads(reason)["code"] if reason and reason.startswith("{") else None


def unfinished(tables: Tables) -> list[Row]:
    return [row for row in tables.alerts.values() if row["status"] in ("RECEIVED", "PENDING", "PROCESSING", "UNKNOWN")]


def at_the_end(stage: Stage, tables: Tables) -> None:
    left = unfinished(tables)
    assert not left, f"these alerts never came to an end: {left}; gate: {stage.bot.gate.reasons}"
    given_up = [
        row
        for row in tables.alerts.values()
        if row["status"] == "FAILED" and _code(row["reason"]) in CERTAINLY_NOT_SENT
    ]
    assert not given_up, f"certainly not sent, and not judged again: {given_up}"
    for trade in tables.trades:
        at_ib = [fill for fill in stage.broker.fills if fill.order_ref == trade["order_ref"]]
        assert Decimal(trade["filled_qty"]) == total(fill.shares for fill in at_ib), f"{trade}, IB has {at_ib}"
        paid = total(fill.shares * fill.price for fill in at_ib)
        booked = [row for row in tables.executions if row["trade_id"] == trade["id"]]
        assert paid == total(Decimal(row["shares"]) * Decimal(row["price"]) for row in booked), f"{booked} and {at_ib}"
    for ticker, con_id in stage.broker.con_ids.items():
        held = total(lot["qty"] for lot in tables.lots if lot["ticker"] == ticker and lot["status"] == "OPEN")
        assert held == stage.net(con_id), (
            f"the books hold {held} {ticker}, the bot's executions left {stage.net(con_id)}"
        )
