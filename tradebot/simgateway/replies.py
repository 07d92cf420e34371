"""What the gateway answers: the field lists of its messages, per server version.

Each function returns one message as text fields, id first. Orders, executions and contract details follow recorded gateway
traffic at version 173 down to the odd ``None``, ``?`` and largest doubles; what a version adds or drops stands next to its
number. Message numbers and orders are those of ib_async's ``decoder.py`` and ibapi's ``decoder.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tradebot.simgateway.model import Bar, Execution, Listing, Order, Position, Ticket
from tradebot.simgateway.wire import UNSET, double, flag, number, size

Fields = list[str]
MARKET_RULE = 26
NO_SHARES = Decimal(0)
_SCALE = ("2147483647", "2147483647", "", "")
_EIGHT_PLACES = Decimal("1e-8")


@dataclass(frozen=True)
class WhatIf:
    """What an order would lead to: initial margin, maintenance margin and equity before and after it, and its commission."""

    before: tuple[Decimal, Decimal, Decimal]
    after: tuple[Decimal, Decimal, Decimal]
    commission: Decimal

    def fields(self) -> Fields:
        """initMarginBefore .. commissionCurrency"""
        changes = [then - now for now, then in zip(self.before, self.after, strict=True)]
        return [*(double(each) for each in (*self.before, *changes, *self.after, self.commission)), UNSET, UNSET, "USD"]


def money(value: Decimal) -> str:
    """Cents, as account values show them."""
    return f"{value:.2f}"


def price(value: Decimal) -> str:
    """A price or average with at most eight decimals."""
    return number(value.quantize(_EIGHT_PLACES))


def handshake(version: int, now: datetime) -> Fields:
    return [str(version), now.strftime("%Y%m%d %H:%M:%S %Z")]


def error(version: int, req_id: int, code: int, text: str) -> Fields:
    return ["4", "2", str(req_id), str(code), text] + ([""] if version >= 166 else [])


def managed_accounts(account: str) -> Fields:
    return ["15", "1", account]


def next_valid_id(order_id: int) -> Fields:
    return ["9", "1", str(order_id)]


def current_time(now: datetime) -> Fields:
    return ["49", "1", str(int(now.timestamp()))]


def end(message: int, *rest: object) -> Fields:
    """One of the messages that close a list: 52, 53, 54, 55, 57, 62, 64, 74 and 102 (which alone has no version)."""
    return [str(message)] + ([] if message == 102 else ["1"]) + [str(each) for each in rest]


def order_status(order: Order) -> Fields:
    ticket = order.ticket
    return [
        "3", str(ticket.order_id), order.status, number(order.filled), number(order.remaining),
        price(order.avg_price), str(order.perm_id), str(ticket.parent_id), price(order.last_price), str(ticket.client_id),
        order.why_held or ("trigger" if order.live and order.waits_for_trigger else ""), "0",
    ]  # fmt: skip


def contract(listing: Listing, exchange: str, strike: str, right: str) -> Fields:
    """The eleven contract fields of a reply; strike and right differ from message to message in recorded traffic."""
    return [
        str(listing.con_id), listing.symbol, "STK", "", strike, right, "", exchange, "USD", listing.symbol,
        listing.trading_class,
    ]  # fmt: skip


def open_order(version: int, account: str, order: Order, listing: Listing, outcome: WhatIf | None = None) -> Fields:
    """An order as it is, or with ``outcome`` what it would lead to."""
    ticket = order.ticket
    costs = [UNSET] * 9 + [""] * 4 if outcome is None else outcome.fields()
    allocation = f"{order.perm_id}.0/{account}/{number(ticket.quantity)}"
    return [
        "5", str(ticket.order_id), *contract(listing, ticket.exchange, "0", "?"), *_terms(order, account),
        str(ticket.client_id), *_identity(order), allocation, *_allocation(version, ticket),
        "0", *[""] * 5, "2147483647", "0", "0", "0", "", str(ticket.oca_type or 3), "0", "0", "", str(ticket.parent_id), "0",
        "", "0", "None", "", "0", "", "", "", "?", "0", "0", "", "0", "0", *_trail(order), "", "", "", "0", "0", "0",
        *_SCALE, "0", "", "IB", "0", "0", "", "0", flag(outcome is not None), order.status, *costs, "",
        "0", "0", "0", "None", UNSET, _trail(order)[0] or UNSET, *[UNSET] * 4, "0", "", "", "", "0", "1", "0", "0", "0",
        *([""] if version >= 158 else []), *([""] if version >= 160 else []), *(["0"] if version >= 162 else []),
        *_pegged(version),
    ]  # fmt: skip


def completed_order(version: int, account: str, order: Order, listing: Listing, done: str) -> Fields:
    """``done`` is the time of completion as text; a filled order shows quantity 0, as recorded."""
    ticket = order.ticket
    status = f"Filled Size: {number(order.filled)}" if order.status == "Filled" else "Cancelled by Trader"
    state = order.status
    if order.status == "Cancelled" and order.reason:
        status = f"Cancelled by System:{order.reason}"
    if order.status == "Inactive":
        state, status = "Cancelled", order.reason
    return [
        "101", *contract(listing, ticket.exchange, "0", "?"), *_terms(order, account, order.status == "Filled"),
        *_identity(order), *_allocation(version, ticket), *[""] * 5,
        "2147483647", "0", "0", "", "3", "0", "", "0", "None", "", "0", "0", "0", "", "0", "0", "", "", "", "0", "0", "0",
        *_SCALE, "", "IB", "0", "0", "", "0", state, "0", "0", "0", UNSET, UNSET,
        "0", "1", "0", "", number(order.filled), "2147483647", "0", "Not an insider or substantial shareholder", "0", "0",
        "9223372036854775807", done, status,
        *_pegged(version),
    ]  # fmt: skip


def _terms(order: Order, account: str, hide_quantity: bool = False) -> Fields:
    """action .. orderRef"""
    ticket = order.ticket
    quantity = "0" if hide_quantity else number(ticket.quantity)
    return [
        ticket.action, quantity, ticket.order_type, double(ticket.limit or Decimal(0)), _aux(order), ticket.tif,
        ticket.oca_group, account, "", "0", ticket.order_ref,
    ]  # fmt: skip


def _identity(order: Order) -> Fields:
    """permId .. goodAfterTime"""
    return [str(order.perm_id), flag(order.ticket.outside_rth), "0", "0", ""]


def _aux(order: Order) -> str:
    """The stop's price, or by how much a trailing one trails."""
    aux = order.ticket.trail if order.ticket.order_type == "TRAIL" else order.stop
    return "0.0" if aux is None else double(aux)


def _trail(order: Order) -> Fields:
    """trailStopPrice, trailingPercent"""
    if order.ticket.order_type != "TRAIL":
        return ["", ""]
    return ["" if each is None else double(each) for each in (order.stop, order.ticket.trail_pct)]


def _allocation(version: int, ticket: Ticket) -> Fields:
    """faGroup .. exemptCode"""
    till = "" if ticket.good_till is None else f"{ticket.good_till.astimezone(UTC):%Y%m%d-%H:%M:%S}"
    return ["", "", "", *([""] if version < 177 else []), "", till, "", "", "", "0", "", "-1"]


def _pegged(version: int) -> Fields:
    return ["", "100", "0.02", "", ""] if version >= 170 else []


def execution(
    version: int, req_id: int, each: Execution, order: Order, *, account: str, listing: Listing, when: str
) -> Fields:
    """``when`` is the time on the gateway's own clock; ``req_id`` -1 is an update."""
    ticket = order.ticket
    side = "BOT" if order.signed > 0 else "SLD"
    return [
        "11", str(req_id), str(ticket.order_id), *contract(listing, each.exchange, "0.0", ""), each.exec_id, when, account,
        each.exchange, side, number(each.shares), price(each.price), str(order.perm_id), str(ticket.client_id), "0",
        number(each.cum_qty), price(each.avg_price), ticket.order_ref, "", "", "", "2",
        *(["0"] if version >= 178 else []),
    ]  # fmt: skip


def commission_report(each: Execution) -> Fields:
    realised = UNSET if each.realised is None else price(each.realised)
    return ["59", "1", each.exec_id, double(each.commission), "USD", realised, UNSET, ""]


def position(account: str, held: Position, listing: Listing) -> Fields:
    cells = contract(listing, listing.primary, "0.0", "")
    return ["61", "3", account, *cells, number(held.quantity), price(held.avg_cost) if held.quantity else "0.0"]


def portfolio(account: str, held: Position, listing: Listing, mark: Decimal) -> Fields:
    value = held.quantity * mark
    unrealised = value - held.quantity * held.avg_cost
    cells = contract(listing, listing.primary, "0", "0")
    cells[6] = ""
    return [
        "7", "8", *cells, number(held.quantity), double(mark), money(value), price(held.avg_cost), money(unrealised),
        money(held.realised), account,
    ]  # fmt: skip


def account_value(key: str, value: str, currency: str, account: str) -> Fields:
    return ["6", "2", key, value, currency, account]


def account_time(now: datetime) -> Fields:
    return ["8", "1", now.strftime("%H:%M")]


def summary(req_id: int, account: str, tag: str, value: str, currency: str) -> Fields:
    return ["63", "1", str(req_id), account, tag, value, currency]


def multi(req_id: int, account: str, model: str, cell: tuple[str, str, str]) -> Fields:
    return ["73", "1", str(req_id), account, model, *cell]


def pnl(req_id: int, daily: Decimal, unrealised: Decimal, realised: Decimal) -> Fields:
    return ["94", str(req_id), price(daily), price(unrealised), price(realised)]


def pnl_single(req_id: int, held: Position, daily: Decimal, unrealised: Decimal, value: Decimal) -> Fields:
    return [
        "95", str(req_id), number(held.quantity), price(daily), price(unrealised), price(held.realised), price(value)
    ]  # fmt: skip


def tick_price(version: int, req_id: int, tick: int, value: Decimal, shares: Decimal) -> Fields:
    return ["1", "6", str(req_id), str(tick), number(value), size(shares, version), "1"]


def tick_size(version: int, req_id: int, tick: int, shares: Decimal) -> Fields:
    return ["2", "6", str(req_id), str(tick), size(shares, version)]


def tick_string(req_id: int, tick: int, text: str) -> Fields:
    return ["46", "6", str(req_id), str(tick), text]


def halted(req_id: int, kind: int) -> Fields:
    """The generic tick 49: 0 trades, 1 halted, 2 halted for volatility."""
    return ["45", "6", str(req_id), "49", str(kind)]


def tick_params(req_id: int, bbo: str = "9c0001") -> Fields:
    return ["81", str(req_id), "0.01", bbo, "3"]


def market_data_type(req_id: int, kind: int) -> Fields:
    return ["58", "1", str(req_id), str(kind)]


def market_rule(rule_id: int) -> Fields:
    return ["93", str(rule_id), "1", "0", "0.01"]


def historical_data(version: int, req_id: int, bars: Sequence[Bar]) -> Fields:
    """Daily bars: date, open, high, low, close, volume, average price, number of trades; no version since 124."""
    cells = ["17", str(req_id), *_first_and_last(bars), str(len(bars))]
    for bar in bars:
        average = price((bar.open + bar.high + bar.low + bar.close) / 4)
        prices = (number(each) for each in (bar.open, bar.high, bar.low, bar.close))
        cells += [f"{bar.day:%Y%m%d}", *prices, size(bar.volume, version), average, str(int(bar.volume) // 150 + 1)]
    return cells


def _first_and_last(bars: Sequence[Bar]) -> Fields:
    if not bars:
        return ["", ""]
    return [f"{bars[0].day:%Y%m%d} 16:00:00 US/Eastern", f"{bars[-1].day:%Y%m%d} 16:00:00 US/Eastern"]


def symbol_samples(version: int, req_id: int, found: Sequence[Listing]) -> Fields:
    cells = ["79", str(req_id), str(len(found))]
    for each in found:
        cells += [str(each.con_id), each.symbol, "STK", each.primary, "USD", "2", "CFD", "OPT"]
        if version >= 176:
            cells += [each.name, ""]
    return cells
