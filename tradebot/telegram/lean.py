"""aiogram, without the 930 validators that it builds while it is imported: the chat uses about thirty of them.

Rules: each model knows its fields before anything can use it, and builds its validator when it is first used. What pydantic
keeps to itself is touched here alone, for two libraries whose versions are exact; whoever raises one of them learns from
`tests/adapters/telegram/test_lean.py` whether this still holds.
Source: `aiogram/types/__init__.py` ends with `model_rebuild` for every type, and the methods build theirs when they are
defined: 145 MB and 7 s of a core, of which 40 MB and 2 s are left.
"""

import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic._internal._config import ConfigWrapper
from pydantic._internal._fields import rebuild_model_fields
from pydantic._internal._namespace_utils import NsResolver


def import_aiogram() -> None:
    """Before anything else imports aiogram; after that it does nothing. It takes a second or two."""
    if "aiogram" in sys.modules:
        return
    later: list[tuple[type[BaseModel], Mapping[str, object]]] = []
    build = BaseModel.__dict__["model_rebuild"]

    def model_rebuild(cls: type[BaseModel], /, **options: Any) -> bool | None:
        if cls.__module__.startswith("aiogram."):
            later.append((cls, options["_types_namespace"]))
            return None
        depth = options.pop("_parent_namespace_depth", 2) + 1  # this function is one of them
        built: bool | None = build.__func__(
            cls, _parent_namespace_depth=depth, **options
        )  # another thread's, meanwhile
        return built

    BaseModel.model_rebuild = classmethod(model_rebuild)  # type: ignore[method-assign,assignment]
    try:
        import aiogram.methods  # noqa: F401, PLC0415 - while its models are not built
    finally:
        BaseModel.model_rebuild = build  # type: ignore[method-assign]
    for model, names in later:
        _know_fields(model, names)


def _know_fields(model: type[BaseModel], names: Mapping[str, object]) -> None:
    """The first half of pydantic's `complete_model_class`; it does the second half at the first use."""
    config = ConfigWrapper(model.model_config, check=False)
    model.__pydantic_fields__, model.__pydantic_extra_info__ = rebuild_model_fields(
        model, config_wrapper=config, ns_resolver=NsResolver(parent_namespace=names), typevars_map={}
    )
