"""Run as a script, not imported: JSON on stdin (title, points of [epoch seconds, USD]) → PNG on stdout.

It knows nothing of the bot, so that starting it costs no more than matplotlib does.
"""

import json
import os
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import dates, ticker
from matplotlib.figure import Figure

NEW_YORK = ZoneInfo("America/New_York")
DAY_S = 86_400
GAIN, LOSS, INK = "#1a9850", "#d73027", "#444444"


def main() -> None:
    os.nice(10)
    request = json.load(sys.stdin)
    chart(request["title"], request["points"]).savefig(sys.stdout.buffer, format="png")


def chart(title: str, points: list[list[float]]) -> Figure:
    """Steps, since P&L is made when a lot closes; from zero, green above and red below."""
    begin = datetime.fromtimestamp(points[0][0], NEW_YORK).replace(hour=9, minute=30, second=0)
    start = min(begin.timestamp(), points[0][0])
    times = [at / DAY_S for at in (start, *(at for at, _ in points))]  # matplotlib counts days since 1970
    values = [0.0, *(value for _, value in points)]
    drawn = Figure(figsize=(6, 3.6), dpi=160, layout="constrained")
    axes = drawn.subplots()
    above, below = [max(value, 0.0) for value in values], [min(value, 0.0) for value in values]
    axes.step(times, values, where="post", color=INK, linewidth=1.6)
    axes.fill_between(times, above, step="post", color=GAIN, alpha=0.25)
    axes.fill_between(times, below, step="post", color=LOSS, alpha=0.25)
    colour = GAIN if values[-1] >= 0 else LOSS
    axes.plot(times[-1], values[-1], "o", color=colour, markersize=6)
    axes.set_title(title, fontsize=12, loc="left", parse_math=False)
    axes.set_title(_usd(values[-1], cents=True), fontsize=14, loc="right", fontweight="bold", color=colour)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.03, y=0.1)
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    whole = all(tick == round(tick) for tick in axes.get_yticks())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _usd(value, cents=not whole)))
    days = times[-1] - times[0]
    if days > 1:
        by_day = dates.DayLocator(interval=max(1, round(days / 6)), tz=NEW_YORK)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(by_day)
    else:
        axes.xaxis.set_major_locator(dates.AutoDateLocator(tz=NEW_YORK, maxticks=6))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates.DateFormatter("%d %b" if days > 1 else "%H:%M", tz=NEW_YORK))  # type: ignore[no-untyped-call]
    return drawn


def _usd(value: float, *, cents: bool) -> str:
    digits = f"{abs(value):,.2f}" if cents else f"{abs(value):,.0f}"
    return f"−${digits}" if value < 0 else f"${digits}"


if __name__ == "__main__":
    main()
