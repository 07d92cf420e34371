"""Run as a script, not imported: JSON on stdin → PNG on stdout.

`{"kind": "day", "points": [[epoch seconds, USD], …], "begin": …, "end": …, "until": …, "offset_s": …}` is one session, stepped;
`{"kind": "sessions", "bars": [["Mon 16", USD], …]}` is one bar a session, with their sum as a line: nights and weekends
leave no gap. Both have a "title" and a "theme". It knows nothing of the bot, so that starting it costs no more than matplotlib
does.
"""

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

LABELS_MAX = 8
STEPS_S = [900, 1800, *(3600 * hours for hours in (1, 2, 3, 4, 6, 12, 24, 48))]


@dataclass(frozen=True)
class Theme:
    """Colours."""

    paper: str
    ink: str
    faint: str
    line: str
    gain: str
    loss: str


THEMES = {
    "dark": Theme("#17212b", "#e6ecf2", "#3a4856", "#7fb4e8", "#4fbf7b", "#ec6b65"),
    "light": Theme("#ffffff", "#20262d", "#dde3e9", "#2f6fad", "#1c9a57", "#d23b36"),
}


def main() -> None:
    os.nice(10)
    request = json.load(sys.stdin)
    chart(request).savefig(sys.stdout.buffer, format="png")


def chart(request: dict[str, Any]) -> Figure:
    theme = THEMES[request["theme"]]
    layout = ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12)
    drawn = Figure(figsize=(6, 3.6), dpi=160, layout=layout, facecolor=theme.paper)
    axes = drawn.subplots()
    axes.set_facecolor(theme.paper)
    total = _day(axes, request, theme) if request["kind"] == "day" else _sessions(axes, request, theme)
    axes.axhline(0, color=theme.ink, linewidth=0.8, alpha=0.6)
    colour = theme.gain if total >= 0 else theme.loss
    axes.set_title(request["title"], fontsize=12, loc="left", color=theme.ink, parse_math=False, pad=10)
    amount = f"{'+' if total > 0 else ''}{usd(total, cents=True)}"
    axes.set_title(
        amount,
        fontsize=15,
        loc="right",
        fontweight="bold",
        color=colour,
        pad=9,
    )
    axes.grid(visible=True, axis="y", color=theme.faint, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=theme.ink, length=0, labelsize=9)
    whole = all(tick == round(tick) for tick in axes.get_yticks())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: usd(value, cents=not whole)))
    return drawn


def _day(axes: Axes, request: dict[str, Any], theme: Theme) -> float:
    """Steps, since P&L is made when a lot closes; from zero at the session's begin, green above and red below."""
    points: list[list[float]] = request["points"]
    begin, end = min(request["begin"], points[0][0]), max(request["end"], points[-1][0])
    until = min(max(request["until"], points[-1][0]), end)
    total = points[-1][1]
    times = [begin, *(at for at, _ in points), until]
    values = [0.0, *(value for _, value in points), total]
    above, below = [max(value, 0.0) for value in values], [min(value, 0.0) for value in values]
    for part, colour in ((above, theme.gain), (below, theme.loss)):
        axes.fill_between(times, part, step="post", color=colour, alpha=0.25, linewidth=0)
    axes.step(times, values, where="post", color=theme.line, linewidth=2, solid_joinstyle="round")
    if len(points) <= 40:
        axes.plot([at for at, _ in points], [value for _, value in points], "o", color=theme.line, markersize=3.5)
    axes.plot(until, total, "o", color=theme.gain if total >= 0 else theme.loss, markersize=7, zorder=5)
    axes.set_xlim(begin, end + (end - begin) * 0.02)
    axes.margins(y=0.15)
    hours = _hours(begin, end, request["offset_s"])
    axes.set_xticks(hours, [f"{datetime.fromtimestamp(at + request['offset_s'], UTC):%H:%M}" for at in hours])
    return total


def _hours(begin: float, end: float, offset_s: int) -> list[float]:
    """Round times of the owner's clock, so far apart that they can be read."""
    step = next(s for s in STEPS_S if (end - begin) / s <= LABELS_MAX)
    first = -(-(begin + offset_s) // step) * step - offset_s
    return [first + n * step for n in range(int((end - first) // step) + 1)]


def _sessions(axes: Axes, request: dict[str, Any], theme: Theme) -> float:
    """What each session made, and what they add up to."""
    bars: list[tuple[str, float]] = request["bars"]
    nets = [net for _, net in bars]
    sums = list(accumulate(nets))
    places = range(len(bars))
    colours = [theme.gain if net >= 0 else theme.loss for net in nets]
    axes.bar(places, nets, width=0.62, color=colours, alpha=0.85, linewidth=0)
    overall = theme.gain if sums[-1] >= 0 else theme.loss
    legend: list[Patch | Line2D] = [Patch(color=overall, alpha=0.85, linewidth=0, label="a session")]
    if len(bars) > 1:
        outline = [patheffects.Stroke(linewidth=4, foreground=theme.paper), patheffects.Normal()]
        marks = "o" if len(bars) <= 15 else ""
        legend += axes.plot(
            places,
            sums,
            color=theme.line,
            linewidth=2,
            marker=marks,
            markersize=4.5,
            path_effects=outline,
            zorder=4,
            label="added up",
        )
        axes.legend(handles=legend, frameon=False, fontsize=8.5, labelcolor=theme.ink, loc="best")
    if len(bars) <= 7:
        _amounts(axes, nets, theme)
    axes.set_xlim(-0.6, len(bars) - 0.4)
    low, high = min(0.0, *nets, *sums), max(0.0, *nets, *sums)
    room = (high - low or 1.0) * 0.18  # for the amounts, which stand on the other side of zero
    axes.set_ylim(low - room, high + room)
    every = -(-len(bars) // LABELS_MAX)
    shown = [n for n in places if (len(bars) - 1 - n) % every == 0]
    axes.set_xticks(shown, [bars[n][0] for n in shown])
    return sums[-1]


def _amounts(axes: Axes, nets: list[float], theme: Theme) -> None:
    """On the other side of zero than its bar, where the line is least; on paper, so that nothing crosses them out."""
    outline = [patheffects.withStroke(linewidth=3, foreground=theme.paper)]
    for place, net in enumerate(nets):
        if net:
            axes.annotate(
                usd(net, cents=abs(net) < 100),
                (place, 0),
                xytext=(0, -4 if net > 0 else 4),
                textcoords="offset points",
                ha="center",
                va="top" if net > 0 else "bottom",
                fontsize=8.5,
                color=theme.ink,
                path_effects=outline,
                zorder=6,
            )


def usd(value: float, *, cents: bool) -> str:
    digits = f"{abs(value):,.2f}" if cents else f"{abs(value):,.0f}"
    return f"−${digits}" if value < 0 else f"${digits}"


if __name__ == "__main__":
    main()
