"""What the services rely on in the tables, on every database."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert, an_execution, without_ids
from tests.facts import bought
from tradebot.domain.alerts import WAITING, Alert, AlertStatus, NewAlert, Side
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.daemon import Started
from tradebot.domain.lots import LotStatus
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import NewTrade, OrderRole, Place, Trade, TradeStatus
from tradebot.ports import Books, Ledger

STARTED = Started("0.2.0", None, None)


async def store(books: Books, alert: NewAlert) -> int:
    alert_id = await books.insert_alert(alert)
    assert alert_id is not None
    return alert_id


def as_stored(alert: NewAlert, alert_id: int) -> Alert:
    return Alert(**{name: getattr(alert, name) for name in NewAlert.__slots__}, id=alert_id)


async def test_an_alert_comes_back_as_it_went_in(ledger: Ledger) -> None:
    """Otherwise the worker would judge something else than what was received."""
    full, bare = (
        an_alert(reason=Reason("partly_filled", {"filled": Decimal("2.50"), "requested": 5, "by": "\"Ann\" – {}"})),
        an_alert(
            ticker=None, action=None, price=None, alert_time=None, primary_exchange=None, source_ip=None,
            status=AlertStatus.REJECTED,
        ),
    )  # fmt: skip
    async with ledger.begin() as books:
        first, second = await store(books, full), await store(books, bare)
    async with ledger.read() as books:
        assert await books.alert(first) == as_stored(full, first)
        assert await books.alert(second) == as_stored(bare, second)
        assert await books.alert_by_key(full.idempotency_key) == as_stored(full, first)
        assert await books.alert(second + 1000) is None
        assert await books.alert_by_key("no such key") is None


async def test_a_second_alert_with_the_same_key_is_not_stored(ledger: Ledger) -> None:
    """Otherwise TradingView's resend would become a second order."""
    alert = an_alert()
    async with ledger.begin() as books:
        alert_id = await store(books, alert)
    async with ledger.begin() as books:
        assert await books.insert_alert(replace(alert, raw_body=b"again")) is None
        await books.count_duplicate(alert_id)
        await books.count_duplicate(alert_id)
    async with ledger.read() as books:
        assert await books.alert(alert_id) == replace(as_stored(alert, alert_id), duplicates=2)


async def test_recent_alert_looks_back_to_the_given_moment(ledger: Ledger) -> None:
    """Otherwise the sliding 60 seconds would swallow a new alert, or let a resend through."""
    async with ledger.begin() as books:
        old = await store(books, an_alert(payload_hash="same", received_at=NOON))
        new = await store(books, an_alert(payload_hash="same", received_at=NOON + timedelta(seconds=30)))
        await store(books, an_alert(payload_hash="other", received_at=NOON + timedelta(seconds=40)))

        async def found(since_s: float) -> int | None:
            alert = await books.recent_alert("same", NOON + timedelta(seconds=since_s))
            return alert.id if alert is not None else None

        assert await found(0) == new
        assert await found(30) == new
        assert await found(30.000001) is None
        assert old < new


async def test_alerts_are_found_by_status_and_ticker_in_order(ledger: Ledger) -> None:
    """Otherwise the requeue would push the wrong alerts, or out of turn."""
    async with ledger.begin() as books:
        ids = [
            await store(books, an_alert(ticker=ticker, status=status))
            for ticker in ("AAPL", "TSLA")
            for status in (AlertStatus.RECEIVED, AlertStatus.PENDING, AlertStatus.BLOCKED)
        ]

        async def found(*statuses: AlertStatus, ticker: str | None = None, limit: int | None = None) -> list[int]:
            return [alert.id for alert in await books.alerts(statuses, ticker=ticker, limit=limit)]

        assert await found(*AlertStatus) == ids
        assert await found(AlertStatus.RECEIVED) == [ids[0], ids[3]]
        assert await found(AlertStatus.PENDING, AlertStatus.RECEIVED, ticker="TSLA") == [ids[3], ids[4]]
        assert await found(*AlertStatus, limit=2) == ids[:2]
        assert await found() == []
        assert await found(*AlertStatus, ticker="NVDA") == []


async def test_move_alert_is_a_compare_and_set(ledger: Ledger) -> None:
    """Otherwise an id taken twice from the queue would be decided twice."""
    waiting = (AlertStatus.RECEIVED, AlertStatus.PENDING)
    async with ledger.begin() as books:
        alert_id = await store(books, an_alert())
        assert await books.move_alert(alert_id, waiting, AlertStatus.BLOCKED, "needs $1")
        assert not await books.move_alert(alert_id, waiting, AlertStatus.PROCESSING, None)
        assert not await books.move_alert(alert_id, (), AlertStatus.PROCESSING, None)
        assert not await books.move_alert(alert_id + 1000, waiting, AlertStatus.PROCESSING, None)
    async with ledger.read() as books:
        alert = await books.alert(alert_id)
    assert alert is not None
    assert (alert.status, alert.reason) == (AlertStatus.BLOCKED, "needs $1")


@pytest.mark.parametrize(
    "reason",
    [
        None,
        "IB 201: no",
        '{"code": "eaten"}',
        '{"code": "cash", "facts": {"free": {}}}',
        '{"code": and no JSON',
        Reason("of_another_version", {"free": Decimal("1.50"), "count": 3}),
        Reason(ReasonCode.TOO_LATE, {"within_s": 5}),
    ],
)
async def test_why_comes_back_as_it_went_in(ledger: Ledger, reason: Reason | str | None) -> None:
    """Otherwise IB's words would be taken for a code, or a code be shown to people as JSON."""
    async with ledger.begin() as books:
        trade = await books.trade(await a_trade(books))
        assert trade is not None
        await books.save_trade(replace(trade, error_message=reason))
        assert await books.move_alert(trade.alert_id, list(AlertStatus), AlertStatus.FAILED, reason)
    async with ledger.read() as books:
        stored, alert = await books.trade(trade.id), await books.alert(trade.alert_id)
    assert stored is not None
    assert alert is not None
    assert (stored.error_message, alert.reason) == (reason, reason)
    assert type(alert.reason) is type(reason)


async def test_a_trade_comes_back_as_it_went_in(ledger: Ledger) -> None:
    """Otherwise recovery would look for another order than the one that was sent."""
    async with ledger.begin() as books:
        trade_id = await a_trade(books, order_ref="tb-1-00000001", ib_position_before=None, side=Side.SELL)
        alerts = await books.alerts([AlertStatus.RECEIVED])
    expected = Trade(
        alert_id=alerts[0].id, ticker="AAPL", con_id=265598, side=Side.SELL, requested_qty=Decimal(10),
        order_ref="tb-1-00000001", ib_position_before=None, created_at=NOON, id=trade_id,
        reserved=Decimal("1893.23"), role=OrderRole.EXIT,
    )  # fmt: skip
    async with ledger.read() as books:
        assert await books.trade(trade_id) == expected
        assert await books.trade_by_ref("tb-1-00000001") == expected
        assert await books.trade_of_alert(expected.alert_id) == expected
        assert await books.trade(trade_id + 1000) is None
        assert await books.trade_by_ref("tb-1-00000002") is None
        assert await books.trade_of_alert(expected.alert_id + 1000) is None


async def test_an_alert_s_orders_come_in_their_order(ledger: Ledger) -> None:
    """Otherwise an older order would be taken for the newest, or one that is alive be overlooked beside it."""
    async with ledger.begin() as books:
        first = await a_trade(books, order_ref="tb-1-00000001")
        trade = await books.trade(first)
        assert trade is not None
        names = [name for name in NewTrade.__dataclass_fields__ if name != "decision"]
        same = {name: getattr(trade, name) for name in names}
        await books.insert_trade(NewTrade(**{**same, "order_ref": "tb-1-00000002", "n": 2}, decision={}))
        stop = {"order_ref": "tb-1-00000003", "role": OrderRole.STOP, "side": Side.SELL}
        await books.insert_trade(NewTrade(**{**same, **stop}, decision={}))
    async with ledger.read() as books:
        trades = await books.trades_of_alert(trade.alert_id)
        assert [(one.n, one.order_ref) for one in trades] == [(1, "tb-1-00000001"), (2, "tb-1-00000002")]
        assert await books.trade_of_alert(trade.alert_id) == trades[1]
        assert await books.trades_of_alert(trade.alert_id + 1000) == []


async def test_a_decision_is_read_on_demand(ledger: Ledger) -> None:
    """Otherwise every booking would read kilobytes for each trade the ticker ever had; or why an order left would be lost."""
    async with ledger.begin() as books:
        ids = [await a_trade(books, order_ref=f"tb-1-0000000{number}") for number in range(len(TradeStatus))]
        for trade_id, status in zip(ids, TradeStatus, strict=True):
            trade = await books.trade(trade_id)
            assert trade is not None
            await books.save_trade(replace(trade, status=status))
    async with ledger.read() as books:
        assert [trade.reserved for trade in await books.trades()] == [Decimal("1893.23")] * len(ids)
        assert [(await books.decision(trade_id) or {})["checks"] for trade_id in ids] == [
            [{"name": "cash", "code": None, "facts": {}}]
        ] * len(ids)
        assert await books.decision(ids[-1] + 1000) is None


async def test_save_trade_writes_what_changes_and_nothing_else(ledger: Ledger) -> None:
    """Otherwise fills would be lost, or the stored intent falsified."""
    async with ledger.begin() as books:
        trade_id = await a_trade(books)
        trade = await books.trade(trade_id)
        assert trade is not None
        changed = replace(
            trade, filled_qty=Decimal(4), avg_fill_price=Decimal("187.32150000"), commission=Decimal("1.0035"),
            status=TradeStatus.PARTIAL, error_message="cancelled", ib_order_id=41, perm_id=1850973501,
            submitted_at=NOON + timedelta(seconds=1), finished_at=NOON + timedelta(seconds=31),
        )  # fmt: skip
        await books.save_trade(replace(changed, requested_qty=Decimal(99), order_ref="tb-x", con_id=1))
    async with ledger.begin() as books:
        assert await books.trade(trade_id) == changed
        with pytest.raises(LookupError):
            await books.save_trade(replace(changed, id=trade_id + 1000))


async def test_a_second_trade_for_one_alert_is_refused_by_the_database(ledger: Ledger) -> None:
    """Otherwise a mistake in the program could make two orders of one alert."""
    async with ledger.begin() as books:
        trade = await books.trade(await a_trade(books))
    assert trade is not None
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with ledger.begin() as books:
            await a_trade(books, alert_id=trade.alert_id)
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with ledger.begin() as books:
            await a_trade(books, order_ref=trade.order_ref)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        async with ledger.begin() as books:
            await a_trade(books, alert_id=999_999)
    async with ledger.read() as books:
        assert await books.trades() == [trade]


async def test_a_status_nobody_knows_is_refused_by_the_database(ledger: Ledger) -> None:
    """Otherwise a misspelt status would hide an alert from every query."""
    with pytest.raises(Exception, match=r"(?i)check"):
        async with ledger.begin() as books:
            await books.insert_alert(an_alert(status="RECIEVED"))


async def test_trades_are_found_by_status_ticker_and_creation(ledger: Ledger) -> None:
    """Otherwise reservations and the daily count would miss trades."""
    async with ledger.begin() as books:
        assert await books.last_order_id() == 0
        ids = [
            await a_trade(books, ticker=ticker, created_at=NOON + timedelta(days=day))
            for ticker in ("AAPL", "TSLA")
            for day in (0, 1)
        ]
        third = await books.trade(ids[2])
        assert third is not None
        await books.save_trade(replace(third, status=TradeStatus.UNKNOWN, ib_order_id=38103))

        async def found(**filters: Any) -> list[int]:
            return [trade.id for trade in await books.trades(**filters)]

        assert await found() == ids
        assert await found(statuses=[TradeStatus.UNKNOWN]) == [ids[2]]
        assert await found(statuses=[]) == []
        assert await found(ticker="TSLA") == ids[2:]
        assert await found(since=NOON + timedelta(days=1)) == [ids[1], ids[3]]
        assert await found(statuses=[TradeStatus.SUBMITTING], ticker="AAPL", since=NOON) == ids[:2]
        assert await books.last_order_id() == 38103


async def test_an_execution_is_kept_once_by_its_root(ledger: Ledger) -> None:
    """Otherwise a correction, or a report that comes twice, would be added to the shares."""
    async with ledger.begin() as books:
        trade_id = await a_trade(books, order_ref="tb-5-0")
        first = an_execution(order_ref="tb-5-0")
        corrected = replace(first, exec_id="0000e0d5.57a1b2c3.01.02", shares=Decimal(9), price=Decimal("187.33"))
        other = replace(first, exec_id="0000e0d5.57a1b2c4.01.01", time=NOON + timedelta(seconds=1))
        assert await books.put_execution(trade_id, first)
        assert not await books.put_execution(trade_id, first)
        assert await books.executions(trade_id) == [first]
        assert await books.put_execution(trade_id, other)
        assert await books.put_execution(trade_id, corrected)
        assert not await books.put_execution(trade_id, first)
        assert await books.executions(trade_id) == [corrected, other]
        assert await books.executions(trade_id + 1000) == []


async def test_a_known_commission_is_replaced_but_never_lost(ledger: Ledger) -> None:
    """Otherwise a repeated report without commission would wipe it out, and the P&L with it."""
    async with ledger.begin() as books:
        trade_id = await a_trade(books, order_ref="tb-6-0")
        bare = an_execution(order_ref="tb-6-0")
        paid = replace(bare, commission=Decimal("1.00"), realised=Decimal("-0.5"))
        dearer = replace(paid, commission=Decimal("1.25"))
        corrected = replace(bare, exec_id="0000e0d5.57a1b2c3.01.02", shares=Decimal(9))
        assert await books.put_execution(trade_id, bare)
        assert await books.put_execution(trade_id, paid)
        assert not await books.put_execution(trade_id, bare)
        assert await books.executions(trade_id) == [paid]
        assert await books.put_execution(trade_id, dearer)
        assert await books.executions(trade_id) == [dearer]
        assert await books.put_execution(trade_id, corrected)
        assert await books.executions(trade_id) == [
            replace(corrected, commission=Decimal("1.25"), realised=Decimal("-0.5"))
        ]


async def test_rewrite_lots_makes_the_rows_equal_and_keeps_ids(ledger: Ledger) -> None:
    """Otherwise refolding after a late commission would leave stale lots, or give old ones new numbers."""
    async with ledger.begin() as books:
        buy, buy2, sell = await a_trade(books), await a_trade(books), await a_trade(books, side=Side.SELL)
        await books.rewrite_lots("main", "TSLA", [a_lot(await a_trade(books), ticker="TSLA")])
        await books.rewrite_lots("main", "AAPL", [a_lot(buy), a_lot(buy2)])
        first, second = await books.lots(ticker="AAPL")
        assert without_ids([first, second]) == [a_lot(buy), a_lot(buy2)]

        split = [
            a_lot(buy, sell, qty=Decimal(4), commission=Decimal("0.7")),
            a_lot(buy, qty=Decimal(6), commission=Decimal("0.6")),
            a_lot(buy2),
        ]
        await books.rewrite_lots("main", "AAPL", split)
        kept = {lot.id: lot for lot in await books.lots(ticker="AAPL")}
        assert kept[first.id].qty == Decimal(6)
        assert kept[second.id] == second
        assert sorted(without_ids(list(kept.values())), key=split.index) == split

        await books.rewrite_lots("main", "AAPL", split, closed_by=[sell])
        assert {lot.id: lot for lot in await books.lots(ticker="AAPL")} == kept
        await books.rewrite_lots("main", "AAPL", [])
        assert without_ids(await books.lots(ticker="AAPL")) == [split[0]], "what others closed stays"
        await books.rewrite_lots("main", "AAPL", [], closed_by=[sell])
        assert await books.lots(ticker="AAPL") == []
        assert len(await books.lots(ticker="TSLA")) == 1


async def test_what_was_open_before_a_trade_is_found(ledger: Ledger) -> None:
    """Otherwise the fold would go on from what never was, and lose or make shares."""
    async with ledger.begin() as books:
        bought, sold, more, other, rest = [await a_trade(books) for _ in range(5)]
        there = [a_lot(bought, sold), a_lot(bought, rest), a_lot(bought), a_lot(more, rest), a_lot(more)]
        await books.rewrite_lots("main", "AAPL", there)
        await books.rewrite_lots("main", "TSLA", [a_lot(other, ticker="TSLA")])

        async def found(trade_id: int) -> set[tuple[int, int | None]]:
            lots = await books.lots_open_before("main", "AAPL", Place(trade_id, 0, trade_id))
            return {(lot.opening_trade_id, lot.closing_trade_id) for lot in lots}

        assert await found(bought) == set()
        assert await found(sold) == {(bought, sold), (bought, rest), (bought, None)}
        assert await found(more) == {(bought, rest), (bought, None)}
        assert await found(rest) == {(bought, rest), (bought, None), (more, rest), (more, None)}
        assert await found(rest + 1) == {(bought, None), (more, None)}
        assert without_ids(await books.lots_closed_by([sold, rest])) == [there[0], there[1], there[3]]
        assert await books.lots_closed_by([]) == []


async def test_what_was_made_since_the_start_is_added_up(ledger: Ledger) -> None:
    """The chat would show another result than the lots have, or a strategy that of all."""
    async with ledger.begin() as books:
        assert await books.realised_since_start(None) == (Decimal(0), None)
        bought, sold, rest = [await a_trade(books) for _ in range(3)]
        closed = [
            replace(a_lot(bought, sold), pnl=Decimal("0.1")),
            replace(a_lot(bought, rest), pnl=Decimal("-3.3333")),
        ]
        await books.rewrite_lots("main", "AAPL", [*closed, a_lot(bought)])
        assert await books.realised_since_start(None) == (Decimal("-3.2333"), closed[0].entry_time)
        assert await books.realised_since_start("main") == (Decimal("-3.2333"), closed[0].entry_time)
        assert await books.realised_since_start("ema") == (Decimal(0), None)


async def test_a_tickers_trades_are_found_by_what_follows_and_by_their_end(ledger: Ledger) -> None:
    """Otherwise a correction would not reach what came after it, or an exit trust a position that trails a fill."""
    async with ledger.begin() as books:
        first, second, third = [await a_trade(books) for _ in range(3)]
        fourth = await a_trade(books, ticker="TSLA")
        for trade_id, ended in ((first, NOON), (second, NOON + timedelta(seconds=1))):
            trade = await books.trade(trade_id)
            assert trade is not None
            await books.save_trade(replace(trade, status=TradeStatus.CANCELLED, finished_at=ended))
        assert [trade.id for trade in await books.trades_from("main", "AAPL", Place(second, 0, second), 10)] == [
            second,
            third,
        ]
        assert [trade.id for trade in await books.trades_from("main", "AAPL", Place(first, 0, first), 2)] == [
            first,
            second,
        ]
        ended_since = await books.trades_ended_since("AAPL", NOON + timedelta(seconds=1))
        assert [trade.id for trade in ended_since] == [second, third]
        lately = await books.trades_since_or_ended(NOON + timedelta(days=9))
        assert [trade.id for trade in lately] == [third, fourth]  # neither has ended
        lately = await books.trades_since_or_ended(NOON + timedelta(seconds=1))
        assert second in [trade.id for trade in lately]


async def test_what_waits_is_counted_by_state_and_side(ledger: Ledger) -> None:
    """The status would show alerts that are over, or miss those that wait for the open."""
    async with ledger.begin() as books:
        assert await books.count_waiting() == {}
        for status, side in (("RECEIVED", "BUY"), ("RECEIVED", "BUY"), ("RECEIVED", "SELL"), ("PENDING", "SELL")):
            await store(books, an_alert(status=AlertStatus(status), action=Side(side)))
        for status in set(AlertStatus) - set(WAITING):
            await store(books, an_alert(status=status))
        assert await books.count_waiting() == {
            (AlertStatus.RECEIVED, Side.BUY): 2,
            (AlertStatus.RECEIVED, Side.SELL): 1,
            (AlertStatus.PENDING, Side.SELL): 1,
        }


async def test_what_a_strategy_s_rules_ask_is_of_that_strategy(ledger: Ledger) -> None:
    """A rule of one strategy would count another's alerts, its exits, tests, or what comes after the alert that is judged."""
    later = NOON + timedelta(seconds=5)
    async with ledger.begin() as books:
        first = await store(books, an_alert(strategy="ema", alert_time=NOON))
        await store(books, an_alert(strategy="rsi"))
        await store(books, an_alert(strategy="ema", test=True))
        await store(books, an_alert(strategy="ema", action=Side.SELL, alert_time=later))
        second = await store(books, an_alert(strategy="ema"))
        trade = await a_trade(books, strategy="ema")
        await a_trade(books, strategy="ema", ticker="KO")
        await a_trade(books)
    async with ledger.read() as books:
        counts = [await books.count_alerts("ema", Side.BUY, NOON, up_to_id=one) for one in (first, second)]
        every = await books.count_alerts("ema", Side.BUY, NOON)  # those of the two trades, too
        assert [*counts, every] == [1, 2, 4]
        assert await books.count_alerts("ema", Side.BUY, later) == 0
        assert await books.newest_alert_time("ema", "AAPL", Side.SELL, NOON) == later
        assert await books.newest_alert_time("rsi", "AAPL", Side.SELL, NOON) is None
        assert await books.newest_trade_id("ema", "AAPL") == trade
        assert await books.newest_trade_id("ema", "MSFT") == 0


async def test_lots_are_found_by_status_ticker_and_closing_time(ledger: Ledger) -> None:
    """Otherwise the daily loss or the open positions would be counted wrong."""
    async with ledger.begin() as books:
        buy, sell, other = await a_trade(books), await a_trade(books), await a_trade(books)
        await books.rewrite_lots("main", "AAPL", [a_lot(buy, sell, exit_time=NOON), a_lot(buy)])
        await books.rewrite_lots(
            "main", "TSLA", [a_lot(other, sell, ticker="TSLA", exit_time=NOON + timedelta(days=1))]
        )

        async def found(**filters: Any) -> list[tuple[str, LotStatus]]:
            return [(lot.ticker, lot.status) for lot in await books.lots(**filters)]

        closed, opened, tsla = ("AAPL", LotStatus.CLOSED), ("AAPL", LotStatus.OPEN), ("TSLA", LotStatus.CLOSED)
        assert await found() == [closed, opened, tsla]
        assert await found(status=LotStatus.OPEN) == [opened]
        assert await found(ticker="TSLA") == [tsla]
        assert await found(closed_since=NOON) == [closed, tsla]
        assert await found(closed_since=NOON + timedelta(microseconds=1)) == [tsla]
        assert await found(status=LotStatus.CLOSED, ticker="AAPL", closed_since=NOON) == [closed]


async def test_settings_are_replaced_by_key(ledger: Ledger) -> None:
    """Otherwise a limit set from chat would not be the limit in force."""
    async with ledger.begin() as books:
        assert await books.settings() == {}
        await books.put_setting("max_daily_buys", "50", "config", NOON)
        await books.put_setting("trading_state", "RUNNING", "start", NOON)
        await books.put_setting("max_daily_buys", "60", "owner", NOON + timedelta(seconds=1))
    async with ledger.read() as books:
        assert await books.settings() == {"max_daily_buys": "60", "trading_state": "RUNNING"}


async def test_events_are_an_outbox_and_a_trace(ledger: Ledger) -> None:
    """Otherwise a message would be sent twice, or not at all, or an alert's trace have gaps."""
    async with ledger.begin() as books:
        trade_id = await a_trade(books)
        trade = await books.trade(trade_id)
        assert trade is not None
        added = NewEvent(bought(), NOON, trade.alert_id, trade_id, "owner")
        ids = [await books.add_event(added), await books.add_event(NewEvent(STARTED, NOON))]
    async with ledger.begin() as books:
        first, second = await books.events()
        assert [first.id, second.id] == ids
        assert [first.kind, first.at, first.text, first.facts] == [EventKind.BUY_FILLED, NOON, None, bought()]
        assert (first.alert_id, first.trade_id, first.actor) == (trade.alert_id, trade_id, "owner")
        assert (second.alert_id, second.trade_id, second.actor) == (None, None, "bot")
        assert await books.events(alert_id=trade.alert_id) == [first]
        assert await books.events(alert_id=trade.alert_id, after_id=first.id) == []
        assert await books.events(after_id=first.id) == [second]
        assert await books.events(limit=1) == [first]
        assert await books.undelivered("owner", limit=1) == [first]
        await books.mark_delivered("owner", [first.id], NOON)
        await books.mark_delivered("owner", [first.id], NOON + timedelta(days=1))
        await books.mark_delivered("owner", [], NOON)
        assert await books.undelivered("owner", limit=10) == [second]
        assert await books.events(limit=1) == [first]


async def test_more_rows_than_a_database_takes_parameters(ledger: Ledger) -> None:
    """Otherwise the backlog of messages after a long outage of Telegram could never be marked as delivered."""
    async with ledger.begin() as books:
        await books.mark_delivered("owner", range(1, 70_000), NOON)
        ids = [await books.add_event(NewEvent(STARTED, NOON)) for _ in range(1200)]
        await books.mark_delivered("owner", ids, NOON)
        assert await books.undelivered("owner", limit=10) == []


async def test_a_job_runs_once_for_a_slot(ledger: Ledger) -> None:
    """Otherwise a restart at half past nine would run the market-open job twice."""
    async with ledger.begin() as books:
        assert await books.record_job("daily_report", NOON)
        assert await books.record_job("market_open", NOON)
        assert await books.record_job("daily_report", NOON + timedelta(days=1))
    async with ledger.begin() as books:
        assert not await books.record_job("daily_report", NOON)
