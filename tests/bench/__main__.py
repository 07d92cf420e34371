"""How fast tradebot is, measured on its processes beside the floor that no bridge can beat: `make bench`. Figures, no verdict:
machines differ, so the exit code is 0 whatever they are; a section that fails is an error."""

import argparse
import asyncio
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from os import getloadavg
from pathlib import Path
from typing import Protocol

from loguru import logger
from rich.console import Console
from rich.markup import escape

from tests.bench import booking, bursts, intake, road, rooms, scale, start
from tests.bench.figures import Figure
from tests.bench.picture import draw
from tests.bench.report import Machine, Report, Section, line, table
from tradebot import __version__


class Measures(Protocol):
    """A module of this folder."""

    __name__: str

    def figures(self) -> AsyncIterator[Figure]: ...


SECTIONS: tuple[Measures, ...] = (road, rooms, intake, bursts, start, booking, scale)
EXAMPLE = """example:
  python -m tests.bench -k road -k start --to /tmp/bench
  make bench ARGS="-k road"
"""


def main(arguments: Sequence[str], sections: Sequence[Measures] = SECTIONS) -> int:
    given = _parser(sections).parse_args(arguments)
    console = Console(width=max(Console().width, 180))
    chosen = [one for one in sections if not given.k or any(text in name(one) for text in given.k)]
    if not chosen:
        console.print(f"no section has {' or '.join(given.k)} in its name: {', '.join(map(name, sections))}")
        return 2
    began, load = datetime.now(UTC), getloadavg()[0]
    report = Report(__version__, began, Machine.here(), load, [])
    for one in chosen:
        report.sections.append(asyncio.run(_measured(one, console)))
        report.write(given.to / "bench.json")  # whatever becomes of the next
    console.print(table(report))
    draw(report, given.to / "bench.svg")
    console.print(f"written to {given.to}: bench.json, bench.svg")
    return 1 if report.failed else 0


def name(section: Measures) -> str:
    return section.__name__.rpartition(".")[2]


async def _measured(module: Measures, console: Console) -> Section:
    """Prints each figure as it comes."""
    console.rule(name(module))
    began, figures, error = time.monotonic(), [], None
    try:
        async for figure in module.figures():
            figures.append(figure)
            console.print(escape(line(figure)), highlight=False, soft_wrap=True)
    except Exception as failure:  # whatever it is: the others are measured all the same
        console.print(escape(traceback.format_exc()), highlight=False)
        error = f"{type(failure).__name__}: {failure}"
    return Section(name(module), datetime.now(UTC), getloadavg()[0], time.monotonic() - began, figures, error)


def _parser(sections: Sequence[Measures]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=f"{__doc__} Sections: {', '.join(map(name, sections))}.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-k", action="append", default=[], metavar="TEXT", help="only sections with this in their name; may be repeated"
    )
    parser.add_argument(
        "--to", type=Path, default=Path("bench"), metavar="FOLDER", help="where bench.json and bench.svg go (bench/)"
    )
    return parser


if __name__ == "__main__":
    logger.configure(handlers=[])  # what the product's own parts say in this process would hide the figures
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no server is left behind
    sys.exit(main(sys.argv[1:]))
