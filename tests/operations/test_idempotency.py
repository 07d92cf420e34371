"""An act is done once: when its message comes again, when two come at once, and when a process dies in between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot
from tests.facts import a_split
from tests.fakes import CON_IDS
from tests.operations.conftest import process_on
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import SettingChanged
from tradebot.domain.positions import WriteOff
from tradebot.domain.settings import TradingState, state_in
from tradebot.errors import LedgerUnavailable
from tradebot.operations import trading_state

ANN, BOB = "Ann (Telegram 1)", "Bob (Telegram 2)"
KEY, BEFORE, BETWEEN = "telegram:1:11", "telegram:1:10", "telegram:1:12"


class Died(Exception):
    """The process ends here."""


@dataclass(frozen=True)
class Act:
    """What a person does, what went before, and what somebody else does before it is delivered again."""

    do: Callable[[Bot, str], Awaitable[object]]
    before: Callable[[Bot], Awaitable[object]]
    between: Callable[[Bot], Awaitable[object]]


async def nothing(_: Bot) -> None:
    pass


async def write_off(bot: Bot, key: str) -> None:
    """Two of five AAPL, as the question was asked when five were booked."""
    await bot.operations.write_off(WriteOff("AAPL", bot.broker.con_ids["AAPL"], Decimal(5), Decimal(2)), ANN, key)


SPLIT = a_split(con_id=CON_IDS["AAPL"], new_con_id=CON_IDS["AAPL"], booked=Decimal(5), at_ib=Decimal(50))


async def clear_queue(bot: Bot) -> None:
    waiting = [alert.id for alert in (await books_of(bot))["alerts"] if alert.status is AlertStatus.RECEIVED]
    assert set(await bot.operations.clear_queue(waiting, BOB)) == set(waiting)


ACTS = {
    "pause": Act(
        do=lambda bot, key: bot.operations.pause(ANN, key),
        before=nothing,
        between=lambda bot: bot.operations.resume(BOB, BETWEEN),
    ),
    "resume": Act(
        do=lambda bot, key: bot.operations.resume(ANN, key),
        before=lambda bot: bot.operations.pause(ANN, BEFORE),
        between=lambda bot: bot.operations.pause(BOB, BETWEEN),
    ),
    "resume from KILLED": Act(
        do=lambda bot, key: bot.operations.resume(ANN, key, TradingState.PAUSED),
        before=lambda bot: bot.operations.kill(ANN),
        between=lambda bot: bot.operations.kill(BOB),
    ),
    "pause one strategy": Act(
        do=lambda bot, key: bot.operations.pause(ANN, key, "main"),
        before=nothing,
        between=lambda bot: bot.operations.resume(BOB, BETWEEN, strategy="main"),
    ),
    "resume one strategy": Act(
        do=lambda bot, key: bot.operations.resume(ANN, key, strategy="main"),
        before=lambda bot: bot.operations.pause(ANN, BEFORE, "main"),
        between=lambda bot: bot.operations.pause(BOB, BETWEEN, "main"),
    ),
    "kill beside the daemon": Act(
        do=lambda bot, key: trading_state.kill(bot.ledger, ANN, key, bot.clock.now()),
        before=nothing,
        between=lambda bot: bot.operations.resume(BOB, BETWEEN),
    ),
    "set_limit": Act(
        do=lambda bot, key: bot.operations.set_limit("buy_amount_usd", Decimal(700), ANN, key),
        before=nothing,
        between=lambda bot: bot.operations.set_limit("buy_amount_usd", Decimal(800), BOB, BETWEEN),
    ),
    "set_limit of one strategy": Act(
        do=lambda bot, key: bot.operations.set_limit("max_daily_buys", Decimal(7), ANN, key, "main"),
        before=nothing,
        between=lambda bot: bot.operations.set_limit("max_daily_buys", Decimal(8), BOB, BETWEEN, "main"),
    ),
    "block": Act(
        do=lambda bot, key: bot.operations.block("AAPL", ANN, key),
        before=nothing,
        between=lambda bot: bot.operations.block("AAPL", BOB, BETWEEN, blocked=False),
    ),
    "unblock": Act(
        do=lambda bot, key: bot.operations.block("AAPL", ANN, key, blocked=False),
        before=lambda bot: bot.operations.block("AAPL", ANN, BEFORE),
        between=lambda bot: bot.operations.block("AAPL", BOB, BETWEEN),
    ),
    "sell": Act(
        do=lambda bot, key: bot.operations.sell([("main", "AAPL")], ANN, key),
        before=lambda bot: bot.owns(5),
        between=clear_queue,
    ),
    "write_off": Act(
        do=write_off,
        before=lambda bot: bot.owns(5),
        between=lambda bot: bot.owns(2),  # five are booked again
    ),
    "book_split": Act(
        do=lambda bot, key: bot.operations.book_split(SPLIT, ANN, key),
        before=lambda bot: bot.owns(5),
        between=lambda bot: bot.owns(2),
    ),
    "deny_split": Act(
        do=lambda bot, key: bot.operations.deny_split(SPLIT, ANN, key),
        before=lambda bot: bot.owns(5),
        between=lambda bot: bot.owns(2),
    ),
}
EACH = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


async def books_of(bot: Bot) -> Mapping[str, Any]:
    """Everything that an act may change. How often an alert came is no change of it."""
    async with bot.ledger.read() as books:
        return {
            "settings": await books.settings(),
            "authors": await books.setting_authors(),
            "alerts": [replace(alert, duplicates=0) for alert in await books.alerts(list(AlertStatus))],
            "trades": await books.trades(),
            "lots": await books.lots(),
            "actions": await books.corporate_actions("main", "AAPL"),
            "events": await books.events(),
        }


@EACH
async def test_the_same_key_again_changes_nothing(still: Bot, act: Act) -> None:
    """A message that Telegram delivers twice would be told, and counted, as two acts."""
    await act.before(still)
    untouched = await books_of(still)
    await act.do(still, KEY)
    done = await books_of(still)
    assert done != untouched
    await act.do(still, KEY)
    assert await books_of(still) == done


@EACH
async def test_an_act_delivered_again_does_not_undo_what_came_after_it(still: Bot, act: Act) -> None:
    """A /set_amount 700 that comes again after /set_amount 800 would set 700, and a /resume lift a later pause."""
    await act.before(still)
    await act.do(still, KEY)
    done = await books_of(still)
    await act.between(still)
    later, state = await books_of(still), still.switch.state
    assert later != done
    await act.do(still, KEY)
    assert (await books_of(still), still.switch.state) == (later, state)


@EACH
async def test_an_act_that_could_not_be_stored_can_be_done_with_the_same_key(still: Bot, act: Act) -> None:
    """The key would be taken by an act that never happened, and its repetition do nothing."""

    async def fails() -> None:
        raise LedgerUnavailable("the database went away before the commit")

    await act.before(still)
    untouched, state = await books_of(still), still.switch.state
    still.ledger.before_commit = fails
    with pytest.raises(LedgerUnavailable):
        await act.do(still, KEY)
    still.ledger.before_commit = None
    assert (await books_of(still), still.switch.state) == (untouched, state)
    await act.do(still, KEY)
    assert await books_of(still) != untouched


@EACH
async def test_an_act_whose_process_died_before_the_answer_is_not_done_again(still: Bot, act: Act) -> None:
    """After the restart Telegram delivers the message again, and what was done already would be done twice."""

    async def dies() -> None:
        raise Died

    await act.before(still)
    untouched = await books_of(still)
    still.ledger.after_commit = dies
    with pytest.raises(Died):
        await act.do(still, KEY)
    still.ledger.after_commit = None
    done = await books_of(still)
    assert done != untouched
    async with process_on(still.url) as restarted:
        await restarted.switch.refresh()
        await act.do(restarted, KEY)
        assert await books_of(restarted) == done
        assert restarted.switch.state is state_in(done["settings"])


@EACH
async def test_two_at_once_with_one_key_act_once(still: Bot, act: Act) -> None:
    """Two processes that get the same message would both act on it."""
    await act.before(still)
    events = len((await books_of(still))["events"])
    async with process_on(still.url) as other:
        await other.switch.refresh()
        await asyncio.gather(act.do(still, KEY), act.do(other, KEY))
    assert len((await books_of(still))["events"]) == events + 1


async def test_of_two_at_once_the_first_counts(still: Bot) -> None:
    """The second would pass because its value is another one, though its key is taken."""
    async with process_on(still.url) as other:
        await asyncio.gather(
            still.operations.set_limit("buy_amount_usd", Decimal(700), ANN, KEY),
            other.operations.set_limit("buy_amount_usd", Decimal(800), ANN, KEY),
        )
    books = await books_of(still)
    [event] = [event for event in books["events"] if event.kind is EventKind.SETTING_CHANGED]
    assert isinstance(event.facts, SettingChanged)
    assert Decimal(books["settings"]["limit.account.buy_amount_usd"]) == event.facts.to


async def test_one_key_sells_each_ticker_once(still: Bot) -> None:
    """Of two tickers sold by one button the second would be taken for the first one's repetition, or both sold twice."""
    await still.owns(5, "AAPL")
    assert len(await still.operations.sell([("main", "AAPL")], ANN, KEY)) == 1
    await still.owns(3, "MSFT")
    assert len(await still.operations.sell([("main", "AAPL"), ("main", "MSFT")], ANN, KEY)) == 1
    assert await still.operations.sell([("main", "AAPL"), ("main", "MSFT")], ANN, KEY) == []


async def test_the_kill_switch_waits_for_nothing(still: Bot) -> None:
    """Orders would go on leaving while the database thinks about an act that came before."""
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        inside.set()
        await go_on.wait()

    still.ledger.before_commit = stuck
    pause = asyncio.create_task(still.operations.pause(ANN, KEY))
    await inside.wait()
    kill = asyncio.create_task(still.operations.kill(ANN))
    await asyncio.sleep(0)  # its first step, and no more
    assert (still.switch.state, kill.done()) == (TradingState.KILLED, False)
    go_on.set()
    assert await pause is TradingState.KILLED
    assert await kill is True
    assert state_in((await books_of(still))["settings"]) is TradingState.KILLED


async def test_the_kill_switch_holds_without_a_database(still: Bot) -> None:
    """The one act that must never fail would fail when things are worst."""
    still.ledger.away = True
    assert await still.operations.kill(ANN) is False
    assert still.switch.state is TradingState.KILLED
    still.ledger.away = False
    assert await still.operations.kill(ANN) is True
    assert state_in((await books_of(still))["settings"]) is TradingState.KILLED


async def test_a_key_that_was_seen_lifts_no_kill_that_is_not_stored_yet(still: Bot) -> None:
    """A resume that comes again would end a kill which only the memory holds, while the database is away."""
    bot = still
    await bot.operations.resume(ANN, "again")
    bot.ledger.away = True
    assert not await bot.operations.kill(BOB)
    bot.ledger.away = False
    assert await bot.operations.resume(ANN, "again") is TradingState.KILLED
    assert bot.switch.state is TradingState.KILLED
