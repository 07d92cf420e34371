"""Tables of the command line."""

import io

from rich.console import Console

from tradebot.cli import tables


def test_nothing_is_cut_off_on_a_narrow_terminal() -> None:
    """The average cost of a strategy's position read "$227.…", and nobody would have seen that something was missing."""
    written = io.StringIO()
    row = (
        "a-strategy-of-a-long-name",
        "AAPL",
        "1,250",
        "$227.4812",
        "2026-11-20",
        "−$1,234.56",
        "held until the stop is honoured",
    )
    tables.show(Console(file=written, width=60), ("strategy", "ticker", "shares", "cost", "since", "pnl", "why"), [row])
    first, *below = written.getvalue().splitlines()[1:]
    assert all(cell in first for cell in row[:-1]), first
    assert " ".join([first.partition(row[-2])[2].strip(), *map(str.strip, below)]) == row[-1]
