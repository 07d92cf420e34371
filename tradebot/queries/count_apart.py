"""Counts figures apart from the daemon, which starts this as a program (`tradebot/queries/counting.py`).

From standard input it reads what is asked, then the parts of what is known until there are no more; to standard output it writes
the figures. Both are pickled: whoever starts it is this program too.
"""

import gc
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from tradebot.domain.analytics.performance import Known, performance, spans_of
from tradebot.domain.daily_bars import DailyBar

_FIRST_TO_END = Path("/proc/self/oom_score_adj")
"""Where memory runs out, Linux ends the process that has the highest score here."""


def main() -> None:
    gc.disable()  # it ends before there is any garbage worth looking for
    with suppress(OSError):  # another system, or a closed box
        _FIRST_TO_END.write_text("1000")
    given = sys.stdin.buffer
    hours, now, period, unit = pickle.load(given)  # noqa: S301 - the daemon's
    rows = _rows(given)
    bars: dict[str, list[DailyBar]] = {}
    for bar in rows["bars"]:
        bars.setdefault(bar.ticker, []).append(bar)
    known = Known(period.first, period.last, now, rows["equity"], rows["lots"], rows["orders"], bars)
    if unit is None:
        found: object = performance(known, hours.calendar, hours.is_open)
    else:
        found = spans_of(known, hours.calendar, unit)
    pickle.dump(found, sys.stdout.buffer)


def _rows(given: BinaryIO) -> dict[str, Sequence[Any]]:
    """By the field of `Known`."""
    found: dict[str, list[Any]] = {"lots": [], "orders": [], "equity": [], "bars": []}
    with suppress(EOFError):
        while True:
            name, some = pickle.load(given)  # noqa: S301 - as above
            found[name] += some
    return {**found}


if __name__ == "__main__":
    main()
