"""The trading switch: RUNNING, PAUSED or KILLED, as the owner set it; and which strategies are paused by name.

Rules:
- The kill switch holds in memory at once, is stored, and only then acknowledged. When it cannot be stored it holds all
  the same, is shown as "in force, NOT stored", and is stored as soon as the database is back.
- Pausing never lowers KILLED. Resuming from KILLED names what to resume to.
- Who lifts a kill is told which exits it has stopped: they are not sold by themselves.
- A strategy's pause is its own: it blocks that strategy's BUYs, whatever the bot's state, and lasts until the strategy is resumed
  by name. The kill switch is everyone's.
- Other processes (`tradebot kill`) write the same row; the daemon reads it in every decision and once a second.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime

from loguru import logger

from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import ExitsHeldBack, StateChanged
from tradebot.domain.settings import (
    ACCEPTED_ORPHANS_KEY,
    ORPHANS_KEY,
    STATE_KEY,
    TradingState,
    accepted_orphans,
    paused_strategies,
    state_in,
    strategy_state_key,
)
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Clock, Ledger, Pulse
from tradebot.trading.every import every
from tradebot.trading.held_back import held_back

FOLLOW_EVERY_S = 1.0
_SEVERITY = (TradingState.RUNNING, TradingState.PAUSED, TradingState.KILLED)


class TradingSwitch:
    """The trading state in force: what is stored, or a kill that could not be stored yet."""

    def __init__(self, ledger: Ledger, clock: Clock, pulse: Pulse) -> None:
        self._ledger = ledger
        self._clock = clock
        self._pulse = pulse
        self._state = TradingState.RUNNING
        self._paused = frozenset[str]()
        self._unstored: str | None = None  # who killed, until that is stored
        self._storing = asyncio.Lock()  # stored in the order in which they were asked for: a kill after a resume stays
        self._changes = 0  # counts every change made here, so that an older reading never overwrites a newer change
        self.changed = asyncio.Event()
        """Set whenever the state in force changes; who waits for it clears it."""

    @property
    def state(self) -> TradingState:
        """The state in force now: a kill that is not stored yet counts."""
        return TradingState.KILLED if self._unstored is not None else self._state

    @property
    def paused_strategies(self) -> frozenset[str]:
        """By name, as last read; decisions read what is stored."""
        return self._paused

    def in_force(self, settings: Mapping[str, str]) -> TradingState:
        """The stricter of the state held here and the one a transaction has just read."""
        return max(self.state, state_in(settings), key=_SEVERITY.index)

    async def kill(self, by: str) -> bool:
        """Holds at once. True when it is also stored; False: in force, NOT stored (see `run`)."""
        self._unstored = by
        self._announce(TradingState.KILLED)
        try:
            await self._store_kill(by)
        except LedgerUnavailable as error:
            logger.critical(
                "KILL SWITCH in force, NOT stored ({}): it is stored as soon as the database answers", error
            )
            return False
        return True

    async def pause(self, by: str, key: str | None = None) -> TradingState:
        """The state in force afterwards: KILLED stays KILLED. Raises LedgerUnavailable."""
        async with self._storing:
            stored = await store_state(
                self._ledger, TradingState.PAUSED, by, self._clock.now(), key=key, keep_killed=True
            )
            return self.state if stored is None else self._announce(stored)

    async def resume(
        self, by: str, key: str | None = None, to: TradingState = TradingState.RUNNING, *, lift_kill: bool = True
    ) -> TradingState:
        """Lifts PAUSED, and KILLED only with `lift_kill`; returns the state in force afterwards. Raises LedgerUnavailable.

        A kill that comes meanwhile wins.
        """
        if self._unstored is not None and not lift_kill:
            return self.state
        before = self._changes
        async with self._storing:
            stored = await store_state(self._ledger, to, by, self._clock.now(), key=key, lift_kill=lift_kill)
            if stored is not None and self._changes == before:
                self._unstored = None
                self._announce(stored)
        return self.state

    async def set_strategy(self, strategy: str, to: TradingState, by: str, key: str | None = None) -> TradingState:
        """Pauses the strategy, or lifts its pause; the strategy's state in force afterwards. Raises LedgerUnavailable."""
        state = await store_strategy_state(self._ledger, strategy, to, by, self._clock.now(), key=key)
        self._paused = self._paused | {strategy} if state is TradingState.PAUSED else self._paused - {strategy}
        return state

    async def run(self) -> None:
        """Follows the stored state, which other processes may change, and stores a kill that could not be stored."""
        beat = self._pulse.of("trading switch")
        await every(FOLLOW_EVERY_S, self._follow, what="trading state not read", clock=self._clock, beat=beat)

    async def _follow(self) -> None:
        if self._unstored is not None:
            await self._store_kill(self._unstored)
        else:
            await self.refresh()

    async def refresh(self) -> None:
        """Reads the stored state. Raises LedgerUnavailable."""
        before = self._changes
        async with self._ledger.read() as books:
            settings = await books.settings()
        stored, self._paused = state_in(settings), paused_strategies(settings)
        if self._changes == before and stored is not self._state:
            self._announce(stored)

    async def _store_kill(self, by: str) -> None:
        async with self._storing:
            await store_state(self._ledger, TradingState.KILLED, by, self._clock.now())
            self._state = TradingState.KILLED
            self._unstored = None

    def _announce(self, state: TradingState) -> TradingState:
        if state is not self._state:
            logger.debug("trading state is {}", state)
        self._state = state
        self._changes += 1
        self.changed.set()
        return self.state


async def store_state(
    ledger: Ledger,
    to: TradingState,
    by: str,
    now: datetime,
    *,
    key: str | None = None,
    keep_killed: bool = False,
    lift_kill: bool = True,
) -> TradingState | None:
    """Stores the state with its event in one transaction; returns what is stored then. None: the key was seen before, and
    nothing is done. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        settings = await books.settings()
        before = state_in(settings)
        if before is TradingState.KILLED and not lift_kill:
            return before
        if key is not None and not await books.claim(key, f"state {to}", by, now):
            return None
        if keep_killed:
            to = max(before, to, key=_SEVERITY.index)
        elif to is not TradingState.KILLED:
            await _accept_orphans(books, settings, by, now)
        if to is not before:
            exits = await held_back(books, now) if before is TradingState.KILLED else ()
            await books.put_setting(STATE_KEY, to, by, now)
            still_paused = sorted(paused_strategies(settings)) if to is TradingState.RUNNING else ()
            changed = StateChanged(before, to, still_paused=tuple(still_paused))
            await books.add_event(NewEvent(changed, now, actor=by))
            if exits:
                await books.add_event(NewEvent(ExitsHeldBack(exits), now, actor=by))
    return to


async def store_strategy_state(
    ledger: Ledger, strategy: str, to: TradingState, by: str, now: datetime, *, key: str | None = None
) -> TradingState:
    """Stores PAUSED or RUNNING for this strategy alone, with its event; returns what is stored then, also where the key was seen
    before. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        paused = strategy in paused_strategies(await books.settings())
        before = TradingState.PAUSED if paused else TradingState.RUNNING
        if key is not None and not await books.claim(key, f"state {strategy} {to}", by, now):
            return before
        if to is not before:
            await books.put_setting(strategy_state_key(strategy), to, by, now)
            await books.add_event(NewEvent(StateChanged(before, to, strategy), now, actor=by))
    return to


async def _accept_orphans(books: Books, settings: Mapping[str, str], by: str, now: datetime) -> None:
    """Resuming says: I know of these orders."""
    waiting: list[str] = json.loads(settings.get(ORPHANS_KEY, "[]"))
    if waiting:
        accepted = sorted(accepted_orphans(settings) | set(waiting))
        await books.put_setting(ACCEPTED_ORPHANS_KEY, json.dumps(accepted), by, now)
        await books.put_setting(ORPHANS_KEY, "[]", by, now)
