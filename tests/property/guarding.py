"""What must hold of shares with stops, read from the database's file and from IB's side alone.

Rules: `leaving` is called as an order leaves; `always` may be called between any two transactions; `settled` when the line has
been up for a while and nothing has happened meanwhile.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from tests.property.groups import GroupBroker
from tests.property.promises import Row, total
from tests.property.stage import Stage
from tests.property.whose import PROTECTIVE, UNRESOLVED, Books, read
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Order, OrderReport
from tradebot.domain.terms import OrderType, Terms, TimeInForce

NONE = Decimal(0)
CENT = Decimal("0.01")
"""Prices after a split are rounded."""
TELLING = ("shares_unprotected", "order_stuck")


def selling(broker: GroupBroker, orders: Iterable[OrderReport], con_id: int) -> Decimal:
    """Shares that these may still sell: of those that exclude each other the most; children no more than is bought."""
    most: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        if order.con_id == con_id and order.side is Side.SELL:
            left = order.qty - (order.filled or NONE)
            parent = broker.parents.get(order.order_ref)
            if parent in broker.working:
                left = min(
                    left, Decimal(broker.may_fill(order.order_ref)) if order.order_ref in broker.working else left
                )
            group = order.oca_group or order.order_ref
            most[group] = max(most[group], left)
    return total(most.values())


def leaving(
    stage: Stage, order: Order, asked: Mapping[int, Decimal], let_go: Collection[int], *, killed: bool
) -> list[str]:
    """Why this order, new or changed, must not leave now. `let_go`: entries whose stop the owner has cancelled."""
    books, broker = read(stage.path), _broker(stage)
    trade = next((row for row in books.trades.values() if row["order_ref"] == order.order_ref), None)
    if trade is None:
        return [f"{order} leaves without a stored intent"]
    others = [o for o in (*broker.working.values(), *stage.ib.vanished.values()) if o.order_ref != order.order_ref]
    others = [one for one in others if one.con_id == order.contract.con_id]
    wrong = {
        "its stored size is another one": Decimal(trade["requested_qty"]) != order.qty,
        "its stored terms are other ones": terms_of(trade) != replace(order.terms, good_till=None),
        "it is over": trade["status"] not in UNRESOLVED,
        "it is not of its alert's strategy": trade["strategy"] != books.alerts[trade["alert_id"]]["strategy"],
    }
    match trade["role"]:
        case "ENTRY":
            wrong |= _entry(books, trade, others, killed=killed)
        case "EXIT":
            wrong |= _exit(stage, books, trade, order, others, asked, killed=killed)
        case _ if order.order_ref in broker.working:
            wrong |= _changed(broker, books, order, killed=killed and trade["role"] != "STOP")
        case _:
            wrong |= _protective(broker, books, trade, order, others, let_go, killed=killed)
    return [f"{order} of {trade['strategy']} left although {reason}" for reason, stands in wrong.items() if stands]


def apart(books: Books, order_refs: Sequence[str]) -> list[str]:
    """What was stored with these, as one, and does not leave with them."""
    groups = {(row["group_id"], row["created_at"]) for row in books.trades.values() if row["order_ref"] in order_refs}
    stored = [
        row for row in books.trades.values() if (row["group_id"], row["created_at"]) in groups and row["group_id"]
    ]
    return [f"{row['order_ref']} does not leave with its group" for row in stored if row["order_ref"] not in order_refs]


def _entry(books: Books, trade: Row, others: Sequence[OrderReport], *, killed: bool) -> dict[str, bool]:
    whose = {row["order_ref"]: row for row in books.trades.values()}
    at_work = [whose[one.order_ref] for one in others if one.order_ref in whose and one.side is Side.BUY]
    return {
        "trading is KILLED": killed,
        "another entry of its strategy and stock is at work": trade["strategy"] in [row["strategy"] for row in at_work],
        "an order of its stock is UNKNOWN": _unknown(books, trade),
    }


def _exit(
    stage: Stage,
    books: Books,
    trade: Row,
    order: Order,
    others: Sequence[OrderReport],
    asked: Mapping[int, Decimal],
    *,
    killed: bool,
) -> dict[str, bool]:
    broker, con_id = _broker(stage), trade["con_id"]
    rows = {row["order_ref"]: row for row in books.trades.values()}
    own = [one for one in broker.sent if one.order_ref in rows and rows[one.order_ref]["alert_id"] == trade["alert_id"]]
    sold = total(fill.shares for fill in broker.fills if fill.order_ref in {one.order_ref for one in own})
    first = own[0].qty if own else order.qty
    limit = min(first, asked.get(trade["alert_id"], first))
    roles = [rows[one.order_ref]["role"] for one in others if one.order_ref in rows]
    stops = [one for one in others if one.order_ref in rows and rows[one.order_ref]["role"] in PROTECTIVE]
    guarded = selling(broker, [one for one in stops if rows[one.order_ref]["strategy"] == trade["strategy"]], con_id)
    at_ib, held = (broker.held or {}).get(con_id, NONE), books.held(con_id, trade["strategy"])
    return {
        "trading is KILLED": killed,
        "another exit of its stock is at work": "EXIT" in roles,
        "an order of its stock is UNKNOWN": _unknown(books, trade),
        "it sells more than its strategy holds": order.qty > held,
        "its shares are protected still": order.qty > held - guarded,
        "it sells more than IB holds": order.qty > at_ib - selling(broker, others, con_id),
        "its alert has sold what it was to sell": con_id not in {a["con_id"] for a in books.actions}
        and sold + order.qty > limit,
    }


def _changed(broker: GroupBroker, books: Books, order: Order, *, killed: bool) -> dict[str, bool]:
    before = broker.working[order.order_ref]
    con_id, more = before.con_id, order.qty > before.qty
    changed = replace(before, qty=order.qty)
    return {
        "trading is KILLED": killed and more,
        "an exit of its stock is at work": more and _exit_at_work(books, con_id),
        "more would be sold than IB has shown": more and _too_many(broker, changed),
    }


def _protective(
    broker: GroupBroker,
    books: Books,
    trade: Row,
    order: Order,
    others: Sequence[OrderReport],
    let_go: Collection[int],
    *,
    killed: bool,
) -> dict[str, bool]:
    entry = books.trades[trade["parent_trade_id"]]
    if order.parent_id:
        another = broker.ids.get(order.parent_id) != entry["order_ref"]
        return {"trading is KILLED": killed, "it is attached to another order than its entry": another}
    siblings = [
        row["order_ref"]
        for row in books.trades.values()
        if row["parent_trade_id"] == entry["id"] and row["role"] == trade["role"]
    ]
    shown = OrderReport(
        order.order_ref, 0, 0, 1, trade["con_id"], "", order.side, order.qty, NONE, state=None, ib_status="",  # type: ignore[arg-type]
        oca_group=order.oca_group,
    )  # fmt: skip
    return {
        "trading is KILLED": killed and trade["role"] != "STOP",
        "an exit of its stock is at work": _exit_at_work(books, trade["con_id"]),
        "its entry is at work": entry["order_ref"] in broker.working,
        "another one like it is at work": any(one.order_ref in siblings for one in others),
        "its entry's shares are fewer": order.qty > open_shares(books)[entry["id"], trade["con_id"]],
        "more would be sold than IB has shown": _too_many(broker, shown),
        "the owner has cancelled its like": trade["role"] == "STOP" and entry["id"] in let_go,
    }


def _too_many(broker: GroupBroker, order: OrderReport) -> bool:
    """With it, as IB last told of positions and orders."""
    report = broker.last_report
    assert report is not None, "it looks before it sells more"
    held = report.positions.get(order.con_id)
    others = [one for one in report.open_orders if one.order_ref != order.order_ref]
    return selling(broker, [*others, order], order.con_id) > (held.qty if held else NONE)


def _unknown(books: Books, trade: Row) -> bool:
    return any(row["status"] == "UNKNOWN" for row in books.unresolved(trade["con_id"]) if row["id"] != trade["id"])


def _exit_at_work(books: Books, con_id: int) -> bool:
    return any(row["role"] == "EXIT" for row in books.unresolved(con_id))


# --- at any time ------------------------------------------------------------------------------------------------------


def always(stage: Stage, books: Books) -> None:
    for con_id, held in (stage.broker.held or {}).items():
        assert held >= 0, f"short: {held} of {con_id}"
    for lot in books.lots:
        closing = books.trades.get(lot["closing_trade_id"])
        if closing is not None and closing["role"] in PROTECTIVE:
            assert lot["opening_trade_id"] == closing["parent_trade_id"], f"a stop closes another entry's lot: {lot}"


# --- at rest ----------------------------------------------------------------------------------------------------------


def settled(stage: Stage, books: Books, covered: dict[int, datetime], levels: Mapping[int, Decimal]) -> None:
    """`covered`: until when each entry's shares were protected, kept up by this. `levels`: where stops belong that are elsewhere
    than where they were placed first."""
    broker, now = _broker(stage), stage.bot.clock.now()
    stops = defaultdict(list)
    for row in books.trades.values():
        if row["role"] == "STOP":
            stops[row["parent_trade_id"]].append(row)
    for con_id in broker.con_ids.values():
        if not in_motion(books, con_id):
            held, sells = (broker.held or {}).get(con_id, NONE), selling(broker, broker.working.values(), con_id)
            assert sells <= held, f"{sells} of {con_id} are being sold, {held} are held: {broker.working}"
    shares = open_shares(books)
    for (entry_id, con_id), shares_held in shares.items():
        held = shares_held.to_integral_value(ROUND_DOWN)  # a split may have left a fraction
        lives = (
            books.trades[entry_id]["order_ref"] in broker.working
        )  # then its children sell no more than it has bought
        if not stops[entry_id] or in_motion(books, con_id):
            continue
        at_work = [broker.working[row["order_ref"]] for row in stops[entry_id] if row["order_ref"] in broker.working]
        protected = total(one.qty - (one.filled or NONE) for one in at_work)
        assert protected <= held or lives, f"{protected} shares of entry {entry_id} are protected, {held} are held"
        if protected >= held:
            covered[entry_id] = now
            for one in at_work:
                _as_it_should_be(books, one, levels.get(entry_id) or Decimal(stops[entry_id][0]["stop_price"]))
            continue
        told = [row for row in books.events if row["kind"] in TELLING and _is_about(row, entry_id, stops[entry_id])]
        since = covered.get(entry_id)
        heard = [
            row
            for row in told
            if since is None or datetime.fromisoformat(str(row["at"]).replace("Z", "+00:00")) >= since
        ]
        assert heard, (
            f"{held - protected} of {held} shares of entry {entry_id} are not protected, and nobody was told since {since}: "
            f"{stops[entry_id]}, {told}"
        )


def _as_it_should_be(books: Books, shown: OrderReport, level: Decimal) -> None:
    trade = next(row for row in books.trades.values() if row["order_ref"] == shown.order_ref)
    assert shown.terms == terms_of(trade), f"at IB {shown}, in the books {trade}"
    assert shown.terms.stop_price is not None, f"no stop: {shown}"
    gained = trade["strategy"] == "rsi" and shown.terms.stop_price > level  # to the entry price: see `break_even_after`
    assert gained or abs(shown.terms.stop_price - level) <= CENT, f"a stop stands elsewhere than at {level}: {shown}"
    assert shown.terms.tif is TimeInForce.GTC, f"a stop that ends with the day: {shown}"


def _is_about(event: Row, entry_id: int, stops: Sequence[Row]) -> bool:
    facts = json.loads(event["facts"])
    return facts.get("entry_id") == entry_id or event["trade_id"] in [row["id"] for row in stops]


def in_motion(books: Books, con_id: int) -> bool:
    """An order of the contract that is not known to rest, or that sells or may buy at once."""
    return any(
        row["status"] != "SUBMITTED" or row["role"] == "EXIT" or (row["role"] == "ENTRY" and row["order_type"] == "MKT")
        for row in books.unresolved(con_id)
    )


def open_shares(books: Books) -> dict[tuple[int, int], Decimal]:
    """By entry and contract."""
    found: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for lot in books.lots:
        if lot["status"] == "OPEN":
            found[lot["opening_trade_id"], lot["con_id"]] += Decimal(lot["qty"])
    return found


def at_the_end(stage: Stage, books: Books) -> None:
    """All was sold: nothing is left to protect, and nothing sells any more."""
    left = [
        lot for lot in books.lots if lot["status"] == "OPEN" and Decimal(lot["qty"]) >= 1
    ]  # a split leaves fractions
    assert not left, f"exits were given up: {left}"
    working = [one for one in stage.broker.working.values() if one.side is Side.SELL]
    assert not working, f"nothing is held, and these sell: {working}"


def terms_of(row: Row) -> Terms:
    """As it is stored."""
    prices = (row[name] for name in ("limit_price", "stop_price", "trail_amount", "trail_pct"))
    limit, stop, amount, percent = (None if price is None else Decimal(price) for price in prices)
    how = (OrderType(row["order_type"]), limit, stop, amount, percent, TimeInForce(row["tif"]))
    return Terms(*how, outside_rth=bool(row["outside_rth"]))


def _broker(stage: Stage) -> GroupBroker:
    assert isinstance(stage.broker, GroupBroker)
    return stage.broker
