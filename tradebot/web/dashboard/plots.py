"""Run as a script, not imported: JSON on stdin → JSON of SVG texts on stdout, one a width.

A picture is a curve of USD by day, steps or a line, with what it is below its best drawn beneath where that is given. It knows
nothing of the bot, so that starting it costs no more than matplotlib does. Colours are the light theme's; the dark one is made of
them by exchange.
"""

import io
import json
import os
import sys
from datetime import date
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, LINE, GAIN, LOSS, LINK = "#1d1f1c", "#5f635b", "#e3e0d8", "#17683a", "#b0282e", "#1f4e79"
FEW_DAYS = 6
SIZES = {"wide": (10.4, 3.6), "narrow": (4.6, 3.2)}  # inches of 72 px
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the reader's font
    "svg.hashsalt": "tradebot",  # the same figures give the same bytes
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 7,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
}
FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def main() -> None:
    os.nice(10)
    asked = json.load(sys.stdin)
    with mpl.rc_context(STYLE):
        json.dump({name: svg(picture(asked, name, size)) for name, size in SIZES.items()}, sys.stdout)


def svg(drawn: Figure) -> str:
    out = io.StringIO()
    drawn.savefig(
        out, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
    )
    text = out.getvalue()
    font = FONT.replace('"', "&quot;")
    return text[text.index("<svg") :].replace("'DejaVu Sans'", font)


def picture(asked: dict[str, Any], name: str, size: tuple[float, float]) -> Figure:
    days = [dates.date2num(date.fromisoformat(day)) for day in asked["days"]]  # type: ignore[no-untyped-call]
    below = asked.get("below")
    tall = size if below else (size[0], size[1] * 0.72)
    drawn = Figure(figsize=tall, dpi=72, layout="constrained")
    if below:
        upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _below(lower, days, below)
    else:
        upper = lower = drawn.subplots()
    _curve(upper, days, asked["values"], from_zero=bool(asked.get("from_zero")))
    span = days[-1] - days[0]
    few = dates.DayLocator()  # type: ignore[no-untyped-call] # else hours are marked, each with its day once more
    many = dates.AutoDateLocator(minticks=3, maxticks=5 if name == "narrow" else 9)  # type: ignore[no-untyped-call]
    ticks = few if span < FEW_DAYS else many
    lower.xaxis.set_major_locator(ticks)
    lower.xaxis.set_major_formatter(dates.DateFormatter("%d %b" if span < 200 else "%b %y"))  # type: ignore[no-untyped-call]
    return drawn


def _curve(axes: Axes, days: list[float], values: list[float], *, from_zero: bool) -> None:
    """Added-up P&L begins at zero and is green above it and red below; the account's worth is a line alone."""
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    if from_zero:
        up, down = [max(value, 0.0) for value in values], [min(value, 0.0) for value in values]
        axes.fill_between(days, up, step="post", color=GAIN, alpha=0.13, linewidth=0)
        axes.fill_between(days, down, step="post", color=LOSS, alpha=0.13, linewidth=0)
        axes.step(days, values, where="post", color=INK, linewidth=1.6)
        axes.axhline(0, color=QUIET, linewidth=0.8)
    else:
        low = min(values) - (max(values) - min(values) or abs(max(values)) or 1) * 0.08
        axes.fill_between(days, values, low, color=LINK, alpha=0.08, linewidth=0)
        axes.plot(days, values, color=LINK, linewidth=1.8, solid_joinstyle="round")
        axes.set_ylim(bottom=low)
    colour = INK if not from_zero else GAIN if values[-1] >= 0 else LOSS
    axes.plot(days[-1], values[-1], "o", color=colour if from_zero else LINK, markersize=5)
    axes.margins(x=0.015, y=0.1)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _usd(value)))


def _below(axes: Axes, days: list[float], below: list[float]) -> None:
    """A fraction of the best, downwards."""
    axes.fill_between(days, [-100 * one for one in below], color=LOSS, alpha=0.22, linewidth=0)
    axes.plot(days, [-100 * one for one in below], color=LOSS, linewidth=1)
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)
    axes.set_ylim(top=0, bottom=min(-1.0, *(-110 * one for one in below)))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(3))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"−{abs(value):g} %" if value else "0 %"))


def _usd(value: float) -> str:
    whole = f"{abs(value):,.0f}" if abs(value) >= 100 or value == round(value) else f"{abs(value):,.2f}"
    return f"−${whole}" if value < 0 else f"${whole}"


if __name__ == "__main__":
    main()
