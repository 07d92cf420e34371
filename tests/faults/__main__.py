"""Every fault in turn: `python -m tests.faults [-k TEXT] [--realistic]`. Prints a table; ends with 1 after a violation."""

from collections.abc import Mapping
from functools import partial

from rich.table import Table

from tests.faults.cases import Fault, every_fault
from tests.faults.drill import Outcome, drill
from tests.faults.stage import staged
from tests.table import CONSOLE, Place, Trial, Violation, arguments, run


async def _run(fault: Fault, place: Place, *, realistic: bool) -> Outcome:
    async with staged(fault, place.folder, place.postgres_url, place.redis_url, realistic=realistic) as all_:
        return await drill(fault, all_)


def _show(results: Mapping[Fault, Outcome | Violation]) -> None:
    table = Table(title="what breaks, and what came of it")
    for title in ("part", "fault", "answers meanwhile", "slowest", "all done after", "restarts", "alerts ended as"):
        table.add_column(title)
    for fault, result in results.items():
        if isinstance(result, Violation):
            table.add_row(fault.part, fault.name, "VIOLATION", "", "", "", result[:120])
            continue
        done = "needs a person" if result.done_s is None else f"{result.done_s:.1f} s"
        table.add_row(
            *(fault.part, fault.name, " ".join(result.answers), f"{result.slowest_s:.2f} s", done),
            *(str(result.restarts), result.ended),
        )
    CONSOLE.print(table)


if __name__ == "__main__":
    asked = arguments("tests.faults", __doc__)
    asked.add_argument("--realistic", action="store_true", help="the gateway has the realistic profile")
    given = asked.parse_args()
    faults = [fault for fault in every_fault() if given.k in str(fault)]
    run(Trial(faults, partial(_run, realistic=given.realistic), _show, deadline_s=240), given.jobs)
