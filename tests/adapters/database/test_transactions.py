"""A transaction is whole or nothing, and the right one waits for the other, on every database."""

import asyncio

import pytest

from tests.adapters.database.samples import NOON, a_trade, an_alert
from tradebot.database import open_ledger
from tradebot.database.driver import to_the_end
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Ledger

RECEIVED = (AlertStatus.RECEIVED,)


async def stored_alerts(ledger: Ledger) -> int:
    async with ledger.read() as books:
        return len(await books.alerts(list(AlertStatus)))


async def still_waits(task: asyncio.Task[object]) -> bool:
    """Whether a task is kept waiting: it gets ample time to finish, which it must not use."""
    done, _ = await asyncio.wait([task], timeout=0.3)
    return not done


async def test_an_exception_rolls_back(ledger: Ledger) -> None:
    """Otherwise half a decision would stay in the books."""

    async def fails() -> None:
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await stored_alerts(ledger) == 0


async def test_a_failed_statement_that_nobody_minds_is_not_committed_silently(ledger: Ledger) -> None:
    """Otherwise a swallowed error could pass for a stored order."""
    stored = True
    try:
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())
            with pytest.raises(Exception, match=r"(?i)foreign key"):
                await a_trade(books, alert_id=999_999)
    except LedgerUnavailable:
        stored = False
    assert (await stored_alerts(ledger) > 0) == stored


@pytest.mark.parametrize("rounds", [20])
async def test_cancellation_rolls_back_and_the_connection_stays_usable(ledger: Ledger, rounds: int) -> None:
    """Otherwise a webhook that times out would leave a transaction open, and the next one would commit it."""
    for _ in range(rounds):
        inside = asyncio.Event()

        async def never_ends(inside: asyncio.Event = inside) -> None:
            async with ledger.begin() as books:
                await books.insert_alert(an_alert())
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(never_ends())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await stored_alerts(ledger) == 0
    async with ledger.begin() as books:
        await books.insert_alert(an_alert())
    assert await stored_alerts(ledger) == 1


async def test_cancellation_at_any_step_leaves_all_or_nothing(ledger: Ledger) -> None:
    """Otherwise there would be one instant at which a cancelled task spoils the connection for all others."""

    async def two_rows() -> None:
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())
            await books.insert_alert(an_alert())

    for steps in range(40):
        task = asyncio.create_task(two_rows())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        task.cancel()
        await asyncio.wait([task])
        assert await stored_alerts(ledger) % 2 == 0
    before = await stored_alerts(ledger)
    await two_rows()
    assert await stored_alerts(ledger) == before + 2


async def test_the_last_step_is_finished_although_cancelled_twice() -> None:
    """Otherwise a second Ctrl-C would cut a commit short."""
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        await may_end.wait()
        ended.set()

    task = asyncio.create_task(to_the_end(step()))
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_of_many_that_move_one_alert_exactly_one_wins(ledger: Ledger) -> None:
    """Otherwise one alert could become two orders."""
    async with ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert()) or 0

    async def decide() -> bool:
        async with ledger.begin() as books:
            return await books.move_alert(alert_id, RECEIVED, AlertStatus.PROCESSING, None)

    assert sum(await asyncio.gather(*(decide() for _ in range(20)))) == 1


async def test_of_many_equal_alerts_at_once_one_is_stored(ledger: Ledger) -> None:
    """Otherwise TradingView's parallel resends would each be an order."""

    async def receive() -> bool:
        async with ledger.begin() as books:
            return await books.insert_alert(an_alert(idempotency_key="same")) is not None

    assert sum(await asyncio.gather(*(receive() for _ in range(20)))) == 1
    assert await stored_alerts(ledger) == 1


async def test_the_sliding_look_up_is_serial_for_one_hash(ledger: Ledger) -> None:
    """Otherwise two equal alerts without id or time, arriving together, would both be stored."""

    async def receive() -> bool:
        async with ledger.begin() as books:
            if await books.recent_alert("same hash", NOON) is not None:
                return False
            await books.insert_alert(an_alert(payload_hash="same hash"))
            return True

    assert sum(await asyncio.gather(*(receive() for _ in range(20)))) == 1


async def test_an_alert_waits_for_the_older_one_of_its_ticker(ledger: Ledger, url: str) -> None:
    """Otherwise an exit could be judged before an older entry is to be seen, and the entry be ordered after it."""

    async def exit_() -> int | None:
        async with open_ledger(url) as other, other.begin() as books:
            return await books.insert_alert(an_alert(idempotency_key="exit", action=Side.SELL))

    async with ledger.begin() as books:
        entry = await books.insert_alert(an_alert(idempotency_key="entry", action=Side.BUY))
        exiting = asyncio.create_task(exit_())
        assert await still_waits(exiting)
    assert entry is not None
    assert (await exiting or 0) > entry


async def test_a_kill_waits_for_the_decision_that_has_read_the_settings(ledger: Ledger, url: str) -> None:
    """Otherwise an order could be decided as RUNNING after the kill was acknowledged."""

    async def kill() -> None:
        async with open_ledger(url) as other, other.begin() as books:
            await books.put_setting("trading_state", "KILLED", "owner", NOON)

    async with ledger.begin() as books:
        assert "trading_state" not in await books.settings()  # a row that is not there yet cannot be locked by itself
        killing = asyncio.create_task(kill())
        assert await still_waits(killing)
        await books.insert_alert(an_alert())
    await killing
    async with ledger.begin() as books:
        assert (await books.settings())["trading_state"] == "KILLED"


async def test_decisions_and_changes_of_settings_never_deadlock(ledger: Ledger) -> None:
    """Otherwise a kill could fail because it collided with a pause."""

    async def change(number: int) -> None:
        async with ledger.begin() as books:
            settings = await books.settings()
            await books.put_setting("count", str(int(settings.get("count", "0")) + 1), f"task {number}", NOON)

    await asyncio.gather(*(change(number) for number in range(20)))
    async with ledger.read() as books:
        assert await books.settings() == {"count": "20"}


async def test_reading_never_waits_for_writing(ledger: Ledger) -> None:
    """Otherwise /status and /health would hang behind a slow decision."""
    async with ledger.begin() as books:
        await books.put_setting("trading_state", "RUNNING", "owner", NOON)
        await books.insert_alert(an_alert())
        assert await stored_alerts(ledger) == 0
        await ledger.ping()
    assert await stored_alerts(ledger) == 1


async def test_a_read_sees_one_moment(ledger: Ledger) -> None:
    """Otherwise figures of one status message would not fit together."""
    async with ledger.read() as reading:
        assert len(await reading.alerts(list(AlertStatus))) == 0
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())
        assert len(await reading.alerts(list(AlertStatus))) == 0
    assert await stored_alerts(ledger) == 1


async def test_a_lock_held_too_long_is_unavailable_and_says_so(url: str) -> None:
    """Otherwise a stuck process would hang the bot for ever, without a word."""
    async with open_ledger(url, timeout_s=0.3) as ledger, open_ledger(url) as other, other.begin() as books:
        await books.put_setting("trading_state", "RUNNING", "owner", NOON)
        with pytest.raises(LedgerUnavailable, match="lock"):
            async with ledger.begin() as waiting:
                await waiting.settings()
    async with open_ledger(url, timeout_s=0.3) as ledger, ledger.begin() as books:
        assert await books.settings() == {"trading_state": "RUNNING"}


async def test_a_thousand_transactions_at_once(url: str) -> None:
    """One that waits behind many others would lose its turn, or two would share one connection."""

    async def receive(ledger: Ledger) -> None:
        async with ledger.begin() as books:
            await books.insert_alert(an_alert())

    async with open_ledger(url, timeout_s=200) as ledger:  # how quick the disk is decides nothing here
        await asyncio.gather(*(receive(ledger) for _ in range(1000)))
        assert await stored_alerts(ledger) == 1000
