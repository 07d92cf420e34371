"""docs/glossary.md against the code: what a term names is there, and what is there has its term."""

import ast
import re
from pathlib import Path

import pytest

from tradebot.config import keys

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tradebot"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
SPANS = set(re.findall(r"`([^`]+)`", GLOSSARY))
PATHS = {span for span in SPANS if "/" in span or span.endswith(".py")}
OTHER_WORDS = {
    "tradebot/",
    "tb-<alert>-<random>",  # how an order reference looks
    "orderRef",  # IB's field
    "main",  # a value, and the strategy's name
    "alert_id",  # a field of the message
}


def names_in_the_code() -> set[str]:
    """Modules, classes, functions, constants, fields and enum members."""
    found: set[str] = set()
    for file in PACKAGE.glob("**/*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return found


def names_in_the_tables() -> set[str]:
    """Tables and their columns."""
    found: set[str] = set()
    for file in ROOT.glob("migrations/*.up.sql"):
        sql = re.sub(r"--.*", "", file.read_text("utf-8"))
        found |= set(re.findall(r"CREATE TABLE (\w+)", sql))
        found |= set(re.findall(r"^\s+(?:ADD COLUMN )?([a-z_]+) +[A-Z]", sql, re.MULTILINE))
    return found


def test_every_name_is_one_that_the_code_has() -> None:
    """A reader looks for a name that was changed long ago."""
    config = {key.name.rpartition(".")[2] for key in keys()} | {f"[{key.name.rpartition('.')[0]}]" for key in keys()}
    known = names_in_the_code() | names_in_the_tables() | config | OTHER_WORDS
    assert sorted(SPANS - PATHS - known) == []
    assert len(SPANS) > 150


def test_every_path_is_there() -> None:
    """A reader is sent to a file that is gone."""
    assert [path for path in sorted(PATHS - OTHER_WORDS) if not (PACKAGE / path).is_file()] == []


@pytest.mark.parametrize("package", ["trading", "operations", "queries"])
def test_every_module_of_the_core_has_its_term(package: str) -> None:
    """A module's name means something to its author only."""
    modules = {f"{package}/{file.name}" for file in (PACKAGE / package).glob("*.py")} - {f"{package}/__init__.py"}
    assert sorted(modules - PATHS) == []


def test_every_package_has_its_term() -> None:
    """A reader does not find out what a folder is for."""
    packages = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert sorted(packages - {path.partition("/")[0] for path in PATHS}) == []


def test_a_term_is_one_line_and_is_there_once() -> None:
    """Two lines about one word contradict each other some day."""
    lines = [line for line in GLOSSARY.splitlines() if line.startswith("- ")]
    terms = [term for line in lines for term in re.findall(r"\*\*(.+?)\*\*", line.partition(":")[0])]
    assert len(terms) == len(set(terms))
    assert all(re.match(r"- \*\*.+\*\*: .*`.+`", line) for line in lines)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_people_find_it(document: str) -> None:
    """The glossary is there and nobody knows of it."""
    assert "(docs/glossary.md)" in (ROOT / document).read_text("utf-8")
