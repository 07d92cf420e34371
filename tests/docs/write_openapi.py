"""Writes `tradebot/web/api/openapi.json` from the table of endpoints and its models: `python -m tests.docs.write_openapi`."""

import json
from pathlib import Path
from typing import Any

from openapi_pydantic import OpenAPI
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel

from tradebot import __version__
from tradebot.web.api.describing import FILE, plain_path
from tradebot.web.api.dispatch import KEY_HEADER, KEY_PATTERN
from tradebot.web.api.endpoint import Endpoint, Given, Nothing
from tradebot.web.api.table import ENDPOINTS
from tradebot.web.api.values import TICKER, Shown

PLACE = Path(__file__).parents[2] / "tradebot" / "web" / "api" / FILE
_IN_PATH = {
    "id": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    "ticker": {"type": "string", "pattern": TICKER.replace(" ", "")},
}
_ALWAYS = (400, 401, 403, 404, 415, 422, 429, 503, 504)


class WrongField(Shown):
    """Where a mistake is, and what is allowed."""

    where: str
    why: str


class Problem(Shown):
    """What is not done, and why (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[WrongField] | None = None


def document() -> dict[str, Any]:
    """The whole, as JSON."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(plain_path(endpoint), {})[endpoint.method.lower()] = _operation(endpoint)
    given = [one.query for one in ENDPOINTS if one.query is not Nothing]
    base = OpenAPI.model_validate(
        {
            "info": {
                "title": "tradebot",
                "version": __version__,
                "summary": "Everything that chat and command line show or do.",
                "description": "Amounts are strings, times are UTC; what is not known is null.",
            },
            "servers": [{"url": "http://127.0.0.1:8001"}],
            "security": [{"token": []}],
            "components": {
                "responses": {"Problem": _problem()},
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
            "paths": paths,
        }
    )
    made = construct_open_api_with_schema_class(base, schema_classes=[Problem, *given])
    found: dict[str, Any] = json.loads(made.model_dump_json(by_alias=True, exclude_none=True))
    return found


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    refusals = {*_ALWAYS, *endpoint.refusals, *(() if endpoint.reads else (408, 413))}
    answers: dict[str, Any] = {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted(refusals)}
    content: dict[str, Any] = {"application/json": {"schema": _schema(endpoint.answer)}}
    if endpoint.path == "/events":
        content["text/event-stream"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "operationId": endpoint.act.__name__,
        "description": f"Needs scope {endpoint.scope}.",
        "parameters": [*_path(endpoint), *_query(endpoint.query), *_header(endpoint)],
        "responses": {"200": {"description": "Done.", "content": content}, **answers},
    }
    if endpoint.body is not None and endpoint.body is not Nothing:
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        found["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": _schema(endpoint.body)}},
        }
    return found


def _schema(model: type[BaseModel]) -> Any:
    return PydanticSchema(schema_class=model)


def _problem() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _schema(Problem)}}
    return {"description": "Not done.", "content": content}


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    for part in plain_path(endpoint).split("/"):
        if part.startswith("{"):
            name = part[1:-1]
            schema = _IN_PATH.get(name)
            if endpoint.names:
                schema = {"type": "string", "enum": list(endpoint.names)}
            schema = schema or {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,100}$"}
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _query(kind: type[Given]) -> list[dict[str, Any]]:
    described = kind.model_json_schema()
    shared = described.get("$defs", {})
    found = []
    for name, schema in described.get("properties", {}).items():
        whole = _without_null({key: one for key, one in schema.items() if key != "title"})
        if "$ref" in whole:
            whole = shared[whole["$ref"].rpartition("/")[2]]
        found.append({"name": name, "in": "query", "required": False, "schema": whole})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is not there: it is never null."""
    kinds = [one for one in schema.pop("anyOf", ()) if one.get("type") != "null"]
    if schema.get("default", 0) is None:
        del schema["default"]
    return {**schema, **kinds[0]} if kinds else schema


def _header(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.reads or endpoint.at_once:
        return []
    schema = {"type": "string", "pattern": KEY_PATTERN}
    told = "A new one for each thing that is to be done, the same one to ask again for it."
    return [{"name": KEY_HEADER, "in": "header", "required": endpoint.needs_key, "description": told, "schema": schema}]


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
