"""docs/troubleshooting.md against the code: every error that the program can show a person is found there by its words.

The rule: an error is what is raised as a `TradebotError`, or for a value of the configuration. Its words are the text in the
code, each field `…`. A row of the guide must quote at least three words of it as they stand. What has no three words of its own
says somebody else's, and those are looked for instead. Refusals and reasons are found by their code.
"""

import ast
import re
from functools import cache

import pytest

from tests.vps.stage import WORK_TREE
from tradebot import errors
from tradebot.domain.gate import GateCode
from tradebot.domain.reasons import ReasonCode
from tradebot.domain.refusals import RefusalCode
from tradebot.words.gate import SENTENCES

GUIDE = (WORK_TREE / "docs" / "troubleshooting.md").read_text("utf-8")
NOT_FOR_PEOPLE = {"IllegalTransition"}  # a defect of the program, with its traceback in the log


def plain(text: str) -> str:
    """Without what Markdown adds."""
    return re.sub(r"\s+", " ", re.sub(r"[`\\]", "", text))


def quoted() -> list[str]:
    """What the guide's rows quote of what the bot says, in pieces between the fields."""
    cells = re.findall(r"^\| (.+?) \|", GUIDE, re.MULTILINE)
    spans = [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]
    pieces = [piece.strip(" .,:;()") for span in spans for piece in span.split("…")]
    return [piece for piece in pieces if has_words(piece)]


def kinds() -> set[str]:
    """Every typed error by its name, those that a module makes of them included."""
    found = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    for file in WORK_TREE.glob("tradebot/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & found:
                found.add(node.name)
    return found - NOT_FOR_PEOPLE


def text_of(node: ast.expr) -> str:
    """The words in an error's first argument, its fields as `…`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return "…"


def has_words(text: str) -> bool:
    """Three at least that stand together."""
    return any(len(re.findall(r"[A-Za-z]+", piece)) >= 3 for piece in re.split(r"…|\n", text))


@cache
def raised() -> list[tuple[str, str]]:
    """Where an error is raised, and its text."""
    names, found = kinds(), list[tuple[str, str]]()
    for file in sorted(WORK_TREE.glob("tradebot/**/*.py")):
        place = file.relative_to(WORK_TREE / "tradebot")
        if place.parts[0] == "simgateway":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            if name in names or (name == "ValueError" and place.parts == ("config", "values.py")):
                texts = [plain(text_of(argument)) for argument in node.exc.args]
                found += [(f"{place}:{node.lineno}", text) for text in texts if has_words(text)]
    return found


QUOTED = quoted()


def test_every_error_is_in_the_guide() -> None:
    """Somebody searches the guide for what he reads on his screen, and it is not there."""
    assert [f"{place}: {text}" for place, text in raised() if not any(piece in text for piece in QUOTED)] == []


@pytest.mark.parametrize("code", GateCode, ids=str)
def test_why_no_order_leaves_is_in_the_guide(code: GateCode) -> None:
    """Nothing trades, and the words of `tradebot status` for it lead nowhere."""
    text = re.sub(r"\{\w+\}", "…", plain(SENTENCES[code]))
    assert any(piece in text for piece in QUOTED) or not has_words(text), text


def test_the_errors_are_found() -> None:
    """The rule above would hold because it looks at nothing."""
    assert len(raised()) > 100


@pytest.mark.parametrize("code", [*RefusalCode, *ReasonCode], ids=str)
def test_a_code_of_a_refusal_or_reason_is_in_the_guide(code: str) -> None:
    """A code in a list, in an export or in the database would have to be guessed at."""
    assert re.search(rf"^\| [^|]*`{code}`", GUIDE, re.MULTILINE)
