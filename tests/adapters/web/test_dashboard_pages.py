"""What the dashboard shows of a bot that has traded; what came from outside is text and nothing else."""

import json
import re
from decimal import Decimal
from html import unescape

import pytest

from tests.adapters.database.samples import an_alert
from tests.adapters.web.conftest import OpenSite, Site
from tests.adapters.web.dashboard import Browser, inside
from tests.adapters.web.programs import API, bearer, once
from tests.adapters.web.samples import HOSTILE, a_busy_bot
from tests.bot_fixtures import MakeBot
from tests.protected import bracket
from tradebot.database.books import SqlBooks
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.api_access import Scope
from tradebot.domain.instructions import OrderTerms, Verb
from tradebot.domain.strategies import OrderSource, Strategy
from tradebot.domain.terms import OrderType
from tradebot.web.dashboard import overview

ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


async def test_the_overview_answers_at_once(open_site: OpenSite, make_bot: MakeBot) -> None:
    """The owner cannot say from the first page how it stands, what it did today, and why an alert was not traded."""
    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    text = (await browser.get("/")).text
    for said in (
        "Running paper DU1234567 · trades at all hours, market open",
        "Equity $100,000 .00",
        "−$9.50 realised today",
        "+$80.00 in open positions",
        "Nothing. Alerts that come are stored, judged and sent.",
        "Sold 1 order 0 of 1 with a gain",
        "Alerts 7",
        "Not traded 2",
        "1 not traded: nothing to sell",
        "1 not traded: not understood",
        "main: BUY 5 TSLA",
        "AAPL main 10 $1,312.00 +$312.00 +31.2 %",
        "MSFT ema 20 $1,768.00 −$232.00 −11.6 %",
        "Database well SQLite",
    ):
        assert said in text, text


async def test_the_reasons_come_to_all_that_was_not_traded(
    open_site: OpenSite, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rarer reasons are left out, and the owner looks for alerts that no line speaks of."""
    monkeypatch.setattr(overview, "REFUSALS_MAX", 1)
    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    assert "2 not traded: for other reasons" in (await browser.get("/")).text


async def test_a_day_with_more_alerts_than_are_counted_says_so(
    open_site: OpenSite, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of a busy bot reads a round number of alerts, the same every evening."""
    monkeypatch.setattr(overview, "ALERTS_MAX", 5)
    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    assert "Alerts 5 or more: the newest are counted" in (await browser.get("/")).text


async def test_the_overview_adds_up_no_history(
    open_site: OpenSite, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fetched anew with every event: after years each look would read all that was ever sold."""

    async def all_that_was_sold(*_: object) -> None:
        raise AssertionError("all that was ever sold is read")

    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    monkeypatch.setattr(SqlBooks, "realised_since_start", all_that_was_sold)
    page = await browser.get("/")
    assert (page.status, "Sold 1 order" in page.text) == (200, True)


async def test_each_page_shows_what_it_is_for(open_site: OpenSite, make_bot: MakeBot) -> None:
    """A page is empty, or breaks over what a busy day leaves behind."""
    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    shown = {
        "/positions": "AAPL main 10 $100.00 $131.20 $1,312.00 +$312.00 +31.2 % no stop, no target",
        "/orders": "BUY 5 TSLA main alert 7 , entry",
        "/alerts?status=blocked": "SELL IBM main blocked The bot holds no IBM",
        "/alerts?ticker=KO": "SELL KO main traded 3 at $97.50 = $292.50",
        "/alerts?day=2026-11-20&strategy=ema": "BUY MSFT",
        "/alerts/5": "SELL IBM blocked: the bot holds no IBM",
        "/alerts/4": "3 KO at $100.00, sold at $97.50: −$9.50 after commissions",
        "/risk": "Open positions 3 open of 200",
        "/jobs": "daily report what the session brought 5 13,16 * * 1-5 has not run yet",
        "/logs": "No such line.",
        "/settings": "Nothing is configured here.",
    }
    for path, said in shown.items():
        page = await browser.get(path)
        assert (page.status, said in page.text) == (200, True), (path, page.text)


async def test_what_is_at_stake_is_shown_by_sector(open_site: OpenSite, make_bot: MakeBot) -> None:
    """All money is in one industry, and the page hides it; or a stock that IB says nothing of is in none and counts nowhere."""
    bot = await make_bot()
    browser = await inside(await open_site(bot))

    async def sectors() -> str:
        return (await browser.get("/risk")).text.partition("At stake by sector as IB names them ")[2]

    assert (await sectors()).startswith("Nothing is at stake. Stocks that nothing may buy")
    for ticker, shares in (("AAPL", 6), ("MSFT", 2), ("JPM", 1), ("KO", 11)):
        await bot.owns(shares, ticker)
    con_ids = bot.broker.con_ids
    industries = {con_ids["AAPL"]: "Technology", con_ids["MSFT"]: "Technology", con_ids["JPM"]: "Financial"}
    async with bot.ledger.begin() as books:
        await books.put_industries(industries)
    rows = "Technology $800.00 40.0 % Financial $100.00 5.0 % unknown $1,100.00 55.0 % Stocks that nothing may buy"
    assert (await sectors()).startswith(rows)


async def test_performance_is_a_page_and_a_file_to_keep(open_site: OpenSite, make_bot: MakeBot) -> None:
    """The owner cannot say how a strategy is doing, or has nothing to put beside his tax return."""
    site = await open_site(await a_busy_bot(make_bot))
    browser = await inside(site)
    page = await browser.get("/performance?period=30")
    assert "Realised −$9.50 after $2.00 of commissions" in page.text
    assert "Won not yet 0 of 1 closed" in page.text
    assert "How the account did is not known yet. Now it is $100,000.00." in page.text
    async with site.client.get(site.url("/performance/keep?period=30")) as answer:
        assert answer.headers["Content-Disposition"].endswith('-2026-11-20.html"')
        assert "−$9.50" in await answer.text()


async def test_a_page_that_stays_open_asks_ib_for_few_prices(open_site: OpenSite, make_bot: MakeBot) -> None:
    """A forgotten page takes the room that orders need at IB; or its prices are never fresh again."""
    bot = await make_bot(strategies=(Strategy(name="main", orders=OrderSource.ALERT),))
    await bot.start()
    await bot.asks("main", Verb.BUY, "TSLA", order=OrderTerms(OrderType.LIMIT, Decimal(90)))
    await bot.sent(1)
    browser = await inside(await open_site(bot))

    async def asked(**headers: str) -> int:
        before = bot.broker.asked.count("quote")
        page = await browser.get("/orders", headers=headers)
        assert "10.0 % below the market, $100.00" in page.text, page.text
        return bot.broker.asked.count("quote") - before

    assert await asked() == 1
    assert [await asked(**{"X-Refresh": "1"}) for _ in range(3)] == [0, 0, 0]
    bot.clock.skip(61)
    await browser.get("/login")  # a connection that was idle for so long is closed by now
    assert await asked(**{"X-Refresh": "1"}) == 1


async def test_not_traded_is_the_same_on_both_pages(open_site: OpenSite, make_bot: MakeBot) -> None:
    """The first page counts seven alerts that its own link does not show, or a word in the list is no choice of the search."""
    bot = await make_bot()
    async with bot.ledger.begin() as books:
        for status in AlertStatus:
            await books.insert_alert(an_alert(status=status, received_at=bot.clock.now()))
    browser = await inside(await open_site(bot))
    found = re.search(r'href="(/alerts[^"]+status=not_traded)">(\d)</a>', (await browser.get("/")).html)
    assert found is not None
    shown = await browser.get(unescape(found[1]))
    rows = re.findall(r'<span class="word \w+">([^<]+)</span></td>', shown.html)
    assert (found[2], sorted(rows)) == ("5", ["blocked", "dropped", "failed", "refused", "waited too long"])
    for word in rows:
        choice = re.search(rf'<option value="(\w+)"[^>]*>{word}</option>', shown.html)
        assert choice is not None, word
        page = await browser.get(f"/alerts?status={choice[1]}")
        assert re.findall(r'<span class="word \w+">([^<]+)</span></td>', page.html) == [word]


async def test_a_message_under_a_used_alert_id_is_found(site: Site) -> None:
    """A SELL that was refused for its alert_id is on no page: the owner holds what he believes sold."""
    await site.bot.start()
    for side in ("BUY", "SELL"):
        sent = {"alert_id": "x1", "ticker": "AAPL", "action": side}
        await site.bot.intake.accept(sent, json.dumps(sent).encode(), "192.0.2.7")
    browser = await inside(site)
    said = '"alert_id" x1 was used already by alert 1 (BUY AAPL)'
    page = await browser.get("/")
    assert f"not traded SELL AAPL: {said}" in page.text.partition("Today,")[0]
    assert "and 1 message with an alert_id used before" in page.text
    assert 'href="/alerts/1">Look at it' in page.html
    assert (await browser.get("/alerts/1")).text.count(said) == 1


async def test_stops_at_work_are_no_order_that_waits(site: Site) -> None:
    """The first page says that no order is at work while stops and targets work at IB."""
    bot = site.bot
    await bot.start()
    browser = await inside(site)
    assert "No alert waits, and no order waits to fill." in (await browser.get("/")).text
    await bracket(bot)
    said = "No alert waits, and no order waits to fill; 2 stops and targets protect what is held."
    assert said in (await browser.get("/")).text


async def test_a_sale_names_who_asked_for_it(site: Site) -> None:
    """Two programs have a token each, and nobody can say which of them sold."""
    await site.bot.start()
    await site.bot.owns(10, "AAPL")
    headers = once(await bearer(site, Scope.TRADE), "k1")
    status, told = await site.ask(f"{API}/positions/AAPL/sell", "POST", headers=headers, json={})
    assert status == 200, told
    browser = await inside(site)
    assert "By my script (API token trade-1)" in (await browser.get(f"/alerts/{told['alert_ids'][0]}")).text


async def test_an_alert_for_nobody_shows_the_name_it_carried(open_site: OpenSite, make_bot: MakeBot) -> None:
    """A slip in a strategy's name is looked for among the alerts of another one, under whose name it stands."""
    bot = await make_bot(strategies=(Strategy(name="main"), Strategy(name="ema")))
    await bot.start()
    bodies = ({"strategy": "emma", "action": "BUY", "ticker": "AAPL"}, {"action": "BUYY", "ticker": "AAPL"})
    for sent in bodies:
        await bot.intake.accept(sent, json.dumps(sent).encode(), "192.0.2.7")
    browser = await inside(await open_site(bot))
    shown = (await browser.get("/alerts")).text
    assert 'not understood emma refused There is no strategy "emma", which the message names.' in shown
    assert "not understood main refused" in shown
    assert "Strategy emma" in (await browser.get("/alerts/1")).text


async def test_hostile_text_is_text(open_site: OpenSite, make_bot: MakeBot) -> None:
    """An alert's author runs a script in the owner's browser."""
    browser = await inside(await open_site(await a_busy_bot(make_bot)))
    for path in ("/", "/alerts", "/alerts/6", f"/alerts?ticker={HOSTILE}", f"/alerts?day={HOSTILE}&status={HOSTILE}"):
        html = (await browser.get(path)).html
        assert HOSTILE not in html, path
        assert ESCAPED in html, path


async def test_a_search_that_cannot_be_read_says_so(site: Site) -> None:
    """A slip of the hand shows another day's alerts as if they were the ones asked for."""
    browser = await inside(site)
    for query, said in (
        ("day=20.11.2026", "is no day"),
        ("status=odd", "is no outcome"),
        ("ticker=no such thing", "is no stock's name"),
        ("day=0001-01-01", "Nothing is known of"),
    ):
        page = await browser.get(f"/alerts?{query}")
        assert (page.status, said in page.text) == (200, True), page.text


async def test_older_alerts_are_on_the_next_page(site: Site) -> None:
    """Alerts beyond the first page cannot be reached, or some are shown twice."""
    await site.bot.start()
    sent = [await site.bot.alert("SELL", f"T{number}") for number in range(52)]
    for alert_id in sent:
        await site.bot.becomes(alert_id, AlertStatus.BLOCKED)
    browser = await inside(site)
    first = await browser.get("/alerts?status=blocked")
    seen = first.html.count('<th scope="row"><a href="/alerts/')
    older = unescape(first.html.split('" rel="next"')[0].rpartition('href="')[2])
    second = await browser.get(older)
    assert (seen, second.html.count('<th scope="row"><a href="/alerts/')) == (50, 2)
    assert "SELL T1 " in second.text


async def test_what_needs_the_owner_comes_first(site: Site) -> None:
    """A kill, a difference or an IB that is away is found only by who looks for it."""
    await site.bot.start()
    await site.bot.owns(10, "AAPL", at_ib=4)
    browser = await inside(site)
    await site.bot.operations.kill("owner")
    page = await browser.get("/")
    assert "KILLED: nothing leaves by owner" in page.text
    assert "Health trading is KILLED" in page.text
    assert "Trading ⛔ KILLED" in page.text
    assert "The books hold 6 shares of AAPL more than IB shows. BUY of it waits." in page.text
    site.bot.broker.disconnect()
    await site.bot.until(lambda: _said(browser, "IB is not connected"), "the page says so")


async def _said(browser: Browser, words: str) -> bool:
    return words in (await browser.get("/")).text


async def test_without_a_database_a_page_says_what_to_do_and_the_kill_works(site: Site) -> None:
    """The owner sees an error of the machine, and cannot stop what he cannot see."""
    await site.bot.start()
    browser = await inside(site)
    form = (await browser.get("/act/kill")).fields
    site.bot.ledger.away = True
    page = await browser.get("/")
    assert (page.status, "The database does not answer." in page.text) == (503, True)
    assert (await browser.get("/act/kill")).status == 200
    page = await browser.post("/act/kill", form)
    assert "KILLED, in force, NOT stored yet" in page.text
    assert site.bot.switch.state == "KILLED"
    site.bot.ledger.away = False


async def test_a_path_that_there_is_not(site: Site) -> None:
    """A stale link ends in a page of a program."""
    browser = await inside(site)
    for path in ("/nowhere", "/alerts/999", "/limits/nothing", "/alerts/abc"):
        page = await browser.get(path)
        assert (page.status, "There is no such page." in page.text) == (404, True), path
