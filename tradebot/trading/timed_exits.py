"""Exits that the clock asks for: a strategy that is flat by a time of day, and lots that are held no longer than so long.

Rules: each is an alert of the bot's own, judged, queued and sent like any other; its key makes it one a day, or one a lot. Only
in a session: before it nothing could be sold. While the bot is KILLED none is made.
"""

from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies, Strategy, UnknownStrategy
from tradebot.ports import Clock, Ledger, Pulse
from tradebot.trading.every import every
from tradebot.trading.intake import Intake
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
        for lot in lots:
            try:
                strategy = self._strategies.named(lot.strategy)
            except UnknownStrategy:
                continue
            if due_flat(strategy, lot, now):
                await self._sell(lot, FLAT_BY, f"{now.astimezone(NEW_YORK).date()}", None)
            elif strategy.max_holding is not None and now - lot.entry_time >= strategy.max_holding:
                await self._sell(lot, MAX_HOLDING, f"{lot.opening_trade_id}", lot.qty)

    async def _sell(self, lot: Lot, why: str, once: str, shares: Decimal | None) -> None:
        """`shares`: so many, of the strategy's oldest; None: all that it holds of the ticker."""
        key = f"{why}:{lot.strategy}:{lot.ticker}:{once}"
        await self._intake.own(Side.SELL, lot.ticker, key, actor=why, strategy=lot.strategy, shares=shares)


def due_flat(strategy: Strategy, lot: Lot, now: datetime) -> bool:
    """Whether it is to be sold by now: bought before that time of this day, or on an earlier one."""
    if strategy.flat_by is None:
        return False
    at = datetime.combine(now.astimezone(NEW_YORK).date(), strategy.flat_by, NEW_YORK)
    return now >= at > lot.entry_time
