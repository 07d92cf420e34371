"""Corporate actions: splits, renames and new contracts, as they come over night.

A split leaves what a position cost in all as it was and cancels the orders of its stock, as IBKR documents for GTC orders; a
rename leaves orders and positions alone under the new symbol. A contract that a split or a new listing replaces is no longer
found by its symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from tradebot.simgateway import entries as e
from tradebot.simgateway.gateway import Gateway

CANCELLED = "Corporate action"


def split(gateway: Gateway, symbol: str, new: Decimal, old: Decimal, new_con_id: int = 0) -> None:
    """``new`` shares for ``old``, under another contract where ``new_con_id`` is not 0. Raises ValueError."""
    listing, now = gateway.known(symbol), gateway.now()
    if new <= 0 or old <= 0 or new == old:
        raise ValueError(f"a split makes new shares of old ones, two different figures above 0, not {new} of {old}")
    _unused(gateway, new_con_id)
    mine = [order.perm_id for order in gateway.book.live_orders() if order.ticket.con_id == listing.con_id]
    gateway.commit(*(e.Cancelled(now, perm_id, CANCELLED) for perm_id in mine))
    gateway.commit(e.Split(now, listing.con_id, new, old, new_con_id))


def rename(gateway: Gateway, symbol: str, to: str) -> None:
    """The stock has another symbol from now on. Raises ValueError."""
    listing = gateway.known(symbol)
    if not to or to in gateway.catalogue.by_symbol:
        raise ValueError(f"a new symbol is one that no stock has, not {to!r}")
    gateway.commit(e.Renamed(gateway.now(), listing.con_id, to))


def list_new(gateway: Gateway, symbol: str, con_id: int, price: Decimal) -> None:
    """A new contract trades under the symbol; an older one is found by its contract id only. Raises ValueError."""
    _unused(gateway, con_id)
    if con_id <= 0 or price <= 0:
        raise ValueError(f"a contract has an id and a price above 0, not {con_id} and {price}")
    gateway.commit(e.Listed(gateway.now(), con_id, symbol, price))


def _unused(gateway: Gateway, con_id: int) -> None:
    if con_id in gateway.catalogue.by_con_id:
        raise ValueError(f"contract {con_id} is {gateway.catalogue.by_con_id[con_id].symbol}'s: choose another id")


def _was_split(gateway: Gateway, entry: e.Split) -> None:
    symbol = gateway.catalogue.by_con_id[entry.con_id].symbol
    gateway.catalogue.apply(entry)
    gateway.quotes.split(symbol, entry.old / entry.new)
    gateway.quotes_changed([symbol])
    gateway.account_changed()


def _was_renamed(gateway: Gateway, entry: e.Renamed) -> None:
    before = gateway.catalogue.by_con_id[entry.con_id].symbol
    gateway.catalogue.apply(entry)
    gateway.quotes.rename(before, entry.symbol)
    for session in gateway.sessions.values():
        for stream in session.subscriptions.streams.values():
            stream.symbol = entry.symbol if stream.symbol == before else stream.symbol
    gateway.account_changed()


def _was_listed(gateway: Gateway, entry: e.Listed) -> None:
    gateway.catalogue.apply(entry)
    gateway.quotes.add(gateway.catalogue.by_con_id[entry.con_id])
    gateway.account_changed()


ENTRIES: Mapping[type[e.Entry], Callable[..., None]] = {
    e.Split: _was_split,
    e.Renamed: _was_renamed,
    e.Listed: _was_listed,
}
