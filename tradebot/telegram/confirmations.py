"""Questions that wait for a button: good for 30 seconds, once, for the person asked. In memory: a restart forgets them all.

Rules: a question that is over says so in its own message, and what to send again; so nobody presses a button that does nothing.
That is tried once, for the newest few, and nothing depends on it. What was answered keeps the answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tradebot.ports import Chance, Clock
from tradebot.telegram import questions

GOOD_FOR_S = 30.0
EDITS_MAX = 5
ENDED_MAX = 100
CLOSE_WITHIN_S = 2.0
OVER = "This question is over: a button is good for 30 seconds, once. Send the command again."
ANSWERED = "This question was answered already."
NOT_ASKED = "Only who was asked can answer this."
DO = "do:"
"""Begins the data of a button that answers; the question's key and the number of the answer follow."""
Action = Callable[[], Awaitable[str]]
"""Does what was confirmed and returns, as HTML, what it did."""
Amend = Callable[[int, str], Awaitable[None]]
"""Shows HTML in place of the message of this id, without buttons; what does not work is nothing."""


@dataclass(slots=True)
class _Question:
    user_id: int
    until: float
    actions: Sequence[Action]
    again: str = ""  # what to send to be asked again
    message_id: int | None = None  # None: it is not shown yet


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a button does nothing. `html`: what its message shows from now on; None: it stays as it is."""

    notice: str
    html: str | None = None


class Confirmations:
    """The open questions, by the id in their buttons."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._open: dict[str, _Question] = {}
        self._ended: dict[str, tuple[str | None, str]] = {}  # why, None: answered; and how they are asked again
        self._to_amend: deque[tuple[int, str]] = deque(maxlen=EDITS_MAX)
        self._changed = asyncio.Event()

    def ask(self, user_id: int, *choices: tuple[str, Action]) -> Sequence[Sequence[tuple[str, str]]]:
        """The buttons: one a choice, and one that does nothing."""
        key = self._chance(9)
        until = self._clock.monotonic() + GOOD_FOR_S
        self._open[key] = _Question(user_id, until, [action for _, action in choices])
        self._changed.set()
        rows = [[(label, f"{DO}{key}:{number}")] for number, (label, _) in enumerate(choices)]
        return [*rows, [("No, leave it", f"no:{key}")]]

    def shown(self, key: str, message_id: int, again: str) -> None:
        """The question stands in this message; it may be over by then."""
        question = self._open.get(key)
        if question is not None:
            question.message_id, question.again = message_id, again
        elif (why := self._ended.get(key, (None, ""))[0]) is not None:
            self._ended[key] = why, again
            self._to_amend.append((message_id, questions.ended(why, again)))
        self._changed.set()

    def take(self, key: str, number: int, user_id: int, title: str) -> Action | Refused:
        """The action, which is then gone; or why there is none for this user. `title`: what the message was about."""
        self._expire()
        question = self._open.get(key)
        if question is None:
            return self._over(key, title)
        if question.user_id != user_id:
            return Refused(NOT_ASKED)
        if not 0 <= number < len(question.actions):
            return Refused("There is no such answer.")
        self._end(key, None)
        return question.actions[number]

    def drop(self, key: str, user_id: int, title: str) -> Refused | None:
        """None when the question is over now, by this user's word."""
        self._expire()
        question = self._open.get(key)
        if question is None:
            return self._over(key, title)
        if question.user_id != user_id:
            return Refused(NOT_ASKED)
        self._end(key, None)
        return None

    def void(self, why: str = questions.ENDED_BY_KILL) -> None:
        """Every question is over: after a kill nothing that was asked before may still be answered."""
        for key in list(self._open):
            self._end(key, why)

    async def run(self, amend: Amend) -> None:
        """Until it is cancelled: says of each question that is over that it is."""
        while True:
            self._changed.clear()
            self._expire()
            await self._amend(amend)
            left_s = [question.until - self._clock.monotonic() for question in self._open.values()]
            with suppress(TimeoutError):
                async with asyncio.timeout(max(min(left_s), 0) if left_s else None):
                    await self._changed.wait()

    async def close(self, amend: Amend) -> None:
        """The bot ends, and every question with it."""
        self.void(questions.ENDED_BY_STOP)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._amend(amend)

    async def _amend(self, amend: Amend) -> None:
        while self._to_amend:
            await amend(*self._to_amend.popleft())

    def _expire(self) -> None:
        now = self._clock.monotonic()
        for key, question in list(self._open.items()):
            if question.until <= now:
                self._end(key, questions.EXPIRED)

    def _end(self, key: str, why: str | None) -> None:
        question = self._open.pop(key)
        self._ended[key] = why, question.again
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]
        if why is not None and question.message_id is not None:
            self._to_amend.append((question.message_id, questions.ended(why, question.again)))
            self._changed.set()

    def _over(self, key: str, title: str) -> Refused:
        if key not in self._ended:  # of a bot before this one, which may have done it
            return Refused(OVER, questions.forgotten(title))
        why, again = self._ended[key]
        return Refused(ANSWERED) if why is None else Refused(OVER, questions.ended(why, again))
