"""Exits that the clock asks for: a strategy that is flat by a time of day, and lots that are held no longer than so long.

Rules: each is an alert of the bot's own, judged, queued and sent like any other; its key makes it one a day, of a strategy or of
a lot: what one exit did not sell, another day's does. Only in a session: before it nothing could be sold. While the bot is KILLED
none is made. A strategy that is to be flat has the entries cancelled that still wait for their price; what one of them buys all
the same is sold, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies, Strategy, UnknownStrategy
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade
from tradebot.ports import Clock, Ledger, Pulse
from tradebot.trading.entries_at_work import want_cancelled
from tradebot.trading.every import every
from tradebot.trading.intake import Intake
from tradebot.trading.new_alerts import exit_of
from tradebot.trading.switch import TradingSwitch

LOOK_EVERY_S = 5.0
FLAT_BY, MAX_HOLDING = "flat_by", "max_holding"
"""Who asks, as the alert says."""


class TimedExits:
    """Sells what its strategy holds too long."""

    def __init__(
        self,
        ledger: Ledger,
        intake: Intake,
        *,
        strategies: Strategies,
        switch: TradingSwitch,
        hours: Hours,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._strategies = strategies
        self._switch = switch
        self._hours = hours
        self._clock = clock
        self._pulse = pulse
        self._asked: set[str] = set()  # keys of alerts that are stored

    async def run(self) -> None:
        what = "timed exits"
        await every(LOOK_EVERY_S, self._look, what=what, clock=self._clock, beat=self._pulse.of(what))

    async def _look(self) -> None:
        now = self._clock.now()
        timed = any(one.flat_by is not None or one.max_holding is not None for one in self._strategies)
        if not timed or not self._hours.is_open(now) or self._switch.state is TradingState.KILLED:
            return
        async with self._ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN)
            resting = [one for one in await books.trades(UNRESOLVED) if one.role is OrderRole.ENTRY and one.rests]
        await self._cancel([one for one in resting if self._is_flat(one.strategy, now)], now)
        for lot in lots:
            strategy = self._today(lot.strategy, now)
            if self._is_flat(lot.strategy, now):
                await self._sell(lot, FLAT_BY, _once(strategy, lot, now), None)
            elif strategy.max_holding is not None and now - lot.entry_time >= strategy.max_holding:
                once = f"{lot.opening_trade_id}:{now.astimezone(NEW_YORK).date()}"
                await self._sell(lot, MAX_HOLDING, once, lot.qty)

    def _today(self, name: str, now: datetime) -> Strategy:
        """One that the file does not name any more has no times."""
        try:
            strategy = self._strategies.named(name)
        except UnknownStrategy:
            return Strategy(name=name)
        return replace(strategy, flat_by=self._hours.flat_by(strategy.flat_by, now))

    def _is_flat(self, name: str, now: datetime) -> bool:
        return self._today(name, now).is_flat(now.astimezone(NEW_YORK))

    async def _cancel(self, entries: Sequence[Trade], now: datetime) -> None:
        if entries:
            async with self._ledger.begin() as books:
                await want_cancelled(books, entries, CancelReason.FLAT_BY, now)

    async def _sell(self, lot: Lot, why: str, once: str, shares: Decimal | None) -> None:
        """`shares`: so many, of the strategy's oldest; None: all that it holds of the ticker."""
        key = f"{why}:{lot.strategy}:{lot.ticker}:{once}"
        if key in self._asked:
            return
        await self._intake.own(exit_of(lot.ticker, shares), key, actor=why, strategy=lot.strategy)
        self._asked.add(key)


def _once(strategy: Strategy, lot: Lot, now: datetime) -> str:
    """One exit a day; and one a lot that was bought after it."""
    today = now.astimezone(NEW_YORK).date()
    late = strategy.is_flat(lot.entry_time.astimezone(NEW_YORK)) and lot.entry_time.astimezone(NEW_YORK).date() == today
    return f"{today}:{lot.opening_trade_id}" if late else f"{today}"
