"""Chat, command line and dashboard show what `queries` answer and do what `operations` offer: they hold no transaction."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TRADEBOT = Path(__file__).parents[2] / "tradebot"
EDGES = sorted(
    file for folder in ("telegram/handlers", "cli", "web/dashboard") for file in (TRADEBOT / folder).glob("*.py")
)
OPENS_THE_DATABASE = TRADEBOT / "cli" / "daemon_client.py"


def transactions(source: str) -> Iterator[str]:
    """What in this source begins a transaction or uses one."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr="begin" | "read")):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Attribute(value=ast.Name(id="books")):
                yield f"line {node.lineno}: {ast.unparse(node)}"


def imported(source: str) -> set[str]:
    """The names that this source takes from other modules."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.name for node in nodes for alias in node.names}


@pytest.mark.parametrize("file", EDGES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_an_edge_holds_no_transaction(file: Path) -> None:
    """What a person is shown, or does, would be decided in a handler, where neither another edge nor a test finds it."""
    assert list(transactions(file.read_text("utf-8"))) == []


def test_the_command_line_opens_the_database_in_one_place() -> None:
    """A command that forgets to look whether the database is there makes an empty one, in which no daemon looks."""
    opening = [file for file in EDGES if "open_ledger" in imported(file.read_text("utf-8"))]
    assert opening == [OPENS_THE_DATABASE]


@pytest.mark.parametrize(
    "source",
    [
        "async def show(ledger):\n    async with ledger.read() as snapshot:\n        pass",
        "async def change(self):\n    async with self._ledger.begin() as t:\n        pass",
        "async def look(books):\n    return await books.settings()",
    ],
)
def test_a_transaction_is_found(source: str) -> None:
    """The rule would be kept by a search that finds nothing."""
    assert len(list(transactions(source))) == 1
