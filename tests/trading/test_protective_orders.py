"""The last look before a protective order is written: what has changed since it was judged keeps it from leaving."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.adapters.database.samples import an_alert
from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.protected import STOP, TARGET, bracket, ends, fills
from tradebot.domain.alerts import Side
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import Changed, ProtectionLifted
from tradebot.domain.protection import Change, Place
from tradebot.domain.trades import OrderRole, Trade
from tradebot.trading.protective_orders import ProtectiveOrders

D = Decimal
Happens = Callable[[Bot, Trade], Awaitable[object]]


@pytest.fixture
async def quiet(make_bot: MakeBot) -> Bot:
    """Nothing runs in it, and it is connected."""
    bot = await make_bot()
    bot.broker.connect()
    return bot


def orders_of(bot: Bot) -> ProtectiveOrders:
    return ProtectiveOrders(
        bot.ledger, bot.broker, bot.lock, bot.booking, bot.switch, bot.clock, lambda _: secrets.token_hex(4)
    )


def anew(entry: Trade, role: OrderRole = OrderRole.STOP) -> Place:
    terms = STOP if role is OrderRole.STOP else TARGET
    return Place(entry, role, terms, D(10), f"{entry.order_ref}-g3", entry.con_id)


async def without_a_stop(bot: Bot) -> Trade:
    """An entry whose stop has ended."""
    entry, stop, target = await bracket(bot)
    await ends(bot, stop)
    await ends(bot, target)
    return entry


async def nothing(_: Bot, __: Trade) -> None: ...


async def another_stop(bot: Bot, entry: Trade) -> None:
    assert await orders_of(bot).place(anew(entry), "AAPL", bot.broker.connection.link_session)


async def some_are_sold(bot: Bot, entry: Trade) -> None:
    """By the target, before it ended; IB tells late."""
    (target,) = [one for one in await bot.trades() if one.parent_trade_id == entry.id and one.role is OrderRole.TARGET]
    await fills(bot, target, 3, "110")


async def ib_was_away(bot: Bot, _: Trade) -> None:
    """Behind a gateway that stayed: what it has done meanwhile is not known yet."""
    bot.broker.upstream(up=False)
    bot.broker.upstream(up=True)


async def an_exit_lifts(bot: Bot, entry: Trade) -> None:
    """Its order is not there yet."""
    async with bot.ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(action=Side.SELL, received_at=bot.clock.now()))
        assert alert_id is not None
        (stop,) = [one for one in await books.protection_of([entry.id]) if one.role is OrderRole.STOP]
        lifted = ProtectionLifted.of(stop, by_alert=alert_id, keeps=D(0))
        await books.add_event(NewEvent(lifted, bot.clock.now(), entry.alert_id, stop.id))


async def the_entry_fills_on(bot: Bot, entry: Trade) -> None:
    async with bot.ledger.begin() as books:
        await books.save_trade(replace(entry, commission=entry.commission + 1))


@pytest.mark.parametrize(
    ("happens", "leaves"),
    [
        (nothing, True),
        (another_stop, False),
        (some_are_sold, False),
        (ib_was_away, False),
        (an_exit_lifts, False),
        (the_entry_fills_on, False),
    ],
)
async def test_a_stop_leaves_only_if_all_is_as_it_was_judged(quiet: Bot, happens: Happens, leaves: bool) -> None:
    """Two stops would sell the same shares, or one more than there are, or one beside the exit that is about to leave."""
    entry = await without_a_stop(quiet)
    link = quiet.broker.connection.link_session
    await happens(quiet, entry)
    quiet.broker.sent.clear()
    placed = await orders_of(quiet).place(anew(entry), "AAPL", link)
    assert (placed is not None, len(quiet.broker.sent)) == (leaves, int(leaves))


async def test_under_the_kill_switch_a_stop_leaves_and_a_target_does_not(quiet: Bot) -> None:
    """The kill switch would leave held shares alone; or the bot trade on under it."""
    entry = await without_a_stop(quiet)
    await quiet.switch.kill("owner")
    for role in (OrderRole.TARGET, OrderRole.STOP):
        await orders_of(quiet).place(anew(entry, role), "AAPL", quiet.broker.connection.link_session)
    assert [order.terms for order in quiet.broker.sent] == [STOP]


async def test_a_change_of_what_has_changed_meanwhile_is_not_written(quiet: Bot) -> None:
    """A stop that has just sold some would be made as large as it was before."""
    _, stop, _ = await bracket(quiet)
    await fills(quiet, stop, 4, "95")
    change = Change(stop, D(8), stop.terms, Changed.CUT)
    assert not await orders_of(quiet).change(change, "AAPL", quiet.broker.connection.link_session)
    assert quiet.broker.sent == []
    assert (await quiet.trade(stop.order_ref)).requested_qty == 10
