"""From the tables of 0.1.0 to those of now and back, on a database that 0.1.0 itself filled, on every database."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from tests.adapters.database.release import (
    TABLES_OF_0_4,
    ask,
    catalog,
    content,
    restore,
    sequences,
    sqlite_is_whole,
)
from tests.adapters.database.samples import NOON, a_lot, a_trade, an_action, an_alert
from tests.facts import every_kind
from tradebot.database import address, migrate, open_ledger
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind, NewEvent, Severity
from tradebot.domain.facts import FACTS
from tradebot.domain.facts.account import OrphanOrder, WrittenOff
from tradebot.domain.limits import Limits
from tradebot.domain.lots import LotStatus
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.settings import limit_key, strategy_state_key
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.errors import MigrationError
from tradebot.operations.limits import store_configured

RENAMED = {"order_settled": "order_resolved", "alien_order": "orphan_order"}
WAS = {now: was for was, now in RENAMED.items()}
SINCE = [
    "0002_core",
    "0003_corporate_actions",
    "0004_strategies",
    "0005_orders",
    "0006_history",
    "0007_channels",
    "0008_api",
    "0009_daily_bars",
    "0010_sectors",
]
TO_0_4, TO_0_3 = 6, 7  # steps back
ROWS = [name for name in TABLES_OF_0_4 if name != "schema_migration"]
LIMITS = {"buy_amount_usd": "750", "max_daily_loss": "500", "min_cash_reserve": "1500.50", "max_daily_buys": "40"}


async def back(url: str) -> list[str]:
    """To the tables of 0.1.0."""
    return await migrate.down(url, steps=len(SINCE))


@pytest.fixture
async def old(empty_url: str) -> str:
    """A database as 0.1.0 left it."""
    await restore(empty_url)
    return empty_url


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The migrations of 0.1.0."""
    folder = tmp_path / "first"
    folder.mkdir()
    for file in files("tradebot_migrations").iterdir():
        if file.name.startswith("0001_"):
            (folder / file.name).write_text(file.read_text())
    return folder


async def test_the_way_back_gives_the_same_tables(empty_url: str, first: Path) -> None:
    """Otherwise 0.1.0 would start on tables that are not quite its own."""
    await migrate.up(empty_url, folder=first)
    before = await catalog(empty_url)
    assert await migrate.up(empty_url) == SINCE
    assert await catalog(empty_url) != before
    assert await back(empty_url) == SINCE[::-1]
    assert await catalog(empty_url) == before
    assert await migrate.up(empty_url) == SINCE


async def test_there_and_back_changes_nothing(old: str) -> None:
    """Otherwise who upgrades, and goes back, would have lost a row, a digit or the next id."""
    before, tables, ids = await content(old), await catalog(old), await sequences(old)
    assert len(before["trade"]) == 13, "it is filled"
    for _ in range(2):
        await migrate.up(old)
        assert await back(old) == SINCE[::-1]
    assert await catalog(old) == tables
    assert await content(old) == before
    assert await sequences(old) == ids
    place = address.parse(old)
    assert not isinstance(place, address.SqliteAddress) or sqlite_is_whole(place.path)


async def test_every_row_is_there_after_the_upgrade(old: str) -> None:
    """Otherwise an alert, an order, a lot or a fill of the time before would be gone, or not what it was."""
    before, ids = await content(old), await sequences(old)
    await migrate.up(old)
    after = await content(old)
    for table in ("alert_log", "trade", "position", "execution", "job_run"):
        assert len(after[table]) == len(before[table])
        for was, now in zip(before[table], after[table], strict=True):
            assert {name: now[name] for name in was} == was, table
    assert {name: last for name, last in (await sequences(old)).items() if name != "corporate_action"} == ids
    assert {(row["strategy"], row["dialect"], row["instruction"], bool(row["test"])) for row in after["alert_log"]} == {
        ("main", None, None, False)
    }
    assert {(row["strategy"], row["splits"]) for row in after["position"]} == {("main", "[]")}
    place = address.parse(old)
    assert not isinstance(place, address.SqliteAddress) or sqlite_is_whole(place.path)


async def test_old_orders_are_what_they_were(old: str) -> None:
    """Otherwise cash that an UNKNOWN order may still take would be free, or an exit count as an entry."""
    before = {row["id"]: row for row in (await content(old))["trade"]}
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.read() as books:
        trades = await books.trades()
        decisions = {trade.id: await books.decision(trade.id) for trade in trades}
    reserved = {one: Decimal(json.loads(row["decision"])["reserved"]) for one, row in before.items()}
    assert {trade.id: trade.reserved for trade in trades} == reserved
    assert sum(reserved.values()) > 4_000
    assert [trade.reserved for trade in trades if trade.side is Side.SELL] == [0, 0, 0]
    assert [trade.reserved > 0 for trade in trades if trade.status is TradeStatus.UNKNOWN] == [True]
    assert decisions == {one: json.loads(row["decision"]) for one, row in before.items()}
    for trade in trades:
        assert trade.role is (OrderRole.ENTRY if trade.side is Side.BUY else OrderRole.EXIT)
        assert (trade.strategy, trade.n, trade.order_type, trade.tif) == ("main", 1, "MKT", "DAY")
        assert (trade.group_id, trade.parent_trade_id, trade.quote, trade.outside_rth) == (None, None, None, False)


async def test_old_events_have_their_severity_and_their_words(old: str) -> None:
    """Otherwise what 0.1.0 said would be lost, or an old disaster be filed as small talk."""
    before = (await content(old))["event"]
    await migrate.up(old)
    after = (await content(old))["event"]
    known = {str(kind): facts.severity for kind, facts in FACTS.items()}
    for was, now in zip(before, after, strict=True):
        assert (now["text"], now["facts"], now["code"]) == (was["text"], was["data"], None)
        assert now["kind"] == RENAMED.get(was["kind"], was["kind"])
        assert now["severity"] == known[now["kind"]]
        kept = ("id", "at", "alert_id", "trade_id", "actor")
        assert [now[name] for name in kept] == [was[name] for name in kept]
    assert set(Counter(row["severity"] for row in after)) == set(Severity)


FIRST_KINDS = tuple(
    EventKind(kind)
    for kind in [
        "alert_stored",
        "alert_rejected",
        "alert_conflict",
        "alert_pending",
        "alert_blocked",
        "alert_failed",
        "alert_expired",
        "alert_cleared",
        "order_intent",
        "order_accepted",
        "order_cancelling",
        "partial_fill",
        "buy_filled",
        "sell_filled",
        "order_failed",
        "order_unknown",
        "order_resolved",
        "books_corrected",
        "written_off",
        "exit_incomplete",
        "orphan_order",
        "mismatch",
        "owner_holdings",
        "state_changed",
        "setting_changed",
        "broker_connected",
        "broker_lost",
        "broker_unreachable",
        "trading_refused",
        "gate_opened",
        "market_open",
        "daily_report",
        "positions_compared",
        "health_failing",
        "health_back",
        "login_reminder",
        "job_failed",
        "job_missed",
        "started",
        "stopped",
    ]
)
"""The kinds of event that there were when the migration was written: no older database holds another one."""


async def test_the_severities_of_the_migration_are_the_codes(empty_url: str, first: Path) -> None:
    """Otherwise an old event of a kind that the filled database happens to lack would get another severity than a new one."""
    await migrate.up(empty_url, folder=first)
    for kind in FIRST_KINDS:
        sql = "INSERT INTO event (at, kind, text, actor, data) VALUES (:at, :kind, 'said', 'bot', '{}')"
        at = NOON if empty_url.startswith("postgres") else NOON.isoformat()
        await ask(empty_url, sql, at=at, kind=WAS.get(kind, str(kind)))
    await migrate.up(empty_url)
    async with open_ledger(empty_url) as ledger, ledger.begin() as books:
        for kind in FIRST_KINDS:
            await books.add_event(NewEvent(every_kind()[kind], NOON))
    rows = await ask(empty_url, "SELECT kind, severity FROM event ORDER BY id")
    old, new = rows[: len(FIRST_KINDS)], rows[len(FIRST_KINDS) :]
    assert old == new


async def test_limits_find_their_new_names(old: str) -> None:
    """Otherwise the owner's limits would silently fall back to those of the file."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.read() as books:
        settings = await books.settings()
    assert {key: value for key, value in settings.items() if key.startswith("limit.")} == {
        f"limit.account.{name}": value for name, value in LIMITS.items()
    }
    assert not set(LIMITS) & set(settings)
    assert {"trading_state", "account", "epoch", "telegram_updates"} <= set(settings)
    rows = await ask(old, "SELECT updated_by FROM bot_settings WHERE key = 'limit.account.max_daily_loss'")
    assert [row["updated_by"] for row in rows] == ["Ann Owner <b>& (Telegram 4242)"]


@pytest.mark.parametrize("channel", ["telegram", "log"])
async def test_what_was_not_delivered_is_delivered_once(old: str, channel: str) -> None:
    """Otherwise the last words before the upgrade would be lost, or the whole past be told again."""
    waited = [row["id"] for row in await ask(old, "SELECT id FROM event WHERE delivered_at IS NULL ORDER BY id")]
    assert len(waited) > 5
    await migrate.up(old)
    async with open_ledger(old) as ledger:
        async with ledger.begin() as books:
            await books.serve_channels([channel])
            assert [event.id for event in await books.undelivered(channel, 1000)] == waited
            await books.mark_delivered(channel, waited, NOON)
        async with ledger.begin() as books:
            await books.serve_channels(["added later"])
            assert await books.undelivered("added later", 1000) == []
            assert await books.undelivered(channel, 1000) == []
    await back(old)
    rows = await ask(old, "SELECT id FROM event WHERE delivered_at IS NULL")
    assert rows == [], "0.1.0 tells nothing of it again"


async def test_what_came_since_goes_back_too(old: str) -> None:
    """Otherwise a way back after some days would lose what was traded in them."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        await books.serve_channels(["telegram"])
        trade = await a_trade(books, quote={"ask": "187.32"}, reserved=Decimal("9.30"))
        await books.rewrite_lots("main", "AAPL", [a_lot(trade)])
        silent = await books.add_event(NewEvent(every_kind()[EventKind.ORDER_INTENT], NOON, trade_id=trade))
        await books.add_event(NewEvent(OrphanOrder(("tb-1",)), NOON))
        told = await books.add_event(NewEvent(WrittenOff("KO", Decimal(3)), NOON))
        await books.mark_delivered("telegram", [told], NOON + timedelta(seconds=1))
    await back(old)
    rows = await ask(old, "SELECT id, kind, text, delivered_at FROM event WHERE id >= :id ORDER BY id", id=silent)
    delivered = [str(row["delivered_at"] or "")[:19].replace("T", " ") for row in rows]
    assert delivered == ["2026-07-01 12:00:00", "", "2026-07-01 12:00:01"]
    assert [row["kind"] for row in rows] == ["order_intent", "alien_order", "books_corrected"]
    assert [row["text"] for row in rows[1:]] == [
        'orphan_order: {"orders": ["tb-1"]}',
        'written_off: {"ticker": "KO", "qty": "3", "strategy": null, "elsewhere": "0"}',
    ]
    assert (await ask(old, "SELECT MAX(id) AS newest FROM trade"))[0]["newest"] == trade
    assert len(await ask(old, "SELECT id FROM position WHERE opening_trade_id = :id", id=trade)) == 1
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.read() as books:
        assert [lot.ticker for lot in await books.lots(LotStatus.OPEN, ticker="AAPL")] == ["AAPL"]


async def test_the_files_limits_do_not_go_back(old: str) -> None:
    """0.1.0 would take them for a person's: a limit lowered in the file would be without effect, and nothing would say so."""
    before = await ask(old, "SELECT key, value FROM bot_settings WHERE key LIKE 'm%' ORDER BY key")
    await migrate.up(old)
    async with open_ledger(old) as ledger:
        await store_configured(ledger, Limits(max_daily_loss=Decimal(77)), NOON)
    await back(old)
    assert await ask(old, "SELECT key, value FROM bot_settings WHERE key LIKE 'm%' ORDER BY key") == before


async def test_why_is_readable_after_the_way_back(old: str) -> None:
    """Otherwise 0.1.0 would show JSON to people, or IB's own words would be gone."""
    await migrate.up(old)
    reasons: tuple[Reason | str, ...] = (
        Reason(ReasonCode.TOO_LATE, {"within_s": 5}),
        Reason("cash", {"free": Decimal("1.50")}),
        "IB 201: a_b",
    )
    async with open_ledger(old) as ledger, ledger.begin() as books:
        trades = [await books.trade(await a_trade(books)) for _ in reasons]
        for trade, reason in zip(trades, reasons, strict=True):
            assert trade is not None
            await books.save_trade(replace(trade, error_message=reason))
            assert await books.move_alert(trade.alert_id, list(AlertStatus), AlertStatus.FAILED, reason)
    await back(old)
    words = ["too late", "cash", "IB 201: a_b"]
    alerts = await ask(old, "SELECT reason FROM alert_log ORDER BY id DESC LIMIT 3")
    assert [row["reason"] for row in reversed(alerts)] == words
    orders = await ask(old, "SELECT error_message FROM trade ORDER BY id DESC LIMIT 3")
    assert [row["error_message"] for row in reversed(orders)] == words


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"n": 2}, "more than one order"),
        ({"order_type": OrderType.LIMIT, "own_alert": True}, "another strategy, role or type"),
        ({"role": OrderRole.REBALANCE, "own_alert": True}, "another strategy, role or type"),
    ],
)
async def test_orders_that_cannot_go_back_stop_the_way_back(old: str, what: dict[str, object], sentence: str) -> None:
    """Otherwise an order would be lost, or 0.1.0 cancel a stop after thirty seconds because it takes it for a market order."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        changes = {key: value for key, value in what.items() if key != "own_alert"}
        mine = {} if "own_alert" in what else {"alert_id": 1, "order_ref": "tb-1-00000002"}
        await a_trade(books, **mine, **changes)
    await migrate.down(old, steps=len(SINCE) - 1)
    before = await content(old)
    with pytest.raises(MigrationError, match=rf"0002_core cannot go on: there are .*{sentence}.*nothing was changed"):
        await migrate.down(old)
    assert await content(old) == before


async def test_lots_that_were_split_stop_the_way_back(old: str) -> None:
    """Otherwise 0.1.0 would count them in shares of before the split, and sell too few or too many."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        trade = await a_trade(books, ticker="TSLA")
        split = {"at": "2026-07-02T13:30:00+00:00", "new": "3", "old": "1"}
        await books.rewrite_lots("main", "TSLA", [a_lot(trade, ticker="TSLA", splits=(split,))])
        [lot] = await books.lots(ticker="TSLA")
        assert lot.splits == (split,)
    with pytest.raises(MigrationError, match="went through a split"):
        await back(old)


async def test_the_way_back_of_splits_gives_the_same_tables(empty_url: str) -> None:
    """Otherwise 0.2.0 would start on tables that are not quite its own."""
    await migrate.up(empty_url)
    await migrate.down(empty_url, steps=len(SINCE) - 1)
    before = await catalog(empty_url)
    assert await migrate.up(empty_url) == SINCE[1:]
    assert await catalog(empty_url) != before
    assert await migrate.down(empty_url, steps=len(SINCE) - 1) == SINCE[:0:-1]
    assert await catalog(empty_url) == before


async def test_the_way_back_of_strategies_gives_the_same_tables_and_limits(empty_url: str) -> None:
    """Otherwise 0.3.0 would start on tables that are not quite its own, or without the owner's limits."""
    await migrate.up(empty_url)
    await migrate.down(empty_url, steps=TO_0_3)
    before = await catalog(empty_url)
    await migrate.up(empty_url)
    async with open_ledger(empty_url) as ledger, ledger.begin() as books:
        await books.put_setting(limit_key("max_daily_buys"), "7", "a person", NOON)
        await books.put_setting(limit_key("max_daily_buys", "ema"), "3", "a person", NOON)
        await books.put_setting(strategy_state_key("ema"), "PAUSED", "a person", NOON)
    await migrate.down(empty_url, steps=TO_0_3)
    assert await catalog(empty_url) == before
    rows = await ask(empty_url, "SELECT key, value FROM bot_settings WHERE key LIKE 'limit.%' OR key LIKE 'state.%'")
    assert [(row["key"], row["value"]) for row in rows] == [("limit.main.max_daily_buys", "7")]


@pytest.mark.parametrize("left", ["order", "alert"])
async def test_what_is_of_another_strategy_stops_the_way_back(old: str, left: str) -> None:
    """Otherwise 0.3.0 would mix the lots of two strategies, or trade the one's alert as the other's."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        if left == "order":
            await a_trade(books, strategy="ema")
        else:
            await books.insert_alert(an_alert(strategy="ema"))
    await migrate.down(old, steps=TO_0_4)
    before = await content(old)
    with pytest.raises(
        MigrationError, match=rf"0004_strategies cannot go on: there are {left}s of another.*nothing was changed"
    ):
        await migrate.down(old)
    assert await content(old) == before


@pytest.mark.parametrize("role", [OrderRole.STOP, OrderRole.TARGET])
async def test_protective_orders_stop_the_way_back(old: str, role: OrderRole) -> None:
    """Otherwise the version before would cancel a stop after thirty seconds, or sell its shares beside it."""
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        await a_trade(books, side=Side.SELL, role=role)
    await migrate.down(old, steps=TO_0_4 - 1)
    before = await content(old)
    with pytest.raises(MigrationError, match=r"0005_orders cannot go on: there are stops.*nothing was changed"):
        await migrate.down(old)
    assert await content(old) == before


async def test_indexes_come_and_go_around_protective_orders(old: str) -> None:
    """Otherwise who goes back to 0.5.0 would lose a stop, or have tables that are not quite that version's."""
    await migrate.up(old)
    await migrate.down(old)
    tables = await catalog(old)
    await migrate.up(old)
    async with open_ledger(old) as ledger, ledger.begin() as books:
        await a_trade(books, side=Side.SELL, role=OrderRole.STOP)
    before = await content(old, ROWS)
    assert await migrate.down(old) == SINCE[-1:]
    assert await catalog(old) == tables
    assert await content(old, ROWS) == before


async def test_a_confirmed_split_stops_the_way_back(old: str) -> None:
    """Otherwise 0.2.0 would compute the lots anew in the shares of before the split, at the next fill or late commission."""
    await migrate.up(old)
    async with open_ledger(old) as ledger:
        async with ledger.begin() as books:
            trade = await a_trade(books, ticker="TSLA")
            action = an_action(trade)
            await books.add_corporate_action(action)
        async with ledger.read() as books:
            assert [replace(one, id=0) for one in await books.corporate_actions("main", "TSLA")] == [action]
            assert await books.corporate_actions("main", "AAPL") == []
    await migrate.down(old, steps=TO_0_3)
    before = await content(old)
    with pytest.raises(
        MigrationError, match=r"0003_corporate_actions cannot go on: there are splits.*nothing was changed"
    ):
        await migrate.down(old)
    assert await content(old) == before


async def test_only_one_alive_per_alert_and_role(old: str) -> None:
    """Otherwise a mistake in the program could make a second order of an old alert, or of a new one."""
    await migrate.up(old)
    async with open_ledger(old) as ledger:
        for wrong in (
            {"alert_id": 1},
            {"role": "HEDGE"},
            {"order_type": "MOC"},
            {"tif": "OPG"},
            {"n": 0},
            {"parent_trade_id": 99_999},
        ):
            with pytest.raises(Exception, match=r"(?i)unique|check|foreign key"):
                async with ledger.begin() as books:
                    await a_trade(books, **{"order_ref": "tb-1-00000009"} | wrong)
        async with ledger.begin() as books:
            parent = await a_trade(books)
            stop = {
                "role": OrderRole.STOP,
                "side": Side.SELL,
                "parent_trade_id": parent,
                "stop_price": Decimal("180.50"),
            }
            alert = await books.trade(parent)
            assert alert is not None
            mine = {"alert_id": alert.alert_id, "group_id": "g1", "order_type": OrderType.STOP, "tif": "GTC"}
            child = await a_trade(books, **stop, **mine, order_ref="tb-child", outside_rth=True, good_till=NOON)
            stored = await books.trade(child)
            assert stored is not None
            assert (stored.stop_price, stored.parent_trade_id, stored.group_id) == (Decimal("180.50"), parent, "g1")
            assert (stored.outside_rth, stored.good_till, stored.order_type) == (True, NOON, OrderType.STOP)
            assert (await books.trade_of_alert(alert.alert_id)) == alert, "the stop stands beside the alert's order"


async def test_an_alert_keeps_what_was_understood(old: str) -> None:
    """Otherwise nobody could tell afterwards what an alert had asked for."""
    await migrate.up(old)
    async with open_ledger(old) as ledger:
        async with ledger.begin() as books:
            new = an_alert(strategy="ema", dialect="own", instruction={"action": "buy", "qty": "3"}, test=True)
            alert_id = await books.insert_alert(new)
        async with ledger.read() as books:
            stored = await books.alert(alert_id or 0)
            assert len(await books.alerts(list(AlertStatus))) == 24
    assert stored is not None
    assert (stored.strategy, stored.dialect, stored.test) == ("ema", "own", True)
    assert stored.instruction == {"action": "buy", "qty": "3"}
