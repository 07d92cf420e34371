"""Events as plain paragraphs, and how a burst of them becomes one message, for every channel that people read but the chat. Pure.

Rules: a paragraph's first line says what happened; what was not sent at once says when it happened; alerts that share a fate are
counted when there are many, with the first of them as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradebot.domain.event_groups import EventGroup, group_of
from tradebot.domain.events import Event, Severity
from tradebot.domain.strategies import Strategies
from tradebot.words import figures
from tradebot.words.told import ONE, said

LATE = timedelta(seconds=60)
ALIKE_MAX = 5
"""More events than this with one fate become one paragraph."""
TICKERS_MAX = 12
TITLE_MAX = 120
NO_TICKER = "no ticker"
"""What is counted of an alert that names none, such as one that was not understood."""
_SIGNS: Mapping[Severity, str] = {Severity.CRITICAL: "❗ ", Severity.WARNING: "⚠️ "}
"""So that what matters is seen at a glance."""
_COUNTED = frozenset({EventGroup.ALERTS, EventGroup.REFUSED, EventGroup.WAITING})


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What is said of one event, or of many that are alike."""

    title: str  # one line
    lines: Sequence[str]
    severity: Severity

    @property
    def text(self) -> str:
        return "\n".join([self.title, *self.lines])


@dataclass(frozen=True, slots=True)
class Folded:
    """One message for these events."""

    events: Sequence[Event]
    paragraphs: Sequence[Paragraph]

    @property
    def title(self) -> str:
        """What a lock screen or a list of mails shows."""
        more, line = len(self.paragraphs) - 1, " ".join(self.paragraphs[0].title.split())
        line = line if len(line) <= TITLE_MAX else f"{line[: TITLE_MAX - 1]}…"
        return f"{line} (and {more} more)" if more else line

    @property
    def is_critical(self) -> bool:
        return any(paragraph.severity is Severity.CRITICAL for paragraph in self.paragraphs)


def fold(events: Sequence[Event], now: datetime, strategies: Strategies = ONE, *, length_max: int) -> Folded:
    """As many of these events as a message of so many characters holds, at least the first, in their order."""
    counts = Counter(map(_fate, events))
    folded: list[Event] = []
    paragraphs: list[Paragraph] = []
    length, counted = 0, set[tuple[str, str]]()
    for event in events:
        fate = _fate(event)
        if fate in counted:
            continue
        many = group_of(event.kind) in _COUNTED and counts[fate] > ALIKE_MAX
        alike = [other for other in events if _fate(other) == fate] if many else [event]
        paragraph = _cut(_paragraph(alike, now, strategies), length_max)
        if folded and length + len(paragraph.text) > length_max:
            break
        if many:
            counted.add(fate)
        folded += alike
        paragraphs.append(paragraph)
        length += len(paragraph.text) + 2
    return Folded(folded, paragraphs)


def _fate(event: Event) -> tuple[str, str]:
    """What became of it; an exit is not counted among entries."""
    return event.kind, event.side or ""


def _paragraph(events: Sequence[Event], now: datetime, strategies: Strategies) -> Paragraph:
    what = said(events[0], strategies)
    title, lines = what.first, what.below.replace("`", "").splitlines()
    if len(events) > 1:
        tickers = Counter(event.ticker or NO_TICKER for event in events[1:])
        named = ", ".join(f"{ticker} {count}" for ticker, count in tickers.most_common(TICKERS_MAX))
        unnamed = len(tickers) - TICKERS_MAX
        more = f" and {figures.some(unnamed, 'more tickers')}" if unnamed > 0 else ""
        lines.append(f"And {len(events) - 1} more like it{'' if set(tickers) == {NO_TICKER} else f': {named}{more}'}.")
    severity = events[0].severity
    sign = _SIGNS.get(severity, "") if title[:1].isascii() else ""  # some say it by a sign of their own
    return Paragraph(f"{sign}{title}", [*lines, *_when(events, now)], severity)


def _when(events: Sequence[Event], now: datetime) -> list[str]:
    """When it happened, if that is not now."""
    if now - events[0].at < LATE:
        return []
    first, last = figures.local(events[0].at), figures.local(events[-1].at)
    return [first if first == last else f"{first} to {last}"]


def _cut(paragraph: Paragraph, length_max: int) -> Paragraph:
    if len(paragraph.text) <= length_max:
        return paragraph
    title, *lines = f"{paragraph.text[: length_max - 1]}…".splitlines()
    return Paragraph(title, lines, paragraph.severity)
