"""Who is logged in: what a browser's cookie stands for. In memory: a restart ends every session. No I/O; time is an argument.

Rules: a cookie holds 32 random bytes, of which only the sum is kept here; a session ends `LASTS_S` after the login and
`IDLE_S` after a person last used it: what an open page asks for by itself does not count; of more than `SESSIONS_MAX` the
one that was used longest ago goes.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from tradebot.ports import Chance

LASTS_S = 12 * 3600.0
IDLE_S = 2 * 3600.0
SESSIONS_MAX = 50
NOTES_MAX = 5


@dataclass(slots=True)
class Session:
    """One browser that knows the password. `notes`: what it is told on its next page, with the mood of it."""

    csrf: str
    began: float
    seen: float
    notes: list[tuple[str, str]] = field(default_factory=list)

    def note(self, text: str, mood: str) -> None:
        self.notes = [*self.notes, (text, mood)][-NOTES_MAX:]

    def told(self) -> list[tuple[str, str]]:
        """Once."""
        notes, self.notes = self.notes, []
        return notes

    def matches(self, csrf: str) -> bool:
        """Whether a form is one that this session was shown."""
        return hmac.compare_digest(csrf.encode("utf-8", "surrogatepass"), self.csrf.encode())


class Sessions:
    """All of them. `now` is in seconds of the clock that only goes on."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._known: dict[str, Session] = {}

    def enter(self, now: float) -> str:
        """What the cookie holds."""
        for key in list(self._over(now)):
            del self._known[key]
        if len(self._known) >= SESSIONS_MAX:
            del self._known[min(self._known, key=lambda key: self._known[key].seen)]
        token = self._chance(32)
        self._known[_sum(token)] = Session(self._chance(16), now, now)
        return token

    def find(self, token: str, now: float, *, used: bool = True) -> Session | None:
        """`used`: a person asks, and not a page by itself."""
        session = self._known.get(_sum(token))
        if session is None or _is_over(session, now):
            return None
        if used:
            session.seen = now
        return session

    def end(self, token: str) -> None:
        self._known.pop(_sum(token), None)

    def __len__(self) -> int:
        return len(self._known)

    def _over(self, now: float) -> Iterator[str]:
        return (key for key, session in self._known.items() if _is_over(session, now))


def _is_over(session: Session, now: float) -> bool:
    return now - session.began >= LASTS_S or now - session.seen >= IDLE_S


def _sum(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
