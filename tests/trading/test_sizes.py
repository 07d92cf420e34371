"""How much an alert trades: sizes of entries and exits with their arithmetic, targets, and gaps between sender and books."""

from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot, qty, said
from tests.bot_fixtures import MakeAtGateway, MakeBot
from tests.trading.test_strategies import code_of, held, limited, settled
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import ErrorKind, OrderState
from tradebot.domain.events import EventKind
from tradebot.domain.facts.alerts import TargetGap
from tradebot.domain.instructions import Exits, Level, LevelKind, PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.limits import Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.strategies import ExitSize, Sizing, Strategy
from tradebot.words import events as words

D = Decimal
BLOCKED, EXECUTED = AlertStatus.BLOCKED, AlertStatus.EXECUTED
EMA = Strategy(name="ema", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT)
MAIN = Strategy(name="main")


def shares(number: int | str) -> Size:
    return Size(SizeKind.SHARES, D(number))


def long(size: int | None = None, previous: Target | None = None, previous_size: int | None = None) -> PositionTarget:
    return PositionTarget(
        Target.LONG,
        None if size is None else D(size),
        previous,
        None if previous_size is None else D(previous_size),
    )


FLAT_AFTER_LONG = PositionTarget(Target.FLAT, D(0), Target.LONG, D(100))


async def a_bot(make_bot: MakeBot, *strategies: Strategy, **setup: Any) -> Bot:
    bot = await make_bot(strategies=strategies or (EMA, MAIN), **setup)
    await bot.start()
    return bot


# --- entries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "size", "bought"),
    [
        (EMA, shares(7), 7),
        (EMA, shares("7.9"), 7),
        (EMA, Size(SizeKind.USD, D(1_250)), 12),
        (EMA, Size(SizeKind.EQUITY_PCT, D(3)), 30),  # of $100,000
        (Strategy(name="ema", sizing=Sizing.SHARES, size=D(4)), None, 4),
        (Strategy(name="ema", sizing=Sizing.EQUITY_PCT, size=D(2)), None, 20),
        (limited(buy_amount_usd=D(310)), None, 3),
        (Strategy(name="ema"), None, 5),  # the account's
    ],
)
async def test_the_size_is_the_alert_s_or_the_strategy_s(
    make_bot: MakeBot, strategy: Strategy, size: Size | None, bought: int
) -> None:
    """A BUY would be for another amount than the one that was asked for."""
    bot = await a_bot(make_bot, strategy, MAIN)
    await bot.asks("ema", Verb.BUY, size=size)
    assert (await bot.sent()).qty == bought


@pytest.mark.parametrize(
    ("strategy", "limits", "qty", "by"),
    [
        (EMA, Limits(max_total_investment=D(2_000)), 19, "max_total_investment ($2,000.00 left)"),
        (EMA, Limits(min_cash_reserve=D(99_000)), 9, "cash, less min_cash_reserve ($1,000.00 left)"),
        (
            Strategy(name="ema", sizing=Sizing.ALERT, limits={"buy_amount_usd": D(800)}),
            Limits(),
            8,
            "buy_amount_usd of strategy ema ($800.00 left)",
        ),
    ],
)
async def test_a_size_that_a_limit_does_not_admit_is_lowered_and_says_so(
    make_bot: MakeBot, strategy: Strategy, limits: Limits, qty: int, by: str
) -> None:
    """A large size would be refused whole, or bought beyond a limit, or the owner wonder why it is another one."""
    bot = await a_bot(make_bot, strategy, MAIN, limits=limits)
    alert_id = await bot.asks("ema", Verb.BUY, size=shares(40))
    order = await bot.sent()
    assert order.qty == qty
    [intent] = await bot.events(EventKind.ORDER_INTENT)
    assert f": asked 40 shares, {qty} by {by}." in words.text(intent)
    bot.broker.fill(order.order_ref, qty)
    await bot.becomes(alert_id, EXECUTED)
    [filled] = await bot.told(EventKind.BUY_FILLED)
    assert f"Asked 40 shares, {qty} by {by}." in words.text(filled)
    trade = await bot.trade_of(alert_id)
    async with bot.ledger.read() as books:
        decision = await books.decision(trade.id)
    assert decision is not None
    sizing = decision["sizing"]
    assert isinstance(sizing, dict)
    assert (sizing["asked"], sizing["sized"]) == ("40", str(qty))


async def test_the_owner_s_own_amount_is_not_lowered(make_bot: MakeBot) -> None:
    """What a limit has always blocked would now be bought in part."""
    bot = await a_bot(make_bot, Strategy(name="main"), limits=Limits(max_total_investment=D(400)))
    assert await code_of(bot, await bot.asks("main", Verb.BUY)) == RefusalCode.MAX_TOTAL_INVESTMENT


async def test_no_share_is_blocked_with_the_arithmetic(make_bot: MakeBot) -> None:
    """The owner would not see from which figure a size came to nothing."""
    bot = await a_bot(make_bot, limits=Limits(max_total_investment=D(50)))
    blocked = await bot.becomes(await bot.asks("ema", Verb.BUY, size=shares(40)), BLOCKED)
    assert said(blocked.reason).startswith("asked 40 shares, 0 by max_total_investment ($50.00 left): no share of AAPL")


@pytest.mark.parametrize(
    ("strategy", "wanted", "why"),
    [
        (EMA, {}, "the alert says no size"),
        (MAIN, {"size": shares(7)}, "is not sized by its alerts: nothing else is bought instead"),
        (EMA, {"size": Size(SizeKind.RISK_USD, D(100))}, "a size by risk needs a stop"),
    ],
)
async def test_a_size_that_cannot_be_had_refuses(
    make_bot: MakeBot, strategy: Strategy, wanted: dict[str, Any], why: str
) -> None:
    """Something else than what was asked for would be bought, silently."""
    bot = await a_bot(make_bot)
    blocked = await bot.becomes(await bot.asks(strategy.name, Verb.BUY, **wanted), BLOCKED)
    assert why in said(blocked.reason)
    assert bot.broker.sent == []


async def test_unknown_equity_refuses(make_bot: MakeBot) -> None:
    """A share of the account would be computed from a figure that nobody has reported."""
    bot = await a_bot(make_bot)
    bot.broker.cash = None  # and equity with it
    blocked = await bot.becomes(await bot.asks("ema", Verb.BUY, size=Size(SizeKind.EQUITY_PCT, D(3))), BLOCKED)
    assert "net liquidation in USD is unknown" in said(blocked.reason)


async def test_a_size_by_risk_is_computed_from_the_stop(make_bot: MakeBot) -> None:
    """More would be lost at the stop than was to be risked."""
    bot = await a_bot(make_bot)
    stop = Exits(stop_loss=Level(LevelKind.PERCENT, D(5)))
    await bot.asks("ema", Verb.BUY, size=Size(SizeKind.RISK_USD, D(99)), exits=stop)
    assert (await bot.sent()).qty == 19


# --- exits ----------------------------------------------------------------------------------------------------------


async def holding(make_bot: MakeBot) -> Bot:
    """Two lots of strategy ema, 2 and 4; another strategy holds the same stock."""
    bot = await a_bot(make_bot)
    await bot.owns(2, strategy="ema")
    await bot.owns(4, strategy="ema")
    await bot.owns(9)
    return bot


@pytest.mark.parametrize(
    ("wanted", "sold"),
    [
        ({}, 6),
        ({"size": shares(4)}, 4),
        ({"size": shares("2.9")}, 2),
        ({"size": shares(60)}, 6),  # never another strategy's
        ({"size": Size(SizeKind.POSITION_PCT, D(50))}, 3),
        ({"target": long(50, Target.LONG, 150)}, 4),
        ({"target": long(50, Target.LONG, 150), "size": shares(100)}, 4),  # the sender's shares are of another account
        ({"target": FLAT_AFTER_LONG, "size": shares(1)}, 6),
        ({"target": PositionTarget(Target.SHORT)}, 6),
    ],
)
async def test_an_exit_sells_what_it_asks_for(make_bot: MakeBot, wanted: dict[str, Any], sold: int) -> None:
    """A partial exit would sell everything, or the wrong share of it."""
    bot = await holding(make_bot)
    await settled(bot, await bot.asks("ema", Verb.EXIT, **wanted), sold, 1)
    assert (await held(bot, "ema"), await held(bot, "main")) == (6 - sold, 9)


async def test_a_partial_exit_sells_the_oldest_lots_and_tells_what_is_left(make_bot: MakeBot) -> None:
    """The owner would not know what is still held, or be told of an exit that failed."""
    bot = await holding(make_bot)
    await settled(bot, await bot.asks("ema", Verb.EXIT, size=shares(4)), 4, 1)
    assert [lot.qty for lot in await bot.lots(LotStatus.OPEN) if lot.strategy == "ema"] == [2]
    [filled] = await bot.told(EventKind.SELL_FILLED)
    assert words.text(filled).startswith("Sold 4 AAPL at $100.00")
    assert words.text(filled).endswith(" 2 of 6 are left.")


async def test_a_sell_against_the_target_buys_nothing_and_exits(make_bot: MakeBot) -> None:
    """A buy that wants to be flat afterwards would open a position."""
    bot = await holding(make_bot)
    alert_id = await bot.asks("ema", Verb.BUY, target=PositionTarget(Target.FLAT))
    assert (await bot.sent()).side is Side.SELL
    await settled(bot, alert_id, 6, 1)


async def test_an_exit_of_no_whole_share_is_told(make_bot: MakeBot) -> None:
    """A tenth of six shares would round up, or be refused without its figures."""
    bot = await holding(make_bot)
    blocked = await bot.becomes(await bot.asks("ema", Verb.EXIT, size=Size(SizeKind.POSITION_PCT, D(10))), BLOCKED)
    assert said(blocked.reason) == "asked 10% of 6 held = 0: no share of 6 AAPL is sold, ask for more"


async def test_an_exit_that_says_a_part_and_not_which_sells_nothing(make_bot: MakeBot) -> None:
    """Everything would be sold where a part was meant."""
    bot = await holding(make_bot)
    assert await code_of(bot, await bot.asks("ema", Verb.EXIT, target=long(50))) == RefusalCode.EXIT_SIZE
    assert bot.broker.sent == []


async def test_a_partial_exit_that_is_armed_again_never_sells_more_than_it_asked(make_bot: MakeBot) -> None:
    """The rest of a partial exit would become an exit of everything."""
    bot = await holding(make_bot)
    alert_id = await bot.asks("ema", Verb.EXIT, size=shares(4))
    order = await bot.sent(1)
    bot.broker.fill(order.order_ref, 1)
    bot.broker.error(order.order_ref, 202, ErrorKind.CANCELLED, "Order Canceled - reason: cancelled by exchange")
    bot.broker.show(order.order_ref, OrderState.CANCELLED)
    await bot.leaves(2)
    assert bot.broker.sent[-1].qty == 3
    bot.broker.fill(bot.broker.sent[-1].order_ref, 3)
    await bot.becomes(alert_id, EXECUTED)
    await bot.told(EventKind.SELL_FILLED, 2)
    assert await held(bot, "ema") == 2


async def test_a_part_that_could_not_leave_is_computed_anew(make_bot: MakeBot) -> None:
    """A partial exit whose order did not leave would sell everything, or nothing, the second time."""
    bot = await holding(make_bot)
    bot.broker.is_throttled = True
    await bot.asks("ema", Verb.EXIT, target=long(50, Target.LONG, 100))
    await bot.seconds(2)
    bot.broker.is_throttled = False
    await bot.leaves(1)
    assert bot.broker.sent[-1].qty == 3


async def test_over_the_socket_two_strategies_end_with_what_they_asked_for(make_at_gateway: MakeAtGateway) -> None:
    """What the fake broker lets pass would not be so at a gateway: sizes, shared positions and partial exits."""
    at = await make_at_gateway(strategies=(EMA, MAIN))
    bot = at.bot

    async def trades(strategy: str, verb: Verb, **wanted: Any) -> None:
        alert_id = await bot.asks(strategy, verb, **wanted)

        async def done() -> bool:
            return (await bot.row(alert_id)).status in (EXECUTED, BLOCKED, AlertStatus.FAILED)

        await bot.sooner_or_later(done, f"alert {alert_id} is traded")
        assert (await bot.row(alert_id)).status is EXECUTED, (await bot.row(alert_id)).reason

    await trades("ema", Verb.BUY, size=shares(6))
    await trades("main", Verb.BUY)
    bought = await held(bot, "main")
    await trades("ema", Verb.EXIT, size=Size(SizeKind.POSITION_PCT, D(50)))
    assert (await held(bot, "ema"), await held(bot, "main")) == (3, bought)
    await trades("main", Verb.EXIT)
    assert (await held(bot, "ema"), await held(bot, "main")) == (3, 0)
    positions = (await at.broker.position_report()).positions
    assert [one.qty for one in positions.values()] == [qty(await bot.lots(LotStatus.OPEN))] == [3]


# --- targets and gaps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "target", "code"),
    [
        (Verb.BUY, long(), RefusalCode.AT_TARGET),
        (Verb.BUY, long(100), RefusalCode.AT_TARGET),
        (Verb.BUY, long(100, Target.LONG, 100), RefusalCode.AT_TARGET),
        (Verb.ADD, long(), None),
        (Verb.BUY, long(150, Target.LONG, 100), None),
        (Verb.BUY, long(100, Target.FLAT, 0), None),
        (Verb.BUY, None, None),
        (Verb.EXIT, long(100, Target.LONG, 100), RefusalCode.AT_TARGET),
    ],
)
async def test_a_target_that_is_there_already_is_not_traded_again(
    make_bot: MakeBot, verb: Verb, target: PositionTarget | None, code: RefusalCode | None
) -> None:
    """A repeated target would buy again and again, or one that grows nothing."""
    bot = await holding(make_bot)
    size = None if verb is Verb.EXIT else shares(1)
    alert_id = await bot.asks("ema", verb, target=target, size=size)
    if code is None:
        assert (await bot.sent()).side is Side.BUY
        return
    assert await code_of(bot, alert_id) == code
    [told] = await bot.events(EventKind.ALERT_AT_TARGET)
    assert "nothing to do. Strategy ema holds 6 AAPL" in words.text(told)
    assert await bot.events(EventKind.ALERT_BLOCKED) == []


@pytest.mark.parametrize("target", [PositionTarget(Target.FLAT), PositionTarget(Target.SHORT)])
async def test_to_be_flat_with_nothing_held_is_no_failure(make_bot: MakeBot, target: PositionTarget) -> None:
    """A strategy that says flat at each bar would send a warning at each."""
    bot = await a_bot(make_bot)
    assert await code_of(bot, await bot.asks("ema", Verb.EXIT, target=target)) == RefusalCode.AT_TARGET
    assert await code_of(bot, await bot.asks("ema", Verb.EXIT)) == RefusalCode.NOTHING_HELD
    [told] = await bot.events(EventKind.ALERT_AT_TARGET)
    assert (
        words.text(told)
        == "SELL AAPL: nothing to do. Strategy ema holds no AAPL, which is what the alert wants afterwards."
    )


async def test_a_gap_is_told_once_and_the_alert_goes_on_by_its_target(make_bot: MakeBot) -> None:
    """A missing alert would stay unseen, or be told with every alert after it."""
    bot = await a_bot(make_bot)
    await bot.owns(9)  # another strategy's, which fill no gap
    for _ in range(2):
        assert await code_of(bot, await bot.asks("ema", Verb.EXIT, target=FLAT_AFTER_LONG)) == RefusalCode.AT_TARGET
    [gap] = await bot.events(EventKind.TARGET_GAP)
    assert gap.facts == TargetGap("AAPL", "ema", D(100), D(0))
    assert words.text(gap).startswith(
        "Strategy ema believes it held 100 AAPL, the books hold 0: an alert is missing, or was not traded."
    )
    await bot.asks("ema", Verb.BUY, size=shares(2), target=long(200, Target.LONG, 100))
    assert (await bot.sent()).qty == 2
    assert len(await bot.events(EventKind.TARGET_GAP)) == 1


async def test_a_gap_of_shares_that_the_sender_does_not_know_of(make_bot: MakeBot) -> None:
    """The sender's strategy is flat, the books are not: its next entry would pile up unseen."""
    bot = await holding(make_bot)
    await bot.asks("ema", Verb.BUY, size=shares(1), target=long(100, Target.FLAT, 0))
    await bot.sent()
    [gap] = await bot.events(EventKind.TARGET_GAP)
    assert words.text(gap).startswith("Strategy ema believes it held 0 AAPL, the books hold 6:")


async def test_no_gap_where_both_sides_agree(make_bot: MakeBot) -> None:
    """Sizes of another account would be taken for a difference."""
    bot = await holding(make_bot)
    await settled(bot, await bot.asks("ema", Verb.EXIT, target=FLAT_AFTER_LONG), 6, 1)
    assert await bot.events(EventKind.TARGET_GAP) == []
