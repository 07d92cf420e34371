"""The chat where there are several strategies: each is shown, each is meant by its name, none is mistaken for a ticker."""

from collections.abc import AsyncIterator
from datetime import time
from decimal import Decimal

import pytest

from tests.adapters.database.samples import an_alert, an_execution
from tests.adapters.telegram.conftest import Phone, open_phone
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import StateChanged
from tradebot.domain.strategies import Sizing, Strategies, Strategy
from tradebot.domain.trades import NewTrade, OrderRole
from tradebot.telegram.markup import plain
from tradebot.trading.broker_update import BrokerUpdate

EMA = Strategy(
    name="ema",
    tickers=frozenset({"AAPL", "SPY"}),
    window=(time(9, 35), time(15, 45)),
    limits={"buy_amount_usd": Decimal(500), "max_open_positions": 3},
)
SPY = Strategy(name="spy", sizing=Sizing.SHARES, size=Decimal(5))
STRATEGIES = Strategies({"ema": EMA, "spy": SPY})


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    made = await make_bot(strategies=STRATEGIES)
    await made.start()
    return made


@pytest.fixture
async def phone(bot: Bot) -> AsyncIterator[Phone]:
    async with open_phone(bot) as opened:
        yield opened


async def trades(bot: Bot, strategy: str, ticker: str, side: Side = Side.BUY, price: int = 100) -> None:
    """5 shares, filled a moment ago."""
    con_id = bot.broker.con_ids.setdefault(ticker, len(bot.broker.con_ids))
    async with bot.ledger.begin() as books:
        new = an_alert(received_at=bot.clock.now(), ticker=ticker, action=side, strategy=strategy)
        alert_id = await books.insert_alert(new)
        assert alert_id is not None
        await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
        trade = NewTrade(
            alert_id=alert_id,
            ticker=ticker,
            con_id=con_id,
            side=side,
            role=OrderRole.ENTRY if side is Side.BUY else OrderRole.EXIT,
            requested_qty=Decimal(5),
            order_ref=f"tb-{alert_id}-{strategy}",
            ib_position_before=Decimal(0),
            reserved=Decimal(0),
            decision={},
            created_at=bot.clock.now(),
            strategy=strategy,
        )
        await books.insert_trade(trade)
    fill = an_execution(
        f"{strategy}.{alert_id}.01",
        order_ref=trade.order_ref,
        order_id=0,
        perm_id=8000 + alert_id,
        con_id=con_id,
        ticker=ticker,
        side=side,
        shares=Decimal(5),
        price=Decimal(price),
        commission=Decimal(1),
        time=bot.clock.now(),
    )
    await bot.booking.book(trade.order_ref, BrokerUpdate(executions=[fill]))
    bot.clock.skip(11)


async def test_every_strategy_is_shown_as_it_stands(phone: Phone) -> None:
    """The owner could not see which strategy buys, what it holds, and how much of its own limits is used."""
    await trades(phone.bot, "ema", "AAPL")
    told = plain((await phone.api.ask("/strategies", "Strategies")).text)
    ema, spy = told.split("🟢 ")[1:]
    assert ema.startswith(
        "ema on\n   $500.00 a BUY\n   exits sell all\n   buys only AAPL, SPY\n   buys 09:35–15:45 New York"
    )
    assert "Open positions 1 of 3" in ema
    assert "Last BUY AAPL EXECUTED" in ema
    assert spy.startswith("spy on\n   5 shares a BUY")
    assert "0 lots, $0.00 invested" in spy
    assert "No alert yet" in spy
    assert plain((await phone.api.ask("/strategies EMA", "ema")).text).count("on\n") == 1


async def test_a_button_pauses_one_strategy_and_resumes_it(phone: Phone) -> None:
    """One strategy that goes wrong could be stopped only together with all the others, or a slip of the thumb would stop it."""
    shown = await phone.api.ask("/strategies", "Strategies")
    question = await phone.api.pressed(shown, "⏸ Pause ema", "Pause ema?")
    assert "🟢 ema on" in plain((await phone.api.ask("/status", "ema")).text)
    await phone.api.pressed(question, "Pause ema", "ema is PAUSED")
    paused = await phone.api.ask("/strategies", "paused: no BUY")
    assert set(paused.buttons) == {"▶ Resume ema", "⏸ Pause spy"}
    assert phone.bot.switch.state == "RUNNING"
    question = await phone.api.pressed(paused, "▶ Resume ema", "Resume ema?")
    await phone.api.pressed(question, "Resume ema", "ema is resumed")
    assert "🟢 ema on" in plain((await phone.api.ask("/status", "Strategies")).text)


async def test_pause_and_resume_take_a_strategy(phone: Phone) -> None:
    """A pause meant for one strategy would stop them all, or a resume would lift more than it names."""
    await phone.api.ask("/pause Ema", "ema is PAUSED")
    resumed = await phone.api.ask("/resume", "RUNNING")
    assert "Still paused by name: ema (/resume ema)." in plain(resumed.text)
    await phone.api.ask("/strategies", "</b> paused")
    await phone.api.ask("/pause", "PAUSED")
    told = await phone.api.ask("/resume ema", "ema is resumed")
    assert "all trading is PAUSED" in told.text
    events = await phone.bot.events(EventKind.STATE_CHANGED)
    assert [event.facts.strategy for event in events if isinstance(event.facts, StateChanged)] == ["ema", None, "ema"]
    await phone.api.ask("/pause ema", "ema is PAUSED")
    await phone.api.ask("/resume", "Still paused by name: ema")
    assert "Still paused" not in (await phone.api.ask("/resume ema", "ema is resumed")).text
    await phone.api.ask("/pause", "PAUSED")
    assert "Still paused" not in (await phone.api.ask("/resume", "RUNNING")).text


@pytest.mark.parametrize(
    "command",
    ["/pause emma", "/resume emma", "/pnl emma", "/positions emma", "/queue emma", "/settings emma", "/status emma"],
)
async def test_a_name_that_there_is_not_does_nothing(phone: Phone, command: str) -> None:
    """A slip would pause, resume or show everything instead of one strategy."""
    told = await phone.api.ask(command, "There is no strategy")
    assert "Did you mean ema? There are: ema, spy." in told.text
    assert not await phone.bot.events(EventKind.STATE_CHANGED)


async def test_a_limit_of_one_strategy_moves_no_other(phone: Phone) -> None:
    """The amount of one strategy would become everybody's, or the account's."""
    ask = phone.api.ask
    shown = plain((await ask("/set_amount ema", "Range")).text)
    assert shown.startswith("Amount of a BUY of ema: $500.00\nThe account's, over all: $500.00")
    assert "none of its own" in (await ask("/set_amount spy", "Range")).text
    assert "of ema" in (await ask("/set_amount ema 750", "$500.00 → <b>$750.00</b>")).text
    assert "none of its own → <b>10</b>" in (await ask("/set_max_daily SPY 10", "→")).text
    await ask("/set_amount", "$500.00")
    assert await phone.queries.own_limits("spy") == {"max_daily_buys": 10}
    for wrong in ("ema abc", "ema", "emma 750", "ema spy 750", "750 ema"):
        assert "→" not in (await ask(f"/set_amount {wrong}")).text, wrong
    assert "For example: /set_amount ema 750" in (await ask("/set_amount emma 750", "no strategy")).text
    await ask("/set_amount ema", "$750.00")
    told = plain((await ask("/settings ema", "Limits of ema")).text)
    assert "Amount of a BUY $750.00" in told
    assert "Buys a day: the account's 50\n   /set_max_daily ema" in told
    assert "spy: its own, besides\n   Buys a day 0 of 10" in plain((await ask("/settings", "Limits")).text)


async def test_views_say_whose_is_what(phone: Phone) -> None:
    """Two strategies in one stock would look like one, and neither's result could be told."""
    bot, ask = phone.bot, phone.api.ask
    await trades(bot, "ema", "AAPL")
    await trades(bot, "spy", "AAPL", price=90)
    told = plain((await ask("/positions", "Positions")).text)
    assert "── ema\nAAPL      5" in told
    assert "\nema: AAPL $100.00 →" in told
    assert "\nspy: AAPL $90.00 →" in told
    assert "ema cost $500.00" in told
    mine = plain((await ask("/positions ema", "Positions of ema")).text)
    assert ("$100.00 →" in mine, "$90.00" in mine, "ema:" in mine) == (True, False, False)

    await trades(bot, "ema", "AAPL", Side.SELL, 110)
    assert plain((await ask("/trades", "The last 3 trades")).text).count("\n      ema") == 2
    assert "$90.00" in plain((await ask("/trades spy 5", "The last 1 trade")).text)
    assert "strategy ema" in (await ask("/last ema", "Alert 3: SELL AAPL")).text
    assert "Open positions 0 of 3" in plain((await ask("/risk ema", "Risk of ema")).text)
    told = plain((await ask("/pnl", "By strategy")).text)
    assert "ema +$4" in told
    assert "spy +$0.00" in told
    assert plain((await ask("/pnl ema", "P&amp;L")).text).startswith("ema: P&L today")
    assert "Realised by ticker" not in plain((await ask("/pnl spy", "P&amp;L")).text)
    status = plain((await ask("/status", "Strategies")).text)
    assert "🟢 spy on\n   1 open, 1 buy, +$0.00" in status


async def test_messages_begin_with_the_strategy(phone: Phone) -> None:
    """The owner would not know which of his strategies bought, or was refused."""
    await trades(phone.bot, "ema", "AAPL")
    assert "🟢 Bought 5 AAPL @ $100.00 = $500\nema: " in plain((await phone.api.heard("Bought 5 AAPL")).text)
    await phone.bot.alert("SELL", "MSFT", strategy="spy")
    assert "SELL MSFT not sent: none is held" in plain((await phone.api.heard("SELL MSFT")).text)


async def test_sell_all_sells_what_was_named(phone: Phone) -> None:
    """Selling one strategy, or one ticker, would sell the rest too."""
    bot, ask = phone.bot, phone.api.ask
    await trades(bot, "ema", "AAPL")
    await trades(bot, "ema", "SPY")
    await trades(bot, "spy", "AAPL")
    assert set((await ask("/sell_all", "ema: AAPL 5")).buttons) == {"Sell all 3", "No, leave it"}
    assert "It holds AAPL, SPY. Strategies: ema, spy." in (await ask("/sell_all MSFT", "The bot holds no “MSFT”.")).text
    assert "It holds AAPL." in (await ask("/sell_all spy MSFT", "Strategy spy holds no “MSFT”.")).text
    for typed in ("/sell_all ema SPY", "/sell_all spy ema"):
        assert "spy: AAPL" not in (await ask(typed, "SPY 5")).text
    which = await ask("/sell_all spy", "Sell which")
    assert set(which.buttons) == {"Sell all 1 of spy", "Sell SPY", "No, leave it"}
    await phone.api.pressed(which, "Sell all 1 of spy", "1 SELL alert is in the queue")
    await is_sold(bot, "spy", "AAPL")
    one = await ask("/sell_all ema aapl", "Sell at market?")
    assert "spy" not in one.text
    await phone.api.pressed(one, "Sell AAPL of ema", "1 SELL alert is in the queue")
    await is_sold(bot, "ema", "AAPL")


async def is_sold(bot: Bot, strategy: str, ticker: str) -> None:
    """The newest alert is the bot's own, and that strategy's."""
    async with bot.ledger.read() as books:
        [newest] = await books.newest_alerts(tuple(AlertStatus), 1)
    assert (newest.action, newest.ticker, newest.strategy) == (Side.SELL, ticker, strategy)


async def test_the_queue_of_one_strategy(make_bot: MakeBot) -> None:
    """Clearing one strategy's alerts would drop the others'."""
    bot = await make_bot(strategies=STRATEGIES)
    await bot.start(connected=False)
    async with open_phone(bot) as phone:
        mine, other = [await bot.alert("BUY", "AAPL", strategy=name) for name in ("ema", "spy")]
        told = plain((await phone.api.ask("/queue", "2 waiting")).text)
        assert "ema: BUY AAPL" in told
        assert "spy" not in (await phone.api.ask("/queue ema", "1 waiting of ema")).text
        question = await phone.api.ask("/clear_queue ema", "Clear the waiting alert?")
        await phone.api.pressed(question, "Clear 1", "1 cleared")
        assert (await bot.row(mine)).status is AlertStatus.CLEARED
        assert (await bot.row(other)).status is AlertStatus.RECEIVED
        await phone.api.ask("/clear_queue ema", "No alert of ema waits.")


async def test_help_shows_how_a_strategy_is_named(phone: Phone) -> None:
    """Nobody would find out that a command takes a name."""
    assert "Most take a strategy: /pnl ema" in (await phone.api.ask("/help", "Commands")).text
    for example in ("/set_amount ema 750", "/pause ema", "/pnl ema", "/sell_all ema"):
        command = example.split()[0]
        assert f"\n{example}" in plain((await phone.api.ask(f"/help {command}", f"{command}</b>")).text)


async def test_where_there_is_one_strategy_it_is_never_named(make_bot: MakeBot) -> None:
    """Who has one strategy would read its name everywhere, and a stray word would change what a command does."""
    bot = await make_bot(strategies=Strategies({"ema": EMA}))
    await bot.start()
    async with open_phone(bot) as phone:
        await trades(bot, "ema", "AAPL")
        assert "ema" not in (await phone.api.heard("Bought 5 AAPL")).text
        for command in ("/status", "/positions", "/pnl", "/queue", "/help", "/pnl ema", "/positions x"):
            assert "ema" not in (await phone.api.ask(command)).text, command
        await phone.api.ask("/pause please", "PAUSED")
        assert bot.switch.state == "PAUSED"
        await phone.api.ask("/resume", "RUNNING")
        await phone.api.ask("/pause ema", "ema is PAUSED")
        assert "⏸ ema paused: no BUY" in plain((await phone.api.ask("/status", "RUNNING")).text)
        await phone.api.ask("/resume ema", "ema is resumed")
        assert "ema" not in (await phone.api.ask("/status", "RUNNING")).text
        one = await phone.api.ask("/sell_all aapl", "AAPL 5")
        assert "Sell AAPL" in one.buttons
        await phone.api.ask("/set_amount ema 300", "→")
        assert "ema: its own, besides\n   Amount of a BUY $300.00" in plain(
            (await phone.api.ask("/settings", "Limits")).text
        )
