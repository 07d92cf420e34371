"""What a run of the benchmark leaves: lines and a table on the screen, `bench.json`, and where it was measured."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter
from rich.markup import escape
from rich.table import Table

from tests.bench.figures import Figure

SIGNS = {None: "", True: "✓", False: "✗"}


@dataclass(frozen=True, slots=True)
class Machine:
    cores: int
    cpu: str
    python: str
    system: str

    @classmethod
    def here(cls) -> "Machine":
        return cls(os.cpu_count() or 1, _cpu(), platform.python_version(), f"{platform.system()} {platform.machine()}")


@dataclass(frozen=True, slots=True)
class Section:
    """What one module of the benchmark measured; a failed one has the figures that came before."""

    name: str
    at: datetime
    load: float  # average of the minute before it ended: what it puts on the machine itself, and whatever else ran
    seconds: float
    figures: list[Figure]
    error: str | None


@dataclass(frozen=True, slots=True)
class Report:
    version: str
    at: datetime
    machine: Machine
    load: float  # of the minute before it began
    sections: list[Section]

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_ADAPTER.dump_json(self, indent=2) + b"\n")

    @classmethod
    def read(cls, file: Path) -> "Report":
        return _ADAPTER.validate_json(file.read_bytes())

    @property
    def failed(self) -> list[Section]:
        return [section for section in self.sections if section.error]

    @property
    def summary(self) -> str:
        """What was measured, where and when."""
        where = f"{self.machine.cores} cores of {self.machine.cpu}, {self.machine.system}, Python {self.machine.python}"
        return (
            f"tradebot {self.version}, {self.at:%Y-%m-%d %H:%M} UTC, {where}, load average {self.load:.1f} at the start"
        )


_ADAPTER = TypeAdapter(Report)


def number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def amount(figure: Figure) -> str:
    return f"{number(figure.value)} {figure.unit}".rstrip()


def goal(figure: Figure) -> str:
    """ "≤ 1.3"; empty where it is shown only."""
    return "" if figure.goal is None else f"{'≥' if figure.at_least else '≤'} {number(figure.goal)}"


def line(figure: Figure) -> str:
    """One as it comes."""
    beside = f" (goal {goal(figure)})" if figure.goal is not None else ""
    name = f"{figure.what} · {figure.where}" if figure.where else figure.what
    return f"{SIGNS[figure.met] or ' '} {name}: {amount(figure)}{beside}  {figure.detail}".rstrip()


def table(report: Report) -> Table:
    goals = [figure.met for section in report.sections for figure in section.figures if figure.goal is not None]
    shown = Table(
        title=report.summary, caption=f"{sum(map(bool, goals))} of {len(goals)} goals met", title_justify="left"
    )
    for heading in ("what", "where", "value", "unit", "goal", "", "detail"):
        shown.add_column(heading, justify="right" if heading in ("value", "goal") else "left")
    for section in report.sections:
        shown.add_section()
        shown.add_row(f"[bold]{section.name}", *[""] * 5, f"{section.seconds:.0f} s, load {section.load:.1f}")
        for one in section.figures:
            sign = SIGNS[one.met]
            shown.add_row(one.what, one.where, number(one.value), one.unit, goal(one), sign, one.detail)
        if section.error:
            shown.add_row("[red]failed", *[""] * 5, escape(section.error.splitlines()[0]))
    return shown


def _cpu() -> str:
    """Its name, as far as the system tells."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for fact in file.read_text().splitlines():
            if fact.startswith("model name"):
                return fact.partition(":")[2].strip()
    return platform.processor() or platform.machine()
