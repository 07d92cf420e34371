"""Pictures of P&L, drawn in a process of their own.

Rules: the picture is an extra. Whatever goes wrong with it is logged, and the words stand without it. A day is drawn as it went,
a longer time session by session: nights and weekends take no place. Times are the owner's.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from loguru import logger

from tradebot.drawing import drawn_by
from tradebot.words import zone

_SCRIPT = Path(__file__).with_name("chart.py")
_one_at_a_time = asyncio.Semaphore(1)
Theme = Literal["dark", "light"]


@dataclass(frozen=True, slots=True)
class Day:
    """P&L added up over one session, as it was made."""

    title: str
    points: Sequence[tuple[datetime, Decimal]]  # not empty, in time order
    begin: datetime  # of the session …
    end: datetime
    until: datetime  # so far it is known

    def request(self) -> Mapping[str, object]:
        offset = self.begin.astimezone(zone.owners()).utcoffset()
        return {
            "kind": "day",
            "title": self.title,
            "points": [[at.timestamp(), float(value)] for at, value in self.points],
            "begin": self.begin.timestamp(),
            "end": self.end.timestamp(),
            "until": self.until.timestamp(),
            "offset_s": offset.total_seconds() if offset else 0,
        }


@dataclass(frozen=True, slots=True)
class Sessions:
    """What each of some sessions made."""

    title: str
    nets: Sequence[tuple[date, Decimal]]  # not empty, in time order

    def request(self) -> Mapping[str, object]:
        far = len(self.nets) > 7
        bars = [[f"{day:%d %b}" if far else f"{day:%a %d}", float(net)] for day, net in self.nets]
        return {"kind": "sessions", "title": self.title, "bars": bars}


Picture = Day | Sessions


async def draw(picture: Picture, theme: Theme = "dark") -> bytes | None:
    """A PNG; None when it could not be drawn."""
    request = json.dumps({**picture.request(), "theme": theme}).encode()
    async with _one_at_a_time:
        png = await drawn_by(_SCRIPT, request, "the P&L picture")
    if png is not None and not png.startswith(b"\x89PNG"):
        logger.warning("the P&L picture was not drawn: no PNG came")
        return None
    return png
