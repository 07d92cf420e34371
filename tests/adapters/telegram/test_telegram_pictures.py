"""Pictures come from a process of their own, and nothing depends on them."""

from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tradebot.domain.calendar import Calendar
from tradebot.domain.pnl import summarise
from tradebot.queries.results import Result
from tradebot.telegram import pictures
from tradebot.telegram.curves import picture_of
from tradebot.words import zone

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
LOT = (NOON, Decimal("-3.25"))
DAY = pictures.Day("Realised <b>& $P&L$", [LOT], NOON - timedelta(hours=3), NOON + timedelta(hours=3), NOON)
WEEK = pictures.Sessions("P&L", [(date(2026, 11, day), Decimal(day - 18)) for day in (16, 17, 18, 19, 20)])


@pytest.mark.parametrize(
    ("picture", "theme"), [(DAY, "dark"), (pictures.Sessions("P&L", WEEK.nets[:1]), "light"), (WEEK, "dark")]
)
async def test_one_lot_is_enough_to_draw(picture: pictures.Picture, theme: pictures.Theme) -> None:
    """The first closed lot of a day, or of a week, would bring no picture, or an error."""
    png = await pictures.draw(picture, theme)
    assert png is not None
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert (width, height) == (960, 576)


def test_a_week_has_a_place_for_each_session_and_none_for_a_weekend() -> None:
    """Nights and weekends would take most of the picture, and a day without a trade be missing in it."""
    at = [datetime(2026, 11, day, 17, tzinfo=UTC) for day in (19, 20, 23)]
    curve = [(at[0], Decimal(5)), (at[1], Decimal(3)), (at[2], Decimal(10))]
    first, last = date(2026, 11, 19), date(2026, 11, 27)  # Thanksgiving is the 26th
    found = picture_of(Result(first, last, summarise(first, last, [], []), curve), Calendar(), at[2])
    assert isinstance(found, pictures.Sessions)
    assert [(day.day, net) for day, net in found.nets] == [(19, 5), (20, -2), (23, 7), (24, 0), (25, 0), (27, 0)]


def test_a_day_goes_from_open_to_close_on_the_owner_s_clock() -> None:
    """The picture would begin at the first trade, or be labelled with another clock than the owner's."""
    day = date(2026, 11, 20)
    found = picture_of(Result(day, day, summarise(day, day, [], []), [LOT]), Calendar(), NOON, "ema")
    assert isinstance(found, pictures.Day)
    assert (found.begin.hour, found.end.hour, found.until) == (14, 21, NOON)
    assert found.title == "ema: realised P&L, Fri 20 Nov"
    here = copy_context()
    here.run(zone.use, ZoneInfo("Asia/Tokyo"))
    assert here.run(found.request)["offset_s"] == 9 * 3600
    assert picture_of(Result(day, day, summarise(day, day, [], []), []), Calendar(), NOON) is None
    saturday = date(2026, 11, 21)
    at = NOON + timedelta(days=1, minutes=30)
    found = picture_of(
        Result(saturday, saturday, summarise(saturday, saturday, [], []), [(at, LOT[1])]), Calendar(), at
    )
    assert isinstance(found, pictures.Day)
    assert (found.begin, found.end) == (at - timedelta(minutes=30), at + timedelta(minutes=30))


async def test_a_picture_that_cannot_be_drawn_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing font would take the words of /pnl with it."""
    monkeypatch.setattr(pictures, "_SCRIPT", Path("/no/such/script.py"))
    assert await pictures.draw(DAY) is None


async def test_no_secret_goes_into_the_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The token would stand in the environment of one process more."""
    monkeypatch.setenv("TRADEBOT_TELEGRAM__BOT_TOKEN", "canary-token")
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import os, sys; sys.stdout.write(chr(0x89)); open(sys.argv[0] + '.env', 'w').write(str(os.environ))"
    )
    monkeypatch.setattr(pictures, "_SCRIPT", spy)
    assert await pictures.draw(DAY) is None
    assert "canary-token" not in (tmp_path / "spy.py.env").read_text()
