"""The dashboard in a real Chromium: both themes, a phone's width, what people who do not see well need, with and without scripts.

A browser's start costs a second: each test looks at much.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests import browser as chromium
from tests.adapters.web.conftest import PASSWORD, OpenSite, Site
from tests.adapters.web.samples import a_busy_bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.settings import TradingState

PAGES = ("/", "/positions", "/orders", "/alerts", "/alerts/4", "/performance", "/risk", "/settings", "/jobs", "/logs")
OTHERWISE = ("/", "/alerts/4", "/performance", "/risk", "/act/kill")
"""Where everything is that has a colour."""
QUESTIONS = ("/act/kill", "/act/sell", "/limits/max_daily_buys?value=nothing", "/nowhere")
WIDE, PHONE = {"width": 1180, "height": 800}, {"width": 360, "height": 740}
DEADLINE_MS = 60_000


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        opened = await play.chromium.launch(
            executable_path=chromium.executable(), args=chromium.arguments(), env=dict(chromium.environment())
        )
        yield opened
        await opened.close()


class Watched:
    """A page of the site, and what its browser complained of."""

    def __init__(self, site: Site, context: BrowserContext, page: Page) -> None:
        self.site, self.context, self.page = site, context, page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(f"{page.url}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    async def open(self, path: str) -> None:
        await self.page.goto(self.site.url(path))

    async def login(self) -> None:
        await self.open("/login")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Enter").click()

    async def violations(self, rules: Sequence[str] = ()) -> list[str]:
        """What axe finds, by these rules or by all; it is given to the page from outside, for its policy lets nothing else in."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(chromium.AXE.read_text("utf-8"))
        wanted: dict[str, Any] = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = await self.page.evaluate("async (wanted) => (await axe.run(wanted)).violations", wanted)
        return [f"{self.page.url}: {one['id']}: {[node['html'] for node in one['nodes']][:3]}" for one in found]

    async def overflow(self) -> int:
        """Pixels that stand out to the right."""
        found: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return found


class Browsing:
    """Opens contexts that are closed with the test."""

    def __init__(self, site: Site, opened: Browser, stack: AsyncExitStack) -> None:
        self.site, self._browser, self._stack = site, opened, stack

    async def page(self, **options: Any) -> Watched:
        context = await self._browser.new_context(**options)
        self._stack.push_async_callback(context.close)
        context.set_default_timeout(DEADLINE_MS)
        return Watched(self.site, context, await context.new_page())


@pytest.fixture
async def browsing(open_site: OpenSite, make_bot: MakeBot, browser: Browser) -> AsyncIterator[Browsing]:
    site = await open_site(await a_busy_bot(make_bot))
    async with AsyncExitStack() as stack:
        yield Browsing(site, browser, stack)


# What the colours and the width change is looked at in the other theme and on a phone; the rest is the same there.
@pytest.mark.parametrize(
    ("scheme", "size", "rules"),
    [("light", WIDE, ()), ("dark", PHONE, ("color-contrast", "scrollable-region-focusable", "target-size"))],
)
async def test_every_page_is_for_everybody(browsing: Browsing, scheme: Any, size: Any, rules: Sequence[str]) -> None:
    """A page cannot be read by who sees little or uses no mouse, is wider than a phone, or does what its policy forbids."""
    long = await browsing.site.bot.intake.accept({"action": "BUY", "ticker": "W" * 400}, b"W" * 400, "192.0.2.7")
    watched = await browsing.page(color_scheme=scheme, viewport=size)
    await watched.open("/")
    found = await watched.violations(rules)
    await watched.login()
    for path in (*PAGES, f"/alerts/{long.alert_id}", *QUESTIONS):
        await watched.open(path)
        if not rules or path in OTHERWISE:
            found += await watched.violations(rules)
        assert await watched.overflow() == 0, path
    assert found == []
    nowhere = [one for one in watched.complaints if "/nowhere" not in one]  # its 404 is one, as it should be
    assert nowhere == []


async def test_a_page_stays_fresh_and_a_kill_is_two_clicks(browsing: Browsing) -> None:
    """The owner looks at what was true an hour ago, or cannot stop the trading from here."""
    watched = await browsing.page(viewport=WIDE)
    await watched.login()
    page, bot = watched.page, watched.site.bot
    await page.evaluate("window.same = true")
    await bot.operations.pause("owner", "a-pause")
    await page.locator("#state", has_text="Paused").wait_for()
    assert await page.evaluate("window.same")
    await page.get_by_role("link", name="Kill").click()
    await page.get_by_role("button", name="Kill: stop all trading").click()
    await page.get_by_role("status").get_by_text("KILLED. Nothing leaves any more").wait_for()
    assert bot.switch.state is TradingState.KILLED
    assert watched.complaints == []


async def test_without_scripts_everything_works(browsing: Browsing) -> None:
    """Who allows no scripts sees an empty page, or presses buttons that do nothing."""
    watched = await browsing.page(java_script_enabled=False, viewport=PHONE)
    await watched.login()
    page, bot = watched.page, watched.site.bot
    await page.get_by_role("link", name="Positions", exact=True).click()
    await page.get_by_role("link", name="Sell AAPL of main").click()
    await page.get_by_role("button", name="Sell", exact=True).click()
    await page.get_by_text("SELL of AAPL is on its way").wait_for()
    sold = int(page.url.rpartition("/")[2])
    assert (await bot.row(sold)).status in (AlertStatus.RECEIVED, AlertStatus.PROCESSING)
    await page.get_by_role("link", name="Risk", exact=True).click()
    await page.get_by_role("link", name="Change Buys a day").click()
    await page.get_by_label("New value").fill("12")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("button", name="Set 12").click()
    await page.get_by_text("Buys a day: 50 → 12.").wait_for()
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_label("Password").wait_for()
