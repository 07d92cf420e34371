"""Pictures of curves as SVG, drawn in a process of their own.

Rules: one is drawn at a time, when a browser asks for it; a page names it by the sum of its figures, so that the same figures are
drawn once and a browser may keep them for good. What was begun is drawn to its end though its browser waits no longer, which asks
again: a slow machine would begin for ever. Whatever goes wrong with a picture, the page stands without it.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from tradebot.drawing import drawn_by
from tradebot.web.dashboard.door import Door

T = TypeVar("T")
KEPT_MAX = 8
POINTS_MAX = 1500
_SCRIPT = Path(__file__).with_name("plots.py")
DARK = {
    "#1d1f1c": "#e9e7e1",
    "#5f635b": "#a3a69c",
    "#e3e0d8": "#2d302b",
    "#17683a": "#6fca92",
    "#b0282e": "#f08d86",
    "#1f4e79": "#9cc3ea",
}
"""What each colour of the light theme is in the dark one, as in the style sheet."""


@dataclass(frozen=True, slots=True)
class Curve:
    """USD by day. `below`: what each is under its best, as a fraction; `from_zero`: P&L that is added up."""

    points: Sequence[tuple[date, Decimal]]
    below: Sequence[float] = ()
    from_zero: bool = False


class Gallery:
    """What pages have named lately, and what was drawn of it."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, bytes] = OrderedDict()
        self._drawn: OrderedDict[str, Mapping[str, bytes]] = OrderedDict()
        self._drawing: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()

    def name(self, curve: Curve) -> str | None:
        """By which a page asks for it; None: too little to draw."""
        if len(curve.points) < 2:
            return None
        every = -(-len(curve.points) // POINTS_MAX)
        chosen = [*range(0, len(curve.points) - 1, every), len(curve.points) - 1]
        asked = {
            "days": [curve.points[place][0].isoformat() for place in chosen],
            "values": [float(curve.points[place][1]) for place in chosen],
            "below": [curve.below[place] for place in chosen] if curve.below else None,
            "from_zero": curve.from_zero,
        }
        request = json.dumps(asked).encode()
        name = hashlib.sha256(request).hexdigest()[:32]
        _keep(self._asked, name, request)
        return name

    def asked(self, name: str) -> bytes | None:
        """What is to be drawn under this name; None: no page has named it lately."""
        return self._asked.get(name)

    async def drawn(self, name: str) -> Mapping[str, bytes] | None:
        """SVG by width and theme; None: nobody has named it, or it could not be drawn."""
        request = self.asked(name)
        if name not in self._drawn and request is not None:
            if name not in self._drawing:
                self._drawing[name] = asyncio.create_task(self._draw(name, request), name="web: a picture")
                self._drawing[name].add_done_callback(lambda _: self._drawing.pop(name))
            await asyncio.shield(self._drawing[name])
        return self._drawn.get(name)

    async def _draw(self, name: str, request: bytes) -> None:
        async with self._one_at_a_time:
            found = await draw(request)
        if found is not None:
            _keep(self._drawn, name, found)


class Pictures:
    """Serves what is in the gallery."""

    def __init__(self, door: Door, gallery: Gallery) -> None:
        self._door = door
        self._gallery = gallery

    def table(self) -> list[web.RouteDef]:
        path = "/charts/{name:[0-9a-f]{32}}/{width:wide|narrow}-{theme:light|dark}.svg"
        return [web.get(path, self._door.inside(self.picture, endless=True))]

    async def picture(self, request: web.Request) -> web.Response:
        found = await self._gallery.drawn(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body = found[f"{request.match_info['width']}-{request.match_info['theme']}"]
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return web.Response(body=body, content_type="image/svg+xml", charset="utf-8", headers=headers)


def _keep(kept: "OrderedDict[str, T]", key: str, value: T) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)


async def draw(request: bytes) -> Mapping[str, bytes] | None:
    """Each width in each theme; None when it could not be drawn."""
    answer = await drawn_by(_SCRIPT, request, "the dashboard's picture")
    if answer is None:
        return None
    light: dict[str, str] = json.loads(answer)
    return {
        f"{name}-{theme}": (text if theme == "light" else _dark(text)).encode()
        for name, text in light.items()
        for theme in ("light", "dark")
    }


def _dark(text: str) -> str:
    for light, dark in DARK.items():
        text = text.replace(light, dark)
    return text
