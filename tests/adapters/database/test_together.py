"""What goes to the database together: many writes in one commit, many questions in one answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil

import pytest

from tests.adapters.database.samples import a_lot, a_trade, an_alert
from tradebot.database import migrate
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.lots import LotStatus
from tradebot.domain.trades import UNRESOLVED, TradeStatus
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Ledger
from tradebot.trading.group_commit import ROWS_MAX, GroupCommit

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


class Counted:
    """A ledger that counts its commits, and makes none while `held`."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.commits = 0
        self.held: asyncio.Event | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        async with self._real.begin() as books:
            yield books
            if self.held is not None:
                await self.held.wait()
        self.commits += 1


class Fails(Counted):
    """A ledger that can store nothing."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Books]:
        async with super().begin() as books:
            yield books
            raise LedgerUnavailable("the disk is full")


async def _insert(books: Books, key: str) -> int:
    """`bad` ones fail once they have written."""
    alert_id = await books.insert_alert(an_alert(idempotency_key=key))
    assert alert_id is not None
    if key == "bad in the database":
        await a_trade(books, alert_id=10**9)  # of no alert
    if key.startswith("bad"):
        raise ValueError(key)
    return alert_id


async def _insert_all(books: Books, keys: Sequence[str]) -> list[int]:
    ids = await books.insert_alerts([an_alert(idempotency_key=key) for key in keys])
    if any(key.startswith("bad") for key in keys):
        raise ValueError("one of them")
    return [ids[key] for key in keys]


def _commits(ledger: object) -> GroupCommit[str, int]:
    return GroupCommit(ledger, _insert, _insert_all)  # type: ignore[arg-type]


async def _stored(ledger: Ledger) -> list[str]:
    async with ledger.read() as books:
        return [alert.idempotency_key for alert in await books.alerts(tuple(AlertStatus))]


async def test_what_waits_is_stored_in_few_commits(ledger: Ledger) -> None:
    """A thousand alerts would wait for a thousand commits of the disk."""
    counted = Counted(ledger)
    commits = _commits(counted)
    keys = [f"k{number:03}" for number in range(200)]
    ids = await asyncio.gather(*map(commits.store, keys))
    assert await _stored(ledger) == keys
    assert ids == sorted(ids)
    assert counted.commits == ceil(200 / ROWS_MAX)


async def test_nobody_is_answered_before_the_commit(ledger: Ledger) -> None:
    """An alert that is acknowledged and not committed is lost with the process."""
    counted = Counted(ledger)
    counted.held = asyncio.Event()
    commits = _commits(counted)
    stores = [asyncio.create_task(commits.store(key)) for key in ("a", "b")]
    done, _ = await asyncio.wait(stores, timeout=0.2)
    assert not done
    assert await _stored(ledger) == []
    counted.held.set()
    await asyncio.gather(*stores)
    assert await _stored(ledger) == ["a", "b"]


async def test_what_fails_takes_no_other_along(ledger: Ledger) -> None:
    """One bad alert of a burst would have the others refused, or be stored half."""
    keys = ("a", "bad", "bad in the database", "b")
    outcomes = await asyncio.gather(*map(_commits(ledger).store, keys), return_exceptions=True)
    assert [isinstance(one, Exception) for one in outcomes] == [False, True, True, False]
    assert str(outcomes[1]) == "bad"
    assert await _stored(ledger) == ["a", "b"]


async def test_what_fails_alone_is_undone(ledger: Ledger) -> None:
    """Half of what an alert writes would stay."""
    commits = _commits(ledger)
    with pytest.raises(ValueError, match="bad"):
        await commits.store("bad")
    assert await _stored(ledger) == []
    await commits.store("a")
    assert await _stored(ledger) == ["a"]


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c"]])
async def test_all_of_a_commit_that_fails_hear_of_it(ledger: Ledger, keys: list[str]) -> None:
    """An alert would be acknowledged whose transaction was rolled back, or its sender never be answered."""
    commits = _commits(Fails(ledger))
    outcomes = await asyncio.gather(*map(commits.store, keys), return_exceptions=True)
    assert [str(one) for one in outcomes] == ["the disk is full"] * len(keys)
    assert await _stored(ledger) == []


async def test_who_asks_meanwhile_comes_before_the_next_commit(ledger: Ledger) -> None:
    """A kill, a booking or a decision would wait until a whole burst is stored."""
    order: list[str] = []

    class Noted(Counted):
        @asynccontextmanager
        async def begin(self) -> AsyncIterator[Books]:
            async with super().begin() as books:
                order.append("a commit")
                yield books

    async def other() -> None:
        async with ledger.begin():
            order.append("the other")

    async def opened() -> None:
        async with ledger.begin():
            await asyncio.sleep(0)

    await asyncio.gather(opened(), opened())  # to connect takes longer than a commit, and is none of it
    commits = _commits(Noted(ledger))
    stores = [asyncio.create_task(commits.store(f"k{number:03}")) for number in range(3 * ROWS_MAX)]
    while not order:
        await asyncio.sleep(0)
    await asyncio.gather(other(), *stores)
    assert order.index("the other") <= 1
    assert len(order) == 4


async def test_asked_at_once_as_one_after_another(ledger: Ledger) -> None:
    """What a decision reads in one round trip would be something else than what is stored."""
    async with ledger.begin() as books:
        alert_id = await _insert(books, "a")
        quarter = {"requested_qty": Decimal("0.25"), "reserved": Decimal("1893.2300"), "created_at": NOW}
        trade_id = await a_trade(books, alert_id=alert_id, **quarter)
        done = await a_trade(books, alert_id=await _insert(books, "b"), order_ref="tb-2-00000001")
        trade = await books.trade(done)
        assert trade is not None
        await books.rewrite_lots(trade.strategy, trade.ticker, [a_lot(done)])
        await books.put_setting("limit.max_daily_loss", "12.50", "owner", NOW)

    def reads(books: Books) -> list[object]:
        return [
            books.settings(),
            books.alert(alert_id),
            books.trades(UNRESOLVED),
            books.trades_of_alert(alert_id),
            books.lots(LotStatus.OPEN),
            books.trades_since_or_ended(NOW - timedelta(days=1)),
            books.lots(LotStatus.CLOSED, closed_since=NOW),
            books.last_order_id(),
            books.alert(10**9),
        ]

    async with ledger.begin() as books:
        at_once = await asyncio.gather(*reads(books))  # type: ignore[call-overload]
    one_by_one = []
    for number in range(len(at_once)):
        async with ledger.begin() as books:
            pending = reads(books)
            one_by_one.append(await pending.pop(number))  # type: ignore[misc]
            for other in pending:
                other.close()  # type: ignore[attr-defined]
    assert at_once == one_by_one
    found = next(one for one in at_once[2] if one.id == trade_id)
    assert (found.requested_qty, found.reserved, found.created_at) == (Decimal("0.25"), Decimal("1893.23"), NOW)
    assert found.created_at.utcoffset() == timedelta(0)


async def test_what_a_transaction_changes_it_reads_anew(ledger: Ledger) -> None:
    """A decision would go by an order, a lot, an alert or a setting as it was before."""
    async with ledger.begin() as books:
        books.remember()
        alert_id = await _insert(books, "a")
        trade_id = await a_trade(books, alert_id=alert_id)
        trade = await books.trade(trade_id)
        assert trade is not None
        assert [one.id for one in await books.trades(UNRESOLVED)] == [trade_id]
        assert await books.lots(LotStatus.OPEN) == []
        assert await books.settings() == {}
        assert (await books.alert(alert_id)).status is AlertStatus.RECEIVED  # type: ignore[union-attr]
        await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.EXECUTED, None)
        await books.save_trade(
            type(trade).of(trade, id=trade_id, status=TradeStatus.FILLED, ib_order_id=7, finished_at=NOW)  # type: ignore[arg-type]
        )
        await books.rewrite_lots(trade.strategy, trade.ticker, [a_lot(trade_id)])
        await books.put_setting("limit.max_daily_loss", "12.50", "owner", NOW)
        assert await books.trades(UNRESOLVED) == []
        assert await books.trades(UNRESOLVED, ticker=trade.ticker) == []
        assert await books.last_order_id() == 7
        assert [lot.opening_trade_id for lot in await books.lots(LotStatus.OPEN)] == [trade_id]
        assert [one.status for one in await books.trades_of_alert(alert_id)] == [TradeStatus.FILLED]
        assert await books.settings() == {"limit.max_daily_loss": "12.50"}
        assert (await books.alert(alert_id)).status is AlertStatus.EXECUTED  # type: ignore[union-attr]


async def test_of_all_that_is_known_a_part_is_found(ledger: Ledger) -> None:
    """An exit would sell another strategy's shares once all lots were read."""
    async with ledger.begin() as books:
        for number, (ticker, strategy) in enumerate((("AAPL", "main"), ("MSFT", "main"), ("AAPL", "swing"))):
            alert_id = await _insert(books, f"k{number}")
            at = NOW + timedelta(minutes=number)
            named = {"ticker": ticker, "strategy": strategy, "order_ref": f"tb-{number}-00000000", "created_at": at}
            trade_id = await a_trade(books, alert_id=alert_id, **named)
            await books.rewrite_lots(strategy, ticker, [a_lot(trade_id, ticker=ticker, strategy=strategy)])
    asked = (
        {"ticker": "AAPL"},
        {"strategy": "main"},
        {"ticker": "AAPL", "strategy": "swing"},
        {"ticker": "KO"},
        {"since": NOW + timedelta(minutes=1)},
    )
    for filters in asked:
        of_lots = {name: value for name, value in filters.items() if name != "since"}
        async with ledger.begin() as books:
            fresh = await books.trades(UNRESOLVED, **filters), await books.lots(LotStatus.OPEN, **of_lots)  # type: ignore[arg-type]
        async with ledger.begin() as books:
            books.remember()
            await books.trades(UNRESOLVED)
            await books.lots(LotStatus.OPEN)
            known = await books.trades(UNRESOLVED, **filters), await books.lots(LotStatus.OPEN, **of_lots)  # type: ignore[arg-type]
        assert known == fresh


async def test_all_that_is_asked_at_once_hear_why_it_failed(postgres_url: str) -> None:
    """An alert whose decision the database interrupts would end as a mistake of the program, and not wait for the database."""
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with migrate.open_driver(postgres_url, 5) as driver, migrate.open_driver(postgres_url, 5) as other:
        with suppress(LedgerUnavailable):  # its end finds no connection either
            async with driver.transaction() as transaction:
                await transaction.rows("SELECT 1 AS one")
                reads = [transaction.rows(f"SELECT {number} AS one, pg_sleep(60)") for number in range(4)]
                asked = asyncio.gather(*reads, return_exceptions=True)
                await asyncio.sleep(0)
                async with other.transaction() as killer:
                    await killer.rows(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS backends")
                outcomes = await asked
        assert [type(one) for one in outcomes] == [LedgerUnavailable] * 4
        async with driver.transaction() as transaction:
            assert await transaction.rows("SELECT 1 AS one") == [{"one": 1}]
