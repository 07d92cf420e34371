"""Writes a run's figures into docs/performance.md, between its marks, and its picture beside it:
`python -m tests.bench.page bench/bench.json`."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.picture import draw
from tests.bench.report import SIGNS, Report, Section, amount, goal

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
PICTURE = PAGE.parent / "img" / "performance.svg"
RUN = "run"
_BLOCK = re.compile(r"(?<=<!-- figures: )(\w+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("run", type=Path, help="bench.json of a run, of all sections or some")
    report = Report.read(parser.parse_args(arguments).run)
    try:
        text = filled(PAGE.read_text("utf-8"), report)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    PAGE.write_text(text, "utf-8")
    draw(report, PICTURE)
    return 0


def blocks(page: str) -> list[str]:
    """The names of its marked blocks, in their order."""
    return [found[1] for found in _BLOCK.finditer(page)]


def filled(page: str, report: Report) -> str:
    """The page with this run's figures, others as they stand; ValueError where a section has no place in it, or one failed."""
    if report.failed:
        raise ValueError(f"failed, so the figures are not whole: {', '.join(one.name for one in report.failed)}")
    told = {RUN: _run(report), **{section.name: _table(section, report.version) for section in report.sections}}
    if missing := told.keys() - set(blocks(page)):
        raise ValueError(
            f"the page has no place for {', '.join(sorted(missing))}: write <!-- figures: NAME --> and <!-- end -->"
        )
    return _BLOCK.sub(lambda found: f"{found[1]}{found[2]}{told.get(found[1], found[3])}", page)


def _run(report: Report) -> str:
    goals = [one for section in report.sections for one in section.figures if one.goal is not None]
    names = ", ".join(section.name for section in report.sections)
    return f"Last run: {report.summary}; {names}: {sum(bool(one.met) for one in goals)} of {len(goals)} goals met.\n"


def _table(section: Section, version: str) -> str:
    lines = [
        "| what | where | measured | goal | | made of |",
        "|---|---|---:|---:|---|---|",
        *map(_row, section.figures),
    ]
    when = f"tradebot {version}, {section.at:%Y-%m-%d %H:%M} UTC, load average {section.load:.1f} at the end of this section."
    return "\n".join((*lines, "", when, ""))


def _row(figure: Figure) -> str:
    cells = (figure.what, figure.where, amount(figure), goal(figure), SIGNS[figure.met], figure.detail)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
