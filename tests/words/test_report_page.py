"""The page to keep: it has the figures, escapes what is foreign, and loads nothing."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest

from tests.domain.analytics.history import history
from tests.domain.analytics.samples import CALENDAR, NOON
from tradebot.domain.analytics.performance import Known, performance
from tradebot.domain.hours import Hours
from tradebot.words import report_page
from tradebot.words.svg import Line, chart, ticks

FOUND = performance(history(130), Hours(CALENDAR))
PAGE = report_page.page(FOUND, "Half <a> year", NOON, ["simulated & <b>"])
VOID = {"meta", "line", "polyline", "polygon"}


class Tags(HTMLParser):
    """Every tag closes, and nothing points outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onload"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_has_the_figures_and_needs_nothing_else() -> None:
    """The page could not be opened in ten years, would load a script, or miss what it is kept for."""
    tags = Tags()
    tags.feed(PAGE)
    assert tags.open == []
    assert "Half &lt;a&gt; year" in PAGE
    assert "simulated &amp; &lt;b&gt;" in PAGE
    assert not re.search(r"https?://|@import|url\(|<script", PAGE)
    for words in ("+$726.69", "100 of 189", "Month by month", "Nov 2026", "By strategy", "AAPL and KO", "ema and rsi"):
        assert words in PAGE
    assert PAGE.count("<svg") == 3


def test_a_period_ends_today_and_says_since_when_it_is_known() -> None:
    """A bot of five days has a month of sessions, the days that are to come among them."""
    month = Known(date(2026, 5, 1), date(2026, 5, 31), NOON, [], [], [], {})
    found = replace(performance(month, Hours(CALENDAR)), sessions=4)
    now = datetime(2026, 5, 7, 1, tzinfo=UTC)
    assert (
        report_page.period(found, now, date(2026, 5, 4))
        == "1 May 2026 – 6 May 2026, 4 sessions; known since 4 May 2026"
    )
    assert (
        report_page.period(found, now + timedelta(days=90), date(2026, 5, 1)) == "1 May 2026 – 31 May 2026, 4 sessions"
    )
    assert "known since 4 May 2026" in report_page.page(found, "May", now, since=date(2026, 5, 4))


def test_a_page_of_nothing_says_so() -> None:
    """Who asks on the first day would get an error, or zeros for what is not known."""
    empty = performance(Known(date(2026, 5, 1), date(2026, 5, 1), NOON, [], [], [], {}), Hours(CALENDAR))
    page = report_page.page(empty, "May", NOON)
    assert "not yet" in page
    assert "<svg" not in page
    assert "None" not in page


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), "November 2026"),
        (date(2026, 1, 1), date(2026, 12, 31), "2026"),
        (date(2026, 5, 3), date(2026, 12, 31), "Performance"),
    ],
)
def test_a_page_is_named_after_its_time(first: date, last: date, title: str) -> None:
    """Two months in one folder would have one name."""
    found = performance(Known(first, last, NOON, [], [], [], {}), Hours(CALENDAR))
    assert report_page.title_of(found) == title
    assert report_page.name_of(first, last) == f"tradebot-{first}-{last}.html"


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 9.9), (5.0, 5.0), (0.0, 0.0), (-1e-4, 2e-4), (1e6, 3e6)])
def test_marks_at_the_axis_enclose_the_line(low: float, high: float) -> None:
    """A line would run out of its picture, or have no figure beside it."""
    marks = ticks(low, high)
    assert marks[0] <= low <= high <= marks[-1]
    assert 1 <= len(marks) <= 8
    assert chart([Line([(NOON.date(), 1.0)], "one")], str, "one point is no line") == ""
