"""SQL under names: `.sql` files hold blocks headed `-- name --`, and one text serves both databases.

Rules: parameters are written `:name`; `IN (:names)` and `VALUES (:names)` take a collection; casts are `CAST(… AS …)`, not `::`.
No statement that runs again and again may cost more with a history. Both databases choose the way without a look at the values,
so the text says which index is meant: `+ 0` and `|| ''` hide a column from the others; `AND at <= 'infinity'` makes "since" a
range, which PostgreSQL takes for a small one; states as literals meet partial indexes.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

_HEAD = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+)")
_WRITES = re.compile(r"^\s*(?:INSERT|UPDATE|DELETE)\b", re.MULTILINE)
_VALUES = re.compile(r"VALUES\s*(\([^()]*\))")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


def load(*names: str) -> Mapping[str, str]:
    """Every block of these files of this package, by its name."""
    blocks: dict[str, str] = {}
    for name in names:
        pieces = _HEAD.split(files(__package__).joinpath(name).read_text("utf-8"))
        for block, sql in zip(pieces[1::2], pieces[2::2], strict=True):
            if block in blocks:
                raise ValueError(f"{name}: the block {block!r} is there twice")
            blocks[block] = sql.strip()
    return blocks


@lru_cache(maxsize=256)
def repeated(sql: str, rows: int) -> str:
    """A statement that inserts one row, for so many: the parameters of the first are `:name_0`, of the second `:name_1` …"""
    head, values, tail = _VALUES.split(sql)
    return head + "VALUES " + ", ".join(_PARAMETER.sub(rf":\1_{number}", values) for number in range(rows)) + tail


def tables(sql: str) -> frozenset[str]:
    """Those that a statement reads or writes."""
    return frozenset(_TABLE.findall(sql))


def writes(sql: str) -> bool:
    return _WRITES.search(sql) is not None


def spread(sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Gives each member of a collection a parameter of its own; an empty collection becomes NULL, which nothing is IN."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if not isinstance(value, (list, tuple, set, frozenset)):
            flat[name] = value
            continue
        members = {f"{name}_{i}": member for i, member in enumerate(value)}
        flat |= members
        sql = sql.replace(f"VALUES (:{name})", "VALUES " + ", ".join(f"(:{member})" for member in members))
        sql = sql.replace(f"(:{name})", "(" + (", ".join(f":{member}" for member in members) or "NULL") + ")")
    return sql, flat


@lru_cache(maxsize=512)
def together(*statements: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """One statement for PostgreSQL that finds what each of these would: rows of the statement's number and a JSON record.

    And whose parameter stands for each `$1`, `$2` …
    """
    parts = []
    for number, sql in enumerate(statements):
        own = _PARAMETER.sub(rf":of_{number}_\1", sql)
        parts.append(f"SELECT {number} AS of, row_to_json(found)::TEXT AS record FROM ({own}) AS found")  # noqa: S608  # ours
    text, names = numbered(" UNION ALL ".join(parts))
    split = (name.removeprefix("of_").partition("_") for name in names)
    return text, tuple((int(number), name) for number, _, name in split)


@lru_cache(maxsize=512)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with `$1`, `$2` … as PostgreSQL wants it, and the names in that order."""
    order: dict[str, int] = {}
    text = _PARAMETER.sub(lambda found: f"${order.setdefault(found[1], len(order) + 1)}", sql)
    return text, tuple(order)
