"""Orders that were placed on an earlier day and fill today."""

from datetime import timedelta
from decimal import Decimal

from tests.bot_fixtures import MakeBot
from tests.fakes import CON_IDS
from tests.trading.test_resting_entries import GTC, STOPPED, rests, running
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.instructions import Verb
from tradebot.domain.limits import Limits
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.terms import Exits, Level, LevelKind
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.queries.newest import newest_orders
from tradebot.queries.results import daily_results

D = Decimal
AAPL = CON_IDS["AAPL"]
TWO_DAYS_S = timedelta(days=2).total_seconds()


async def test_what_an_entry_of_an_earlier_day_has_just_paid_is_not_spent_again(make_bot: MakeBot) -> None:
    """IB's cash trails a fill by minutes: the next BUY would spend what an entry that waited for days has taken."""
    bot = await running(make_bot, limits=Limits(buy_amount_usd=D(600)))
    alert_id, order_ref = await rests(bot, GTC)
    bot.clock.skip(TWO_DAYS_S)
    bot.broker.cash, bot.broker.cash_told_at = D(2000), bot.clock.now()
    bot.broker.fill(order_ref, int((await bot.trade(order_ref)).requested_qty), 95)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    row = await bot.becomes(await bot.asks("rsi", Verb.BUY, "MSFT"), AlertStatus.BLOCKED, AlertStatus.PROCESSING)
    assert isinstance(row.reason, Reason)
    assert row.reason.code == RefusalCode.CASH


async def test_what_an_entry_of_an_earlier_day_has_just_bought_keeps_its_stop(make_bot: MakeBot) -> None:
    """IB's position trails a fill by seconds: the stop of an entry that waited for days would be taken for one of nothing."""
    bot = await running(make_bot)
    alert_id, order_ref = await rests(bot, GTC, exits=STOPPED)
    bot.clock.skip(TWO_DAYS_S)
    bot.broker.fill(order_ref, int((await bot.trade(order_ref)).requested_qty), 95)
    bot.broker.held = {}
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await bot.seconds(8)
    assert bot.broker.cancels == []
    (stop,) = [one for one in await bot.trades() if one.role is OrderRole.STOP]
    assert stop.status is TradeStatus.SUBMITTED


async def test_a_target_that_has_filled_in_part_hides_no_missing_shares(make_bot: MakeBot) -> None:
    """As long as a target rests with a part of it filled, a BUY of another strategy would add to shares that are not there."""
    bot = await running(make_bot)
    alert_id = await bot.asks("ema", Verb.BUY, exits=Exits(take_profit=Level(LevelKind.PRICE, D(120))))
    await bot.sent(2)
    entry, target = [one.order_ref for one in bot.broker.sent]
    bot.broker.show(target)
    bot.broker.fill(entry, 5, 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.broker.fill(target, 2, 120)
    bot.clock.skip(30)
    bot.broker.held = {AAPL: D(1)}
    row = await bot.becomes(await bot.asks("rsi", Verb.BUY), AlertStatus.BLOCKED, AlertStatus.PROCESSING)
    assert isinstance(row.reason, Reason)
    assert row.reason.code == RefusalCode.MISMATCH


async def test_what_a_stop_of_an_earlier_day_sells_is_in_today_s_figures(make_bot: MakeBot) -> None:
    """The day's report and list of orders would be without its sales and commissions."""
    bot = await running(make_bot)
    alert_id = await bot.asks("ema", Verb.BUY, exits=STOPPED)
    await bot.sent(2)
    entry, stop = (one.order_ref for one in bot.broker.sent)
    bot.broker.show(stop)
    bot.broker.fill(entry, int(bot.broker.sent[0].qty), 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.clock.skip(TWO_DAYS_S)
    bot.broker.fill(stop, int(bot.broker.sent[1].qty), 90)
    await bot.turns(stop, TradeStatus.FILLED)
    hours, now = bot.options.hours, bot.clock.now()
    results = await daily_results(bot.ledger, hours, now, 1)
    assert (results.total.sells, results.total.buys) == (1, 0)
    assert [one.order_ref for one in await newest_orders(bot.ledger, hours, now)] == [stop]
