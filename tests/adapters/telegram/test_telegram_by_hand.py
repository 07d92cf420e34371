"""One ticker by hand: sold, bought and blocked from the chat, each by the road that alerts go."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.adapters.telegram.conftest import Phone, open_phone
from tests.bot import said
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.strategies import Sizing, Strategies, Strategy
from tradebot.domain.trades import OrderRole
from tradebot.telegram.asked import ToBuy, Unclear, count_of, ticker_of, to_buy
from tradebot.telegram.markup import plain

SEVERAL = Strategies({name: Strategy(name=name) for name in ("ema", "spy")})


@pytest.fixture
async def buyer(make_bot: MakeBot) -> AsyncIterator[Phone]:
    """Of a bot whose file allows buying by hand."""
    made = await make_bot(allow_buy=True)
    await made.start()
    async with open_phone(made) as opened:
        yield opened


# --- blocked tickers ------------------------------------------------------------------------------------------------


async def test_a_blocked_ticker_is_not_bought_and_still_sold(phone: Phone) -> None:
    """What the owner has blocked would be bought all the same, or its exit be stopped with it."""
    bot = phone.bot
    await bot.owns(4, "AAPL")
    await phone.api.ask("/block nasdaq:aapl", "AAPL is blocked")
    refused = await bot.becomes(await bot.alert("BUY", "AAPL"), AlertStatus.BLOCKED)
    assert "AAPL is blocked: no BUY of it until /unblock AAPL" in said(refused.reason)
    await bot.alert("SELL", "AAPL")
    assert (await bot.sent()).side is Side.SELL
    assert "AAPL" in (await phone.api.ask("/block", "Blocked: no BUY of")).text
    assert "no BUY of AAPL" in (await phone.api.ask("/settings", "Limits")).text
    await phone.api.ask("/unblock AAPL", "may be bought again")
    assert "No ticker is blocked." in (await phone.api.ask("/block", "No ticker")).text
    await phone.api.ask("/block MSFT", "is blocked")
    await phone.api.ask("/unblock MSFT", "may be bought again")
    await bot.alert("BUY", "MSFT")
    assert (await bot.sent(2)).contract.ticker == "MSFT"
    assert [event.actor for event in await bot.events(EventKind.TICKER_BLOCK)] == ["Ann Owner <b>& (Telegram 4242)"] * 4


async def test_what_is_no_ticker_is_not_blocked(phone: Phone) -> None:
    """A typing mistake would look like a block that holds."""
    for typed in ("/block 1234567", "/block <b>&", "/unblock OTC:ABCD"):
        assert "no US stock's ticker" in plain((await phone.api.ask(typed)).text)
    assert await phone.queries.blocked_tickers() == []


# --- selling --------------------------------------------------------------------------------------------------------


async def test_sell_asks_and_sells_the_one_ticker(phone: Phone) -> None:
    """/sell AAPL would sell at once, something else, or everything."""
    await phone.bot.owns(4, "AAPL")
    await phone.bot.owns(3, "MSFT")
    question = await phone.api.ask("/sell aapl", "Sell at market?")
    assert "AAPL 4" in plain(question.text)
    assert "MSFT" not in question.text
    assert phone.bot.broker.sent == []
    await phone.api.pressed(question, "Sell AAPL", "in the queue")
    order = await phone.bot.sent()
    assert (order.side, order.contract.ticker, order.qty) == (Side.SELL, "AAPL", 4)


async def test_sell_without_a_ticker_offers_what_is_held(phone: Phone) -> None:
    """Who does not remember what is held could not choose, and pressing would sell without a question."""
    await phone.bot.owns(4, "AAPL")
    await phone.bot.owns(3, "MSFT")
    offered = await phone.api.ask("/sell", "Sell which?")
    assert set(offered.buttons) == {"🔴 AAPL 4", "🔴 MSFT 3"}
    question = await phone.api.pressed(offered, "🔴 MSFT 3", "Sell at market?")
    await phone.api.pressed(question, "Sell MSFT", "in the queue")
    assert (await phone.bot.sent()).contract.ticker == "MSFT"


# --- buying ---------------------------------------------------------------------------------------------------------


async def test_buying_by_hand_is_off_unless_the_file_allows_it(phone: Phone) -> None:
    """Whoever gets hold of the phone could buy."""
    assert "allow_buy = true" in (await phone.api.ask("/buy AAPL 500")).text
    with pytest.raises(Exception, match="allow_buy"):
        await phone.operations.buy("AAPL", Decimal(500), "Ann", "key", "main")
    assert phone.bot.broker.sent == []


async def test_a_buy_by_hand_says_what_it_would_do_and_buys_for_so_much(buyer: Phone) -> None:
    """The owner would buy blind, or for another amount than he typed."""
    question = await buyer.api.ask("/buy AAPL $750", "Buy AAPL, for $750.00?")
    assert "It would BUY 7 AAPL." in plain(question.text)
    assert "Read as" not in question.text
    assert buyer.bot.broker.sent == []
    await buyer.api.pressed(question, "Buy AAPL", "Alert 1")
    order = await buyer.bot.sent()
    assert (order.side, order.qty) == (Side.BUY, 7)
    [trade] = await buyer.bot.trades()
    assert trade.role is OrderRole.ENTRY
    await buyer.api.ask("/buy AAPL", "As its strategy sizes it")


async def test_a_buy_by_hand_passes_no_check_by(buyer: Phone) -> None:
    """The owner's own BUY would go past a limit, a pause or a block."""
    question = await buyer.api.ask("/buy MSFT 500", "Buy MSFT, for $500.00?")
    await buyer.api.ask("/block MSFT", "is blocked")
    await buyer.api.pressed(question, "Buy MSFT", "in the queue")
    assert "MSFT is blocked" in said((await buyer.bot.becomes(1, AlertStatus.BLOCKED)).reason)
    question = await buyer.api.ask("/buy AAPL 500", "Buy AAPL, for $500.00?")
    await buyer.api.ask("/set_max_invest 100", "→")
    await buyer.api.pressed(question, "Buy AAPL", "in the queue")
    await buyer.bot.becomes(2, AlertStatus.BLOCKED)
    assert buyer.bot.broker.sent == []


async def test_what_would_not_be_bought_is_told_with_its_own_figures_and_not_offered(buyer: Phone) -> None:
    """The owner would press a button that buys nothing, or raise an amount that was not the one that is too small."""
    answer = await buyer.api.ask("/buy AAPL 50", "AAPL is not bought")
    assert "$50.00 / $100.00 = 0.50 shares of AAPL, which rounds down to none: ask for more." in plain(answer.text)
    assert not answer.buttons
    await buyer.api.ask("/block MSFT", "is blocked")
    answer = await buyer.api.ask("/buy MSFT 500", "It would not be traded: MSFT is blocked")
    assert not answer.buttons
    alert = await buyer.operations.buy("AAPL", Decimal(50), "Ann", "key", "main")
    assert alert is not None
    assert "$50.00 / $100.00 = 0.50 shares" in said((await buyer.bot.becomes(alert, AlertStatus.BLOCKED)).reason)


async def test_one_buy_of_one_key(buyer: Phone) -> None:
    """A button that is delivered twice would buy twice."""
    first = await buyer.operations.buy("AAPL", None, "Ann", "key", "main")
    assert first is not None
    assert await buyer.operations.buy("AAPL", None, "Ann", "key", "main") is None


async def test_the_owner_s_amount_counts_under_any_sizing(make_bot: MakeBot) -> None:
    """A strategy that is sized by shares, or by its alerts, would refuse what the owner types, or buy something else."""
    by_shares = Strategy(name="main", sizing=Sizing.SHARES, size=Decimal(2))
    bot = await make_bot(allow_buy=True, strategies=(by_shares,))
    await bot.start()
    await bot.operations.buy("AAPL", Decimal(500), "Ann", "a", "main")
    assert (await bot.sent()).qty == 5
    await bot.operations.buy("MSFT", None, "Ann", "b", "main")
    assert (await bot.sent(2)).qty == 2


# --- what is typed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("AAPL", ToBuy("main", "AAPL", None)),
        ("aapl 500", ToBuy("main", "AAPL", Decimal(500))),
        ("NASDAQ:AAPL $1,500.50", ToBuy("main", "AAPL", Decimal("1500.50"))),
        ("brk b 500", ToBuy("main", "BRK B", Decimal(500))),
    ],
)
def test_what_is_to_be_bought(typed: str, meant: ToBuy) -> None:
    """Another ticker or another amount than was typed would be bought."""
    assert to_buy(typed, Strategies()) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ema AAPL 500", ToBuy("ema", "AAPL", Decimal(500))),
        ("AAPL ema 500", ToBuy("ema", "AAPL", Decimal(500))),
        ("ema SPY", ToBuy("ema", "SPY", None)),
        ("spy SPY 20", ToBuy("spy", "SPY", Decimal(20))),
    ],
)
def test_whose_the_buy_is(typed: str, meant: ToBuy) -> None:
    """A BUY would be booked to another strategy than was named."""
    assert to_buy(typed, SEVERAL) == meant


@pytest.mark.parametrize(
    "typed", ["", "500", "AAPL -5", "AAPL 0", "AAPL 1e9", "AAPL 99999999999", "AAPL 5 5", "ПЛ 500"]
)
def test_what_is_no_buy(typed: str) -> None:
    """Something that nobody meant would be bought."""
    with pytest.raises(Unclear):
        to_buy(typed, Strategies())


def test_whose_the_buy_is_has_to_be_said() -> None:
    """One of several strategies would be taken on a guess."""
    with pytest.raises(Unclear, match="/buy ema SPY 500"):
        to_buy("SPY 500", SEVERAL)


def test_a_number_and_a_ticker_are_read_or_refused() -> None:
    """`/logs x` would show nothing and say nothing."""
    assert [count_of(typed, "logs", 10, 50) for typed in (None, "", " 7 ", "50")] == [10, 10, 7, 50]
    for wrong in ("0", "51", "-1", "x", "1.5", "１"):
        with pytest.raises(Unclear, match="/logs 10"):
            count_of(wrong, "logs", 10, 50)
    assert ticker_of("brk.b", "block") == "BRK B"
    with pytest.raises(Unclear, match="/block AAPL"):
        ticker_of("", "block")
