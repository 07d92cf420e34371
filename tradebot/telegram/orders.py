"""What /orders shows and asks. Pure: facts in, HTML out, in short lines for a phone."""

from collections.abc import Sequence

from tradebot.domain.trades import OrderRole, Trade
from tradebot.queries.working import AtWork
from tradebot.telegram.markup import Buttons, bold, esc, first, lines
from tradebot.words import figures, working

PAGE = 8
"""Orders on one page: each has a button."""
ROWS_MAX = 25
GONE = "This order does not work any more.\n/orders shows what does."
NONE_PROTECTS = "No stop or target works any more."


def view(
    found: Sequence[AtWork], page: int, strategy: str | None = None, *, several: bool = False
) -> tuple[str, Buttons]:
    """A page, counted from 0; beyond the last it is the last. `strategy`: it is about this one alone."""
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = found[page * PAGE : (page + 1) * PAGE]
    about = f"Orders of {strategy}" if strategy else "Orders"
    text = lines(
        bold(f"{about}, page {page + 1} of {pages}" if pages > 1 else about),
        *(_row(one, several=several and strategy is None) for one in shown),
        *([] if found else ["", "No order works at IB."]),
    )
    buttons: list[list[tuple[str, str]]] = [
        [(f"✂️ {figures.order(one.order)}", f"cancel:{one.order.id}")] for one in shown
    ]
    return text, [*buttons, *_pages(page, pages, f":{strategy}" if strategy else "")]


def _row(one: AtWork, *, several: bool) -> str:
    whose = f"{esc(one.order.strategy)}: " if several else ""
    return f"\n{whose}{bold(figures.order(one.order))}\n   {working.from_the_market(one)}\n   {working.stands(one)}"


def _pages(page: int, pages: int, of: str) -> Buttons:
    row = [("« back", f"page:orders:{page - 1}{of}")] if page > 0 else []
    row += [("more »", f"page:orders:{page + 1}{of}")] if page < pages - 1 else []
    return [row] if row else []


def ask_to_cancel(one: AtWork, good_for: str) -> str:
    order = one.order
    what = {
        OrderRole.ENTRY: "What was to protect its shares ends with it.",
        OrderRole.EXIT: "Its shares stay held.",
        OrderRole.STOP: "❗ The shares that it protects stay held without it.",
        OrderRole.TARGET: "Its stop, where it has one, works on.",
    }.get(order.role)
    return lines(
        bold("Cancel this order?"),
        esc(figures.order(order)),
        working.from_the_market(one),
        working.stands(one),
        what,
        good_for,
    )


def ask_to_cancel_protection(orders: Sequence[Trade], good_for: str) -> str:
    rows = [f"• {esc(figures.order(one))}" for one in orders]
    return lines(
        bold("Cancel what protects the positions?"),
        *first(rows, ROWS_MAX, len(rows) - ROWS_MAX),
        "❗ The shares stay held without it.",
        good_for,
    )


def cancelled(orders: Sequence[Trade]) -> str:
    if not orders:
        return GONE
    names = [f"• {esc(figures.order(one))}" for one in orders]
    bare = any(one.role is OrderRole.STOP for one in orders)
    return lines(
        bold("✂️ IB is asked to cancel:"),
        *first(names, ROWS_MAX, len(names) - ROWS_MAX),
        "What filled is booked.",
        "❗ The shares that a stop protected stay held without it." if bare else None,
        "/orders shows what works.",
    )


def stays(orders: Sequence[Trade]) -> tuple[str | None, Buttons]:
    """What the kill switch leaves at IB, and the button that ends that too."""
    if not orders:
        return None, ()
    stops = sum(one.role is OrderRole.STOP for one in orders)
    targets = len(orders) - stops
    named = [figures.some(number, what) for number, what in ((stops, "stops"), (targets, "targets")) if number]
    verb = "stays" if len(orders) == 1 else "stay"
    return f"{' and '.join(named)} {verb} at IB: they only sell what is held.", [
        [("Cancel these too", "protection:cancel")]
    ]
