"""Tables of which nothing is cut off, however narrow the terminal."""

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

LAST_AT_LEAST = 12
"""Columns that the last column keeps on a narrow terminal."""


def show(
    out: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    total: bool = False,
) -> None:
    """What does not fit goes on below in the last column. With `total` the last row stands apart."""
    widths = [max(map(len, [*heading.split("\n"), *(row[n] for row in rows)])) for n, heading in enumerate(headings)]
    widths[-1] = max(min(widths[-1], out.width - sum(widths[:-1]) - 2 * len(widths[:-1])), LAST_AT_LEAST)
    # Wider than the terminal it runs over the edge: a figure that is cut off is a wrong figure.
    needed = sum(widths) + 2 * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, show_header=any(headings), width=needed if needed > out.width else None)
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(
            heading, justify="right" if heading in right else "left", width=width, no_wrap=heading != headings[-1]
        )
    for number, row in enumerate(rows, start=1):
        table.add_row(*map(Text, row), style="bold" if total and number == len(rows) else "")
    out.print(table, crop=False)


def show_any(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[str] = (),
    empty: str,
    total: bool = False,
) -> None:
    """On standard output; a sentence instead of a table without rows."""
    out, given = Console(markup=False, highlight=False), list(rows)
    if given:
        show(out, headings, given, right=right, total=total)
    else:
        out.print(empty)
