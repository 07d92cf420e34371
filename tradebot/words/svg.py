"""Lines over days as SVG: a picture that needs nothing but a browser, in the colours of its page. Pure.

Rules: colours are classes of the page's own style, so that it can be dark or light; figures at the axis are few and round.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 24
TICKS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """Points by day, in order."""

    points: Sequence[tuple[date, float]]
    style: str  # a class of the page
    label: str = ""
    filled: bool = False  # down to, or up to, zero


def chart(lines: Sequence[Line], said: Callable[[float], str], title: str) -> str:
    """One picture of all lines, over the days that any has; empty where none has two points."""
    known = [line for line in lines if len(line.points) > 1]
    if not known:
        return ""
    days = sorted({day for line in known for day, _ in line.points})
    place = {day: number for number, day in enumerate(days)}  # sessions stand side by side, without nights and weekends
    values = [value for line in known for _, value in line.points] + [0.0] * any(line.filled for line in known)
    marks = ticks(min(values), max(values))
    low, high = min(*values, marks[0]), max(*values, marks[-1])

    def x(day: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place[day] / (len(days) - 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / ((high - low) or 1.0)

    drawn = [_mark(y(mark), said(mark)) for mark in marks if low <= mark <= high]
    drawn += [_day(x(day), f"{day:%d %b %y}", day is days[-1]) for day in _some(days)]
    for line in known:
        path = " ".join(f"{x(day):.1f},{y(value):.1f}" for day, value in line.points)
        if line.filled:
            ends = f"{x(line.points[-1][0]):.1f},{y(0):.1f} {x(line.points[0][0]):.1f},{y(0):.1f}"
            drawn.append(f'<polygon class="{line.style} area" points="{path} {ends}"/>')
        drawn.append(f'<polyline class="{line.style}" points="{path}"/>')
    legend = _legend([line for line in known if line.label])
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{''.join(drawn)}{legend}</svg>"
    )


def ticks(low: float, high: float) -> Sequence[float]:
    """Some round figures from below the lowest to above the highest value."""
    spread = (high - low) or abs(high) or 1.0
    rough = spread / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def _some(days: Sequence[date]) -> Sequence[date]:
    every = max(1, math.ceil(len(days) / 6))
    return [*days[: -every // 2 or None : every], days[-1]] if len(days) > 2 else days


def _mark(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    )


def _day(x: float, text: str, last: bool) -> str:
    anchor = "end" if last else "middle" if x > LEFT else "start"
    return f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(lines: Sequence[Line]) -> str:
    return "".join(
        f'<text class="{line.style} label" x="{LEFT + 8 + 110 * number}" y="{TOP + 12}">{escape(line.label)}</text>'
        for number, line in enumerate(lines)
    )
