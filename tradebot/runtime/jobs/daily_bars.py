"""Daily prices of SPY and of what is held, asked of IB after each session's close.

Rules: nothing depends on them, so what IB does not tell is logged and asked again after the next session; each session's bar
is stored once, and anew where an adjustment has changed it. It is over before the scheduler's patience is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from loguru import logger

from tradebot.domain.daily_bars import SPY, DailyBar
from tradebot.domain.hours import Hours
from tradebot.domain.job_plan import DAILY_BARS, last_session
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.errors import BrokerUnavailable, UnknownContract
from tradebot.ports import Broker, Ledger
from tradebot.runtime.jobs.record import store_run

TICKERS_MAX = 20
"""Of what is held, beside SPY; those with the largest positions."""
WITHIN_S = 40.0
BEFORE = timedelta(days=20)
_A_YEAR = timedelta(days=360)
_YEAR_SESSIONS = 250
_YEARS_MAX = 10


@dataclass(frozen=True, slots=True)
class DailyBarsJob:
    """Stores the daily prices that performance is measured beside."""

    ledger: Ledger
    broker: Broker
    hours: Hours

    async def run(self, due: datetime, now: datetime) -> None:
        last = last_session(self.hours.calendar, now).date
        since, held = await self._wanted(now)
        try:
            async with asyncio.timeout(WITHIN_S):
                for ticker in (SPY, *held):
                    await self._store(ticker, since if ticker == SPY else now - _A_YEAR, last)
        except TimeoutError:
            logger.warning("daily prices: {} and those after it are left for the next session", ticker)
        await store_run(self.ledger, DAILY_BARS, due)

    async def _wanted(self, now: datetime) -> tuple[datetime, Sequence[str]]:
        """From when on the account's worth is known, and what is held."""
        async with self.ledger.read() as books:
            account = (await books.settings()).get(ACCOUNT_KEY)
            first = await books.first_equity(account) if account else None
            lots = await books.lots(LotStatus.OPEN)
        by_cost = sorted(lots, key=lambda lot: lot.cost, reverse=True)
        tickers = dict.fromkeys(lot.ticker for lot in by_cost if lot.ticker != SPY)
        return (first or now) - BEFORE, list(tickers)[:TICKERS_MAX]

    async def _store(self, ticker: str, since: datetime, last: date) -> None:
        years = min(_YEARS_MAX, (last - since.date()).days // 365 + 1)
        try:
            contract = await self.broker.contract(ticker, None)
            told = await self.broker.daily_bars(contract, years * _YEAR_SESSIONS)
        except (BrokerUnavailable, UnknownContract) as error:
            logger.warning("no daily prices: {}", error)
            return
        over = [bar for bar in told if bar.day <= last]
        if not over:
            return
        async with self.ledger.read() as books:
            stored = {bar.day: bar for bar in await books.daily_bars(ticker, over[0].day)}
        changed: Sequence[DailyBar] = [bar for bar in over if stored.get(bar.day) != bar]
        async with self.ledger.begin() as books:
            await books.put_daily_bars(changed)
        logger.debug("daily prices: {} of {} are new", len(changed), ticker)
