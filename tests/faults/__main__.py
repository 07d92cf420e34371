"""Every fault in turn: `python -m tests.faults [-k TEXT] [--realistic]`. Prints two tables; ends with 1 after a violation."""

from collections.abc import Mapping
from functools import partial

from rich.table import Table

from tests.faults import bracket_drill
from tests.faults.brackets import Flaw, every_flaw
from tests.faults.cases import Fault, every_fault
from tests.faults.drill import Outcome, drill
from tests.faults.stage import staged, with_brackets
from tests.table import CONSOLE, Place, Trial, Violation, arguments, run

Case = Fault | Flaw
Came = Outcome | bracket_drill.Outcome | Violation


async def _run(case: Case, place: Place, *, realistic: bool) -> Outcome | bracket_drill.Outcome:
    if isinstance(case, Flaw):
        async with with_brackets(place.folder, realistic=realistic) as stage:
            return await bracket_drill.drill(case, stage)
    async with staged(case, place.folder, place.postgres_url, place.redis_url, realistic=realistic) as all_:
        return await drill(case, all_)


def _show(results: Mapping[Case, Came]) -> None:
    surroundings = Table(title="what breaks, and what came of it")
    for title in ("part", "fault", "answers meanwhile", "slowest", "all done after", "restarts", "alerts ended as"):
        surroundings.add_column(title)
    brackets = Table(title="what goes wrong with a bracket, and what came of it")
    for title in ("flaw", "as it must be after", "told as critical", "alerts ended as"):
        brackets.add_column(title)
    for case, result in results.items():
        if isinstance(result, Violation):
            table = brackets if isinstance(case, Flaw) else surroundings
            name = [case.name] if isinstance(case, Flaw) else [case.part, case.name]
            table.add_row(*name, "VIOLATION", result[:120])
        elif isinstance(result, bracket_drill.Outcome):
            brackets.add_row(case.name, f"{result.done_s:.1f} s", result.told, result.ended)
        else:
            surroundings.add_row(*_row(case, result))
    for table in (surroundings, brackets):
        if table.row_count:
            CONSOLE.print(table)


def _row(case: Case, result: Outcome) -> list[str]:
    done = "needs a person" if result.done_s is None else f"{result.done_s:.1f} s"
    named = [*str(case).split(" · "), " ".join(result.answers), f"{result.slowest_s:.2f} s", done]
    return [*named, str(result.restarts), result.ended]


if __name__ == "__main__":
    asked = arguments("tests.faults", __doc__)
    asked.add_argument("--realistic", action="store_true", help="the gateway has the realistic profile")
    given = asked.parse_args()
    all_cases: list[Case] = [*every_fault(), *every_flaw()]
    cases = [case for case in all_cases if given.k in str(case)]
    run(Trial(cases, partial(_run, realistic=given.realistic), _show, deadline_s=400), given.jobs)
