"""What /positions shows: a table, the largest first, then each with its prices and what protects it. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tradebot.domain.pnl import OpenPosition
from tradebot.queries.positions import HeldPositions
from tradebot.telegram import strategies
from tradebot.telegram.markup import Buttons, bold, esc, first, italic, lines
from tradebot.telegram.table import Row, rate, table, whole
from tradebot.words import figures, working

PAGE = 10
"""Positions on one page: each has a button."""
BUTTONS_A_ROW = 2
_HEAD = ("", "shares", "USD", "P&L", "%")
_TOO_WIDE = ((3,), (1, 3))
"""Columns that a page of long figures does without: the gain in USD first, then the shares."""
Owned = tuple[str | None, OpenPosition]
"""Whose, where there are several strategies, and what."""


def view(held: HeldPositions, page: int, strategy: str | None = None) -> tuple[str, Buttons]:
    """A page, counted from 0; beyond the last it is the last. `strategy`: it is about this one alone."""
    rows = _ranked(held)
    pages = max(1, -(-len(rows) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = rows[page * PAGE : (page + 1) * PAGE]
    about = f"Positions of {strategy}" if strategy else "Positions"
    text = lines(
        bold(f"{about}, page {page + 1} of {pages}" if pages > 1 else about),
        None if held.known else italic("IB is not connected: prices are not known"),
        *([_table(shown, held)] if rows else ["", f"{strategy or 'The bot'} holds nothing."]),
        *(_total(held) if rows else []),
        "" if rows else None,
        *(_position(row, owner, held) for owner, row in shown),
        *_differences(held),
    )
    return text, [*_sell(shown, strategy), *_turn(page, pages, f":{strategy}" if strategy else "")]


def _ranked(held: HeldPositions) -> list[Owned]:
    """By strategy where there are several; then by value, and by cost where no price is known."""
    owned: list[Owned] = [(name, row) for name, open_ in held.by_strategy.items() for row in open_.positions]
    owned = owned or [(None, row) for row in held.open.positions]
    order = {name: number for number, name in enumerate(held.by_strategy)}
    return sorted(owned, key=lambda one: (order.get(one[0] or "", 0), -(one[1].value or one[1].cost), one[1].ticker))


def _table(shown: Sequence[Owned], held: HeldPositions) -> str:
    rows: list[Row] = [_HEAD]
    owner: str | None = None
    for name, row in shown:
        if name is not None and name != owner:
            rows.append(f"── {name}")
            owner = name
        gain = whole(row.pnl, signed=True)
        rows.append((row.ticker[:8], figures.shares(row.qty), whole(row.value), gain, rate(row.pnl, row.cost)))
    priced = [row for row in held.open.positions if row.value is not None]
    if priced and len(held.open.positions) > 1:
        value, cost = sum((row.value or Decimal(0) for row in priced), Decimal(0)), _cost(priced)
        rows.append(("Total", "", whole(value), whole(held.open.pnl, signed=True), rate(held.open.pnl, cost)))
    return table(rows, without=_TOO_WIDE)


def _total(held: HeldPositions) -> Iterable[str]:
    open_ = held.open
    priced = [row for row in open_.positions if row.pnl is not None]
    if priced:
        gain = f"{figures.signed_usd(open_.pnl)} ({figures.percent(open_.pnl, _cost(priced))})"
        yield f"Unrealised {bold(gain)}"
    yield f"Cost {figures.usd(_cost(open_.positions))}"
    if open_.unknown:
        names = ", ".join(open_.unknown[:8]) + (" …" if len(open_.unknown) > 8 else "")
        yield f"Without a price: {esc(names)}"
    yield from strategies.in_positions(held.by_strategy)


def _cost(rows: Iterable[OpenPosition]) -> Decimal:
    return sum((row.cost for row in rows), Decimal(0))


def _position(row: OpenPosition, owner: str | None, held: HeldPositions) -> str:
    lots = f", {row.lots} lots" if row.lots > 1 else ""
    price = "price unknown" if row.price is None else figures.price(row.price)
    protected = held.protected(owner, row)
    protection = "".join(f"\n   {one}" for one in working.protection(protected, row.qty, row.price))
    whose = f"{esc(owner)}: " if owner else ""
    return f"{whose}{bold(row.ticker)} {figures.price(row.entry_price)} → {price}{lots}{protection}"


def _differences(held: HeldPositions) -> list[str]:
    owners = [f"{esc(ticker)} {figures.shares(qty)}" for ticker, qty in held.owners.items()]
    missing = [f"{esc(ticker)} {figures.shares(qty)}" for ticker, qty in held.missing.items()]
    rows: list[str] = []
    if owners:
        rows += ["", "Your own at IB, never touched:", *first(owners, PAGE, len(owners) - PAGE)]
    if missing:
        rows += ["", "❗ In the books, not at IB:", *first(missing, PAGE, len(missing) - PAGE)]
    return rows


def _sell(shown: Sequence[Owned], strategy: str | None) -> Buttons:
    """Each asks before it sells."""
    each = [
        (f"Sell {f'{owner}: ' if owner else ''}{row.ticker}", _sells(row.ticker, owner or strategy))
        for owner, row in shown
    ]
    return [each[n : n + BUTTONS_A_ROW] for n in range(0, len(each), BUTTONS_A_ROW)]


def _sells(ticker: str, strategy: str | None) -> str:
    return f"sell:{ticker}{f':{strategy}' if strategy else ''}"


def _turn(page: int, pages: int, of: str) -> Buttons:
    row = [("« back", f"page:positions:{page - 1}{of}")] if page > 0 else []
    row.append(("🔄", f"page:positions:{page}{of}"))
    row += [("more »", f"page:positions:{page + 1}{of}")] if page < pages - 1 else []
    return [row]
