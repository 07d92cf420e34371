"""Pictures of curves: drawn by another process, in both themes and for both widths."""

import asyncio
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.adapters.web.conftest import Site
from tests.adapters.web.dashboard import inside
from tradebot.web.dashboard import pictures
from tradebot.web.dashboard.pictures import DARK, KEPT_MAX, POINTS_MAX, Curve, Gallery, draw
from tradebot.web.dashboard.rendering import STATIC

FIRST = date(2026, 1, 5)


def a_curve(days: int = 30, *, from_zero: bool = False) -> Curve:
    points = [(FIRST + timedelta(days=day), Decimal(100_000 + day * day - 9 * day)) for day in range(days)]
    return Curve(points, [0.01 * (day % 3) for day in range(days)], from_zero)


async def test_a_curve_is_drawn_for_each_theme_and_width() -> None:
    """A page shows a broken picture, one that cannot be read in the dark, or one that runs a script."""
    gallery = Gallery()
    name = gallery.name(a_curve())
    assert name is not None
    drawn = await gallery.drawn(name)
    assert drawn is not None
    assert drawn.keys() == {"wide-light", "wide-dark", "narrow-light", "narrow-dark"}
    for which, body in drawn.items():
        text = body.decode()
        assert text.startswith("<svg"), which
        assert "<script" not in text
        assert "url(http" not in text
        of_light = {colour for colour in DARK if colour in text}
        assert (of_light == set()) == which.endswith("dark"), (which, of_light)
    assert "$100,000" in drawn["wide-light"].decode()


@pytest.mark.parametrize("days", [2, 4, 6])
async def test_of_few_days_each_is_marked_once(days: int) -> None:
    """The first evening's curve has the same date five times under it."""
    gallery = Gallery()
    drawn = await gallery.drawn(gallery.name(a_curve(days, from_zero=True)) or "")
    assert drawn is not None
    marked = re.findall(r">(\d\d Jan)<", drawn["narrow-light"].decode())
    assert {f"{FIRST + timedelta(days=day):%d %b}" for day in range(days)} <= set(marked)
    assert len(marked) == len(set(marked))


def test_the_dark_colours_are_those_of_the_style_sheet() -> None:
    """A picture stands in other colours than its page."""
    sheet = (STATIC / "style.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in sheet.split("@media", 2)[:2])
    assert {light[name]: dark[name] for name in ("ink", "quiet", "line", "gain", "loss", "link")} == DARK


def test_the_same_figures_have_the_same_name_and_few_are_kept() -> None:
    """Every look at a page draws its pictures anew, or a daemon that runs for months grows with each."""
    gallery = Gallery()
    assert gallery.name(a_curve()) == gallery.name(a_curve())
    assert gallery.name(a_curve()) != gallery.name(a_curve(from_zero=True))
    assert gallery.name(a_curve(1)) is None
    names = [gallery.name(a_curve(days)) for days in range(2, 30)]
    assert [name for name in names if name and gallery.asked(name)] == names[-KEPT_MAX:]


async def test_a_picture_whose_browser_has_gone_is_drawn_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine the answer comes too late: each look begins anew, and there is never a picture."""
    begun = asyncio.Queue[bytes]()

    async def drawn_once(request: bytes) -> Mapping[str, bytes] | None:
        begun.put_nowait(request)
        return await draw(request)

    monkeypatch.setattr(pictures, "draw", drawn_once)
    gallery = Gallery()
    name = gallery.name(a_curve())
    assert name is not None
    first = asyncio.create_task(gallery.drawn(name))
    await begun.get()
    first.cancel()
    drawn = await gallery.drawn(name)
    assert drawn is not None
    assert drawn == await gallery.drawn(name)
    assert begun.empty()


def test_years_of_days_are_thinned_and_the_last_stays() -> None:
    """A long history makes a picture of megabytes, or one that ends last week."""
    gallery = Gallery()
    name = gallery.name(a_curve(4 * POINTS_MAX + 3))
    assert name is not None
    asked = str(gallery.asked(name))
    assert asked.count("-") < 3 * POINTS_MAX
    assert (FIRST + timedelta(days=4 * POINTS_MAX + 2)).isoformat() in asked


async def test_a_picture_that_nobody_named_is_none(site: Site) -> None:
    """Whoever is logged in makes the machine draw what he likes."""
    browser = await inside(site)
    page = await browser.get(f"/charts/{'0' * 32}/wide-light.svg")
    assert page.status == 404
