"""What the lists and traces of the command line read, on both databases."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert, an_execution
from tests.facts import every_kind
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.hours import Hours
from tradebot.domain.limits import Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.ports import Ledger
from tradebot.queries.alert_trace import alert_trace
from tradebot.queries.daily_report import gather
from tradebot.queries.newest import newest_alerts, newest_orders
from tradebot.queries.positions import LastPriceSource, held_positions, stored_positions
from tradebot.queries.results import daily_results, read_result
from tradebot.queries.search import AlertSearch, newest_events, search_alerts
from tradebot.queries.status import books_status

HOURS = Hours(Calendar(), always=True)


async def test_the_newest_alerts(ledger: Ledger) -> None:
    """The list begins with the oldest alerts, or shows those of another state or ticker."""
    async with ledger.begin() as books:
        for ticker, status in (("AAPL", "RECEIVED"), ("MSFT", "BLOCKED"), ("AAPL", "BLOCKED"), (None, "REJECTED")):
            await books.insert_alert(an_alert(ticker=ticker, status=AlertStatus(status)))
    assert [one.alert.id for one in await newest_alerts(ledger, 2)] == [3, 4]
    assert [one.alert.id for one in await newest_alerts(ledger, 9, ticker="AAPL")] == [1, 3]
    assert [one.alert.id for one in await newest_alerts(ledger, 9, statuses=[AlertStatus.BLOCKED])] == [2, 3]


async def test_alerts_are_searched_page_by_page(ledger: Ledger) -> None:
    """A search leaves out an alert that fits, shows one of another day, or begins anew with each page."""
    async with ledger.begin() as books:
        for ticker, hours in (("AAPL", 0), ("MSFT", 1), ("AAPL", 2), ("AAPL", 48)):
            await books.insert_alert(an_alert(ticker=ticker, received_at=NOON + timedelta(hours=hours)))

    async def found(limit: int = 9, **wanted: Any) -> list[int]:
        return [one.alert.id for one in await search_alerts(ledger, HOURS, AlertSearch(**wanted), limit)]

    day = HOURS.calendar.trading_date(NOON)
    assert await found() == [1, 2, 3, 4]
    assert await found(2) == [3, 4]
    assert await found(2, before_id=3) == [1, 2]
    assert await found(day=day) == [1, 2, 3]
    assert await found(day=day, ticker="AAPL") == [1, 3]
    assert await found(day=day + timedelta(days=1)) == []
    assert await found(statuses=[AlertStatus.BLOCKED]) == []
    assert await found(strategy="ema") == []


async def test_the_newest_events(ledger: Ledger) -> None:
    """The list of what was told begins with the oldest, or is full of traces."""
    async with ledger.begin() as books:
        for kind in (EventKind.ALERT_STORED, EventKind.BUY_FILLED, EventKind.SELL_FILLED, EventKind.ALERT_STORED):
            await books.add_event(NewEvent(every_kind()[kind], NOON))
    assert [one.kind for one in await newest_events(ledger, 1)] == [EventKind.SELL_FILLED]
    assert [one.kind for one in await newest_events(ledger, 9)] == [EventKind.BUY_FILLED, EventKind.SELL_FILLED]


async def test_an_alert_with_all_that_belongs_to_it(ledger: Ledger) -> None:
    """An order, a fill, a lot or a delivery of another alert is shown, or one of its own is not."""
    async with ledger.begin() as books:
        await books.serve_channels(["log", "telegram"])
        bought, other = await a_trade(books), await a_trade(books)
        sold = await a_trade(books, side=Side.SELL)
        for trade, root in ((bought, "a"), (other, "b"), (sold, "c")):
            await books.put_execution(trade, an_execution(f"{root}.01"))
        await books.rewrite_lots("main", "AAPL", [a_lot(bought, sold), a_lot(bought), a_lot(other)], closed_by=[sold])
        ids = [
            await books.add_event(NewEvent(every_kind()[kind], NOON, 1, bought))
            for kind in (EventKind.ALERT_STORED, EventKind.BUY_FILLED)
        ]
        await books.add_event(NewEvent(every_kind()[EventKind.BUY_FILLED], NOON, 2, other))
        await books.delivery_failed("telegram", ids, "it is away")
        await books.mark_delivered("log", ids, NOON)
    found = await alert_trace(ledger, "1")
    assert found is not None
    [order] = found.orders
    assert (order.trade.id, [one.exec_id for one in order.executions]) == (bought, ["a.01"])
    assert order.decision == {"checks": [{"name": "cash", "code": None, "facts": {}}]}
    assert sorted(lot.status for lot in order.opened) == [LotStatus.CLOSED, LotStatus.OPEN]
    assert [event.id for event in found.events] == ids
    assert [(one.event_id, one.channel, one.attempts, one.error, one.delivered_at) for one in found.deliveries] == [
        (ids[1], "log", 1, None, NOON),
        (ids[1], "telegram", 1, "it is away", None),
    ]
    assert not found.is_pruned
    exit_ = await alert_trace(ledger, "tb-3-0badcafe")
    assert exit_ is not None
    assert [len(exit_.orders[0].closed), exit_.events, exit_.is_pruned] == [1, [], True]


async def test_an_own_id_that_is_a_number(ledger: Ledger) -> None:
    """A sender's own id hides the alert that has this number."""
    async with ledger.begin() as books:
        await books.insert_alert(an_alert(idempotency_key="id:2"))
        await books.insert_alert(an_alert(idempotency_key="id:77"))
    found = [await alert_trace(ledger, name) for name in ("2", "77", "78")]
    assert [one and one.alert.id for one in found] == [2, 2, None]


async def test_an_own_id_is_found_whichever_strategy_it_is_of(ledger: Ledger) -> None:
    """The sender's own name for an alert is answered with "there is no such alert" where there are several strategies."""
    assert await alert_trace(ledger, "x1") is None
    keys = [
        ("main", "id:x1"),
        ("ema", "id@ema:x1"),
        ("swing", "id@swing:x2"),
        ("ema", "own@ema:x3"),
        ("ema", "id@ema:%"),
    ]
    async with ledger.begin() as books:
        for strategy, key in keys:
            await books.insert_alert(an_alert(idempotency_key=key, strategy=strategy))
    found = [await alert_trace(ledger, name) for name in ("x1", "x2", "x3", "x", "%")]
    assert [one and one.alert.id for one in found] == [2, 3, None, None, 5]


async def test_orders_of_today_and_those_that_are_not_resolved(ledger: Ledger) -> None:
    """An order that is UNKNOWN since yesterday is not in the list."""
    async with ledger.begin() as books:
        yesterday = NOON - timedelta(days=1)
        for created in (yesterday, yesterday, NOON):
            await a_trade(books, created_at=created)
        ended = await books.trade(1)
        assert ended is not None
        await books.save_trade(replace(ended, status=TradeStatus.FAILED, finished_at=yesterday))
    assert [one.id for one in await newest_orders(ledger, HOURS, NOON)] == [2, 3]
    assert [one.id for one in await newest_orders(ledger, HOURS, NOON, every=True)] == [1, 2, 3]


async def test_positions_and_results_of_days(ledger: Ledger) -> None:
    """Amounts of two days, tickers or contracts run into each other; or an old price is called the last one."""
    async with ledger.begin() as books:
        bought, more, sold = await a_trade(books), await a_trade(books), await a_trade(books, side=Side.SELL)
        today = a_lot(bought, sold, exit_time=NOON, pnl=Decimal("5.00000001"))
        await books.rewrite_lots("main", "AAPL", [today, a_lot(bought, qty=Decimal(3)), a_lot(more)], closed_by=[sold])
    found = await stored_positions(ledger, HOURS, NOON)
    [held] = found.positions
    assert (held.held.lots, held.held.qty, held.held.cost) == (2, 13, 13 * Decimal("187.3215"))
    assert held.last is not None
    assert (held.last.price, held.last.at, held.last.source) == (Decimal("187.3215"), NOON, LastPriceSource.FILL)
    assert (held.realised_today, found.realised_today) == (Decimal("5.00000001"), Decimal("5.00000001"))
    tomorrow = await daily_results(ledger, HOURS, NOON + timedelta(days=1), 3)
    assert [(one.net, one.wins) for one in tomorrow.days.values()] == [(0, 0), (Decimal("5.00000001"), 1), (0, 0)]
    assert tomorrow.total.net == Decimal("5.00000001")
    assert (await stored_positions(ledger, HOURS, NOON + timedelta(days=1))).realised_today == 0


async def three_traded(ledger: Ledger) -> dict[str, int | None]:
    """ema and swing have bought, sold and hold; old has sold all. The alert of each."""
    async with ledger.begin() as books:
        await books.serve_channels(["log"])
        trades, alerts = {}, {}
        for name in ("ema", "swing", "old"):
            alerts[name] = await books.insert_alert(an_alert(strategy=name))
            await books.add_event(NewEvent(every_kind()[EventKind.BUY_FILLED], NOON, alerts[name]))
            bought = await a_trade(books, strategy=name)
            sold = await a_trade(books, strategy=name, side=Side.SELL)
            for number in (bought, sold):
                trade = await books.trade(number)
                assert trade is not None
                await books.save_trade(replace(trade, filled_qty=Decimal(10), avg_fill_price=Decimal(187)))
            trades[name] = (bought, sold)
        await books.add_event(NewEvent(every_kind()[EventKind.MARKET_OPEN], NOON))
        for name, held in (("ema", 10), ("swing", 3), ("old", 0)):
            bought, sold = trades[name]
            gone = a_lot(bought, sold, exit_time=NOON, pnl=Decimal(held - 5), strategy=name)
            kept = [a_lot(bought, qty=Decimal(held), strategy=name)] if held else []
            await books.rewrite_lots(name, "AAPL", [gone, *kept], closed_by=[sold])
    return alerts


async def test_each_strategy_is_read_apart(ledger: Ledger) -> None:
    """What one strategy holds, won or was told would count for another; or the parts would not add up to the whole."""
    both = Strategies({name: Strategy(name=name) for name in ("ema", "swing", "idle")})
    alerts = await three_traded(ledger)
    async with ledger.read() as books:
        assert [event.strategy for event in await books.undelivered("log", 9)] == ["ema", "swing", "old", None]
        assert [event.strategy for event in await books.events(after_id=2)] == ["old", None]
        assert [event.strategy for event in await books.events(alert_id=alerts["swing"])] == ["swing"]
        assert [event.strategy for event in await books.events_since((EventKind.BUY_FILLED,), NOON)] == [
            "ema",
            "swing",
            "old",
        ]
        lots = await books.lots(LotStatus.OPEN)
        result = await read_result(books, HOURS, NOON, 1, strategies=both)
        alone = await read_result(books, HOURS, NOON, 1, "swing", both)
        one = await read_result(books, HOURS, NOON, 1, strategies=Strategies())
        status = await books_status(books, Limits(), HOURS, NOON, strategies=both)
        session = HOURS.calendar.session(NOON.date())
        assert session is not None
        known: dict[str, Any] = {"account": None, "broker_positions": None}
        report = await gather(books, session, Limits(), HOURS, NOON, **known, strategies=both)
        plain = await gather(books, session, Limits(), HOURS, NOON, **known, strategies=Strategies())
    assert {name: each.net for name, each in result.by_strategy.items()} == {
        "ema": 5,
        "swing": -2,
        "idle": 0,
        "old": -5,
    }
    assert result.summary.net == sum(each.net for each in result.by_strategy.values())
    assert (alone.summary.net, alone.by_strategy, one.by_strategy) == (-2, {}, {})
    held_now = held_positions(lots, None, strategies=both)
    assert {name: each.positions[0].qty for name, each in held_now.by_strategy.items()} == {"ema": 10, "swing": 3}
    assert held_positions(lots, None, "swing", both).open.positions[0].qty == 3
    assert [(one.strategy.name, one.exposure.realised_today, one.lots) for one in status.strategies] == [
        ("ema", 5, 1),
        ("swing", -2, 1),
        ("idle", 0, 0),
    ]
    assert status.exposure.realised_today == -2
    assert [(one.strategy, one.net, one.buys, one.sells, one.positions) for one in report.by_strategy] == [
        ("ema", 5, 1, 1, 1),
        ("swing", -2, 1, 1, 1),
        ("idle", 0, 0, 0, 0),
        ("old", -5, 1, 1, 0),
    ]
    assert (plain.by_strategy, plain.net) == ((), report.net)
    days = await daily_results(ledger, HOURS, NOON, 1)
    assert {name: each.total.net for name, each in days.by_strategy.items()} == {"ema": 5, "swing": -2, "old": -5}
    assert [one.strategy for one in (await stored_positions(ledger, HOURS, NOON)).positions] == ["ema", "swing"]
    assert {one.alert.strategy for one in await newest_alerts(ledger, 9, strategy="ema")} == {"ema"}
    assert {one.strategy for one in await newest_orders(ledger, HOURS, NOON, every=True, strategy="swing")} == {"swing"}
