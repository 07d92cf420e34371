"""What stands on every page: the state in words, the switches, where one is, what has just been done. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.settings import TradingState
from tradebot.queries.headline import Headline
from tradebot.web.dashboard import said
from tradebot.web.dashboard.rendering import joined
from tradebot.web.dashboard.said import Said
from tradebot.words import zone
from tradebot.words.gate import gate_reason


@dataclass(frozen=True, slots=True)
class Page:
    """A place in the navigation."""

    path: str
    name: str
    later: bool = False  # looked at seldom


PAGES = (
    Page("/", "Overview"),
    Page("/positions", "Positions"),
    Page("/orders", "Orders"),
    Page("/alerts", "Alerts"),
    Page("/performance", "Performance"),
    Page("/risk", "Risk"),
    Page("/settings", "Settings", later=True),
    Page("/jobs", "Jobs", later=True),
    Page("/logs", "Logs", later=True),
)


@dataclass(frozen=True, slots=True)
class Note:
    """What the owner is told once, above the page."""

    text: str
    mood: str = said.GOOD


@dataclass(frozen=True, slots=True)
class Frame:
    """All of it."""

    here: str
    state: str
    mood: str
    line: str
    may_pause: bool
    may_resume: bool
    may_kill: bool
    now: datetime
    version: str
    csrf: str
    notes: Sequence[Note] = ()
    pages: Sequence[Page] = PAGES

    @property
    def zone(self) -> str:
        own = zone.owners()
        return "New York" if zone.is_new_yorks(self.now) else str(self.now.astimezone(own).tzname())


def frame(
    headline: Headline | None,
    now: datetime,
    here: str,
    version: str,
    csrf: str,
    notes: Sequence[Note],
    state: TradingState,
) -> Frame:
    """`headline` None: the database does not answer, and `state` is what is in force all the same."""
    word = _word(headline) if headline else said.STATES[state]
    return Frame(
        here=here,
        state=word.text,
        mood=word.mood,
        line=_line(headline) if headline else "The database does not answer.",
        may_pause=state is TradingState.RUNNING,
        may_resume=state is not TradingState.RUNNING,
        may_kill=state is not TradingState.KILLED,
        now=now,
        version=version,
        csrf=csrf,
        notes=notes,
    )


def _word(now: Headline) -> Said:
    if now.state is not TradingState.RUNNING:
        return said.STATES[now.state]
    return Said("Orders wait", said.WAIT) if now.held_up_by else said.STATES[now.state]


def _line(now: Headline) -> str:
    by = f"by {now.by}" if now.by and now.state is not TradingState.RUNNING else None
    return joined([by, _account(now), _market(now), *(gate_reason(one).rstrip(".") for one in now.held_up_by)])


def _account(now: Headline) -> str | None:
    if not now.connection.up:
        return "IB is not connected"
    kind = {True: "paper", False: "LIVE, real money", None: ""}[now.connection.paper]
    return f"{kind} {now.connection.account or ''}".strip() or None


def _market(now: Headline) -> str:
    always = "trades at all hours, " if now.always else ""
    if now.opens is None:
        return f"{always}market open"
    return f"{always}market closed until {now.opens.astimezone(NEW_YORK):%a %H:%M} New York"
