"""Who makes progress, and since when somebody has not: see `tradebot.ports.Pulse`."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any

from tradebot import ports
from tradebot.ports import Beat, Clock


@dataclass(slots=True)
class _Component:
    within_s: float
    last: float  # when it went round, by the clock that only goes on


class Pulse(ports.Pulse):
    """When each component has last gone round."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._components: dict[str, _Component] = {}

    def of(self, component: str, within_s: float = 120.0) -> Beat:
        """From now on this component beats, never further apart than that."""
        known = self._components[component] = _Component(within_s, self._clock.monotonic())

        def beat() -> None:
            known.last = self._clock.monotonic()

        return beat

    def end(self, component: str) -> None:
        """It has ended, as it should."""
        self._components.pop(component, None)

    def begin_anew(self) -> None:
        """As if all had just gone round: after this process itself has stood still."""
        for component in self._components.values():
            component.last = self._clock.monotonic()

    @property
    def components(self) -> frozenset[str]:
        """All that beat."""
        return frozenset(self._components)

    def stuck(self) -> Mapping[str, float]:
        """Who has not gone round within its time, and for how many seconds."""
        now = self._clock.monotonic()
        return {name: now - one.last for name, one in self._components.items() if now - one.last > one.within_s}


def standing() -> Iterator[str]:
    """Where each task of this process waits, in a line each: what a stuck component waits for is among them."""
    for task in sorted(asyncio.all_tasks(), key=lambda task: task.get_name()):
        place = list(_frames(task.get_coro()))
        yield f"{task.get_name()}: {' > '.join(place[-4:])}"


def _frames(awaited: Any) -> Iterator[str]:
    while iscoroutine(awaited):
        if awaited.cr_frame is not None:
            yield f"{awaited.cr_code.co_qualname} line {awaited.cr_frame.f_lineno}"
        awaited = awaited.cr_await
