"""Exits that IB ended with shares left: armed again, put off until the open, or offered; never twice, never too much."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.clockwork import new_york
from tradebot.database import backups, restore
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.facts.orders import ExitWaitsForOpen
from tradebot.domain.trades import TradeStatus
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.words import events as words

BY_EXCHANGE = "Order Canceled - reason:Cancelled by Exchange"
BARE = "Order Canceled - reason:"


async def ended(bot: Bot, filled: int = 0, text: str = BY_EXCHANGE, *, words_first: bool = True) -> tuple[int, str]:
    """An exit of five shares that IB has ended after so many: alert and order."""
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    if filled:
        bot.broker.fill(order_ref, filled)
    end(bot, order_ref, text, words_first=words_first)
    await bot.turns(order_ref, TradeStatus.PARTIAL if filled else TradeStatus.CANCELLED)
    return alert_id, order_ref


def end(bot: Bot, order_ref: str, text: str = BY_EXCHANGE, *, words_first: bool = True) -> None:
    if words_first:
        bot.broker.error(order_ref, 202, ErrorKind.CANCELLED, text)
    bot.broker.show(order_ref, OrderState.CANCELLED)
    if not words_first:
        bot.broker.error(order_ref, 202, ErrorKind.CANCELLED, text)


async def sent_again(bot: Bot, number: int, within_s: int = 300) -> None:
    async def enough() -> bool:
        return len(bot.broker.sent) >= number

    await bot.sooner_or_later(enough, f"{number} orders are sent", within_s=within_s)
    assert len(bot.broker.sent) == number


async def offered(bot: Bot, within_s: int = 300) -> ExitIncomplete:
    async def told() -> bool:
        return bool(await bot.events(EventKind.EXIT_INCOMPLETE))

    await bot.sooner_or_later(told, "the rest is offered", within_s=within_s)
    [event] = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert isinstance(event.facts, ExitIncomplete)
    return event.facts


@pytest.mark.parametrize("words_first", [True, False])
async def test_an_exit_that_ib_ended_is_sent_again(bot: Bot, words_first: bool) -> None:
    """An exit that the exchange ends after a part of it would be given up, and the rest kept."""
    await bot.owns(5)
    alert_id, first = await ended(bot, filled=2, words_first=words_first)
    await bot.seconds(8)
    assert len(bot.broker.sent) == 1  # executions and position may trail
    await sent_again(bot, 2, within_s=20)
    second = bot.broker.sent[-1]
    assert (second.qty, second.order_ref != first) == (3, True)
    bot.broker.fill(second.order_ref, 3)
    await bot.turns(second.order_ref, TradeStatus.FILLED)
    assert (await bot.becomes(alert_id, AlertStatus.EXECUTED)).reason is None
    [told] = await bot.events(EventKind.EXIT_ARMED_AGAIN)
    assert "IB ended the order with 3 left (IB 202: Order Canceled - reason:Cancelled by Exchange)" in words.text(told)
    assert await bot.events(EventKind.EXIT_INCOMPLETE) == []
    assert bot.broker.held == {265598: 0}


async def test_an_exit_right_after_its_entry_is_sent_again(bot: Bot) -> None:
    """The entry's fill could have been missing in IB's position of then: the exit would be offered, for ever, instead of sent."""
    alert_id, bought = await bot.order("BUY")
    for part in (2, 3):
        bot.broker.fill(bought, part)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await ended(bot, filled=2)
    await sent_again(bot, 3, within_s=30)
    assert bot.broker.sent[-1].qty == 3


async def test_an_exit_is_sent_again_three_times_and_then_offered(bot: Bot) -> None:
    """Orders would go out every few seconds for as long as an exchange refuses them, each told."""
    await bot.owns(5)
    alert_id, _ = await ended(bot)
    for number, wait_s in ((2, 10), (3, 60), (4, 300)):
        await bot.seconds(wait_s * 9 // 10 - 2)
        assert len(bot.broker.sent) == number - 1
        await sent_again(bot, number, within_s=90)
        end(bot, bot.broker.sent[-1].order_ref)
        await bot.turns(bot.broker.sent[-1].order_ref, TradeStatus.CANCELLED)
    assert (await offered(bot)).code is ExitLeft.TRIED
    await bot.seconds(900, at_once=10)
    assert len(bot.broker.sent) == 4
    assert len(await bot.events(EventKind.EXIT_ARMED_AGAIN, alert_id=alert_id)) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (BARE, ExitLeft.CANCELLED),
        ("\u59d4\u6258\u5355\u88ab\u53d6\u6d88\uff0d\u539f\u56e0\uff1a", ExitLeft.CANCELLED),
        ("Order Canceled - reason:The order price is outside of the allowable price limits", ExitLeft.ENDED),
    ],
)
async def test_what_is_on_no_list_is_offered(bot: Bot, text: str, left: ExitLeft) -> None:
    """The owner cancels the exit in TWS, and the machine sells all the same."""
    await bot.owns(5)
    await ended(bot, text=text)
    assert (await offered(bot)).code is left
    await bot.seconds(600, at_once=10)
    assert len(bot.broker.sent) == 1


async def test_a_refused_exit_is_offered_in_ibs_words(bot: Bot) -> None:
    """An order that IB refuses would be sent again and again."""
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.error(order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: no")
    bot.broker.show(order_ref, OrderState.INACTIVE)
    assert await offered(bot) == ExitIncomplete(
        "AAPL", Decimal(5), ExitLeft.REFUSED, "IB 201: Order rejected - reason: no"
    )
    await bot.seconds(600, at_once=10)
    assert len(bot.broker.sent) == 1


async def test_an_exit_that_ib_does_not_show_is_offered_with_a_warning(bot: Bot) -> None:
    """An order behind a dialog that nobody has answered would sell beside the one that takes its place."""
    await bot.owns(5)
    bot.broker.takes_orders = False
    _, order_ref = await bot.order("SELL")
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.turns(order_ref, TradeStatus.FAILED)
    assert (await offered(bot)).code is ExitLeft.NOT_SHOWN
    [told] = await bot.events(EventKind.EXIT_INCOMPLETE)
    assert "Answer an open dialog in TWS or IB Gateway with No" in words.text(told)
    await bot.seconds(600, at_once=10)
    assert len(bot.broker.sent) == 1


async def test_what_is_not_proven_is_offered(bot: Bot) -> None:
    """A fill of the ended order that was not booked would be sold a second time, out of the owner's shares."""
    await bot.owns(5)
    await ended(bot)
    bot.broker.held = {265598: Decimal(3)}  # and no execution says why
    await bot.seconds(100, at_once=2)
    assert await bot.events(EventKind.EXIT_INCOMPLETE) == []
    assert (await offered(bot)).code is ExitLeft.NOT_PROVEN
    assert len(bot.broker.sent) == 1


async def test_a_fill_that_comes_after_the_end_is_not_sold_again(bot: Bot) -> None:
    """A late fill and the order that takes the place of the first would sell more than the alert meant."""
    await bot.owns(5, at_ib=20)  # the rest is the owner's
    _, order_ref = await ended(bot, filled=1)
    await bot.seconds(5)
    bot.broker.fill(order_ref, 2)
    await sent_again(bot, 2, within_s=60)
    assert bot.broker.sent[-1].qty == 2


async def test_a_lot_that_was_bought_later_is_not_sold(bot: Bot) -> None:
    """A position that was entered after the exit's alert would be closed by it."""
    await bot.owns(5)
    await ended(bot, filled=2)
    _, buy = await bot.order("BUY")
    bot.broker.fill(buy, 5)
    await sent_again(bot, 3, within_s=60)
    last = bot.broker.sent[-1]
    assert last.qty == 3
    bot.broker.fill(last.order_ref, 3)
    await bot.turns(last.order_ref, TradeStatus.FILLED)
    assert await bot.events(EventKind.EXIT_INCOMPLETE) == []


async def test_another_sell_takes_over(bot: Bot) -> None:
    """Two exits of the same shares would be sent, one after the other."""
    await bot.owns(5)
    await ended(bot)
    await bot.order("SELL")
    bot.broker.fill(bot.broker.sent[-1].order_ref, 5)
    await bot.seconds(400, at_once=5)
    assert len(bot.broker.sent) == 2
    assert await bot.events(EventKind.EXIT_INCOMPLETE) == []


async def test_a_write_off_takes_nothing_over(bot: Bot) -> None:
    """The owner accepts that two shares are gone, and the exit of the others is forgotten without a word."""
    await bot.owns(5)
    await ended(bot)
    bot.broker.held = {265598: Decimal(3)}
    found = await bot.queries.missing_shares("AAPL")
    assert not isinstance(found, NothingToWriteOff)
    [loss] = found
    assert await bot.operations.write_off(loss, "owner", "gone")
    assert (await offered(bot)).code is ExitLeft.NOT_PROVEN


async def test_a_kill_ends_the_waiting(bot: Bot) -> None:
    """The machine would sell after /kill and /resume what the owner had stopped."""
    await bot.owns(5)
    await ended(bot)
    await bot.seconds(4)
    await bot.switch.kill("owner")
    assert (await offered(bot)).code is ExitLeft.KILLED
    await bot.switch.resume("owner")
    await bot.seconds(600, at_once=10)
    assert len(bot.broker.sent) == 1


async def test_a_restart_goes_on(make_bot: MakeBot) -> None:
    """An exit that waits for its next order would be forgotten with the process."""
    first = await make_bot()
    await first.start()
    await first.owns(5)
    await ended(first, filled=2)
    await first.seconds(5)
    await first.told(EventKind.EXIT_ARMED_AGAIN)
    await first.stop()
    second = await make_bot(start=first.clock.now())
    for name in ("held", "fills", "completed", "sent"):
        setattr(second.broker, name, getattr(first.broker, name))
    await second.start()
    await sent_again(second, 2, within_s=60)
    assert second.broker.sent[-1].qty == 3
    assert len(await second.events(EventKind.EXIT_ARMED_AGAIN)) == 1


async def test_after_a_restore_no_exit_is_sent_again_by_itself(make_bot: MakeBot, tmp_path: Path) -> None:
    """What the lost books sold since the backup would be sold once more, out of the owner's own shares of that ticker."""
    lost = tmp_path / "lost"
    lost.mkdir()
    first = await make_bot(folder=lost)
    await first.start()
    await first.owns(5, at_ib=10)
    await ended(first)
    backup = await backups.make(first.url, tmp_path / "backups", first.clock.now())
    await sent_again(first, 2, within_s=60)
    first.broker.fill(first.broker.sent[-1].order_ref, 5)
    await first.turns(first.broker.sent[-1].order_ref, TradeStatus.FILLED)
    await first.stop()

    url = f"sqlite:///{tmp_path}/tradebot.db"
    await restore.carry_out(url, await restore.plan(url, backup.path), tmp_path / "backups", first.clock.now())
    second = await make_bot(start=first.clock.now())
    for name in ("held", "fills", "completed"):
        setattr(second.broker, name, getattr(first.broker, name))
    await second.start(connected=False)
    second.broker.connect()
    await second.told(EventKind.ORPHAN_ORDER)
    await second.switch.resume("owner")  # after a look at TWS
    assert (await offered(second)).code is ExitLeft.RESTORED
    assert second.broker.sent == []


async def test_an_order_that_comes_to_life_stops_the_one_after_it(bot: Bot) -> None:
    """Two orders of one exit would work at once."""
    await bot.owns(5, at_ib=20)
    _, first = await ended(bot)
    await sent_again(bot, 2, within_s=60)
    second = bot.broker.sent[-1].order_ref
    bot.broker.show(second)
    bot.broker.show(first, OrderState.FILLED, filled=5)  # and its executions have not come

    async def cancelled() -> bool:
        return second in bot.broker.cancels

    await bot.sooner_or_later(cancelled, "the newer one is cancelled", within_s=10)
    assert first not in bot.broker.cancels


# --- what the close cuts off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_ib", [True, False])
async def test_what_the_close_cuts_off_is_sold_at_the_next_open(make_bot: MakeBot, by_ib: bool) -> None:
    """An exit that the close ended would be given up, and the position kept over the weekend and after it."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 30), always=False)
    await bot.start()
    await bot.owns(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    bot.broker.fill(order_ref, 2)

    async def over() -> bool:
        at_close = new_york(2026, 11, 20, 16)
        return bot.clock.now() > at_close if by_ib else order_ref in bot.broker.cancels

    await bot.sooner_or_later(over, "the session is over", within_s=60)
    end(bot, order_ref, BARE)
    await bot.sooner_or_later(lambda: _has(bot, alert_id, AlertStatus.PENDING), "it waits for the open", within_s=60)
    [told] = await bot.events(EventKind.EXIT_WAITS_FOR_OPEN)
    assert isinstance(told.facts, ExitWaitsForOpen)
    assert "the close cut it off with 3 left. They are sold at the next open, Mon 23 Nov 09:30" in words.text(told)
    bot.clock.skip((new_york(2026, 11, 23, 9, 29, 58) - bot.clock.now()).total_seconds())
    await sent_again(bot, 2, within_s=60)
    assert bot.broker.sent[-1].qty == 3
    assert await bot.events(EventKind.EXIT_INCOMPLETE, EventKind.ALERT_EXPIRED) == []


async def test_what_a_kill_stopped_does_not_wait_for_the_open(make_bot: MakeBot) -> None:
    """The kill's cancel is answered after the close, when the kill is lifted: the machine would sell on the next day."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 30), always=False)
    await bot.start()
    await bot.owns(5)
    _, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)
    await bot.switch.kill("owner")
    await bot.sooner_or_later(lambda: _has_cancel(bot, order_ref), "the kill cancels it", within_s=10)
    await bot.switch.resume("owner")
    bot.broker.cancels.clear()
    await bot.sooner_or_later(lambda: _has_cancel(bot, order_ref), "it is cancelled for the session", within_s=60)
    end(bot, order_ref, BARE)
    assert (await offered(bot, within_s=60)).code is ExitLeft.KILLED


async def test_what_waits_for_the_open_can_be_taken_back(make_bot: MakeBot) -> None:
    """The owner wants to keep the rest, and the bot sells it at the open all the same."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 30), always=False)
    await bot.start()
    await bot.owns(5)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.show(order_ref)

    async def cancelled() -> bool:
        return order_ref in bot.broker.cancels

    await bot.sooner_or_later(cancelled, "it is cancelled for the session", within_s=60)
    end(bot, order_ref, BARE)
    await bot.sooner_or_later(lambda: _has(bot, alert_id, AlertStatus.PENDING), "it waits for the open", within_s=60)
    assert await bot.operations.clear_queue([alert_id], "owner") == [alert_id]
    bot.clock.skip((new_york(2026, 11, 23, 9, 29, 58) - bot.clock.now()).total_seconds())
    await bot.seconds(30)
    assert len(bot.broker.sent) == 1


@pytest.mark.parametrize(("shares", "at_ib", "avg_cost"), [(5, 30, "10.02"), (7, 1, "501")])
async def test_what_the_close_cuts_off_goes_through_a_split(
    make_bot: MakeBot, shares: int, at_ib: int, avg_cost: str
) -> None:
    """Of an exit that waits over the night of a split, the number of shares of before would be sold, and the others kept."""
    bot = await make_bot(start=new_york(2026, 11, 20, 15, 59, 30), always=False)
    await bot.start()
    await bot.owns(shares)
    alert_id, order_ref = await bot.order("SELL")
    bot.broker.fill(order_ref, 2)
    await bot.sooner_or_later(lambda: _has_cancel(bot, order_ref), "it is cancelled for the session", within_s=60)
    end(bot, order_ref, BARE)
    await bot.sooner_or_later(lambda: _has(bot, alert_id, AlertStatus.PENDING), "it waits for the open", within_s=60)
    bot.broker.held, bot.broker.avg_costs[265598] = {265598: Decimal(at_ib)}, Decimal(avg_cost)
    bot.clock.skip((new_york(2026, 11, 23, 9, 0) - bot.clock.now()).total_seconds())
    split = await bot.queries.seen_split("AAPL")
    assert isinstance(split, Split)
    assert await bot.operations.book_split(split, "owner", "split")
    bot.clock.skip((new_york(2026, 11, 23, 9, 29, 58) - bot.clock.now()).total_seconds())
    await sent_again(bot, 2, within_s=60)
    assert bot.broker.sent[-1].qty == at_ib
    end(bot, bot.broker.sent[-1].order_ref)  # and what follows is counted in the new shares
    await sent_again(bot, 3, within_s=120)
    assert bot.broker.sent[-1].qty == at_ib


async def _has_cancel(bot: Bot, order_ref: str) -> bool:
    return order_ref in bot.broker.cancels


async def _has(bot: Bot, alert_id: int, status: AlertStatus) -> bool:
    return (await bot.row(alert_id)).status is status
