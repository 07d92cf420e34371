"""Which commands and buttons of the chat were answered: what an answer has said is not told there again. In memory: what a
restart forgets is told.

Rules: an event is of a command whose person had it at work when it happened. Until that command's answers are all sent or lost
the event waits. It is said only where Telegram has taken the answers of every command that it may be of; a command that failed,
or whose answer says less than what was done, has said nothing. What is critical is told always, and at once.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tradebot.domain.events import Event, EventKind, Severity
from tradebot.domain.facts.account import SplitBooked
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.ports import Clock
from tradebot.telegram.markup import Buttons

TURNS_MAX = 200
"""So many commands are remembered: their events are read within moments."""
_K = EventKind
SAID_BY_ANSWERS = frozenset(
    {
        *(_K.STATE_CHANGED, _K.SETTING_CHANGED, _K.TELLING_CHANGED, _K.TICKER_BLOCK),
        *(_K.ALERT_CLEARED, _K.ORDER_CANCELLING, _K.ORDER_RESOLVED),
        *(_K.WRITTEN_OFF, _K.SPLIT_BOOKED, _K.SPLIT_DENIED),
    }
)
"""The kinds of which the answer to whoever caused them says as much as the event does."""


@dataclass(eq=False, slots=True)
class Turn:
    """A command, or a button that was pressed, from its first step to the last of its answers."""

    actor: str
    began: datetime
    now: Callable[[], datetime]
    heard: Callable[[], None]  # called when it is over
    shown: Callable[[str, Buttons, int], None] = lambda *_: None
    """Called with an answer that Telegram has taken: its HTML, its buttons, its message."""
    ended: datetime | None = None
    on_their_way: int = 0  # answers
    taken: int = 0
    failed: bool = False

    def fail(self) -> None:
        """Its answer does not say all of what it has done."""
        self.failed = True

    def sends(self) -> None:
        """An answer is on its way."""
        self.on_their_way += 1

    def sent(self, *, taken: bool) -> None:
        """Telegram has taken the answer, or never will."""
        self.on_their_way -= 1
        self.taken += taken
        self.failed |= not taken
        self.heard()

    def end(self) -> None:
        """Nothing more is done, or answered."""
        self.ended = self.now()
        self.heard()

    def covers(self, event: Event) -> bool:
        return self.actor == _by(event) and self.began <= event.at and (self.ended is None or event.at <= self.ended)

    @property
    def is_over(self) -> bool:
        return self.ended is not None and not self.on_their_way


@dataclass(slots=True)
class Answers:
    """The newest commands, and what became of their answers."""

    clock: Clock
    heard: Callable[[], None] = lambda: None
    """Called whenever it may be known of an event that waits whether it was said."""
    _turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=TURNS_MAX))

    @contextmanager
    def turn(self, actor: str) -> Iterator[Turn]:
        """What this person does within it is said by its answers, unless it raises."""
        turn = Turn(actor, self.clock.now(), self.clock.now, self.heard)
        self._turns.append(turn)
        try:
            yield turn
        except BaseException:
            turn.fail()
            raise
        finally:
            turn.end()

    def said(self, event: Event) -> bool | None:
        """Whether an answer has said it; None: that is not known yet."""
        if event.severity is Severity.CRITICAL or event.kind not in SAID_BY_ANSWERS or _says_more(event):
            return False
        mine = [turn for turn in self._turns if turn.covers(event)]
        if any(not turn.is_over for turn in mine):
            return None
        return bool(mine) and all(turn.taken and not turn.failed for turn in mine)


def _by(event: Event) -> str:
    """Who caused it. An order that never existed is ended by the bot, on somebody's word."""
    reason = getattr(event.facts, "reason", None)
    if isinstance(reason, Reason) and reason.code == ReasonCode.NEVER_EXISTED:
        return str(reason.facts["by"])
    return event.actor


def _says_more(event: Event) -> bool:
    """Than the answer: what each strategy has after a split."""
    return isinstance(event.facts, SplitBooked) and bool(event.facts.by_strategy)
