"""A question before an act, and what every handler of an act needs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tradebot.domain.strategies import UnknownStrategy
from tradebot.web.dashboard.door import SESSION, Door, new_key
from tradebot.web.ground import Ground
from tradebot.web.problems import Problem

POINTS_MAX = 12
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Button:
    """How a form is sent off."""

    text: str
    danger: bool = False
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question before an act."""

    title: str
    points: Sequence[str]
    action: str
    back: str
    buttons: Sequence[Button]
    hidden: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default_factory=new_key)


class Acting:
    """Of its paths each has a page that asks and a form that does it."""

    def __init__(self, ground: Ground, door: Door) -> None:
        self.queries = ground.queries
        self.operations = ground.operations
        self.door = door

    def acts(self) -> Mapping[str, tuple[Handler, Handler]]:
        """By path: what asks, and what acts."""
        raise NotImplementedError

    def table(self) -> Iterable[web.RouteDef]:
        for path, (ask, act) in self.acts().items():
            yield web.get(path, self.door.inside(ask))
            yield web.post(path, self.door.inside(act, acts=True))

    async def ask(self, request: web.Request, question: Ask) -> web.Response:
        return await self.door.page(request, "ask.html", question)

    def strategy(self, given: Mapping[str, Any]) -> str | None:
        """As it is written in the file; None: all of it. Raises Problem."""
        text = str(given.get("strategy") or "")
        if not text:
            return None
        try:
            return self.queries.run.strategies.named(text).name
        except UnknownStrategy:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such strategy.") from None

    @staticmethod
    def note(request: web.Request, text: str, mood: str) -> None:
        """What is said of it on the next page."""
        request[SESSION].note(text, mood)


def carried(**given: str | None) -> dict[str, str]:
    """What a form carries along, as far as there is anything."""
    return {name: text for name, text in given.items() if text is not None}


def shortened(points: Sequence[str]) -> list[str]:
    """The first ones, and how many more there are."""
    more = len(points) - POINTS_MAX
    return [*points[:POINTS_MAX], *([f"… and {more} more"] if more > 0 else [])]
