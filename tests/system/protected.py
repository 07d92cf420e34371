"""What stops and targets are there for, by the books and the gateway's own account: a part of the checker.

Rules: each share of an entry that a stop is to protect is protected by one that works as it is stored, or the owner was told
since; no stop or target outlives its shares, or sells more of them than there are; the books know which of them work.
"""

from collections.abc import Iterable
from decimal import Decimal

from tests.system.harness import BooksNow, Daemon, Gateway, until
from tests.system.replay import account, may_sell
from tradebot.domain.facts.orders import ProtectionPlaced, SharesUnprotected, Unprotected
from tradebot.domain.lots import LotStatus
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.simgateway.book import Book
from tradebot.simgateway.model import Order

_NONE = Decimal(0)


def check_protection(books: BooksNow, book: Book) -> None:
    """Raises AssertionError naming the promise that is broken."""
    wrong = gaps(books, book)
    assert not wrong, "; ".join(wrong)


async def settled(daemon: Daemon, gateway: Gateway, deadline_s: float = 60) -> BooksNow:
    """The books once everything that is held is protected as it should be: for all that takes the daemon some looks.

    Raises AssertionError with what is still wrong when the deadline has passed.
    """
    wrong: list[str] = []
    found: list[BooksNow] = []

    async def look() -> bool:
        books = await daemon.books()
        wrong[:] = gaps(books, await account(gateway))
        found[:] = [books]
        return not wrong

    try:
        await until(look, "protection", deadline_s, every_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error} {'; '.join(wrong)}; the daemon printed {daemon.output[-4000:]}") from None
    return found[0]


def gaps(books: BooksNow, book: Book) -> list[str]:
    """What is not as it should be."""
    parents = {trade.parent_trade_id for trade in books.trades if trade.is_protective}
    entries = [trade for trade in books.trades if trade.id in parents]
    return [wrong for entry in entries for wrong in _of_entry(books, book, entry)]


def _of_entry(books: BooksNow, book: Book, entry: Trade) -> Iterable[str]:
    mine = [trade for trade in books.trades if trade.parent_trade_id == entry.id]
    lots = [lot for lot in books.lots if lot.opening_trade_id == entry.id and lot.status is LotStatus.OPEN]
    held = sum((lot.qty for lot in lots), _NONE)
    at_work = {order.ticket.order_ref: order for order in book.live_orders() if order.sent}
    told_as_it_is = _told_as_not_sent(books)
    for trade in mine:
        yield from _known(trade, at_work.get(trade.order_ref), told=trade.id in told_as_it_is)
    if entry.status is TradeStatus.UNKNOWN:
        return
    sells = dict.fromkeys((OrderRole.STOP, OrderRole.TARGET), _NONE)
    for trade in mine:
        if order := at_work.get(trade.order_ref):
            sells[trade.role] += may_sell(book, order)
    for role, qty in sells.items():
        if qty > held and entry.status not in UNRESOLVED:
            yield f"{role} of {entry.order_ref} may sell {qty}, and {held} are held"
    stops = any(trade.role is OrderRole.STOP for trade in mine)
    if stops and held > sells[OrderRole.STOP] and not _is_exiting(books, entry):
        told = _told_since(books, entry, mine)
        if told is None or told < held - sells[OrderRole.STOP]:
            yield f"{held} of {entry.order_ref} are held, {sells[OrderRole.STOP]} protected, told as unprotected: {told}"


def _told_as_not_sent(books: BooksNow) -> set[int | None]:
    """Orders of which the owner was told that IB works them otherwise than they were sent."""
    told = [(event.trade_id, event.facts) for event in books.events if isinstance(event.facts, SharesUnprotected)]
    return {trade_id for trade_id, facts in told if facts.code is Unprotected.NOT_AS_SENT}


def _known(trade: Trade, order: Order | None, *, told: bool) -> Iterable[str]:
    """Whether the books know what the gateway has, or the owner was `told` that its time in force is another one."""
    if (order is not None) != (trade.status in UNRESOLVED) and trade.status is not TradeStatus.UNKNOWN:
        yield f"{trade.role} {trade.order_ref} is {trade.status}, at the gateway {order.status if order else 'over'}"
    if order is not None:
        ticket, terms = order.ticket, trade.terms
        stop = terms.stop_price if terms.type is OrderType.TRAILING_STOP else ticket.stop  # the market moves that one
        there = (ticket.quantity, ticket.order_type, ticket.limit, stop, ticket.trail, ticket.trail_pct, ticket.tif)
        prices = (terms.limit_price, terms.stop_price, terms.trail_amount, terms.trail_pct)
        stored = (trade.requested_qty, terms.type, *prices, terms.tif)
        if there != stored and not (told and there[:-1] == stored[:-1]):
            yield f"{trade.role} {trade.order_ref} works as {there}, stored is {stored}"


def _is_exiting(books: BooksNow, entry: Trade) -> bool:
    """An exit of its strategy's shares is at work, or may be."""
    exits = (one for one in books.trades if one.role is OrderRole.EXIT and one.status in UNRESOLVED)
    return any((one.strategy, one.con_id) == (entry.strategy, entry.con_id) for one in exits)


def _told_since(books: BooksNow, entry: Trade, orders: Iterable[Trade]) -> Decimal | None:
    """Of how many unprotected shares the owner was last told, if nothing was placed since."""
    ids, told = {trade.id for trade in orders}, None
    for event in books.events:
        match event.facts:
            case SharesUnprotected(entry_id=entry.id, left=left):
                told = left
            case ProtectionPlaced() if event.trade_id in ids:
                told = None
    return told
