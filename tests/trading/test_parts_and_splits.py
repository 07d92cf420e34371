"""A partial exit in shares, and what changes how many shares that is: a split that is booked meanwhile, a kill in between."""

from decimal import Decimal

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import ExitsHeldBack, HeldBack
from tradebot.domain.instructions import PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.strategies import ExitSize, Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words

ANN = "Ann (Telegram 1)"
AAPL = CON_IDS["AAPL"]
D = Decimal
FOUR = Size(SizeKind.SHARES, D(4))
HALF = PositionTarget(Target.LONG, D(50), Target.LONG, D(100))


@pytest.fixture
async def two(make_bot: MakeBot) -> Bot:
    """Two strategies: ema holds 10 AAPL, rsi 5."""
    bot = await make_bot(strategies=tuple(Strategy(name=name, exit_size=ExitSize.ALERT) for name in ("ema", "rsi")))
    await bot.start()
    await bot.owns(10, strategy="ema")
    await bot.owns(5, strategy="rsi")
    return bot


async def reverse_split(bot: Bot) -> Split:
    """One new share for five, as IB shows it; the owner has not answered."""
    assert bot.broker.held is not None
    bot.broker.held[AAPL], bot.broker.avg_costs[AAPL] = D(3), D("500.6667")
    seen = await bot.queries.seen_split("AAPL")
    assert isinstance(seen, Split)
    return seen


async def test_shares_of_before_a_split_are_not_taken_for_new_ones(two: Bot) -> None:
    """An exit of four shares of ten would sell all that a reverse split has left of them."""
    seen = await reverse_split(two)
    alert_id = await two.asks("ema", Verb.EXIT, size=FOUR)
    await two.told(EventKind.SPLIT_SEEN)
    assert await two.operations.book_split(seen, ANN, "split")
    await two.seconds(10)
    blocked = await two.becomes(alert_id, AlertStatus.BLOCKED)
    assert "asks for 4 shares" in said(blocked.reason)
    assert "split of AAPL was booked" in said(blocked.reason)
    assert two.broker.sent == []


async def test_a_ratio_is_the_same_before_and_after_a_split(two: Bot) -> None:
    """An exit of half of what is held would be given up for a split that changes nothing about it."""
    seen = await reverse_split(two)
    await two.asks("ema", Verb.EXIT, target=HALF)
    await two.told(EventKind.SPLIT_SEEN)
    assert await two.operations.book_split(seen, ANN, "split")
    await two.leaves(1)
    assert two.broker.sent[0].qty == 1


async def test_the_button_on_a_rest_of_before_a_split_sells_as_much_of_it(two: Bot) -> None:
    """Five shares that an exit left would be five after a reverse split too: all that is held instead of half."""
    await two.asks("ema", Verb.EXIT, size=Size(SizeKind.SHARES, D(5)))
    await two.leaves(1)
    order_ref = two.broker.sent[0].order_ref
    two.broker.show(order_ref)
    two.broker.error(order_ref, 201, ErrorKind.REJECTED, "Order rejected - reason: no")
    two.broker.show(order_ref, OrderState.INACTIVE)
    await two.turns(order_ref, TradeStatus.FAILED)
    [left] = await two.events(EventKind.EXIT_INCOMPLETE)
    assert await two.operations.book_split(await reverse_split(two), ANN, "split")
    rest = await two.queries.rest_of(left)
    assert rest is not None
    assert (rest.qty, rest.part) == (1, 1)
    await two.operations.sell([rest.lots], ANN, "rest", rest.part)
    await two.leaves(2)
    assert two.broker.sent[1].qty == 1


async def test_a_part_that_a_kill_stopped_is_offered_as_a_part(two: Bot) -> None:
    """Who lifts the kill and presses the button on an exit of four shares of ten would sell all ten."""
    await two.switch.kill("owner")
    await two.becomes(await two.asks("ema", Verb.EXIT, size=FOUR), AlertStatus.BLOCKED)
    await two.becomes(await two.asks("rsi", Verb.EXIT), AlertStatus.BLOCKED)
    await two.switch.resume("owner")
    [event] = await two.events(EventKind.EXITS_HELD_BACK)
    assert event.facts == ExitsHeldBack((HeldBack("AAPL", D(4), "ema", part=True), HeldBack("AAPL", D(5), "rsi")))
    assert "4 AAPL (ema), 5 AAPL (rsi)" in words.text(event)
    assert [(one.lots, one.qty, one.part) for one in await two.queries.held_back(event)] == [
        (("ema", "AAPL"), 4, 4),
        (("rsi", "AAPL"), 5, None),
    ]


async def test_parts_and_a_whole_that_a_kill_stopped_are_a_whole(two: Bot) -> None:
    """An exit of everything would be offered as the part that came before it, or two parts as more than is held."""
    await two.switch.kill("owner")
    for wanted in ({"size": FOUR}, {"target": HALF}, {"size": FOUR}):
        await two.becomes(await two.asks("ema", Verb.EXIT, **wanted), AlertStatus.BLOCKED)
    await two.becomes(await two.asks("rsi", Verb.EXIT, size=FOUR), AlertStatus.BLOCKED)
    await two.becomes(await two.asks("rsi", Verb.EXIT), AlertStatus.BLOCKED)
    await two.switch.resume("owner")
    [event] = await two.events(EventKind.EXITS_HELD_BACK)
    assert event.facts == ExitsHeldBack((HeldBack("AAPL", D(10), "ema", part=True), HeldBack("AAPL", D(5), "rsi")))


async def test_a_second_part_is_of_what_the_first_one_leaves(two: Bot) -> None:
    """Half, and then half of the rest: what the exchange has left of the first is sold by the first, and would count twice."""
    await two.asks("ema", Verb.EXIT, target=HALF)
    await two.leaves(1)
    first = two.broker.sent[0].order_ref
    two.broker.fill(first, 1)
    two.broker.error(first, 202, ErrorKind.CANCELLED, "Order Canceled - reason:Cancelled by Exchange")
    two.broker.show(first, OrderState.CANCELLED)
    await two.turns(first, TradeStatus.PARTIAL)
    await two.asks("ema", Verb.EXIT, target=PositionTarget(Target.LONG, D(25), Target.LONG, D(50)))
    await two.leaves(2)
    two.broker.fill(two.broker.sent[1].order_ref, int(two.broker.sent[1].qty))
    await two.leaves(3)
    assert sum(one.qty for one in two.broker.sent[1:]) + 1 == 7, [one.qty for one in two.broker.sent]
