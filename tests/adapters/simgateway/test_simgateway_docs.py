"""docs/simgateway.md against the tables: it documents all there is, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from tradebot.simgateway import switches
from tradebot.simgateway.control import ROUTES
from tradebot.simgateway.entries import KINDS
from tradebot.simgateway.faults import (
    ALL,
    CHOICES,
    CONNECTION_FAULTS,
    DATA_FAULTS,
    MATCHES,
    ORDER_FAULTS,
    QUESTION_FAULTS,
    QUESTIONS,
    Table,
)
from tradebot.simgateway.switches import Switches

GUIDE = (Path(__file__).parents[3] / "docs" / "simgateway.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    (found,) = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> list[tuple[str, ...]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[2:]]


@pytest.mark.parametrize(
    ("title", "table"),
    [
        ("Orders", ORDER_FAULTS),
        ("Market data", DATA_FAULTS),
        ("Questions", QUESTION_FAULTS),
        ("Connections", CONNECTION_FAULTS),
    ],
)
def test_faults(title: str, table: Table) -> None:
    """A fault, a parameter or its default would be missing from the guide, or be in it and not exist."""
    text = section(title)
    documented = {name.strip("`"): parameters for name, parameters, _ in rows(text)}
    meant = {
        name: ", ".join(f"`{key}` {json.dumps(value)}" for key, value in parameters.items()) or "none"
        for name, parameters in table.items()
    }
    assert documented == meant
    assert all(f"`{key}`" in text for name in table for key in MATCHES[name])


def test_choices() -> None:
    """A value that a parameter may have would not be documented."""
    for (name, _), allowed in CHOICES.items():
        (text,) = [
            row[2] for line in GUIDE.splitlines() if line.startswith(f"| `{name}` |") for row in rows(f"{line}\n" * 3)
        ]
        meant = set(allowed) - {value for value in ALL[name].values() if isinstance(value, str)}
        assert all(word in text for word in meant), (name, meant)


def test_questions() -> None:
    """A question that can meet a fault would not be documented, or its end be another."""
    documented = dict(re.findall(r"`(req\w+)`(?: \((\d+)\))?", section("Questions")))
    assert documented == {name: str(end or "") for name, end in QUESTIONS.items()}


def test_routes() -> None:
    """A route or a field of it would not be documented, or be refused."""
    documented = {}
    for route, fields, _ in rows(section("Control routes")):
        names = re.findall(r"`(\w+)`( \(optional\))?|(the fault's own|any switches)", fields)
        documented[route.strip("`")] = " ".join(
            "*" if own else name + "?" * bool(optional) for name, optional, own in names
        )
    assert documented == {route: fields for route, (_, fields) in ROUTES.items()}


def test_switches() -> None:
    """A switch, its default or a value of it would not be documented."""
    found = rows(section("Switches"))
    assert {name.strip("`"): default for name, default, *_ in found} == {
        name: json.dumps(value) for name, value in asdict(Switches()).items()
    }
    for name, allowed in switches.CHOICES.items():
        (text,) = [row[2] for row in found if row[0] == f"`{name}`"]
        assert all(f"`{word}`" in text for word in allowed)


def test_realistic_profile() -> None:
    """What the profile turns on would not be documented, or not be turned on."""
    documented = {name.strip("`"): json.loads(value) for name, value in rows(section("The realistic profile"))}
    usual = asdict(Switches())
    assert documented == {name: value for name, value in asdict(switches.REALISTIC).items() if value != usual[name]}


def test_journal() -> None:
    """A kind of journal entry would not be documented for those who check it."""
    assert [kind.strip("`") for kind, _ in rows(section("The journal"))] == list(KINDS)
