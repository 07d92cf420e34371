"""What a stop or target has sold is booked as its entry's exit, and told as what it is."""

from decimal import Decimal

import pytest

from tests.bot import Bot, qty
from tests.bot_fixtures import MakeBot
from tests.protected import STOP, TARGET, bracket, ends, fills, protect, resting_entry
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderError
from tradebot.domain.events import EventKind, Severity
from tradebot.domain.facts.orders import ProtectionFilled
from tradebot.domain.lots import LotStatus
from tradebot.domain.terms import OrderType, Terms, TimeInForce
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.words import events as words


@pytest.fixture
async def quiet(make_bot: MakeBot) -> Bot:
    """Nothing runs in it: what is booked is booked by the test."""
    return await make_bot()


async def test_a_stop_that_fills_is_an_exit_and_told_as_stopped_out(quiet: Bot) -> None:
    """The loss would be told as a SELL of nobody's, or move the alert of the entry a second time."""
    entry, stop, target = await bracket(quiet)
    await fills(quiet, stop, 10, "94.90")
    assert (await ends(quiet, target)).status is TradeStatus.CANCELLED
    (told,) = await quiet.events(EventKind.STOPPED_OUT)
    assert words.text(told) == (
        "Stopped out 10 AAPL at $94.90, −$53.00 (−5.3 %), commission $1.00. It stood at $95.00."
    )
    assert told.alert_id == entry.alert_id
    assert (await quiet.row(entry.alert_id)).status is AlertStatus.EXECUTED
    assert await quiet.lots(LotStatus.OPEN) == []
    (lot,) = await quiet.lots(LotStatus.CLOSED)
    assert (lot.opening_trade_id, lot.closing_trade_id, lot.pnl) == (entry.id, stop.id, Decimal(-53))


async def test_the_end_of_the_other_one_is_nobody_s_alarm(quiet: Bot) -> None:
    """Each target reached would come with a warning that nothing was sold."""
    _, stop, target = await bracket(quiet)
    await fills(quiet, target, 10, "110")
    await ends(quiet, stop)
    (reached,) = await quiet.events(EventKind.TARGET_REACHED)
    assert words.text(reached).startswith("Target reached: 10 AAPL at $110.00, +$98.00 (+9.8 %)")
    (ended,) = await quiet.events(EventKind.PROTECTION_ENDED)
    assert ended.severity is Severity.TRACE
    assert not await quiet.events(EventKind.ORDER_FAILED, EventKind.EXIT_INCOMPLETE)


async def test_a_target_that_fills_in_part_says_what_is_left(quiet: Bot) -> None:
    """The owner would take the position for closed."""
    entry, _, target = await bracket(quiet)
    assert (await fills(quiet, target, 4, "110")).status is TradeStatus.SUBMITTED
    assert len(await quiet.events(EventKind.PARTIAL_FILL)) == 1
    assert (await ends(quiet, target)).status is TradeStatus.PARTIAL
    (told,) = await quiet.events(EventKind.TARGET_REACHED)
    assert "Target reached: 4 of 10 AAPL at $110.00" in words.text(told)
    assert words.text(told).endswith("6 of its entry are left.")
    assert qty(await quiet.lots(LotStatus.OPEN)) == 6
    assert (await quiet.row(entry.alert_id)).status is AlertStatus.EXECUTED


async def test_it_sells_its_own_entry_s_shares_and_not_the_oldest(quiet: Bot) -> None:
    """The P&L would be that of another purchase."""
    await quiet.owns(10)
    second, stop, _ = await bracket(quiet)
    await fills(quiet, stop, 10, "95")
    (told,) = await quiet.events(EventKind.STOPPED_OUT)
    assert isinstance(told.facts, ProtectionFilled)
    assert (told.facts.cost, told.facts.left) == (1000, 0)
    (closed,) = await quiet.lots(LotStatus.CLOSED)
    assert closed.opening_trade_id == second.id


async def test_what_protects_is_told_once_all_of_it_is_at_ib(quiet: Bot) -> None:
    """The owner would not know at which prices his shares are sold, or hear of a stop that is not there yet."""
    await bracket(quiet)
    (told,) = await quiet.events(EventKind.PROTECTION_WORKS)
    assert words.text(told) == "AAPL: stop $95.00, target $110.00 working for 10 shares."


async def test_a_target_alone_says_that_no_stop_protects(quiet: Bot) -> None:
    """Shares without a stop would be called protected."""
    await protect(quiet, await quiet.owns(10), OrderRole.TARGET, TARGET)
    (told,) = await quiet.events(EventKind.PROTECTION_WORKS)
    assert words.text(told) == "AAPL: target $110.00 working for 10 shares. No stop sells these shares."


async def test_a_stop_that_ib_refuses_says_that_the_shares_are_without_it(quiet: Bot) -> None:
    """It would read like an exit that was not made, and offer to sell the rest of it."""
    _, stop, _ = await bracket(quiet)
    told = OrderError(
        stop.order_ref, stop.ib_order_id or 0, 201, "Order rejected - reason:No such stop", ErrorKind.REJECTED
    )
    assert (await ends(quiet, stop, errors=[told])).status is TradeStatus.FAILED
    (failed,) = await quiet.events(EventKind.ORDER_FAILED)
    assert words.text(failed).startswith("SELL 10 AAPL stop $95.00 was rejected by IB 201: Order rejected")
    assert "The shares that it was to protect stay held without it." in words.text(failed)
    assert not await quiet.events(EventKind.EXIT_INCOMPLETE)


async def test_an_entry_that_waits_is_told_with_its_price(quiet: Bot) -> None:
    """A limit far from the market would look like an order that got lost."""
    await resting_entry(quiet, Terms(OrderType.LIMIT, limit_price=Decimal("95.5"), tif=TimeInForce.GTC))
    (told,) = await quiet.events(EventKind.ORDER_WAITS)
    assert words.text(told) == (
        "BUY 10 AAPL limit $95.50 waits at IB until it is cancelled, $100.00 was asked when it was decided. "
        "/orders in the chat shows it, and cancels it."
    )


@pytest.mark.parametrize("terms", [Terms(OrderType.LIMIT, limit_price=Decimal(101)), Terms()], ids=str)
async def test_an_entry_that_fills_at_once_is_not_said_to_wait(quiet: Bot, terms: Terms) -> None:
    """Each marketable order would be two messages."""
    await resting_entry(quiet, terms)
    assert not await quiet.events(EventKind.ORDER_WAITS)
    assert len(await quiet.events(EventKind.ORDER_ACCEPTED)) == 1


async def test_a_stop_and_a_target_that_both_fill_are_booked_and_told_as_critical(quiet: Bot) -> None:
    """The account would be short without a word, or the same ten shares be booked as sold twice with a gain."""
    _, stop, target = await bracket(quiet)
    await fills(quiet, stop, 10, "95")
    assert not await quiet.events(EventKind.SOLD_BEYOND)
    await fills(quiet, target, 10, "110")
    (told,) = await quiet.events(EventKind.SOLD_BEYOND)
    assert told.severity is Severity.CRITICAL
    assert words.text(told).startswith("AAPL: 10 shares more were sold than the books held")
    (reached,) = await quiet.events(EventKind.TARGET_REACHED)
    assert "Target reached: 10 AAPL at $110.00, P&L not known" in words.text(reached)
    assert [(lot.closing_trade_id, lot.pnl) for lot in await quiet.lots()] == [(stop.id, Decimal(-52))]


async def test_what_fills_late_sells_what_was_bought_meanwhile(quiet: Bot) -> None:
    """A fill would be booked where its order was stored, before the shares that it sold: a short that there is not."""
    entry, stop, target = await bracket(quiet)
    later = await quiet.owns(10)
    await fills(quiet, stop, 10, "95")
    await fills(quiet, target, 10, "110")
    assert not await quiet.events(EventKind.SOLD_BEYOND)
    closed = [(lot.opening_trade_id, lot.closing_trade_id) for lot in await quiet.lots(LotStatus.CLOSED)]
    assert closed == [(entry.id, stop.id), (later.id, target.id)]


async def test_of_two_that_both_fill_the_first_has_sold_the_shares(quiet: Bot) -> None:
    """A target that was reached would be booked as the short, and the stop that went short after it as the loss."""
    entry, stop, target = await bracket(quiet)
    await fills(quiet, target, 10, "110")
    await fills(quiet, stop, 10, "95")
    assert [(one.opening_trade_id, one.closing_trade_id) for one in await quiet.lots()] == [(entry.id, target.id)]
    (told,) = await quiet.events(EventKind.SOLD_BEYOND)
    assert told.trade_id == stop.id


async def test_a_stop_whose_fill_is_booked_before_its_entry_s_is_no_alarm(quiet: Bot) -> None:
    """After a restart, which learns of both in any order, the owner would be told of a short that there is not."""
    entry = await resting_entry(quiet, Terms(OrderType.LIMIT, limit_price=Decimal(95)))
    stop = await protect(quiet, entry, OrderRole.STOP, STOP)
    await fills(quiet, stop, 10, "94")
    await fills(quiet, entry, 10, "95")
    assert not await quiet.events(EventKind.SOLD_BEYOND)
    (lot,) = await quiet.lots()
    assert (lot.closing_trade_id, lot.pnl) == (stop.id, Decimal(-12))
