"""Writes tradebot/nyse.py from what the `holidays` package knows: `make nyse`."""

import textwrap
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from holidays import financial_holidays

FILE = Path(__file__).parents[2] / "tradebot" / "nyse.py"
YEARS = range(2000, 2100)
_HEAD = '''"""The days on which the New York Stock Exchange does not open, and those on which it closes early, by their names.

Written by `make nyse` from what the `holidays` package knows, never by hand. A table, because asking the package loads the
calendars of every country: 14 MB and a tenth of a second of each start. Days are YYYYMMDD, and New York's.
"""

from collections.abc import Mapping

FIRST_YEAR, LAST_YEAR = {first}, {last}
'''


def rendered() -> str:
    closures = financial_holidays("NYSE", years=YEARS)
    half_days = financial_holidays("NYSE", categories=("half_day",), years=YEARS)
    early = {day: name.partition(" (")[0] for day, name in half_days.items()}  # "(markets close at 1:00pm)"
    head = _HEAD.format(first=YEARS[0], last=YEARS[-1])
    return f"{head}\n{_table('CLOSURES', closures)}\n{_table('EARLY_CLOSES', early)}"


def _table(name: str, days: Mapping[date, str]) -> str:
    by_name: dict[str, list[str]] = {}
    for day in sorted(days):
        by_name.setdefault(days[day], []).append(f"{day:%Y%m%d}")
    lines = [f"{name}: Mapping[str, str] = {{"]
    for title, found in by_name.items():
        wrapped = textwrap.wrap(" ".join(found), 108)
        lines += [f'    "{title}": """' if len(wrapped) > 1 else f'    "{title}": "{wrapped[0]}",']
        lines += [*(f"        {line}" for line in wrapped), '    """,'] if len(wrapped) > 1 else []
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
