"""One JSON Schema a dialect, made from the tables of fields by which the code reads. Pure.

Rules: a schema refuses nothing that the code understands. It admits more than the code: whether words contradict each other,
which exchanges are known or what still is a placeholder is not said in it. Fields that a dialect does not know are allowed.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, create_model
from pydantic import Field as Described

from tradebot.domain.payload import text
from tradebot.domain.payload.dialect import Dialect
from tradebot.domain.payload.fields import Field
from tradebot.domain.payload.message import Form


def messages(dialect: Dialect) -> TypeAdapter[Any]:
    """What a message of this dialect may be: an object, or for plain words a string."""
    if dialect.form is Form.TEXT:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=text.PATTERN)])
    return TypeAdapter(_object(dialect.title, dialect.fields, dialect.inside))


def schema(dialect: Dialect) -> Mapping[str, object]:
    """JSON Schema, 2020-12."""
    found = messages(dialect).json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": dialect.title}


def _object(title: str, fields: Iterable[Field[Any]], inside: Mapping[str, tuple[Field[Any], ...]]) -> type[BaseModel]:
    shapes: dict[str, Any] = {}
    objects = {name: _object(name, inner, {}) for name, inner in inside.items()}
    known = {one.name: one for one in fields}
    for name in (*known, *(name for name in objects if name not in known)):
        one, inner = known.get(name), objects.get(name)
        shape = (
            inner
            if one is None or one.kind.shape is Any
            else one.kind.shape
            if inner is None
            else one.kind.shape | inner
        )
        if shape is None:
            shape = Any
        about = (one.about or None) if one is not None else None
        if one is not None and one.required:
            shapes[f"field_{len(shapes)}"] = (shape, Described(alias=name, description=about))
        else:
            shape = shape if shape is Any else shape | Literal[""] | None
            shapes[f"field_{len(shapes)}"] = (shape, Described(default=None, alias=name, description=about))
    return create_model(title, __config__=ConfigDict(extra="allow"), **shapes)
