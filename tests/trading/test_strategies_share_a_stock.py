"""Several strategies and the owner hold one stock: IB knows one position, and everybody sells his own shares only."""

import asyncio
from collections import defaultdict
from decimal import Decimal

import pytest

from tests.bot import Bot, qty, said
from tests.bot_fixtures import MakeAtGateway, MakeBot
from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.brokerage import Order
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.lots import LotStatus
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.strategies import ExitSize, Sizing, Strategies, Strategy
from tradebot.domain.trades import UNRESOLVED
from tradebot.simgateway import GatewaySettings

AAPL = 265598
BLOCKED, EXECUTED = AlertStatus.BLOCKED, AlertStatus.EXECUTED
THREE = Strategies(
    {name: Strategy(name=name, sizing=Sizing.ALERT, exit_size=ExitSize.ALERT) for name in ("ema", "rsi", "late")}
)


async def started(make_bot: MakeBot) -> Bot:
    """A bot at whose IB the owner holds 3 AAPL; what is placed fills at once, and is at work at most alone."""
    bot = await make_bot(strategies=THREE)
    await bot.start()
    assert bot.broker.held is not None
    bot.broker.held[AAPL] = Decimal(3)
    bot.broker.fill_at_once()
    return bot


async def done(bot: Bot, side: str, strategy: str, shares: int | None = None) -> Alert:
    sized = {} if shares is None else {"quantity": str(shares)}
    alert_id = await bot.alert(side, "AAPL", strategy=strategy, **sized)
    return await ended(bot, alert_id)


async def ended(bot: Bot, alert_id: int) -> Alert:
    async def over() -> bool:
        return (await bot.row(alert_id)).status in (BLOCKED, EXECUTED, AlertStatus.FAILED)

    await bot.sooner_or_later(over, f"alert {alert_id} has ended")
    bot.clock.skip(11)
    return await bot.row(alert_id)


async def held(bot: Bot) -> dict[str, Decimal]:
    lots = await bot.lots(LotStatus.OPEN, ticker="AAPL")
    return {name: sum((lot.qty for lot in lots if lot.strategy == name), Decimal(0)) for name in THREE.names}


async def test_each_sells_its_own(make_bot: MakeBot) -> None:
    """A strategy would sell another one's shares, or the owner's."""
    bot = await started(make_bot)
    for strategy, bought in (("ema", 10), ("rsi", 6), ("ema", 2)):
        assert (await done(bot, "BUY", strategy, bought)).status is EXECUTED
    others = await done(bot, "SELL", "late")
    assert said(others.reason) == (
        "strategy late holds no AAPL: what other strategies hold, and your own shares, it never touches"
    )
    steps: tuple[tuple[str, int | None, tuple[int, int]], ...] = (
        ("rsi", 4, (12, 2)),
        ("ema", 11, (1, 2)),
        ("rsi", None, (1, 0)),
        ("ema", 50, (0, 0)),
    )
    for strategy, shares, (ema, rsi) in steps:
        alert = await done(bot, "SELL", strategy, shares)
        assert alert.status is EXECUTED, alert.reason
        assert await held(bot) == {"ema": ema, "rsi": rsi, "late": 0}
        assert bot.broker.held == {AAPL: 3 + ema + rsi}
    nothing = await done(bot, "SELL", "late")
    assert nothing.status is BLOCKED
    assert getattr(nothing.reason, "code", None) == RefusalCode.NOTHING_HELD
    assert bot.broker.held == {AAPL: 3}


async def test_exits_of_all_at_once_of_a_position_that_is_less_than_their_sum(make_bot: MakeBot) -> None:
    """Together they would sell more than IB has: the account would be short."""
    bot = await started(make_bot)
    for strategy in ("ema", "rsi", "late"):
        assert (await done(bot, "BUY", strategy, 5)).status is EXECUTED
    assert bot.broker.held is not None
    bot.broker.held[AAPL] = Decimal(8)  # the owner has sold his three in TWS, and seven of the bot's
    most_at_work = 0

    def placed(order: Order) -> None:
        nonlocal most_at_work
        assert bot.broker.held is not None
        at_work = sum(one.qty for one in bot.broker.working.values() if one.side is Side.SELL)
        most_at_work = max(most_at_work, len(bot.broker.working) + 1)
        assert order.qty + at_work <= bot.broker.held[AAPL], order
        asyncio.get_running_loop().call_later(0.05, bot.broker.fill, order.order_ref, int(order.qty))

    bot.broker.on_place = placed
    alerts = await asyncio.gather(*(bot.alert("SELL", "AAPL", strategy=name) for name in THREE.names))
    for alert in alerts:
        await ended(bot, alert)
    assert most_at_work == 1, "two exits of one contract were at work at once"
    assert bot.broker.held[AAPL] == 0
    assert sum(trade.filled_qty for trade in await bot.trades() if trade.side is Side.SELL) == 8
    assert qty(await bot.lots(LotStatus.OPEN, ticker="AAPL")) == 7


async def test_an_order_in_doubt_of_one_strategy_freezes_the_stock_for_all(make_bot: MakeBot) -> None:
    """What may be at IB of one strategy would be bought, or sold, a second time by another one."""
    bot = await started(make_bot)
    assert (await done(bot, "BUY", "rsi", 5)).status is EXECUTED
    bot.broker.on_place = lambda order: None
    bot.broker.takes_orders = False  # it left, and is shown nowhere
    doubtful = await bot.alert("BUY", "AAPL", strategy="ema", quantity="4")
    await bot.sent(2)
    assert bot.broker.held is not None
    bot.broker.held[AAPL] += 4
    bot.broker.disconnect()
    bot.broker.connect()

    async def unknown() -> bool:
        return (await bot.row(doubtful)).status is AlertStatus.UNKNOWN

    await bot.sooner_or_later(unknown, "the order is UNKNOWN")
    blocked = await done(bot, "BUY", "late", 1)
    assert getattr(blocked.reason, "code", None) in (RefusalCode.UNKNOWN_ORDER, RefusalCode.PAUSED)
    waits = await bot.alert("SELL", "AAPL", strategy="rsi")
    await bot.seconds(30, at_once=5)
    assert (await bot.row(waits)).status is AlertStatus.RECEIVED
    assert len(bot.broker.sent) == 2
    assert [trade.strategy for trade in await bot.trades() if trade.status in UNRESOLVED] == ["ema"]


async def test_an_entry_of_one_strategy_does_not_hold_the_exit_of_another(make_bot: MakeBot) -> None:
    """An exit would wait for as long as another strategy's order works."""
    bot = await started(make_bot)
    assert (await done(bot, "BUY", "rsi", 5)).status is EXECUTED
    bot.broker.on_place = lambda order: None
    working = await bot.alert("BUY", "AAPL", strategy="ema", quantity="4")
    await bot.sent(2)
    exit_ = await bot.alert("SELL", "AAPL", strategy="rsi")
    await bot.leaves(3)
    sent = bot.broker.sent[-1]
    assert (sent.side, sent.qty) == (Side.SELL, 5)
    bot.broker.fill(sent.order_ref, 5)
    await bot.becomes(exit_, EXECUTED)
    assert (await bot.row(working)).status is AlertStatus.PROCESSING
    assert await held(bot) == {"ema": 0, "rsi": 0, "late": 0}


async def test_the_same_second_for_all_over_the_socket(make_at_gateway: MakeAtGateway) -> None:
    """Entries and exits of three strategies in one moment would be taken for one another's."""
    settings = GatewaySettings(positions=(("AAPL", Decimal(7), Decimal(100)),))
    there = await make_at_gateway(settings, options={"question_timeout_s": 10.0}, strategies=THREE)
    bot = there.bot
    shares = dict(zip(THREE.names, (3, 4, 5), strict=True))

    async def all_at_once(side: str, factor: Decimal) -> None:
        sent = [
            bot.alert(side, "AAPL", strategy=name, quantity=str(number * factor)) for name, number in shares.items()
        ]
        for alert in await asyncio.gather(*sent):
            assert (await ended(bot, alert)).status is EXECUTED, await bot.row(alert)

    await all_at_once("BUY", Decimal(2))
    assert await held(bot) == {"ema": 6, "rsi": 8, "late": 10}
    await all_at_once("SELL", Decimal(1))
    assert await held(bot) == {"ema": 3, "rsi": 4, "late": 5}
    assert there.gateway.book.positions[AAPL].quantity == 7 + 12
    at_gateway: defaultdict[str, Decimal] = defaultdict(Decimal)
    strategies = {trade.order_ref: trade.strategy for trade in await bot.trades()}
    for order in there.gateway.book.orders.values():
        sign = 1 if order.ticket.action == "BUY" else -1
        at_gateway[strategies[order.ticket.order_ref]] += sign * order.filled
    assert dict(at_gateway) == await held(bot)


async def test_a_partial_exit_that_the_exchange_ends_sells_its_own_rest(make_at_gateway: MakeAtGateway) -> None:
    """Armed again, a partial exit would sell all that its strategy holds, or what another one does."""
    there = await make_at_gateway(options={"question_timeout_s": 10.0}, strategies=THREE)
    bot = there.bot
    for strategy in ("ema", "rsi"):
        assert (await done(bot, "BUY", strategy, 10)).status is EXECUTED
    there.gateway.faults.arm("ended", symbol="AAPL", action="SELL", reason="Cancelled by Exchange", filled=1)
    part = await bot.alert("SELL", "AAPL", strategy="ema", quantity="4")

    async def sold() -> bool:
        return there.gateway.book.positions[AAPL].quantity == 16

    await bot.sooner_or_later(sold, "the rest of the part is sold", within_s=120)
    await bot.becomes(part, EXECUTED)
    await bot.seconds(400, at_once=10)  # as long as anything may be armed again
    sells = [order.ticket.quantity for order in there.gateway.book.orders.values() if order.ticket.action == "SELL"]
    assert (sells, await held(bot)) == ([4, 3], {"ema": 6, "rsi": 10, "late": 0})


async def test_parts_one_after_the_other_while_the_first_works(make_bot: MakeBot) -> None:
    """Two partial exits that come together would be sized from the same shares, and sell more than their strategy holds."""
    bot = await started(make_bot)
    for strategy in ("ema", "rsi"):
        assert (await done(bot, "BUY", strategy, 10)).status is EXECUTED
    bot.broker.on_place = lambda order: None
    parts = [
        await bot.alert("EXIT", "AAPL", strategy="ema", quantity=70, quantityType="percent_of_position", number=n)
        for n in range(3)
    ]
    for number, shares in enumerate((7, 2), 3):  # of ten, then of the three that are left
        await bot.leaves(number)
        assert bot.broker.sent[-1].qty == shares
        bot.broker.fill(bot.broker.sent[-1].order_ref, shares)
        bot.clock.skip(11)
    rows = [await ended(bot, part) for part in parts]
    [refused] = [row for row in rows if row.status is not EXECUTED]  # of one share nothing is left to round
    assert (refused.status, getattr(refused.reason, "code", None)) == (BLOCKED, RefusalCode.EXIT_SIZE)
    assert await held(bot) == {"ema": 1, "rsi": 10, "late": 0}


@pytest.mark.parametrize("strategy", THREE.names)
async def test_an_exit_supersedes_older_entries_of_its_own_strategy_only(make_bot: MakeBot, strategy: str) -> None:
    """The exit of one strategy would take back the entry that another one waits with."""
    bot = await started(make_bot)
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    waiting = {name: await bot.alert("BUY", "AAPL", strategy=name, quantity="1") for name in THREE.names}
    exit_ = await bot.alert("SELL", "AAPL", strategy=strategy)
    bot.gate.open("test")
    ends = {name: (await ended(bot, alert)).status for name, alert in waiting.items()}
    assert ends == {name: BLOCKED if name == strategy else EXECUTED for name in THREE.names}
    assert (await ended(bot, exit_)).status is BLOCKED
