"""A table in letters of one width, narrow enough for a phone held upright. Pure: text in, HTML out."""

from collections.abc import Sequence
from decimal import Decimal

from tradebot.telegram.markup import esc

WIDTH = 32
"""Characters that a phone shows of such a line before it wraps."""
Row = Sequence[str] | str
"""Cells, or a line of its own."""


def table(rows: Sequence[Row], *, without: Sequence[Sequence[int]] = ()) -> str:
    """The first column stands left, the others right. `without`: columns to leave out where all are too wide, one choice after
    the other."""
    for left_out in ((), *without):
        drawn = _drawn(rows, left_out)
        if max(map(len, drawn), default=0) <= WIDTH:
            break
    return "<pre>" + esc("\n".join(line[:WIDTH] for line in drawn)) + "</pre>"


def _drawn(rows: Sequence[Row], left_out: Sequence[int]) -> list[str]:
    kept = [row if isinstance(row, str) else [c for n, c in enumerate(row) if n not in left_out] for row in rows]
    cells = [row for row in kept if not isinstance(row, str)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))] if cells else []
    return [row if isinstance(row, str) else _line(row, widths) for row in kept]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return " ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()


def whole(amount: Decimal | None, *, signed: bool = False) -> str:
    """`2,773`, `+84`, `1.23M`: USD without their sign and cents; a dash for None."""
    if amount is None:
        return "–"
    size = abs(amount)
    text = f"{size:,.0f}" if size < 1_000_000 else f"{size / 1_000_000:,.2f}M"
    minus = amount < 0 and text != "0"
    return f"{'−' if minus else '+' if signed and text != '0' else ''}{text}"


def rate(part: Decimal | None, of: Decimal) -> str:
    """`+1.6`: percent without their sign; a dash where there is nothing to compare with."""
    if part is None or not of:
        return "–"
    value = part / of * 100
    text = f"{abs(value):.1f}" if abs(value) < 1000 else f"{abs(value):,.0f}"
    return f"{'−' if value < 0 else '+'}{text}" if text != "0.0" else text


def bar(part: Decimal, of: Decimal, *, length: int = 10) -> str:
    """`▰▰▰▱▱▱▱▱▱▱`: any use at all fills one, and only all of it fills all."""
    share = part / of if of else Decimal(1)
    full = 0 if part <= 0 else length if share >= 1 else min(max(int(share * length), 1), length - 1)
    return "▰" * full + "▱" * (length - full)
