"""Which questions IB does not answer, and since when.

Rules:
- A question is silent from the moment at which the first one without an answer was asked, until one is answered; a new
  connection alone ends nothing. A lost connection is no silence.
- An answer that holds nothing though the books have fills of today is none.
- While what is over is not told (executions, completed orders), exits may leave and nothing else.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from tradebot.domain.questions import PAST, Question, Silent
from tradebot.errors import BrokerSilent
from tradebot.ports import Clock

T = TypeVar("T")
LASTS = timedelta(seconds=30)
"""One slow answer is no silence worth a message, and nothing is concluded from it."""


class _Empty(BrokerSilent):
    """Answered, with nothing."""


async def _some(ask: Callable[[], Awaitable[T]], question: Question) -> T:
    """An answer that holds something. Raises _Empty, BrokerUnavailable."""
    answer = await ask()
    if not answer:
        raise _Empty(question, "with anything, though it has shown something before")
    return answer


class Questions:
    """Asks, and remembers what is not answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._silent: dict[Question, Silent] = {}

    async def ask(self, ask: Callable[[], Awaitable[T]], *about: Question, some: bool = False) -> T:
        """The answer to a question about all of these. Raises BrokerUnavailable, BrokerSilent.

        `some`: the books know of something that must be in it, so that an empty one is none.
        """
        asked_at = self._clock.now()
        try:
            answer = await (_some(ask, about[0]) if some else ask())
        except BrokerSilent as error:
            if error.question in tuple(Question):
                self._note(Question(error.question), asked_at, empty=isinstance(error, _Empty))
            raise
        for question in about:
            self._silent.pop(question, None)
        return answer

    def _note(self, question: Question, since: datetime, *, empty: bool) -> None:
        known = self._silent.get(question)
        self._silent[question] = Silent(question, known.since if known else since, empty)

    @property
    def silent(self) -> tuple[Silent, ...]:
        return tuple(self._silent.values())

    @property
    def exits_only(self) -> bool:
        """Whether only SELLs may leave, and only where books and IB agree."""
        return any(question in PAST for question in self._silent)

    @property
    def lasting(self) -> tuple[Silent, ...]:
        """Those that the owner should know of."""
        before = self._clock.now() - LASTS
        return tuple(one for one in self._silent.values() if one.since <= before)
