"""Daily prices come over the one connection, behind everything that trades."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected, order, place
from tests.adapters.database.samples import a_lot, a_trade
from tests.adapters.simgateway.conftest import until
from tradebot.broker import client
from tradebot.database import migrate, open_ledger
from tradebot.domain.brokerage import Contract
from tradebot.domain.calendar import Calendar
from tradebot.domain.hours import Hours
from tradebot.errors import BrokerSilent, BrokerUnavailable
from tradebot.runtime.jobs.daily_bars import DailyBarsJob
from tradebot.simgateway import GatewaySettings, open_gateway

SPY = Contract(756733, "SPY", "ARCA")
AFTER_CLOSE = datetime(2026, 6, 3, 20, 35, tzinfo=UTC)
SIMULATED = GatewaySettings(port=0, moving=False, clock=lambda: AFTER_CLOSE)


async def test_a_year_of_spy() -> None:
    """Performance would be compared with nothing, with wrong days, or with a day that is not over."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        bars = await broker.daily_bars(SPY, 250)
        assert len(bars) == 252
        assert [bar.day for bar in bars] == sorted({bar.day for bar in bars})
        assert (str(bars[-1].day), str(bars[-2].day)) == ("2026-06-03", "2026-06-02")
        assert all(bar.ticker == "SPY" and bar.low <= bar.close <= bar.high for bar in bars)
        assert not any(bar.day.weekday() > 4 for bar in bars)
        again = await broker.daily_bars(SPY, 500)
        assert again[-252:] == bars
        assert len(again) == 504


async def test_what_ib_refuses_or_does_not_answer_is_an_error() -> None:
    """A daemon would wait for ever for prices that it hardly needs, or take an answer that came late for another one."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, question_timeout_s=0.2) as broker:
        await connected(broker)
        with pytest.raises(BrokerUnavailable, match="no daily prices of NONE"):
            await broker.daily_bars(Contract(1, "NONE", "NYSE"), 1)
        gateway.faults.arm("no_answer", question="reqHistoricalData")
        with pytest.raises(BrokerSilent, match="daily prices of SPY"):
            await broker.daily_bars(SPY, 1)
        assert len(await broker.daily_bars(SPY, 1)) == 252
        gateway.drop_all()
        with pytest.raises(BrokerUnavailable):
            await broker.daily_bars(SPY, 1)


@pytest.mark.parametrize("timeout_s", [0.5, 60.0])
async def test_what_is_waited_for_no_longer_is_called_off(timeout_s: float) -> None:
    """IB would go on with years of prices that nobody reads, and count them among the few that it answers at a time."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, question_timeout_s=timeout_s) as broker:
        await connected(broker)
        gateway.faults.arm("slow_answer", question="reqHistoricalData", delay_s=1000)
        [session] = gateway.sessions.values()
        asking = asyncio.create_task(broker.daily_bars(SPY, 1))
        await until("the gateway has been asked", lambda: session.subscriptions.histories)
        if timeout_s > 1:
            asking.cancel()  # as the job's own time limit does
        await asyncio.wait([asking])
        await until("the question is gone", lambda: not session.subscriptions.histories)
        assert len(await broker.daily_bars(SPY, 1)) == 252


async def test_a_question_that_went_with_its_connection_is_not_called_off() -> None:
    """The job would end with an error that is nobody's, in place of the end of its time."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("no_answer", question="reqHistoricalData")
        [session] = gateway.sessions.values()
        asking = asyncio.create_task(broker.daily_bars(SPY, 1))
        await until("the gateway has been asked", lambda: session.subscriptions.histories)
        broker._link.ready().client.disconnect()
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()


async def test_prices_of_the_past_wait_behind_everything_that_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a burst an order would wait for a question that no order needs."""
    monkeypatch.setattr(client, "HISTORY_MAX", 0)
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        asking = asyncio.create_task(broker.daily_bars(SPY, 1))
        place(broker, order(contract=AAPL))
        await broker.open_orders()
        assert not asking.done()
        asking.cancel()


async def test_the_job_stores_what_the_gateway_tells(tmp_path: Path) -> None:
    """Each part would work, and no price ever be stored."""
    url = f"sqlite:///{tmp_path / 'books.db'}"
    await migrate.up(url)
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker, open_ledger(url) as ledger:
        await connected(broker)
        async with ledger.begin() as books:
            held = a_lot(await a_trade(books, ticker="KO"), ticker="KO", con_id=8894)
            await books.rewrite_lots("main", "KO", [held], closed_by=[])
        job = DailyBarsJob(ledger, broker, Hours(Calendar()))
        for _ in range(2):
            await job.run(AFTER_CLOSE, AFTER_CLOSE)
        async with ledger.read() as books:
            spy, ko = [await books.daily_bars(ticker, date(2000, 1, 1)) for ticker in ("SPY", "KO")]
    assert (len(spy), len(ko)) == (252, 252)
    assert spy[-1].day == ko[-1].day == date(2026, 6, 3)
