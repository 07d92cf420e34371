"""Counts figures apart from the daemon, which starts this as a program (`tradebot/queries/counting.py`).

From standard input it reads what is asked, then the parts of what is known until there are no more; to standard output it writes
the figures. Both are pickled: whoever starts it is this program too.
"""

import gc
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO

from tradebot.domain.analytics.performance import Known, Performance, performance, spans_of
from tradebot.domain.analytics.spans import Span
from tradebot.domain.analytics.watched import watched
from tradebot.domain.calendar_units import Unit
from tradebot.domain.daily_bars import DailyBar
from tradebot.domain.hours import Hours
from tradebot.domain.period import Period

Rows = Mapping[str, Sequence[Any]]
"""By the field of `Known`."""


def _performance(rows: Rows, hours: Hours, now: datetime, period: Period) -> Performance:
    return performance(_known(rows, now, period), hours)


def _spans(rows: Rows, hours: Hours, now: datetime, period: Period, unit: Unit) -> Sequence[Span]:
    return spans_of(_known(rows, now, period), hours.calendar, unit)


def _known(rows: Rows, now: datetime, period: Period) -> Known:
    bars: dict[str, list[DailyBar]] = {}
    for bar in rows["bars"]:
        bars.setdefault(bar.ticker, []).append(bar)
    return Known(period.first, period.last, now, rows["equity"], rows["lots"], rows["orders"], bars)


def _watched(rows: Rows, hours: Hours, strategies: Sequence[str]) -> object:
    return watched(rows["equity"], rows["lots"], rows["orders"], strategies, hours.is_open)


_COUNTS: Mapping[str, Callable[..., object]] = {"performance": _performance, "spans": _spans, "watched": _watched}


def main() -> None:
    gc.disable()  # it ends before there is any garbage worth looking for
    asked = sys.stdin.buffer
    what, given = pickle.load(asked)  # noqa: S301 - the daemon's
    pickle.dump(_COUNTS[what](_rows(asked), *given), sys.stdout.buffer)


def _rows(asked: BinaryIO) -> Rows:
    found: dict[str, list[Any]] = {"lots": [], "orders": [], "equity": [], "bars": []}
    with suppress(EOFError):
        while True:
            name, some = pickle.load(asked)  # noqa: S301 - as above
            found[name] += some
    return found


if __name__ == "__main__":
    main()
