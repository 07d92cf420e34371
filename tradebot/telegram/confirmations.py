"""Questions that wait for a button: good for 30 seconds, once, for the person asked. In memory: a restart forgets them all."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tradebot.ports import Chance, Clock

GOOD_FOR_S = 30.0
Action = Callable[[], Awaitable[str]]
"""Does what was confirmed and returns, as HTML, what it did."""


@dataclass(frozen=True, slots=True)
class _Question:
    user_id: int
    until: float
    actions: Sequence[Action]


class Confirmations:
    """The open questions, by the id in their buttons."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._open: dict[str, _Question] = {}

    def ask(self, user_id: int, *choices: tuple[str, Action]) -> Sequence[Sequence[tuple[str, str]]]:
        """The buttons: one a choice, and one that does nothing."""
        now = self._clock.monotonic()
        self._open = {key: question for key, question in self._open.items() if question.until > now}
        key = self._chance(9)
        self._open[key] = _Question(user_id, now + GOOD_FOR_S, [action for _, action in choices])
        rows = [[(label, f"do:{key}:{number}")] for number, (label, _) in enumerate(choices)]
        return [*rows, [("No, leave it", f"no:{key}")]]

    def take(self, key: str, number: int, user_id: int) -> Action | str:
        """The action, which is then gone; or why there is none for this user."""
        question = self._open.get(key)
        if question is None or question.until <= self._clock.monotonic():
            return "This question is over: a button is good for 30 seconds, once. Send the command again."
        if question.user_id != user_id:
            return "Only who was asked can answer this."
        if not 0 <= number < len(question.actions):
            return "There is no such answer."
        del self._open[key]
        return question.actions[number]

    def drop(self, key: str, user_id: int) -> bool:
        """False when it is not this user's to drop."""
        if key in self._open and self._open[key].user_id != user_id:
            return False
        self._open.pop(key, None)
        return True

    def void(self) -> None:
        """Every question is over: after a kill nothing that was asked before may still be answered."""
        self._open.clear()
