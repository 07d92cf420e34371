"""What `GET /health` shows: each part's state, and whether the whole may be relied upon. Never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """`ok`: whether an alert that arrives now is stored, judged and sent."""

    ok: bool
    parts: Mapping[
        str, Mapping[str, object]
    ]  # JSON values, Decimals, datetimes and the gate's reasons; one entry a part
