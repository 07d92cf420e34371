"""Who gets into the dashboard, and for how long."""

import pytest
from yarl import URL

from tests.adapters.web.conftest import PASSWORD, OpenSite, Site
from tests.adapters.web.dashboard import Browser, inside
from tradebot.domain.settings import TradingState
from tradebot.web.dashboard.door import COOKIE, GUESSES, GUESSES_OF_ALL
from tradebot.web.passwords import hashed
from tradebot.web.sessions import IDLE_S, LASTS_S, SESSIONS_MAX, Sessions

EVERY_PAGE = (
    *("/", "/positions", "/orders", "/alerts", "/alerts/1", "/performance", "/performance/keep"),
    *("/risk", "/settings", "/jobs", "/logs"),
)
EVERY_ACT = (
    *("/act/kill", "/act/pause", "/act/resume", "/act/sell", "/act/clear", "/act/block"),
    *("/orders/1/cancel", "/limits/max_daily_buys", "/unknown/1", "/difference"),
)


async def test_nothing_is_shown_to_a_stranger(site: Site) -> None:
    """Who finds the port reads the account."""
    for path in (*EVERY_PAGE, *EVERY_ACT, "/live", f"/charts/{'0' * 32}/wide-light.svg"):
        page = await Browser(site).get(path)
        assert page.path.startswith("/login?next="), path
        assert ("Password" in page.text, "Equity" in page.text) == (True, False), path


async def test_nothing_is_done_for_a_stranger(site: Site) -> None:
    """Who finds the port stops the trading."""
    for path in (*EVERY_ACT, "/logout"):
        page = await Browser(site).post(path, {"csrf": "", "key": "0" * 32, "value": "1"})
        assert page.path.startswith("/login"), path
    assert site.bot.switch.state is TradingState.RUNNING


async def test_the_password_opens_and_another_does_not(open_site: OpenSite) -> None:
    """Any password opens, or the owner's own does not; or the cookie is one that a script or another site can use."""
    site = await open_site(password=None, password_hash=hashed("seven horses under the bridge"))
    wrong = await Browser(site).login("seven horses under the bridg")
    assert (wrong.status, "That is not the password." in wrong.text) == (403, True)
    async with site.client.post(
        site.url("/login"), data={"password": "seven horses under the bridge"}, allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Strict", "/", "")
    assert "Equity" in (await Browser(site).get("/")).text
    assert "seven horses" not in "".join(site.logged)


async def test_behind_https_the_cookie_is_for_https_alone(site: Site) -> None:
    """The cookie travels in the clear as soon as somebody types the address without its s."""
    given = {"password": "seven horses under the bridge"}
    headers = {"X-Forwarded-Proto": "https"}
    async with site.client.post(site.url("/login"), data=given, headers=headers, allow_redirects=False) as answer:
        assert answer.cookies[COOKIE]["secure"] is True


async def test_a_password_is_not_guessed(site: Site) -> None:
    """Whoever has time finds the password; or one who mistypes is locked out for ever."""
    browser = Browser(site)
    for _ in range(GUESSES):
        assert (await browser.login("wrong")).status == 403
    for _ in range(3):
        assert (await browser.login("wrong")).status == 429
    late = await browser.login()
    assert (late.status, "Too many wrong passwords" in late.text) == (429, True)
    site.bot.clock.skip(25)
    await browser.get("/login")  # a connection that was idle for so long is closed by now
    assert (await browser.login()).status == 200


async def test_a_guesser_locks_nobody_else_out(open_site: OpenSite) -> None:
    """Who guesses all night keeps the owner from his own dashboard; or one with many addresses guesses without end."""
    site = await open_site(trusted_proxies=["127.0.0.1"])

    async def login(password: str, address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return (await Browser(site).post("/login", {"password": password}, headers=headers)).status

    for _ in range(GUESSES + 1):
        last = await login("wrong", "192.0.2.1")
    assert last == 429
    assert await login(PASSWORD, "192.0.2.2") == 200
    of_one_network = [await login("wrong", f"2001:db8::{number}") for number in range(GUESSES + 1)]
    assert of_one_network == [*[403] * GUESSES, 429]
    found = [await login("wrong", f"192.0.2.{10 + number}") for number in range(GUESSES_OF_ALL)]
    assert (found[0], found[-1]) == (403, 429)


@pytest.mark.parametrize(
    "link", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\n/evil", "//["]
)
async def test_a_link_leads_nowhere_else(site: Site, link: str) -> None:
    """A link to the login takes the owner to a page that looks like it and asks for the password again."""
    assert (await Browser(site).login(next=link)).path == "/"


async def test_after_the_login_one_is_where_one_wanted_to_be(site: Site) -> None:
    """A link out of a message ends at the overview."""
    assert (await Browser(site).login(next="/alerts?day=2026-11-20")).path == "/alerts?day=2026-11-20"
    assert (await Browser(site).get("/login?next=/risk")).path == "/risk"


async def test_who_has_left_is_out(site: Site) -> None:
    """A cookie that was copied works on after the logout."""
    browser = await inside(site)
    before = {COOKIE: site.client.cookie_jar.filter_cookies(URL(site.url("/")))[COOKIE].value}
    csrf = (await browser.get("/")).fields["csrf"]
    assert (await browser.post("/logout", {"csrf": csrf})).path == "/login"
    site.client.cookie_jar.clear()
    async with site.client.get(site.url("/"), cookies=before, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_an_open_page_keeps_nobody_logged_in(site: Site) -> None:
    """A browser that was left open in a café shows the account for twelve hours, because its page asks for what is new."""
    browser = await inside(site)
    for _ in range(4):
        site.bot.clock.skip(IDLE_S / 3)
        page = await browser.get("/", headers={"X-Refresh": "1"})
    assert page.path.startswith("/login")


async def test_who_looks_at_pages_stays_logged_in(site: Site) -> None:
    """Who works with the dashboard is thrown out in the middle of it."""
    browser = await inside(site)
    for _ in range(4):
        site.bot.clock.skip(IDLE_S / 3)
        page = await browser.get("/risk")
    assert page.path == "/risk"


async def test_a_form_of_another_session_does_nothing(site: Site) -> None:
    """A form that somebody else has made acts in the owner's name."""
    browser = await inside(site)
    form = (await browser.get("/act/kill")).fields
    for csrf in ("", "0" * 32, "é", form["csrf"][:-1]):
        page = await browser.post("/act/kill", {**form, "csrf": csrf})
        assert (page.status, "another session" in page.text) == (403, True)
    foreign = await browser.post("/act/kill", form, headers={"Origin": "https://evil.example"})
    assert foreign.status == 403
    assert site.bot.switch.state is TradingState.RUNNING


async def test_assets_are_kept_by_the_browser_and_nothing_else_is(site: Site) -> None:
    """A page with figures stays in a shared browser's cache, or the style sheet is fetched with each page."""
    page = await inside(site)
    html = (await page.get("/")).html
    names = [part.split('"')[0] for part in html.split("/static/")[1:]]
    assert len(names) == 3
    for name in names:
        async with site.client.get(site.url(f"/static/{name}")) as answer:
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
    async with site.client.get(site.url("/")) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
    for name in ("style.css", "../door.py", "..%2fdoor.py"):
        async with site.client.get(site.url(f"/static/{name}")) as answer:
            assert answer.status == 404


# --- pure -------------------------------------------------------------------------------------------------------------


def test_a_session_ends() -> None:
    """A browser that was left open in a café shows the account for ever; or one that is used is thrown out."""
    numbers = iter(range(1000))
    sessions = Sessions(lambda size: f"{next(numbers):0{2 * size}}")
    token = sessions.enter(0)
    assert sessions.find(token, IDLE_S - 1) is not None
    assert sessions.find(token, 2 * IDLE_S - 2) is not None  # used meanwhile
    assert sessions.find(token, 4 * IDLE_S) is None
    assert sessions.find("", 0) is None
    used = sessions.enter(0)
    for hour in range(0, int(LASTS_S), int(IDLE_S / 2)):
        assert sessions.find(used, hour) is not None
    assert sessions.find(used, LASTS_S) is None


def test_sessions_do_not_fill_the_memory() -> None:
    """Logins without end make the daemon grow; or the newest one is thrown out."""
    numbers = iter(range(1000))
    sessions = Sessions(lambda size: f"{next(numbers):0{2 * size}}")
    tokens = [sessions.enter(moment) for moment in range(SESSIONS_MAX + 3)]
    assert len(sessions) == SESSIONS_MAX
    assert sessions.find(tokens[0], 60) is None
    assert sessions.find(tokens[-1], 60) is not None


def test_what_a_session_is_told_is_told_once() -> None:
    """A page says again and again that something was done."""
    sessions = Sessions(lambda size: "ab" * size)
    session = sessions.find(sessions.enter(0), 0)
    assert session is not None
    session.note("done", "good")
    assert session.told() == [("done", "good")]
    assert session.told() == []
