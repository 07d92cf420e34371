"""The benchmark's own arithmetic, its command, and the page that it writes; what it measures is timed there alone."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench import page, rooms
from tests.bench.__main__ import SECTIONS, Measures, main, name
from tests.bench.figures import Figure, beside_floor, beside_ours, p99
from tests.bench.picture import draw
from tests.bench.report import Machine, Report, Section, line

GOOD = Figure("answer", "SQLite", 1.2, "x floor", 1.3)
BAD = Figure("orders", "", 12, "a second", 30, at_least=True, detail="each costs three messages")
SHOWN = Figure("memory", "", 1234.5, "MB")
AT = datetime(2026, 11, 26, 19, 30, tzinfo=UTC)


class Fake:
    """A section that measures nothing."""

    def __init__(self, title: str, given: Sequence[Figure], failure: Exception | None = None) -> None:
        self.__name__ = f"tests.bench.{title}"
        self._given, self._failure = given, failure

    async def figures(self) -> AsyncIterator[Figure]:
        for figure in self._given:
            yield figure
        if self._failure:
            raise self._failure


FAKES: Sequence[Measures] = (Fake("road", [GOOD]), Fake("start", [BAD, SHOWN]))


def report(*sections: Section) -> Report:
    return Report("0.5.0", AT, Machine(2, "some CPU", "3.11.7", "Linux x86_64"), 0.25, list(sections))


def section(title: str, *given: Figure) -> Section:
    return Section(title, AT, 1.5, 60.0, list(given), None)


@pytest.mark.parametrize(
    ("value", "goal", "at_least", "met", "share"),
    [
        (2.0, 2.0, False, True, 1.0),
        (3.0, 2.0, False, False, 1.5),
        (0.0, 2.0, False, True, 0.0),
        (30.0, 30.0, True, True, 1.0),
        (60.0, 30.0, True, True, 0.5),
        (12.0, 30.0, True, False, 2.5),
        (0.0, 30.0, True, False, math.inf),
        (0.0, 0.0, False, True, 1.0),
        (1.0, 0.0, False, False, math.inf),
        (1.0, None, False, None, None),
    ],
)
def test_a_figure_knows_whether_its_goal_is_met(
    value: float, goal: float | None, at_least: bool, met: bool | None, share: float | None
) -> None:
    """A goal that is missed would be shown as met, or the other way round, and the picture would say something else."""
    figure = Figure("what", "", value, "ms", goal, at_least)
    assert (figure.met, figure.share) == (met, share)


def test_beside_the_floor_the_median_and_the_p99_are_ratios_of_the_same_kind() -> None:
    """A median would be held against the floor's slowest moment, and look fast."""
    floor = [0.002] * 99 + [0.010]
    ours = [0.004] * 99 + [0.040]
    median, slowest = beside_floor("answer", "SQLite", ours, floor, 1.3, 5)
    assert (p99(floor), p99([0.1])) == (0.010, 0.1)
    assert (median.what, median.value, median.met) == ("answer, median", 2.0, False)
    assert (slowest.what, slowest.value, slowest.met) == ("answer, p99", 4.0, True)
    assert median.detail == "4.00 ms beside 2.00 ms, n=100"
    theirs = beside_ours("peer", "SQLite", [0.04] * 99 + [9], ours, 10)
    assert (theirs.value, theirs.met, theirs.at_least) == (10.0, True, True)


def test_a_line_says_what_was_measured_beside_its_goal() -> None:
    """Who reads one line would not know whether more is better."""
    assert line(GOOD) == "✓ answer · SQLite: 1.2 x floor (goal ≤ 1.3)"
    assert line(BAD) == "✗ orders: 12 a second (goal ≥ 30)  each costs three messages"
    assert line(SHOWN) == "  memory: 1,234 MB"


@pytest.mark.parametrize(
    ("words", "measured"), [([], ["road", "start"]), (["-k", "oa"], ["road"]), (["-k", "x", "-k", "start"], ["start"])]
)
def test_the_command_measures_the_chosen_sections(tmp_path: Path, words: list[str], measured: list[str]) -> None:
    """Who changes the start would wait for everything else, or a run would leave a section out."""
    assert main([*words, "--to", str(tmp_path / "new")], FAKES) == 0, "a missed goal is no error: machines differ"
    written = Report.read(tmp_path / "new" / "bench.json")
    assert [one.name for one in written.sections] == measured
    assert (tmp_path / "new" / "bench.svg").stat().st_size > 0


def test_a_section_that_fails_is_an_error_and_the_others_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A benchmark that cannot measure would pass, or an hour's figures would be lost with its last section."""
    broken = Fake("broken", [GOOD], RuntimeError("no [server]"))
    assert main(["--to", str(tmp_path)], [broken, *FAKES]) == 1
    first, *others = Report.read(tmp_path / "bench.json").sections
    assert (first.figures, first.error) == ([GOOD], "RuntimeError: no [server]")
    assert [one.figures for one in others] == [[GOOD], [BAD, SHOWN]]
    assert "no [server]" in capsys.readouterr().out


def test_no_such_section_and_help(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake would look like a run without figures; nobody would find out how to choose."""
    assert main(["-k", "raod", "--to", str(tmp_path / "new")], FAKES) == 2
    assert "road, start" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = capsys.readouterr().out
    assert "make bench ARGS=" in told
    assert all(name(one) in told for one in SECTIONS)


def test_the_picture_of_the_same_figures_is_the_same(tmp_path: Path) -> None:
    """Every run of the page would change the picture in the repository, whatever was measured."""
    endless = replace(BAD, value=0.0)
    for file in ("first.svg", "second.svg"):
        draw(report(section("road", GOOD, endless, SHOWN), section("memory", SHOWN)), tmp_path / file)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_a_profile_is_told_by_the_rooms_that_asked_for_the_work() -> None:
    """The page would send whoever wants it faster into the wrong room."""
    webhook, database = ("/x/tradebot/webhook/app.py", 1, "post"), ("/x/tradebot/database/books.py", 2, "read")
    loads, match = (
        ("/usr/lib/python3.11/json/__init__.py", 3, "loads"),
        ("~", 0, "<method 'match' of 're.Pattern' objects>"),
    )
    poll, alone = ("~", 0, "<method 'poll' of 'select.epoll' objects>"), ("/usr/lib/python3.11/copy.py", 4, "deepcopy")
    by_caller = {webhook: (1, 1, 0.0, 3.0), database: (1, 1, 0.0, 1.0)}
    stats = {
        webhook: (1, 1, 1.0, 4.0, {}),
        database: (1, 1, 2.0, 3.0, {}),
        loads: (2, 2, 0.0, 4.0, by_caller),
        match: (9, 9, 4.0, 4.0, {loads: (9, 9, 4.0, 4.0)}),
        poll: (7, 7, 5.0, 5.0, {webhook: (7, 7, 5.0, 5.0)}),
        alone: (2, 1, 8.0, 8.0, {alone: (1, 1, 4.0, 4.0)}),
    }
    took = rooms.by_room(stats)
    assert took == {"webhook": 4.0, "database": 3.0, rooms.WAITING: 5.0, rooms.OTHER: 8.0}
    assert rooms.calls(stats, rooms.WAITING) == 7


TEXT = "Before.\n\n<!-- figures: run -->\nold\n<!-- end -->\n\n<!-- figures: road -->\n<!-- end -->\n\nAfter.\n"


def test_the_page_takes_the_figures_between_its_marks() -> None:
    """What people wrote would be lost, or figures of different runs would stand on one page."""
    once = page.filled(TEXT, report(section("road", GOOD, replace(BAD, detail="a|b"))))
    assert once == (
        "Before.\n\n<!-- figures: run -->\n"
        "Last run: tradebot 0.5.0, 2026-11-26 19:30 UTC, 2 cores of some CPU, Linux x86_64, Python 3.11.7, load average 0.2 at "
        "the start; road: 1 of 2 goals met.\n"
        "<!-- end -->\n\n<!-- figures: road -->\n"
        "| what | where | measured | goal | | made of |\n|---|---|---:|---:|---|---|\n"
        "| answer | SQLite | 1.2 x floor | ≤ 1.3 | ✓ |  |\n| orders |  | 12 a second | ≥ 30 | ✗ | a/b |\n\n"
        "tradebot 0.5.0, 2026-11-26 19:30 UTC, load average 1.5 at the end of this section.\n"
        "<!-- end -->\n\nAfter.\n"
    )
    other = page.filled(once, report())
    assert other.partition("<!-- figures: road")[2] == once.partition("<!-- figures: road")[2], (
        "what was not measured stays"
    )


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ([section("road"), section("start")], "no place for start"),
        ([replace(section("road"), error="RuntimeError: no server")], "failed, so .* road"),
    ],
)
def test_the_page_takes_whole_sections_only(sections: list[Section], why: str) -> None:
    """A section's figures would be missing, or told nowhere, and nobody would see it."""
    with pytest.raises(ValueError, match=why):
        page.filled(TEXT, report(*sections))


def test_the_page_has_a_place_for_every_section_and_shows_the_picture() -> None:
    """What is measured would be told nowhere."""
    text = page.PAGE.read_text("utf-8")
    assert sorted(page.blocks(text)) == sorted([page.RUN, *map(name, SECTIONS)])
    assert f"({page.PICTURE.relative_to(page.PAGE.parent)})" in text
    assert page.PICTURE.is_file()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/operations.md"])
def test_people_find_the_page(document: str) -> None:
    """Who asks how fast it is, or what it costs to keep years of trades, would measure anew."""
    assert "performance.md)" in (page.PAGE.parents[1] / document).read_text("utf-8")
