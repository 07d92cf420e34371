"""What the dashboard does: after a question, once for each form, in the name of the dashboard."""

from dataclasses import replace
from decimal import Decimal

from tests.adapters.web.conftest import OpenSite, Site
from tests.adapters.web.dashboard import Browser, inside
from tests.bot import qty
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategy
from tradebot.domain.trades import TradeStatus


async def running(site: Site) -> Browser:
    await site.bot.start()
    return await inside(site)


async def test_a_kill_is_asked_and_done(site: Site) -> None:
    """The question kills already, the button does not, or who did it is not known."""
    browser = await running(site)
    await site.bot.order("BUY", "AAPL")
    ask = await browser.get("/act/kill")
    assert "It cancels BUY 5 AAPL." in ask.text
    assert site.bot.switch.state is TradingState.RUNNING
    page = await browser.press("/act/kill")
    assert (page.path, "KILLED. Nothing leaves any more" in page.text) == ("/", True)
    assert site.bot.switch.state is TradingState.KILLED
    [event] = await site.bot.events(EventKind.STATE_CHANGED)
    assert event.actor == "dashboard"
    assert "KILLED. Nothing leaves any more" not in (await browser.get("/")).text


async def test_a_pause_is_lifted_and_a_kill_only_by_a_button_that_says_so(site: Site) -> None:
    """A resume that was meant for a pause lifts the kill that came in between."""
    browser = await running(site)
    assert "Paused. BUY alerts are not traded" in (await browser.press("/act/pause")).text
    stale = (await browser.get("/act/resume")).fields
    await site.bot.operations.kill("owner")
    page = await browser.post("/act/resume", stale)
    assert "It was KILLED meanwhile, and stays so." in page.text
    assert site.bot.switch.state is TradingState.KILLED
    assert "Sells only" in (await browser.get("/act/resume")).text
    await browser.press("/act/resume", to="PAUSED")
    assert site.bot.switch.state is TradingState.PAUSED
    await browser.press("/act/resume")
    assert site.bot.switch.state is TradingState.RUNNING


async def test_a_double_click_sells_once(site: Site) -> None:
    """The position is sold twice over, or the second click is an error."""
    browser = await running(site)
    await site.bot.owns(7, "AAPL")
    ask = await browser.get("/act/sell?strategy=main&ticker=AAPL")
    assert "7 shares of AAPL" in ask.text
    first = await browser.post("/act/sell", ask.fields)
    assert (first.path, "SELL of AAPL is on its way." in first.text) == ("/alerts/2", True)
    second = await browser.post("/act/sell", ask.fields)
    assert "That was done already" in second.text
    order = await site.bot.sent(1)
    assert (order.side, order.qty) == ("SELL", 7)


async def test_only_what_was_shown_is_sold(site: Site) -> None:
    """A form that was changed, or came late, sells what nobody was asked about."""
    browser = await running(site)
    await site.bot.owns(7, "AAPL")
    form = (await browser.get("/act/sell?ticker=AAPL")).fields
    await site.bot.owns(3, "KO")
    for lots in ('[["main", "IBM"]]', "[]", "{}", "no JSON", "[[1]]"):
        assert (await browser.post("/act/sell", {**form, "lots": lots})).status in (200, 400)
    assert (await browser.get("/act/sell?ticker=IBM")).status == 404
    assert site.bot.broker.sent == []


async def test_an_order_is_cancelled(site: Site) -> None:
    """The button cancels another order, or none."""
    browser = await running(site)
    _, order_ref = await site.bot.order("BUY", "AAPL")
    trade = await site.bot.trade(order_ref)
    path = f"/orders/{trade.id}/cancel"
    assert "Cancel BUY 5 AAPL?" in (await browser.get(path)).text
    assert "It is being cancelled." in (await browser.press(path)).text
    assert "is being cancelled already" in (await browser.press(path)).text
    [event] = await site.bot.events(EventKind.ORDER_CANCELLING)
    assert event.actor == "dashboard"


async def test_a_limit_is_asked_changed_and_told(site: Site) -> None:
    """A limit is changed to what nobody saw, or beyond what is allowed, or twice."""
    browser = await running(site)
    assert "Allowed 1 to 10,000" in (await browser.get("/limits/max_daily_buys")).text
    wrong = await browser.get("/limits/max_daily_buys?value=1.5")
    assert "1.5 is not whole." in wrong.text
    ask = await browser.get("/limits/max_daily_buys?value=7")
    assert "50 → 7" in ask.text
    page = await browser.post("/limits/max_daily_buys", ask.fields)
    assert (page.path, "Buys a day: 50 → 7." in page.text) == ("/risk", True)
    assert (await browser.post("/limits/max_daily_buys", {**ask.fields, "value": "0"})).status == 400
    await site.bot.operations.set_limit("max_daily_buys", 9, "owner", "another")
    await browser.post("/limits/max_daily_buys", ask.fields)
    assert (await site.bot.queries.limits_in_force()).max_daily_buys == 9


async def test_what_waits_is_dropped_and_nothing_else(site: Site) -> None:
    """An alert that came after the question is dropped unseen."""
    browser = await inside(site)
    first = await site.bot.alert("BUY", "AAPL")
    ask = await browser.get("/act/clear")
    assert "BUY AAPL waits for its turn." in ask.text
    second = await site.bot.alert("BUY", "KO")
    assert "1 alert dropped." in (await browser.post("/act/clear", ask.fields)).text
    assert [(await site.bot.row(one)).status for one in (first, second)] == ["CLEARED", "RECEIVED"]


async def test_an_act_needs_its_key(site: Site) -> None:
    """A form without a key acts as often as it is sent."""
    browser = await running(site)
    form = (await browser.get("/act/pause")).fields
    for key in ("", "short", "k" * 65, "é" * 32):
        assert (await browser.post("/act/pause", {**form, "key": key})).status == 400
    assert site.bot.switch.state is TradingState.RUNNING


async def test_a_stock_is_blocked_and_bought_again(site: Site) -> None:
    """What the owner wants bought no more is bought, or cannot be let go again."""
    browser = await running(site)
    assert "Let nothing buy TSLA?" in (await browser.get("/act/block?ticker=tsla")).text
    assert "Nothing buys TSLA any more." in (await browser.press("/act/block?ticker=TSLA")).text
    refused = await site.bot.alert("BUY", "TSLA")
    await site.bot.becomes(refused, AlertStatus.BLOCKED)
    assert "TSLA is bought again." in (await browser.press("/act/block?ticker=TSLA")).text
    assert await site.bot.queries.blocked_tickers() == []
    assert (await browser.get("/act/block?ticker=no such")).status == 400


async def test_an_unknown_order_is_resolved_by_the_owners_word(site: Site) -> None:
    """A ticker stays frozen until somebody comes to a chat, or is freed by a button that says something else."""
    browser = await running(site)
    _, order_ref = await site.bot.order("BUY", "AAPL")
    site.bot.broker.takes_orders = False
    site.bot.broker.working.clear()
    async with site.bot.ledger.begin() as books:
        await books.save_trade(replace(await site.bot.trade(order_ref), status=TradeStatus.UNKNOWN))
    trade = await site.bot.trade(order_ref)
    page = await browser.get("/")
    assert "UNKNOWN BUY 5 AAPL: it may or may not be at IB." in page.text
    path = f"/unknown/{trade.id}"
    ask = await browser.get(path)
    assert "5 at $100.00 are booked. The price is the ask when the order was decided." in ask.text
    assert (await browser.post(path, ask.fields)).status == 400
    assert (
        "BUY 5 AAPL is filled. AAPL is free again." in (await browser.post(path, {**ask.fields, "filled": "yes"})).text
    )
    assert (await browser.get(path)).status == 404
    assert "nothing to decide any more" in (await browser.post(path, {**ask.fields, "filled": "no"})).text


async def test_what_is_not_at_ib_is_written_off_once(site: Site) -> None:
    """The books are lowered twice, or to what IB showed an hour ago."""
    browser = await running(site)
    await site.bot.owns(10, "AAPL", at_ib=4)
    ask = await browser.get("/difference?ticker=AAPL")
    assert "Write off 6 AAPL?" in ask.text
    assert "The books hold 10, IB shows 4." in ask.text
    changed = await browser.post("/difference", {**ask.fields, "whose": "main:11"})
    assert "Nothing was written off" in changed.text
    for said in ("6 AAPL written off. BUY of it is free again.", "Nothing was written off"):
        assert said in (await browser.post("/difference", {**ask.fields, "whose": "main:10"})).text
    assert qty(await site.bot.lots(LotStatus.OPEN)) == 4


async def test_a_split_is_answered_before_anything_is_written_off(site: Site) -> None:
    """A split is booked as a loss of shares, or on the word of a page that showed another one."""
    browser = await running(site)
    await site.bot.owns(10, "AAPL", at_ib=5)
    site.bot.broker.avg_costs[site.bot.broker.con_ids["AAPL"]] = Decimal("200.20")
    ask = await browser.get("/difference?ticker=AAPL")
    assert "AAPL: was it a split?" in ask.text
    assert "1 for 2" in ask.text
    assert "Nothing was changed" in (await browser.post("/difference", {**ask.fields, "split": "x", "was": "yes"})).text
    assert "The split of AAPL is booked." in (await browser.post("/difference", {**ask.fields, "was": "yes"})).text
    assert qty(await site.bot.lots(LotStatus.OPEN)) == 5


async def test_one_strategy_is_paused_by_its_name(make_bot: MakeBot, open_site: OpenSite) -> None:
    """The button of one strategy pauses another, or all of them."""
    site = await open_site(await make_bot(strategies=(Strategy(name="main"), Strategy(name="ema"))))
    browser = await running(site)
    assert "ema is paused: no BUY of it." in (await browser.press("/act/pause?strategy=ema")).text
    assert (site.bot.switch.state, site.bot.switch.paused_strategies) == (TradingState.RUNNING, {"ema"})
    assert "ema takes BUY alerts again." in (await browser.press("/act/resume?strategy=ema")).text
    assert site.bot.switch.paused_strategies == frozenset()
    assert (await browser.get("/act/pause?strategy=rsi")).status == 404
