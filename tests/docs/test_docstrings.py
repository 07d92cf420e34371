"""The code's own documentation."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "tradebot"


def test_every_public_class_says_what_it_is() -> None:
    """Somebody has to read a class to the end to find out what it is for."""
    silent = [
        f"{file.relative_to(PACKAGE)}: {node.name}"
        for file in sorted(PACKAGE.glob("**/*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_task_has_a_name() -> None:
    """Where a bot that is stuck tells what each of its tasks waits for, one would be "Task-5012"."""
    nameless = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in sorted(PACKAGE.glob("**/*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and _begins_a_task(node.func) and "name" not in {one.arg for one in node.keywords}
    ]
    assert nameless == []


def _begins_a_task(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("create_task", "ensure_future")
