"""The whole sweep: `python -m tests.crash [-k TEXT] [--loads N] [--jobs N]`. Prints a table; ends with 1 after a violation."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from rich.table import Table

from tests.crash.cases import Case, every_case
from tests.crash.mortal import PASSWORD
from tests.crash.sweep import Servers, run_case
from tests.table import CONSOLE, Place, Trial, Violation, arguments, run


async def _run(case: Case, place: Place) -> str:
    with_password = place.postgres_url.replace("postgres@", f"postgres:{PASSWORD}@")
    return await run_case(case, place.folder, Servers(with_password, place.redis_url))


def _show(results: Mapping[Case, str]) -> None:
    table = Table(title="killed at every point: what became of the alert")
    for title in ("what went on", "killed", "the gateway", "cases", "ended as", "violations"):
        table.add_column(title)
    rows: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for case, result in results.items():
        rows[*case.row, case.gateway].append(result)
    for row, found in rows.items():
        good = Counter(result for result in found if not isinstance(result, Violation))
        ended = " · ".join(f"{count} {status}" for status, count in good.items())
        table.add_row(*row, str(len(found)), ended, str(len(found) - good.total() or "ok"))
    CONSOLE.print(table)


if __name__ == "__main__":
    parser = arguments("tests.crash", __doc__)
    parser.add_argument("--loads", type=int, default=10, help="kills at random times under load, on each database")
    given = parser.parse_args()
    cases = [case for case in every_case(given.loads) if given.k in str(case)]
    run(Trial(cases, _run, _show, deadline_s=180), given.jobs)
