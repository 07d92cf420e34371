"""A strategy's own pause, what is left behind without its section, and what is given to another one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.adapters.database.samples import NOON, a_trade, an_action, an_alert, an_execution
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import Moved, Reassigned, StateChanged
from tradebot.domain.settings import TradingState, paused_strategies, strategy_state_key
from tradebot.domain.strategies import Strategies, Strategy, UnknownStrategy
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import NewTrade, OrderRole, TradeStatus
from tradebot.operations import reassign
from tradebot.operations.reassign import Plan
from tradebot.ports import Books, Ledger
from tradebot.queries.left_behind import LeftBehind, left_behind
from tradebot.trading.refold import refold

ANN = "Ann (Telegram 1)"
EMA, RSI = Strategy(name="ema"), Strategy(name="rsi")
BOTH = Strategies({"ema": EMA, "rsi": RSI})


@pytest.fixture
async def two(make_bot: MakeBot) -> Bot:
    """It has two strategies, and does nothing by itself."""
    return await make_bot(strategies=BOTH)


# --- pause --------------------------------------------------------------------------------------------------------------


async def paused(bot: Bot) -> frozenset[str]:
    async with bot.ledger.read() as books:
        return paused_strategies(await books.settings())


async def test_one_strategy_is_paused_and_the_whole_is_not(two: Bot) -> None:
    """Pausing one strategy would stop the others, or stop nothing."""
    assert await two.operations.pause(ANN, "1", "ema") is TradingState.PAUSED
    assert (await paused(two), two.switch.paused_strategies) == ({"ema"}, {"ema"})
    assert two.switch.state is TradingState.RUNNING
    assert await two.operations.resume(ANN, "2", strategy="ema") is TradingState.RUNNING
    assert (await paused(two), two.switch.paused_strategies) == (set(), set())
    changes = [event.facts for event in await two.events() if event.kind is EventKind.STATE_CHANGED]
    assert changes == [
        StateChanged(TradingState.RUNNING, TradingState.PAUSED, "ema"),
        StateChanged(TradingState.PAUSED, TradingState.RUNNING, "ema"),
    ]


async def test_resuming_the_whole_leaves_a_strategy_paused_by_name(two: Bot) -> None:
    """A strategy that its owner has stopped for a reason would buy again because of something else."""
    await two.operations.pause(ANN, "1", "ema")
    await two.operations.pause(ANN, "2")
    assert await two.operations.resume(ANN, "3") is TradingState.RUNNING
    assert await paused(two) == {"ema"}


async def test_a_strategy_s_resume_lifts_neither_pause_nor_kill_of_the_whole(two: Bot) -> None:
    """Resuming one strategy would start all of them, even against the kill switch."""
    await two.operations.pause(ANN, "1", "ema")
    await two.operations.kill(ANN)
    assert await two.operations.resume(ANN, "2", strategy="ema") is TradingState.RUNNING
    assert two.switch.state is TradingState.KILLED
    async with two.ledger.read() as books:
        assert (await books.settings())["trading_state"] == TradingState.KILLED


async def test_the_daemon_sees_what_another_process_has_paused(two: Bot) -> None:
    """`tradebot pause --strategy` would wait in vain for the daemon's word."""
    async with two.ledger.begin() as books:
        await books.put_setting(strategy_state_key("rsi"), TradingState.PAUSED, "command line", NOON)
    await two.switch.refresh()
    assert two.switch.paused_strategies == {"rsi"}
    health = await two.queries.health()
    assert health.parts["trading"]["paused_strategies"] == ["rsi"]


async def test_a_strategy_that_there_is_not_is_not_paused(two: Bot) -> None:
    """A misspelt name would be answered as done, and the strategy meant would go on buying."""
    for act in (two.operations.pause(ANN, "1", "emma"), two.operations.resume(ANN, "2", strategy="emma")):
        with pytest.raises(UnknownStrategy):
            await act
    assert await paused(two) == set()


# --- left behind, reassigned ------------------------------------------------------------------------------------------------


async def bought(books: Books, strategy: str, ticker: str, qty: int = 10) -> int:
    """A lot of this strategy."""
    trade_id = await a_trade(books, strategy=strategy, ticker=ticker)
    fill = an_execution(f"{strategy}.{ticker}.{trade_id}.01", ticker=ticker, shares=Decimal(qty))
    await books.put_execution(trade_id, fill)
    trade = await books.trade(trade_id)
    assert trade is not None
    trade = replace(trade, filled_qty=Decimal(qty), status=TradeStatus.FILLED, finished_at=trade.created_at)
    await books.save_trade(trade)
    await books.move_alert(trade.alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
    await books.move_alert(trade.alert_id, (AlertStatus.PROCESSING,), AlertStatus.EXECUTED, None)
    await refold(books, trade)
    return trade_id


async def test_what_a_strategy_without_a_section_has_is_found(ledger: Ledger) -> None:
    """Shares would lie in the books for good, with no alert that could sell them, and nobody would be told."""
    async with ledger.begin() as books:
        await bought(books, "ema", "AAPL")
        await bought(books, "old", "AAPL", 3)
        await bought(books, "old", "AAPL", 4)
        await bought(books, "old", "MSFT", 5)
        await books.insert_alert(an_alert(strategy="older", ticker="KO"))
        trade_id = await a_trade(books, strategy="oldest", ticker="F")
        trade = await books.trade(trade_id)
        assert trade is not None
        await books.move_alert(trade.alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
    assert await left_behind(ledger, BOTH) == [
        LeftBehind("old", {"AAPL": Decimal(7), "MSFT": Decimal(5)}, [], []),
        LeftBehind("older", {}, [], ["KO"]),
        LeftBehind("oldest", {}, ["F"], []),
    ]
    assert [one.strategy for one in await left_behind(ledger, Strategies())] == ["ema", "old", "older", "oldest"]


async def test_a_past_alone_is_not_left_behind(ledger: Ledger) -> None:
    """A section could never be taken out of the file again."""
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(strategy="old"))
        assert alert_id is not None
        await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.BLOCKED, None)
    assert await left_behind(ledger, BOTH) == []


async def of(ledger: Ledger, strategy: str) -> tuple[list[tuple[str, Decimal]], int, int, int]:
    """Lots, trades, alerts and corporate actions of AAPL and MSFT."""
    async with ledger.read() as books:
        lots = [(lot.ticker, lot.qty) for lot in await books.lots(strategy=strategy)]
        actions = [one for ticker in ("AAPL", "MSFT") for one in await books.corporate_actions(strategy, ticker)]
        alerts = await books.alerts(list(AlertStatus), strategy=strategy)
        return lots, len(await books.trades(strategy=strategy)), len(alerts), len(actions)


async def test_the_whole_history_of_a_ticker_is_given_to_another_strategy(ledger: Ledger) -> None:
    """Shares would be sold by one strategy out of lots that the other one has bought, or nobody could sell them."""
    async with ledger.begin() as books:
        trade_id = await bought(books, "old", "AAPL", 3)
        await bought(books, "old", "MSFT", 5)
        await books.add_corporate_action(an_action(trade_id, ticker="AAPL", strategy="old"))
        await books.insert_alert(an_alert(strategy="old", ticker="AAPL"))
        await bought(books, "ema", "KO")
    planned = await reassign.plan(ledger, "old", "ema", "AAPL")
    assert (planned, planned.possible) == (Plan((Moved("AAPL", Decimal(3), 1, 2),)), True)
    assert await reassign.carry_out(ledger, "old", "ema", "AAPL", ANN, "key", NOON) == planned
    assert await of(ledger, "old") == ([("MSFT", Decimal(5))], 1, 1, 0)
    assert await of(ledger, "ema") == ([("AAPL", Decimal(3)), ("KO", Decimal(10))], 2, 3, 1)
    again = await reassign.carry_out(ledger, "old", "ema", "AAPL", ANN, "another key", NOON)
    assert (again, again.possible) == (Plan(()), False)
    await reassign.carry_out(ledger, "old", "ema", None, ANN, "a third", NOON)
    assert await of(ledger, "old") == ([], 0, 0, 0)
    async with ledger.read() as books:
        told = [event.facts for event in await books.events() if event.kind is EventKind.REASSIGNED]
    assert told == [
        Reassigned("old", "ema", (Moved("AAPL", Decimal(3), 1, 2),)),
        Reassigned("old", "ema", (Moved("MSFT", Decimal(5), 1, 1),)),
    ]


async def test_what_is_given_folds_for_the_new_strategy(ledger: Ledger) -> None:
    """A late commission of an old trade would find no lots, or make a second set of them."""
    async with ledger.begin() as books:
        trade_id = await bought(books, "old", "AAPL", 3)
    await reassign.carry_out(ledger, "old", "ema", None, ANN, "key", NOON)
    async with ledger.begin() as books:
        trade = await books.trade(trade_id)
        assert trade is not None
        await books.put_execution(
            trade_id, an_execution(f"old.AAPL.{trade_id}.01", shares=Decimal(3), commission=Decimal(2))
        )
        await refold(books, trade)
        [lot] = await books.lots()
    assert (lot.strategy, lot.qty, lot.commission) == ("ema", 3, 2)


async def test_two_histories_are_not_mixed(ledger: Ledger) -> None:
    """Lots of two strategies would be folded into each other, first in first out, and the P&L of both be another one."""
    async with ledger.begin() as books:
        await bought(books, "old", "AAPL", 3)
        await bought(books, "old", "MSFT", 5)
        await bought(books, "ema", "AAPL")
    before = await of(ledger, "old"), await of(ledger, "ema")
    done = await reassign.carry_out(ledger, "old", "ema", None, ANN, "key", NOON)
    assert (done.possible, done.traded_already) == (False, ("AAPL",))
    assert (await of(ledger, "old"), await of(ledger, "ema")) == before
    assert (await reassign.carry_out(ledger, "old", "ema", "MSFT", ANN, "key", NOON)).possible


async def test_nothing_moves_while_an_order_has_no_end(ledger: Ledger) -> None:
    """A fill would be booked for a strategy that never sent the order."""
    async with ledger.begin() as books:
        await bought(books, "old", "AAPL", 3)
        await a_trade(books, strategy="old", ticker="AAPL")
    done = await reassign.carry_out(ledger, "old", "ema", "AAPL", ANN, "key", NOON)
    assert (done.possible, done.unresolved) == (False, ("AAPL",))
    assert (await of(ledger, "ema"))[1:] == (0, 0, 0)


async def test_a_transaction_that_fails_moves_nothing(still: Bot) -> None:
    """Half of a history would be one strategy's and half another's."""

    async def dies() -> None:
        raise RuntimeError

    async with still.ledger.begin() as books:
        await bought(books, "old", "AAPL", 3)
    still.ledger.before_commit = dies
    with pytest.raises(RuntimeError):
        await reassign.carry_out(still.ledger, "old", "ema", None, ANN, "key", NOON)
    still.ledger.before_commit = None
    assert await of(still.ledger, "old") == ([("AAPL", Decimal(3))], 1, 1, 0)
    assert (await reassign.carry_out(still.ledger, "old", "ema", None, ANN, "key", NOON)).possible


async def stopped(books: Books, entry_id: int, status: TradeStatus) -> int:
    """A stop of this entry, as it stands."""
    entry = await books.trade(entry_id)
    assert entry is not None
    stop_id = await books.insert_trade(
        NewTrade(
            alert_id=entry.alert_id,
            ticker=entry.ticker,
            con_id=entry.con_id,
            side=Side.SELL,
            requested_qty=entry.filled_qty,
            order_ref=f"{entry.order_ref}-stop",
            ib_position_before=None,
            reserved=Decimal(0),
            created_at=entry.created_at,
            strategy=entry.strategy,
            role=OrderRole.STOP,
            parent_trade_id=entry.id,
            order_type=OrderType.STOP,
            stop_price=Decimal(180),
            decision={},
        )
    )
    stop = await books.trade(stop_id)
    assert stop is not None
    await books.save_trade(replace(stop, status=status))
    return stop_id


async def test_a_stop_that_rests_goes_with_its_shares(ledger: Ledger) -> None:
    """Protected shares could never be given to another strategy, or what their stop sells would be booked for the old one."""
    async with ledger.begin() as books:
        stop_id = await stopped(books, await bought(books, "old", "AAPL", 3), TradeStatus.SUBMITTED)
    assert (await reassign.carry_out(ledger, "old", "ema", None, ANN, "key", NOON)).possible
    async with ledger.read() as books:
        stop = await books.trade(stop_id)
    assert stop is not None
    assert stop.strategy == "ema"


async def test_shares_with_a_stop_in_doubt_stay(ledger: Ledger) -> None:
    """Whether it was sent, and for whom it sells, would be asked of the wrong strategy."""
    async with ledger.begin() as books:
        await stopped(books, await bought(books, "old", "AAPL", 3), TradeStatus.UNKNOWN)
    done = await reassign.carry_out(ledger, "old", "ema", None, ANN, "key", NOON)
    assert (done.possible, done.unresolved) == (False, ("AAPL",))
