"""An independent checker: reads only the database, the gateway's own state and journal, and what was printed, after any run.

It says what must hold whatever happened before: nothing acknowledged is lost, nothing is ordered twice or without a stored
decision, the books hold what the gateway filled and never less than nothing, every fill is told, and no secret got out. Each
strategy sells only what it holds itself; what all of them hold and what is the owner's is what the gateway has. At no moment
more is being sold than is held (`replay.py`), and what stops are to protect is protected, or the owner told (`protected.py`).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import Any

import asyncpg

from tests.system.harness import BooksNow, Daemon, Gateway
from tests.system.protected import check_protection
from tests.system.replay import account, forgets_its_group
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.orders import ProtectionChanged, SoldBeyond
from tradebot.domain.lots import BEHIND_ALL, CorporateAction, LotStatus
from tradebot.domain.trades import ORDER_REF_PREFIX, UNRESOLVED, Trade, TradeStatus

ENDS = frozenset(AlertStatus) - {AlertStatus.RECEIVED, AlertStatus.PROCESSING}
_FILL_TOLD = {
    Side.BUY: {EventKind.BUY_FILLED, EventKind.BOOKS_CORRECTED, EventKind.ORDER_RESOLVED},
    Side.SELL: {EventKind.SELL_FILLED, EventKind.BOOKS_CORRECTED, EventKind.WRITTEN_OFF, EventKind.ORDER_RESOLVED},
}
_PROTECTION_FILL_TOLD = {EventKind.STOPPED_OUT, EventKind.TARGET_REACHED, EventKind.BOOKS_CORRECTED}
_IS_DECIDED = {EventKind.ORDER_INTENT, EventKind.PROTECTION_PLACED}


async def check(
    books: BooksNow,
    gateway: Gateway,
    *,
    acknowledged: Collection[int] = (),
    owners: Mapping[str, Decimal | int] = MappingProxyType({}),
) -> None:
    """Raises AssertionError naming the promise that is broken.

    `acknowledged`: alerts that were answered with 200. `owners`: shares by symbol that were the owner's before any of his orders.
    """
    lost = set(acknowledged) - set(books.alerts)
    assert not lost, f"alerts that were answered with 200 are not in the database: {lost}"
    await check_orders(books, gateway)
    for alert in books.alerts.values():
        assert alert.status in ENDS, f"alert {alert.id} has no end: {alert.status}"
    for trade in books.trades:
        _check_decided_and_told(books, trade)
    await _fills_agree(books, gateway, owners)
    check_protection(books, await account(gateway))


def _check_decided_and_told(books: BooksNow, trade: Trade) -> None:
    told = {event.kind for event in books.events if event.trade_id == trade.id}
    if trade.is_protective:
        fill_told, decided = _PROTECTION_FILL_TOLD, bool(books.decisions[trade.id].get("protects"))
        assert trade.parent_trade_id, f"{trade} protects nothing"
        with_its_entry = any(one.id == trade.parent_trade_id and trade.left_with(one) for one in books.trades)
        assert with_its_entry or told & _IS_DECIDED, f"trade {trade.id} has no event of its decision"
    else:
        fill_told, decided = _FILL_TOLD[trade.side], bool(books.decisions[trade.id].get("checks"))
        assert told & _IS_DECIDED, f"trade {trade.id} has no event of its decision"
    assert decided, f"trade {trade.id} has no stored decision"
    if trade.filled_qty and trade.status in (TradeStatus.FILLED, TradeStatus.PARTIAL):
        assert told & fill_told, f"the fill of {trade.order_ref} is told nowhere: {told}"


async def check_orders(books: BooksNow, gateway: Gateway) -> None:
    """At most one order alive for an alert and role, each with the intent that was stored before, which is what was ordered.

    One that certainly did not leave may have another one after it: of these, one at most has reached the gateway. But an exit
    that ended with shares left may be followed by one for no more than these.
    """
    known = {trade.order_ref: trade for trade in books.trades}
    received = [order for order in await gateway.received() if order.get("whatIf", "0") == "0"]
    times = Counter(order["orderRef"] for order in received)
    ids = Counter(order_ref for order_ref, _ in {(order["orderRef"], order["orderId"]) for order in received})
    for order_ref, count in times.items():
        changes = _changes(books, known[order_ref]) if order_ref in known else []
        at_most = 1 + len(changes)
        assert count <= at_most, f"order {order_ref} reached the gateway {count} times, and was changed {changes}"
        assert ids[order_ref] == 1, f"order {order_ref} reached the gateway under {ids[order_ref]} ids"
    for order in received:
        if not order["orderRef"].startswith(ORDER_REF_PREFIX):
            continue
        trade = known.get(order["orderRef"])
        assert trade is not None, f"an order without a stored intent reached the gateway: {order}"
        assert trade.strategy == books.alerts[trade.alert_id].strategy, f"{trade} is of another strategy than its alert"
        asked = (order["action"], int(order["conId"]))
        assert asked == (trade.side, trade.con_id), f"{order} is not what was decided: {trade}"
        sizes = _sizes(books, trade)
        assert Decimal(order["quantity"]) in sizes, f"{order} is not of the decided sizes {sizes}: {trade}"
    alive = Counter((one.alert_id, one.role) for one in books.trades if one.status in UNRESOLVED)
    assert all(count == 1 for count in alive.values()), f"more than one order alive for an alert: {alive}"
    left = [known[ref] for ref in times if ref in known]
    for first, *again in _by_alert([trade for trade in left if not trade.is_protective]):
        rest = first.requested_qty - first.filled_qty
        for trade, before in zip(again, (first, *again), strict=False):
            ended = before.side is Side.SELL and before.status in (TradeStatus.PARTIAL, TradeStatus.CANCELLED)
            assert ended, f"{trade} left after {before}"
            assert trade.requested_qty <= rest, f"{trade} sells more than the {rest} that {first} left"
            rest -= trade.filled_qty
    numbers = [(one.alert_id, one.role, one.n) for one in books.trades]
    assert len(set(numbers)) == len(numbers), f"orders of an alert that are counted alike: {numbers}"


def _changes(books: BooksNow, trade: Trade) -> list[ProtectionChanged]:
    """What was stored of its changes; only a stop or target has any."""
    of_it = [event.facts for event in books.events if event.trade_id == trade.id]
    return [facts for facts in of_it if isinstance(facts, ProtectionChanged)]


def _sizes(books: BooksNow, trade: Trade) -> set[Decimal]:
    """That it was stored with: the last, and those of its changes. What IB takes off by itself was there before, too."""
    if not trade.is_protective:
        return {trade.requested_qty}
    stored = {Decimal(text.split()[0]) for facts in _changes(books, trade) for text in (facts.before, facts.after)}
    entry = next(one for one in books.trades if one.id == trade.parent_trade_id)
    first = books.decisions[trade.id].get("held", entry.requested_qty)
    return {trade.requested_qty, Decimal(str(first))} | stored


def _by_alert(trades: Sequence[Trade]) -> list[list[Trade]]:
    """The orders of each alert and role, in their order."""
    ordered = sorted(trades, key=lambda one: (one.alert_id, one.role, one.n))
    return [list(same) for _, same in groupby(ordered, key=lambda one: (one.alert_id, one.role))]


async def _fills_agree(books: BooksNow, gateway: Gateway, owners: Mapping[str, Decimal | int]) -> None:
    """What the gateway filled for us is what the books hold, trade by trade, strategy by strategy and contract by contract."""
    state = await gateway.control("GET", "/state")
    for trade in books.trades:
        if trade.status is not TradeStatus.UNKNOWN:
            filled, value, commission = _filled(state["executions"], trade.order_ref)
            booked = books.executions[trade.id]
            assert sum((e.shares for e in booked), Decimal(0)) == trade.filled_qty == filled, (
                f"{trade.order_ref}: booked {trade.filled_qty} of {len(booked)} executions, filled {filled}"
            )
            assert sum((e.shares * e.price for e in booked), Decimal(0)) == value, f"{trade.order_ref}: wrong prices"
            assert trade.commission in (commission, *_partly(booked)), f"{trade.order_ref}: {trade.commission} booked"
    unknown = {trade.con_id for trade in books.trades if trade.status is TradeStatus.UNKNOWN}
    net = _bought_less_sold(books)
    for (whose, con_id), shares in net.items():
        if con_id not in unknown:
            mine = [lot for lot in books.lots if (lot.strategy, lot.con_id) == (whose, con_id)]
            held = sum((lot.qty for lot in mine if lot.status is LotStatus.OPEN), Decimal(0))
            of_it = [one for one in books.trades if (one.strategy, one.con_id) == (whose, con_id)]
            beyond = sum((_sold_beyond(books, one) for one in of_it), Decimal(0))
            assert shares + beyond == held >= 0, (
                f"{whose}, contract {con_id}: executions make {shares}, the lots hold {held}"
            )
    at_gateway = {one["con_id"]: (one["symbol"], Decimal(one["quantity"])) for one in state["positions"]}
    book = await account(gateway)
    forgetful = {one.ticket.con_id for one in book.orders.values() if forgets_its_group(one)}
    for con_id in {con_id for _, con_id in net} - unknown:
        symbol, there = at_gateway.get(con_id, ("", Decimal(0)))
        ours = sum((shares for (_, one), shares in net.items() if one == con_id), Decimal(0))
        theirs = _owners(state["orders"], con_id) + owners.get(symbol, 0)
        assert ours + theirs == there, (
            f"contract {con_id}: {ours} in lots, {theirs} the owner's, {there} at the gateway"
        )
        assert there >= 0 or con_id in forgetful, f"contract {con_id} is short at the gateway"


def _bought_less_sold(books: BooksNow) -> Mapping[tuple[str, int], Decimal]:
    """By strategy and contract, with the splits that the owner confirmed, each after its trade.

    Raises AssertionError for an order that was to sell more than its strategy held, and for a stop or target that sold more.
    """
    net: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    steps: list[tuple[tuple[int, int, int], Trade | CorporateAction]] = [(one.place, one) for one in books.trades]
    steps += [((one.after_trade_id, BEHIND_ALL, one.id), one) for one in books.actions]
    for _, step in sorted(steps, key=lambda one: one[0]):
        if isinstance(step, Trade):
            place, sells = (step.strategy, step.con_id), step.side is Side.SELL
            asked = step.filled_qty if step.is_protective else step.requested_qty
            told = _sold_beyond(books, step)
            assert not sells or asked - told <= net[place], f"{step} sells more than the {net[place]} held"
            net[place] += -step.filled_qty if sells else step.filled_qty
        elif net[old := (step.strategy, step.con_id)]:
            before, net[old] = net[old], Decimal(0)
            ratio = Decimal(step.new_shares) / step.old_shares
            net[step.strategy, step.new_con_id] += step.qty_after if before == step.qty_before else before * ratio
    return net


def _sold_beyond(books: BooksNow, trade: Trade) -> Decimal:
    """Shares that no lot had, and of which the owner was told."""
    of_it = [event.facts for event in books.events if event.trade_id == trade.id]
    return max((facts.beyond for facts in of_it if isinstance(facts, SoldBeyond)), default=Decimal(0))


def _owners(orders: Iterable[Mapping[str, Any]], con_id: int) -> Decimal:
    """What orders that are not the bot's have bought of it, less what they sold."""
    his = [one for one in orders if one["con_id"] == con_id and not one["order_ref"].startswith(ORDER_REF_PREFIX)]
    return sum((Decimal(one["filled"]) * (1 if one["action"] == "BUY" else -1) for one in his), Decimal(0))


def _filled(executions: Iterable[Mapping[str, Any]], order_ref: str) -> tuple[Decimal, Decimal, Decimal]:
    """Shares, their value and the commission of one order, by the gateway's account of it."""
    mine = [one for one in executions if one["order_ref"] == order_ref]
    shares = [Decimal(one["shares"]) for one in mine]
    value = sum((qty * Decimal(one["price"]) for qty, one in zip(shares, mine, strict=True)), Decimal(0))
    return sum(shares, Decimal(0)), value, sum((Decimal(one["commission"]) for one in mine), Decimal(0))


def _partly(booked: Iterable[Any]) -> list[Decimal]:
    """The commission that is known, where a report never came."""
    known = [e.commission for e in booked if e.commission is not None]
    return [sum(known, Decimal(0))] if len(known) < len(list(booked)) else []


async def check_secrets(daemon: Daemon, canaries: Collection[str], *, but_not_in: Collection[str] = ()) -> None:
    """Raises AssertionError when one of these stands in the output, the log files or the database of a stopped daemon."""
    places = {"its output": daemon.output.encode()}
    files = await asyncio.to_thread(
        lambda: [path for path in daemon.folder.rglob("*") if path.is_file() and path.name not in but_not_in]
    )
    places |= {str(path.relative_to(daemon.folder)): path.read_bytes() for path in files}
    if daemon.database.startswith("postgresql"):
        places |= await _every_row(daemon.database)
    for place, content in places.items():
        for canary in canaries:
            assert canary.encode() not in content, f"the secret {canary[:12]}… stands in {place}"


async def _every_row(url: str) -> dict[str, bytes]:
    """Every table as text; bytes in them as they are."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name["tablename"] for name in names]
        rows = {table: await connection.fetch(f'SELECT * FROM "{table}"') for table in tables}
    finally:
        await connection.close()
    return {
        table: b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in found for v in row)
        for table, found in rows.items()
    }
