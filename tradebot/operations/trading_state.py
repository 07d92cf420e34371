"""Pause, resume and kill from beside the daemon: stored in its database, which it reads in every decision and once a second."""

from datetime import datetime

from tradebot.domain.settings import TradingState, paused_strategies, state_in
from tradebot.ports import Ledger
from tradebot.trading.switch import store_state, store_strategy_state


async def kill(ledger: Ledger, actor: str, key: str, now: datetime) -> TradingState:
    """Raises LedgerUnavailable: then nothing has changed."""
    return await _in_force(ledger, await store_state(ledger, TradingState.KILLED, actor, now, key=key))


async def pause(ledger: Ledger, actor: str, key: str, now: datetime) -> TradingState:
    """The state stored then: KILLED stays KILLED. Raises LedgerUnavailable."""
    stored = await store_state(ledger, TradingState.PAUSED, actor, now, key=key, keep_killed=True)
    return await _in_force(ledger, stored)


async def resume(
    ledger: Ledger, actor: str, key: str, now: datetime, to: TradingState = TradingState.RUNNING, *, lift_kill: bool
) -> TradingState:
    """The state stored then; KILLED is lifted only with `lift_kill`. Raises LedgerUnavailable."""
    return await _in_force(ledger, await store_state(ledger, to, actor, now, key=key, lift_kill=lift_kill))


async def set_strategy(
    ledger: Ledger, strategy: str, to: TradingState, actor: str, key: str, now: datetime
) -> TradingState:
    """Pauses one strategy, or lifts its pause; returns the state of the whole, which it obeys too. Raises LedgerUnavailable."""
    await store_strategy_state(ledger, strategy, to, actor, now, key=key)
    return await _in_force(ledger, None)


async def paused_by_name(ledger: Ledger) -> frozenset[str]:
    """The strategies that resuming the whole leaves as they are. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return paused_strategies(await books.settings())


async def _in_force(ledger: Ledger, stored: TradingState | None) -> TradingState:
    """What an act has stored; where it was done before, what is stored now."""
    if stored is not None:
        return stored
    async with ledger.read() as books:
        return state_in(await books.settings())
