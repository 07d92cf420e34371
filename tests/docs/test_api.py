"""docs/api.md and the OpenAPI document against the table of endpoints."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from openapi_pydantic import OpenAPI

from tests.docs.write_openapi import PLACE, text
from tradebot.operations.operations import Operations
from tradebot.web.api import acting
from tradebot.web.api.describing import plain_path
from tradebot.web.api.endpoint import PREFIX
from tradebot.web.api.table import ENDPOINTS

GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(GET|POST|PUT|DELETE) (/\S*)` \| ([^|]+) \| ([^|]+) \|", GUIDE, re.MULTILINE)


def test_every_endpoint_is_in_the_guide_and_no_other() -> None:
    """A program's author could not find what he needs, or would call what is not there."""
    told = [(method, path, scope.strip()) for method, path, scope, _ in ROWS]
    there = [(one.method, plain_path(one).removeprefix(PREFIX), str(one.scope)) for one in ENDPOINTS]
    assert sorted(told) == sorted(there)


def test_the_guide_says_which_need_a_key() -> None:
    """A program would be refused, or leave out what keeps it from selling twice."""
    told = {(method, path) for method, path, _, what in ROWS if "needs `Idempotency-Key`" in what}
    assert told == {(one.method, plain_path(one).removeprefix(PREFIX)) for one in ENDPOINTS if one.needs_key}


def test_the_document_is_the_table_s() -> None:
    """Programs made from the document would ask for something else than what is served: python -m tests.docs.write_openapi."""
    assert PLACE.read_text("utf-8") == text()


def test_the_document_is_openapi_3_1() -> None:
    """A generator of clients would not take it."""
    document: dict[str, Any] = json.loads(PLACE.read_text("utf-8"))
    assert OpenAPI.model_validate(document).openapi.startswith("3.1")
    assert len(document["paths"]) > 30
    assert document["components"]["schemas"]["Order"]["properties"]["filled_qty"]["type"] == "string"


def test_whatever_people_may_do_programs_may_do() -> None:
    """An operation of the chat would be out of a program's reach, and nobody would notice."""
    source = inspect.getsource(acting)
    offered = {name for name, _ in inspect.getmembers(Operations, inspect.iscoroutinefunction)}
    assert len(offered) > 12
    assert {name for name in offered if f"operations.{name}" not in source} == set()
