"""Every figure that has a goal, relative to it: the goals are one line, what is better lies left of it, what is worse right."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.report import SIGNS, Report, amount, goal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_INCHES, WIDTH_INCHES = 0.25, 11.0
FARTHEST = 30.0  # a bar ends here, times or divided by; what was measured stands beside it all the same
MET, MISSED, INK = "#2a7f9e", "#d1602b", "#222222"  # apart for every eye


def draw(report: Report, file: Path) -> None:
    """Of the same report the same bytes; the file's ending says in which format."""
    import matplotlib as mpl  # a second, and most who import this module draw nothing
    from matplotlib.figure import Figure as Canvas

    rows = list(_rows(report))
    with mpl.rc_context({"svg.hashsalt": "tradebot", "svg.fonttype": "none", "font.size": 8}):
        canvas = Canvas(figsize=(WIDTH_INCHES, ROW_INCHES * (len(rows) + 4)), facecolor="white", layout="constrained")
        axes = canvas.add_subplot()
        _frame(axes, len(rows))
        for at, row in enumerate(rows):
            if isinstance(row, Figure):
                _bar(axes, at, row)
            else:
                axes.text(-0.01, at, row, ha="right", va="center", weight="bold", transform=axes.get_yaxis_transform())
        canvas.suptitle(report.summary, fontsize=8, color=INK)
        file.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(file, metadata={"Date": None, "Creator": None} if file.suffix == ".svg" else None)


def _rows(report: Report) -> Iterator[Figure | str]:
    """Each section's name, and its figures that have a goal."""
    for section in report.sections:
        figures = [figure for figure in section.figures if figure.goal is not None]
        if figures:
            yield section.name
            yield from figures


def _frame(axes: "Axes", rows: int) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1 / FARTHEST / 1.2, FARTHEST * 30)  # what was measured stands to the right of the longest bar
    axes.set_ylim(rows - 0.4, -0.6)
    ticks = {1 / 10: "10 x better", 1 / 2: "2 x", 1: "goal", 2: "2 x", 10: "10 x worse"}
    axes.set_xticks(list(ticks), labels=list(ticks.values()))
    axes.minorticks_off()
    axes.set_yticks([])
    for tick in ticks:
        axes.axvline(tick, color=INK if tick == 1 else "#dddddd", linewidth=1.0 if tick == 1 else 0.6, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _bar(axes: "Axes", at: int, figure: Figure) -> None:
    assert figure.share is not None
    end = min(max(figure.share, 1 / FARTHEST), FARTHEST)
    axes.barh(at, end - 1, left=1, height=0.62, color=MET if figure.met else MISSED)
    name = f"{figure.what} · {figure.where}" if figure.where else figure.what
    axes.text(-0.01, at, name, ha="right", va="center", color=INK, transform=axes.get_yaxis_transform())
    told = f"{SIGNS[figure.met]} {amount(figure)}, goal {goal(figure)}"
    axes.text(FARTHEST * 1.15, at, told, ha="left", va="center", color=INK)
