"""Writes docs/schemas from the code: `make schemas`."""

import json
from collections.abc import Mapping
from pathlib import Path

from tradebot.domain.payload.dialects import DIALECTS
from tradebot.domain.payload.schemas import schema

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def rendered(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, dialect in DIALECTS.items():
        (FOLDER / f"{name}.json").write_text(rendered(schema(dialect)), "utf-8")
